//! STS on the gateway's port: gives out sessions of the caller's, and tells who calls. Leaves the form and its signature to `protocol::sts`, and
//! what a session or an identity provider's token is to `auth`. Invariant: nothing of the form is acted on before its
//! signature, or that of the token in it, was verified.

use std::net::IpAddr;
use std::sync::Arc;

use auth::{Begun, Caller, CannotBegin, Directory, Identity, PeerAddress, PolicyDocument, Resource, Trail};
use axum::body::Body;
use futures::TryStreamExt;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use secrecy::ExposeSecret;

use crate::credentials::{RequestKeys, identity_refusal};
use crate::head::check_head;
use crate::protocol::sts::{self, Action, By, Call, FORM_BYTES_MAX, Holder, Keys};
use crate::protocol::{ErrorCode, S3Error};
use crate::request_body::RequestBody;

/// What a request of STS's is called in the audit before it is clear what it asks for.
const OPERATION: &str = "POST /";

/// What answers one request of STS's.
pub(crate) struct StsHandler<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) trail: Option<&'a Arc<Trail>>,
    pub(crate) request_id: &'a str,
}

impl StsHandler<'_> {
    /// Answers a request of STS's.
    pub(crate) async fn answer(&self, parts: &Parts, body: &RequestBody) -> Response<Body> {
        let (status, document) = match self.document(parts, body).await {
            Ok(document) => (StatusCode::OK, document),
            Err(error) => sts::refusal(&error, self.request_id),
        };
        let mut answer = Response::new(Body::from(document));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        answer
    }

    /// Finds out who asks, and gives them keys, which leaves a line in the audit as a refusal does, or tells who they are.
    async fn document(&self, parts: &Parts, body: &RequestBody) -> Result<String, S3Error> {
        let address = PeerAddress::address(parts.extensions.get());
        let (call, caller, identity) = self.receive(parts, body, address).await.inspect_err(|refusal| {
            if let Some(trail) = self.trail {
                trail.refused(self.directory.now(), address, OPERATION, refusal.code().as_str());
            }
        })?;
        let told = match call.action {
            Action::GetCallerIdentity => Ok(self.identity(&caller)),
            _ => self.keys(&call, &caller, identity.as_ref()),
        };
        if let Some(trail) = self.trail {
            let outcome = told.as_ref().err().map_or("200", |refusal| refusal.code().as_str());
            trail.ended(&caller, &format!("{} /", call.action.as_str()), outcome);
        }
        told
    }

    /// Who the caller is: with a session, the user whose it is.
    fn identity(&self, caller: &Caller) -> String {
        let (arn, user_id) = (Resource::User(caller.user.name.clone()).to_string(), caller.user.id.to_string());
        sts::identity(&sts::Identity { arn: &arn, user_id: &user_id }, self.request_id)
    }

    fn keys(&self, call: &Call, caller: &Caller, identity: Option<&Identity>) -> Result<String, S3Error> {
        let begun = self.begin(call, caller)?;
        let keys = Keys {
            access_key_id: &begun.access_key_id,
            secret_access_key: &begun.secret_access_key,
            session_token: &begun.session_token,
            expires: begun.expires_at.to_datetime(),
        };
        let web_identity = identity.map(|told| (&*told.subject, &*told.audience, &*told.issuer));
        let holder = Holder { user: caller.user.name.as_str(), web_identity };
        Ok(sts::answer(call, &keys, &holder, self.request_id))
    }

    async fn receive(
        &self,
        parts: &Parts,
        body: &RequestBody,
        address: Option<IpAddr>,
    ) -> Result<(Call, Caller, Option<Identity>), S3Error> {
        check_head(parts)?;
        let form = read(body).await?;
        let keys = RequestKeys::new(self.directory);
        let call = sts::receive(parts, &form, &keys, self.directory.now().to_datetime()).await?;
        let (caller, identity) = match &call.by {
            By::Key(access_key_id) => (keys.caller(access_key_id, address)?, None),
            By::WebIdentity(token) => {
                let shown = self.directory.identity(token.expose_secret()).await;
                let (known, identity) = shown.map_err(|unknown| identity_refusal(&unknown))?;
                (self.directory.caller(&known, address), Some(identity))
            }
        };
        Ok((call, Caller { trail: self.trail.cloned(), ..caller }, identity))
    }

    fn begin(&self, call: &Call, caller: &Caller) -> Result<Begun, S3Error> {
        let policy = call.policy.as_deref().map(PolicyDocument::parse_new).transpose();
        let policy = policy.map_err(|why| S3Error::invalid_argument("Policy", "", why.to_string()))?;
        auth::begin_session(self.directory, caller, call.seconds, policy.as_ref()).map_err(|why| match why {
            CannotBegin::Narrowed => S3Error::new(ErrorCode::AccessDenied, why.to_string()),
            CannotBegin::Length(_) => S3Error::invalid_argument("DurationSeconds", "", why.to_string()),
            CannotBegin::Policy(_) => S3Error::invalid_argument("Policy", "", why.to_string()),
        })
    }
}

/// Reads the form; it is signed as a whole, so nothing of it is known before.
async fn read(body: &RequestBody) -> Result<Vec<u8>, S3Error> {
    let (mut form, mut body) = (Vec::new(), body.take());
    while let Some(piece) = body.try_next().await.map_err(|_| S3Error::from(ErrorCode::IncompleteBody))? {
        if form.len() + piece.len() > FORM_BYTES_MAX {
            return Err(ErrorCode::MaxMessageLengthExceeded.into());
        }
        form.extend_from_slice(&piece);
    }
    Ok(form)
}
