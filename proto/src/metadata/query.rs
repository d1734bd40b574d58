//! Conversions of questions.

mod access;
mod installation;
mod jobs;
mod refs;
mod repositories;
mod staging;
mod uploads;

use model::Query;

use super::{DecodeError, Wire, name, optional, request, request_bytes, session, session_bytes};
use crate::generated::metadata::{self as pb, query::Kind};

impl Wire for Query {
    type Message = pb::Query;

    fn to_message(&self) -> pb::Query {
        macro_rules! kind {
            ($($name:ident -> $variant:ident($answer:ty),)*) => {
                match self {
                    $(Self::$name(question) => Kind::$name(question.to_message()),)*
                }
            };
        }
        pb::Query { kind: Some(model::for_each_query!(kind)) }
    }

    fn from_message(message: pb::Query) -> Result<Self, DecodeError> {
        let kind = message.kind.ok_or(DecodeError::Missing("query.kind"))?;
        macro_rules! query {
            ($($name:ident -> $variant:ident($answer:ty),)*) => {
                match kind {
                    $(Kind::$name(message) => Self::$name(Wire::from_message(message)?),)*
                }
            };
        }
        Ok(model::for_each_query!(query))
    }
}

/// An amount on the wire. No page is larger than `PAGE_MAX`, so the clamp changes no answer.
fn wire_amount(amount: usize) -> u32 {
    u32::try_from(amount).unwrap_or(u32::MAX)
}

fn amount(wire: u32) -> usize {
    usize::try_from(wire).unwrap_or(usize::MAX)
}
