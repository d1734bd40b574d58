//! The keys of the table of identities: users, credentials, groups, policies and who has which. Invariant: rights hang
//! on users' ids, which are for ever, so that none made again under a name holds any.
//!
//! | key | value |
//! |---|---|
//! | 1, user id | User |
//! | 2, name | user id |
//! | 3, access key id | Credential |
//! | 4, name | Group |
//! | 5, name | Policy |
//! | 6, user id, access key id | nothing |
//! | 7, group, user's name | user id |
//! | 8, user id, group | nothing |
//! | 9, 1, user id, policy; or 9, 2, group, policy | nothing: attached |
//! | 10, policy, 1, user id; or 10, policy, 2, group | nothing: attached |
//! | 11, user id, session id | when the ended session can be forgotten |
//! | 12 | nothing: the usual groups and policies were made |
//! | 13 | nothing: an installation's first user was made |

use model::{GroupName, PolicyName, SessionId, UserId, UserName};

use super::{Key, KeyRange, named};

const USER: u8 = 1;
const USER_BY_NAME: u8 = 2;
const CREDENTIAL: u8 = 3;
const GROUP: u8 = 4;
const POLICY: u8 = 5;
const CREDENTIAL_OF_USER: u8 = 6;
const MEMBER: u8 = 7;
const GROUP_OF_USER: u8 = 8;
const ATTACHED: u8 = 9;
const HOLDER: u8 = 10;
const ENDED_SESSION: u8 = 11;
const ACCESS_IS_SET_UP: u8 = 12;
const FIRST_USER_WAS_MADE: u8 = 13;
const OF_USER: u8 = 1;
const OF_GROUP: u8 = 2;

pub(crate) fn user(id: UserId) -> Vec<u8> {
    Key::of(USER).number(id.0).done()
}

pub(crate) fn user_by_name(name: &UserName) -> Vec<u8> {
    Key::of(USER_BY_NAME).text(name.as_str()).done()
}

pub(crate) fn users_by_name(prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(USER_BY_NAME), prefix, after)
}

pub(crate) fn credential(access_key_id: &str) -> Vec<u8> {
    Key::of(CREDENTIAL).text(access_key_id).done()
}

pub(crate) fn all_credentials() -> KeyRange {
    Key::of(CREDENTIAL).all_under()
}

pub(crate) fn credential_of_user(user: UserId, access_key_id: &str) -> Vec<u8> {
    Key::of(CREDENTIAL_OF_USER).number(user.0).text(access_key_id).done()
}

pub(crate) fn credentials_of_user(user: UserId, prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(CREDENTIAL_OF_USER).number(user.0), prefix, after)
}

pub(crate) fn group(name: &GroupName) -> Vec<u8> {
    Key::of(GROUP).text(name.as_str()).done()
}

pub(crate) fn groups(prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(GROUP), prefix, after)
}

pub(crate) fn policy(name: &PolicyName) -> Vec<u8> {
    Key::of(POLICY).text(name.as_str()).done()
}

pub(crate) fn policies(prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(POLICY), prefix, after)
}

pub(crate) fn member(group: &GroupName, user: &UserName) -> Vec<u8> {
    Key::of(MEMBER).text(group.as_str()).text(user.as_str()).done()
}

pub(crate) fn members(group: &GroupName, prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(MEMBER).text(group.as_str()), prefix, after)
}

pub(crate) fn group_of_user(user: UserId, group: &GroupName) -> Vec<u8> {
    Key::of(GROUP_OF_USER).number(user.0).text(group.as_str()).done()
}

pub(crate) fn groups_of_user(user: UserId, prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(GROUP_OF_USER).number(user.0), prefix, after)
}

/// Whom a policy is attached to, as keys have it: users by their ids, so that none made again under a name holds any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    User(UserId),
    Group(GroupName),
}

impl Key {
    fn holder(self, holder: &Holder) -> Self {
        match holder {
            Holder::User(id) => self.byte(OF_USER).number(id.0),
            Holder::Group(name) => self.byte(OF_GROUP).text(name.as_str()),
        }
    }
}

pub(crate) fn attached(holder: &Holder, policy: &PolicyName) -> Vec<u8> {
    Key::of(ATTACHED).holder(holder).text(policy.as_str()).done()
}

/// The policies that are attached to one.
pub(crate) fn all_attached(holder: &Holder, prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(ATTACHED).holder(holder), prefix, after)
}

pub(crate) fn holder(policy: &PolicyName, holder: &Holder) -> Vec<u8> {
    Key::of(HOLDER).text(policy.as_str()).holder(holder).done()
}

/// All whom a policy is attached to.
pub(crate) fn holders(policy: &PolicyName) -> KeyRange {
    Key::of(HOLDER).text(policy.as_str()).all_under()
}

/// Whom a key of [`holders`] names.
pub(crate) fn holder_in(key: &[u8], policy: &PolicyName) -> Option<Holder> {
    let rest = key.strip_prefix(Key::of(HOLDER).text(policy.as_str()).done().as_slice())?;
    match rest.split_first()? {
        (&OF_USER, id) => Some(Holder::User(UserId(u64::from_be_bytes(id.try_into().ok()?)))),
        (&OF_GROUP, name) => Some(Holder::Group(text_at_end(name)?.parse().ok()?)),
        _ => None,
    }
}

/// The name at the end of a key, given what stands before it in all keys of its range.
pub(crate) fn name_at_end(key: &[u8], parent: &KeyParent) -> Option<String> {
    text_at_end(key.strip_prefix(parent.0.as_slice())?)
}

/// What all keys of a range of names begin with.
pub(crate) struct KeyParent(Vec<u8>);

impl KeyParent {
    pub(crate) fn of_credentials(user: UserId) -> Self {
        Self(Key::of(CREDENTIAL_OF_USER).number(user.0).done())
    }

    pub(crate) fn of_groups(user: UserId) -> Self {
        Self(Key::of(GROUP_OF_USER).number(user.0).done())
    }

    pub(crate) fn of_attached(holder: &Holder) -> Self {
        Self(Key::of(ATTACHED).holder(holder).done())
    }
}

/// Reads a string of [`Key::text`] that ends a key.
fn text_at_end(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes.strip_suffix(&[0, 1])?;
    while let Some((byte, behind)) = rest.split_first() {
        text.push(*byte);
        rest = if *byte == 0 { behind.strip_prefix(&[u8::MAX])? } else { behind };
    }
    String::from_utf8(text).ok()
}

pub(crate) fn ended_session(user: UserId, session: SessionId) -> Vec<u8> {
    Key::of(ENDED_SESSION).number(user.0).bytes(&session.0.to_be_bytes()).done()
}

pub(crate) fn ended_sessions(user: UserId) -> KeyRange {
    Key::of(ENDED_SESSION).number(user.0).all_under()
}

pub(crate) fn access_is_set_up() -> Vec<u8> {
    Key::of(ACCESS_IS_SET_UP).done()
}

pub(crate) fn first_user_was_made() -> Vec<u8> {
    Key::of(FIRST_USER_WAS_MADE).done()
}
