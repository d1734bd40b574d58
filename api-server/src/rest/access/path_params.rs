//! What the paths of requests about access name.

use model::{GroupName, PolicyName, UserName};
use serde::Deserialize;
use utoipa::IntoParams;

/// A user.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfUser {
    /// The user's name.
    #[param(value_type = String)]
    pub(crate) user_id: UserName,
}

/// A user's access key.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfKey {
    /// The user's name.
    #[param(value_type = String)]
    pub(crate) user_id: UserName,
    /// The access key's id.
    pub(crate) access_key_id: String,
}

/// A user's policy.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyOfUser {
    /// The user's name.
    #[param(value_type = String)]
    pub(crate) user_id: UserName,
    /// The policy's name.
    #[param(value_type = String)]
    pub(crate) policy_id: PolicyName,
}

/// A group.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfGroup {
    /// The group's name.
    #[param(value_type = String)]
    pub(crate) group_id: GroupName,
}

/// A group's member.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberOfGroup {
    /// The group's name.
    #[param(value_type = String)]
    pub(crate) group_id: GroupName,
    /// The user's name.
    #[param(value_type = String)]
    pub(crate) user_id: UserName,
}

/// A group's policy.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyOfGroup {
    /// The group's name.
    #[param(value_type = String)]
    pub(crate) group_id: GroupName,
    /// The policy's name.
    #[param(value_type = String)]
    pub(crate) policy_id: PolicyName,
}

/// A policy.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfPolicy {
    /// The policy's name.
    #[param(value_type = String)]
    pub(crate) policy_id: PolicyName,
}
