//! Questions about users, access keys, groups and policies. Owns their shapes.

use serde::{Deserialize, Serialize};

use super::PageRequest;
use crate::{AccessBy, Credential, GroupName, PolicyHolder, PolicyName, User, UserId, UserName};

/// Finds a user by id. → [`super::Answer::User`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetUser {
    /// Which.
    pub id: UserId,
}

/// Finds a user by name. → [`super::Answer::User`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetUserByName {
    /// Which.
    pub name: UserName,
}

/// Lists users in the order of their names. → [`super::Answer::Users`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUsers {
    /// Which page.
    pub page: PageRequest,
}

/// Finds an access key and its user. → [`super::Answer::Credential`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCredential {
    /// The public half.
    pub access_key_id: String,
}

/// Lists a user's access keys in the order of their ids, which stand for names in the page. → [`super::Answer::Credentials`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCredentials {
    /// Whose.
    pub user: UserName,
    /// Which page.
    pub page: PageRequest,
}

/// Finds a group. → [`super::Answer::Group`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetGroup {
    /// Which.
    pub name: GroupName,
}

/// Lists groups in the order of their names. → [`super::Answer::Groups`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListGroups {
    /// Only those that this user is in.
    pub of: Option<UserName>,
    /// Which page.
    pub page: PageRequest,
}

/// Lists a group's users in the order of their names. → [`super::Answer::Users`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMembers {
    /// Whose.
    pub group: GroupName,
    /// Which page.
    pub page: PageRequest,
}

/// Finds a policy. → [`super::Answer::Policy`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPolicy {
    /// Which.
    pub name: PolicyName,
}

/// Lists policies in the order of their names. → [`super::Answer::Policies`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPolicies {
    /// Only those that are attached to this user or group.
    pub of: Option<PolicyHolder>,
    /// Of a user, also those of their groups.
    pub effective: bool,
    /// Which page.
    pub page: PageRequest,
}

/// Finds what a key or session comes to, in one go. → [`super::Answer::Access`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAccess {
    /// What the caller shows.
    pub by: AccessBy,
}

/// What [`GetCredential`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialOfUser {
    /// The access key.
    pub credential: Credential,
    /// Whose it is.
    pub user: User,
}
