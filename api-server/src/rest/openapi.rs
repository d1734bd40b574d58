//! The description of the API that is generated from it. Owns what stands around the operations: who we are, how callers
//! prove who they are, where operations are served. Invariant: it is the same at each build of the same code.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use super::{
    Rest, access, branches, changes, commits, config, diffs, imports, merges, metadata, multipart, object_content,
    objects, refs_dump, repositories, settings, setup, staging, tags, unsupported, upload, users,
};

/// What the document says before its paths.
#[derive(OpenApi)]
#[openapi(
    info(title = "Lakebed API", description = "Git for data lakes on object storage", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    servers((url = "/api/v1")),
    security(("basic_auth" = []), ("jwt_token" = []), ("cookie_auth" = [])),
    modifiers(&Proofs)
)]
struct Head;

/// How callers prove who they are, under the names that lakeFS's clients know.
struct Proofs;

impl Modify for Proofs {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        let cookie = ApiKey::Cookie(ApiKeyValue::new("internal_auth_session"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("basic_auth", http(HttpAuthScheme::Basic));
        components.add_security_scheme("jwt_token", http(HttpAuthScheme::Bearer));
        components.add_security_scheme("cookie_auth", SecurityScheme::ApiKey(cookie));
    }
}

/// All operations, with their description.
pub(super) fn operations() -> OpenApiRouter<Rest> {
    OpenApiRouter::with_openapi(Head::openapi())
        .merge(repositories::router())
        .merge(branches::router())
        .merge(changes::router())
        .merge(tags::router())
        .merge(commits::router())
        .merge(diffs::router())
        .merge(merges::router())
        .merge(imports::router())
        .merge(refs_dump::router())
        .merge(metadata::router())
        .merge(objects::router())
        .merge(object_content::router())
        .merge(upload::router())
        .merge(staging::router())
        .merge(multipart::router())
        .merge(settings::router())
        .merge(config::router())
        .merge(setup::router())
        .merge(users::router())
        .merge(access::router())
        .merge(unsupported::router())
}

/// The document as an answer.
#[derive(Clone)]
pub(super) struct Served(bytes::Bytes);

pub(super) fn served(document: &utoipa::openapi::OpenApi) -> Served {
    let json = document.to_pretty_json().expect("because a description has text keys only");
    Served((json + "\n").into())
}

impl IntoResponse for Served {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, kind)], self.0).into_response()
    }
}
