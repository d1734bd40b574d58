//! Conversions of questions about staged values.

use model::{ListStaged, StagingToken};

use super::*;

impl Wire for ListStaged {
    type Message = pb::ListStaged;

    fn to_message(&self) -> pb::ListStaged {
        let Self { repository, branch, tokens, prefix, from, amount } = self;
        pb::ListStaged {
            repository: repository.to_string(),
            branch: branch.to_string(),
            tokens: tokens.as_ref().map(|tokens| pb::Tokens { tokens: tokens.iter().map(|token| token.0).collect() }),
            prefix: prefix.clone(),
            from: from.clone(),
            amount: wire_amount(*amount),
        }
    }

    fn from_message(m: pb::ListStaged) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            tokens: m.tokens.map(|tokens| tokens.tokens.into_iter().map(StagingToken).collect()),
            prefix: m.prefix,
            from: m.from,
            amount: amount(m.amount),
        })
    }
}
