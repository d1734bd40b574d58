//! Who may what, over REST: users, groups, policies, access keys, logins and sessions, one file each. Leaves rights and
//! state to `crate::access`.

mod credentials;
mod groups;
mod login;
mod path_params;
mod policies;
mod sts;
mod users;

pub(super) use credentials::CredentialsWithSecret;
use utoipa_axum::router::OpenApiRouter;

use super::Rest;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .merge(users::router())
        .merge(groups::router())
        .merge(policies::router())
        .merge(credentials::router())
        .merge(login::router())
        .merge(sts::router())
}
