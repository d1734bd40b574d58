//! The state as it was last: what questions are answered from while no node can be opened, because the disk is full say.
//! Owns reading it from the folders of a node that isn't open. Invariant: it holds all that was acknowledged. Since this
//! node is the only voter and its folder is locked, nobody has written anything since, so its answers are linearizable;
//! what was under way when the node ended isn't in it, or is, and was never acknowledged either way.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use model::{Answer, MetaError, Query};
use openraft::EntryPayload;

use super::log_store::FrozenLog;
use super::log_tail::next_of;
use super::node::{NodeOptions, OpenError, check_reach, check_whose, log_error, read_failed};
use super::state_adapter::RaftFacts;
use super::types::Entry;
use crate::state::StateError;
use crate::state_machine::{Applied, FrozenState, StateMachine};

/// Answers questions, and takes no commands.
#[derive(Clone)]
pub(crate) enum LastState {
    /// A closed node's state, still open.
    OfNode(Arc<StateMachine>),
    /// What the folders hold.
    OfDisk(Arc<FrozenState>),
}

/// A last state that nobody shall read any more.
pub(crate) enum Forgotten {
    OfNode(Weak<StateMachine>),
    OfDisk(Weak<FrozenState>),
}

impl Forgotten {
    /// Whether the last reader is gone, and its files are free.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::OfNode(state) => state.strong_count() == 0,
            Self::OfDisk(state) => state.strong_count() == 0,
        }
    }
}

impl LastState {
    /// Reads what the folders of a node hold that isn't open. Writes nothing, but cuts off what a power cut left
    /// half-written.
    pub(crate) async fn of_disk(options: NodeOptions) -> Result<Self, OpenError> {
        let opened = tokio::task::spawn_blocking(move || open(&options)).await;
        let state = opened.map_err(|e| OpenError::Raft(e.to_string()))??;
        Ok(Self::OfDisk(Arc::new(state)))
    }

    /// Answers a question.
    pub(crate) async fn read(self, query: Query) -> Result<Answer, MetaError> {
        let answer = tokio::task::spawn_blocking(move || match self {
            Self::OfNode(state) => state.read(&query),
            Self::OfDisk(state) => state.read(&query),
        });
        answer.await.map_err(|e| MetaError::Internal(e.to_string()))?.map_err(|e| read_failed(&e))
    }

    /// Lets go of it.
    pub(crate) fn forget(self) -> Forgotten {
        match self {
            Self::OfNode(state) => Forgotten::OfNode(Arc::downgrade(&state)),
            Self::OfDisk(state) => Forgotten::OfDisk(Arc::downgrade(&state)),
        }
    }
}

fn open(options: &NodeOptions) -> Result<FrozenState, OpenError> {
    let log = FrozenLog::open(&options.folder.join("log")).map_err(|e| log_error(&options.folder, &e))?;
    let folder = options.folder.join("state");
    let failed = |source: StateError| OpenError::State { folder: folder.clone(), source };
    let mut state = FrozenState::open(&folder, &options.state).map_err(failed)?;
    let facts = RaftFacts::decode(state.raft_state().map_err(failed)?.as_deref());
    let facts = facts.map_err(|e| OpenError::Raft(format!("the state's Raft facts: {e}")))?;
    let log_facts = log.facts().map_err(|e| log_error(&options.folder, &e))?;
    check_whose(options, &log_facts, facts.as_ref())?;
    check_reach(options, &log_facts, facts.as_ref(), None)?;
    let from = next_of(facts.as_ref().and_then(|facts| facts.last_applied.as_ref()));
    for entries in log.entries_from(from) {
        let entries = entries.map_err(|e| log_error(&options.folder, &e))?;
        state.apply(&entries.into_iter().map(applied).collect::<Vec<_>>()).map_err(failed)?;
    }
    Ok(state)
}

/// An entry as the state takes it. What Raft keeps with the state is of no use to who only reads it.
fn applied(entry: Entry) -> Applied {
    let command = match entry.payload {
        EntryPayload::Normal(proposal) => Some(proposal.into_parts()),
        EntryPayload::Blank | EntryPayload::Membership(_) => None,
    };
    Applied { index: entry.log_id.index, raft: Bytes::new(), command }
}
