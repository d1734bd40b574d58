//! The answers to questions, each from one point in time: a file by the noun that is asked about. Owns the dispatch.
//! Leaves keys and encodings to `state`. Invariant: dropped tokens and deleted repositories are never seen, reclaimed or not.

mod access;
mod installation;
mod jobs;
mod refs;
mod repositories;
mod staging;
mod uploads;

use model::{Answer, Query, Question};

use crate::state::keyspace::Keyspace;
use crate::state::{Halt, StateError};

/// How a question is answered.
pub(crate) trait Find: Question {
    /// Whether it takes a few point lookups: microseconds in cached blocks, less than a hop to another thread.
    const IS_POINT: bool = false;

    /// Finds the answer.
    fn find(&self, keys: &dyn Keyspace) -> Result<Self::Answer, Halt>;
}

/// Answers a question.
pub(crate) fn answer(keys: &dyn Keyspace, query: &Query) -> Result<Answer, StateError> {
    match find(keys, query) {
        Ok(answer) => Ok(answer),
        Err(Halt::Refused(refusal)) => Ok(Answer::Refused(refusal)),
        Err(Halt::Failed(error)) => Err(error),
    }
}

fn find(keys: &dyn Keyspace, query: &Query) -> Result<Answer, Halt> {
    macro_rules! dispatch {
        ($($name:ident -> $variant:ident($answer:ty),)*) => {
            match query {
                $(Query::$name(question) => Ok(Answer::$variant(question.find(keys)?)),)*
            }
        };
    }
    model::for_each_query!(dispatch)
}

/// Whether a question takes a few point lookups. Others read ranges.
pub(crate) fn is_point(query: &Query) -> bool {
    macro_rules! dispatch {
        ($($name:ident -> $variant:ident($answer:ty),)*) => {
            match query {
                $(Query::$name(_) => model::$name::IS_POINT,)*
            }
        };
    }
    model::for_each_query!(dispatch)
}
