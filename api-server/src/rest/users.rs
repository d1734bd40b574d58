//! Who one is, over REST.

use axum::Json;
use model::User;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::failure::{ErrorBody, Failure};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_current_user))
}

/// A user as clients see them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    /// Their name, which is their id in policies too.
    id: String,
    /// Seconds since 1970.
    creation_date: i64,
    friendly_name: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let name = user.name.to_string();
        Self { id: name.clone(), creation_date: super::seconds(user.created_at), friendly_name: name }
    }
}

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrentUser {
    user: UserBody,
}

/// Get who one is
#[utoipa::path(get, path = "/user", operation_id = "getCurrentUser", tag = "auth",
    responses((status = 200, body = CurrentUser), (status = "default", body = ErrorBody)))]
async fn get_current_user(Authenticated(caller): Authenticated) -> Result<Json<CurrentUser>, Failure> {
    Ok(Json(CurrentUser { user: caller.user.into() }))
}
