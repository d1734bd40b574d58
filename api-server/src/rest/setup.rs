//! The setup of an installation, as lakeFS's clients and tests ask for it. A Lakebed is set up when it first starts: its
//! administrator's keys are printed then, or preset. Invariant: nobody gets keys here.

use axum::Json;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::extract::Body;
use super::failure::{ErrorBody, Failure};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_setup_state, setup)).routes(routes!(setup_comm_prefs))
}

/// Whether the installation is set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// `initialized`.
    state: String,
    comm_prefs_missing: bool,
}

/// Who wants to be the administrator.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Setup {
    #[expect(dead_code, reason = "setup is refused, whoever asks")]
    username: String,
}

/// What lakeFS asks of whoever sets it up; it is thrown away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "preferences are read and thrown away")]
pub(crate) struct CommPrefsInput {
    feature_updates: bool,
    security_updates: bool,
}

/// Get whether the installation is set up
#[utoipa::path(get, path = "/setup_lakefs", operation_id = "getSetupState", tag = "internal", security(()),
    responses((status = 200, body = SetupState)))]
async fn get_setup_state() -> Json<SetupState> {
    Json(SetupState { state: "initialized".to_owned(), comm_prefs_missing: false })
}

/// Set the installation up, which its first start did
#[utoipa::path(post, path = "/setup_lakefs", operation_id = "setup", tag = "internal", security(()),
    request_body = Setup, responses((status = 409, body = ErrorBody), (status = "default", body = ErrorBody)))]
async fn setup(Body(_): Body<Setup>) -> Failure {
    let why = "this installation is set up: its first start printed the administrator's keys; to add others, start it \
               with LAKEBED_INSTALLATION_ACCESS_KEY_ID and LAKEBED_INSTALLATION_SECRET_ACCESS_KEY";
    Failure::new(StatusCode::CONFLICT, why)
}

/// Tell how one wants to hear of news; it is thrown away
#[utoipa::path(post, path = "/setup_comm_prefs", operation_id = "setupCommPrefs", tag = "internal", security(()),
    request_body = CommPrefsInput, responses((status = 200), (status = "default", body = ErrorBody)))]
async fn setup_comm_prefs(Body(_): Body<CommPrefsInput>) -> StatusCode {
    StatusCode::OK
}
