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
use super::paging::PageQuery;
use crate::access::Wanted;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .merge(users::router())
        .merge(groups::router())
        .merge(policies::router())
        .merge(credentials::router())
        .merge(login::router())
        .merge(sts::router())
}

impl From<PageQuery> for Wanted {
    fn from(PageQuery { prefix, after, amount }: PageQuery) -> Self {
        Self { prefix, after, amount: amount.0 }
    }
}
