//! The server itself: whether it serves, what it runs, whom it sees.

use model::{Timestamp, UserId, UserName};
use proto::api::{parse, time_from_wire};
use proto::generated::api as wire;

use crate::{Error, Lakebed};

/// Who the server sees in the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoAmI {
    /// The user's id for ever.
    pub user_id: UserId,
    /// The user's name.
    pub user_name: UserName,
    /// When the user was made.
    pub created_at: Timestamp,
    /// By which key.
    pub access_key_id: String,
    /// Where S3 is spoken.
    pub s3: S3Place,
}

/// Where a server's S3 is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Place {
    /// At the same address.
    Here,
    /// At this URL.
    At(String),
    /// Elsewhere; nobody told the server where.
    Unknown,
}

/// What a server tells anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Which installation it is of, whatever its address.
    pub installation: String,
}

impl Lakebed {
    /// Asks whether the server serves; needs no credentials.
    pub async fn health(&self) -> Result<Health, Error> {
        let wire::HealthResponse { installation } = self.server().health(wire::HealthRequest {}).await?.into_inner();
        Ok(Health { installation })
    }

    /// Asks for the server's version.
    pub async fn version(&self) -> Result<String, Error> {
        Ok(self.server().version(wire::VersionRequest {}).await?.into_inner().version)
    }

    /// Asks whom the server sees; fails if it doesn't know the credentials.
    pub async fn who_am_i(&self) -> Result<WhoAmI, Error> {
        let answer = self.server().who_am_i(wire::WhoAmIRequest {}).await?.into_inner();
        Ok(WhoAmI {
            user_id: UserId(answer.user_id),
            user_name: parse("user_name", &answer.user_name)?,
            created_at: time_from_wire(answer.created_at),
            access_key_id: answer.access_key_id,
            s3: match (answer.s3_endpoint, answer.speaks_s3) {
                (endpoint, _) if !endpoint.is_empty() => S3Place::At(endpoint),
                (_, true) => S3Place::Here,
                (_, false) => S3Place::Unknown,
            },
        })
    }
}
