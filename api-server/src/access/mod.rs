//! Who may what: users, groups, policies, access keys and sessions, one file each, for every endpoint. Owns the rights that
//! each of these takes; the metadata service keeps them all. Invariant: no secret but a new key's leaves here, once.

mod credentials;
mod groups;
mod policies;
mod sessions;
mod users;

pub(crate) use credentials::{create_credential, delete_credential, get_credential, list_credentials};
pub(crate) use groups::{add_member, create_group, delete_group, get_group, list_groups, list_members, remove_member};
pub(crate) use policies::{
    attach_policy, create_policy, delete_policy, detach_policy, get_policy, list_policies, update_policy,
};
pub(crate) use sessions::{Narrowing, begin_session, end_session, end_sessions};
pub(crate) use users::{create_user, delete_user, get_user, list_users};
