//! PostObject: an upload by an HTML form. Owns the answers that a form can ask for; leaves the write to `put_object`, since
//! it is one. Invariant: the signer of the form needs the rights of a PUT of its key.

use auth::Action;
use axum::body::Body;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode, Uri};
use model::Entry;

use super::listing::refuse_untold;
use super::put_object::{answer, put, writable};
use crate::call::{self, Call};
use crate::error_table::Failure;
use crate::object_tags;
use crate::protocol::canonical;
use crate::protocol::operation::FormAnswer;
use crate::protocol::xml::write;

/// `POST /bucket` of a form with a file.
pub(crate) async fn post_object(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    wanted: &FormAnswer,
) -> Result<Response<Body>, Failure> {
    let repository = call::repository_name(bucket)?;
    let (reference, path) = writable(key)?;
    call.authorize(Action::WriteObject, &call::object_on_branch(&repository, reference, &path))?;
    object_tags::check_form(call.headers())?;
    if *wanted == FormAnswer::Created {
        refuse_untold(key, "choose another, or another success_action_status")?;
    }
    let entry = put(call, &repository, reference, path).await?;
    Ok(told(call, bucket, key, &entry, wanted))
}

fn told(call: &Call<'_>, bucket: &str, key: &str, entry: &Entry, wanted: &FormAnswer) -> Response<Body> {
    let e_tag = object_http::quoted(&entry.e_tag);
    let url = call.url(bucket, key);
    let (status, location, document) = match wanted {
        FormAnswer::NoContent => (StatusCode::NO_CONTENT, url, None),
        FormAnswer::Ok => (StatusCode::OK, url, None),
        FormAnswer::Created => {
            let document = write::post_response(&url, bucket, key, &entry.e_tag);
            (StatusCode::CREATED, url, Some(document))
        }
        FormAnswer::Redirect(to) => (StatusCode::SEE_OTHER, redirection(to, bucket, key, &e_tag), None),
    };
    let mut answer = answer(entry);
    *answer.status_mut() = status;
    object_http::insert(answer.headers_mut(), header::LOCATION, &location);
    if let Some(document) = document {
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        *answer.body_mut() = Body::from(document);
    }
    answer
}

/// The URL that a form wants to go on to, with what was uploaded in its query.
fn redirection(to: &Uri, bucket: &str, key: &str, e_tag: &str) -> String {
    let before = if to.query().is_some() { '&' } else { '?' };
    let [bucket, key, e_tag] = [bucket, key, e_tag].map(canonical::encoded);
    format!("{to}{before}bucket={bucket}&key={key}&etag={e_tag}")
}
