//! The one decision: may this caller do this action on this resource? Owns the answer; every operation of every
//! protocol asks here, one question for each resource that it touches. Invariant: what isn't allowed is denied.

use thiserror::Error;

use crate::{Action, Caller, Resource};

/// The answer no. Says what was asked, so that an administrator can grant it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("user {user} may not {action} on {resource}: ask an administrator to allow it")]
pub struct Denied {
    user: String,
    action: Action,
    resource: String,
}

/// Decides whether a caller may do an action on a resource.
///
/// Every user is an administrator for now and may do everything, so who holds a valid key is allowed. Policies will be
/// judged here and nowhere else: callers pass exactly what a policy would match.
pub fn authorize(caller: &Caller, action: Action, resource: &Resource) -> Result<(), Denied> {
    if is_administrator(caller) {
        return Ok(());
    }
    Err(Denied { user: caller.user.name.to_string(), action, resource: resource.to_string() })
}

/// Only verified credentials make callers, and only administrators have credentials.
fn is_administrator(caller: &Caller) -> bool {
    !caller.access_key_id.is_empty()
}

#[cfg(test)]
mod tests {
    use model::{Timestamp, User, UserId};

    use super::*;

    fn caller(access_key_id: &str) -> Caller {
        let user = User { id: UserId(1), name: "admin".parse().unwrap(), created_at: Timestamp::default() };
        Caller { user, access_key_id: access_key_id.into() }
    }

    #[test]
    fn an_administrator_may_do_everything() {
        for action in Action::ALL {
            assert_eq!(authorize(&caller("AKLB"), *action, &Resource::All), Ok(()));
        }
    }

    #[test]
    fn who_has_no_key_may_do_nothing_and_is_told_what_to_ask_for() {
        let denied = authorize(&caller(""), Action::ReadObject, &Resource::All).unwrap_err();
        assert!(denied.to_string().contains("fs:ReadObject"), "{denied}");
    }
}
