//! The list of tokens that a branch's last commits took, as the metadata service keeps it.

use model::{CommitId, StagingToken};

use super::{DecodeError, Wire, commit};
use crate::generated::metadata as pb;

/// Which commits hold the last consumed tokens of a branch, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldTokens(pub Vec<(StagingToken, CommitId)>);

impl Wire for HeldTokens {
    type Message = pb::HeldTokens;

    fn to_message(&self) -> pb::HeldTokens {
        let held = |(token, commit): &(StagingToken, CommitId)| pb::HeldToken {
            token: token.0,
            commit: commit.as_bytes().to_vec(),
        };
        pb::HeldTokens { tokens: self.0.iter().map(held).collect() }
    }

    fn from_message(message: pb::HeldTokens) -> Result<Self, DecodeError> {
        let held = |held: pb::HeldToken| Ok((StagingToken(held.token), commit("held.commit", &held.commit)?));
        Ok(Self(message.tokens.into_iter().map(held).collect::<Result<_, DecodeError>>()?))
    }
}
