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
}

impl Lakebed {
    /// Asks whether the server serves; needs no credentials.
    pub async fn health(&self) -> Result<(), Error> {
        self.server().health(wire::HealthRequest {}).await?;
        Ok(())
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
        })
    }
}
