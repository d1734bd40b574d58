//! What is written down of each request: every decision, every change with its outcome, every refusal of a stranger.
//! Owns the line's form; leaves keeping lines to who implements [`AuditLog`]. Invariant: a line holds names, ids and
//! outcomes, and nothing that proves anything: no secret, token, signature or query.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{SessionId, Timestamp, User};
use serde::Serialize;

use crate::{Action, Resource};

/// Takes lines. Never waits: a request doesn't wait for its own audit.
pub trait AuditLog: Send + Sync + 'static {
    /// Takes one line.
    fn record(&self, line: &AuditLine<'_>);
}

/// One line.
#[derive(Debug, Clone, Serialize)]
pub struct AuditLine<'a> {
    /// When.
    pub time: Timestamp,
    /// What kind of line.
    pub event: Event,
    /// By which protocol: `s3`, `grpc`, `rest`.
    pub protocol: &'a str,
    /// The request's id, which its answer carries.
    pub request_id: &'a str,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Who; nobody if refused before it was clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Who, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<u64>,
    /// By which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<&'a str>,
    /// By which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What: an action of policies, or an operation of the protocol.
    pub action: &'a str,
    /// On what: repository and path of an object, or whatever the decision was about; of a change the first such thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Through which branch, tag or commit.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// On how many things more: those of a batch.
    #[serde(skip_serializing_if = "is_none")]
    pub and_others: u64,
    /// What came of it: `allowed`, `denied`, or the protocol's own word.
    pub outcome: &'a str,
}

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Whether somebody may do something.
    Decision,
    /// The outcome of a request that was allowed to change something.
    Change,
    /// A request whose sender proved nothing.
    Refusal,
}

/// Who does what is written down.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// Who.
    pub user: &'a User,
    /// By which key.
    pub access_key_id: &'a str,
    /// By which session, if not by a long-lived key.
    pub session: Option<SessionId>,
    /// From where.
    pub address: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
}

/// What one request leaves behind.
pub struct Trail {
    log: Arc<dyn AuditLog>,
    protocol: &'static str,
    request_id: String,
    changed: Mutex<Changed>,
}

/// What a request was allowed to change.
#[derive(Default)]
struct Changed {
    /// Whether there is anything, which may have no name.
    any: bool,
    first: About,
    others: u64,
}

/// On what something is done, and through which ref.
#[derive(Default, Clone)]
struct About {
    resource: Option<String>,
    reference: Option<String>,
}

impl About {
    fn of(resource: &Resource) -> Self {
        Self { resource: Some(resource.to_string()), reference: resource.reference() }
    }
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Trail {
    /// Begins the trail of a request.
    pub fn new(log: Arc<dyn AuditLog>, protocol: &'static str, request_id: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { log, protocol, request_id: request_id.into(), changed: Mutex::default() })
    }

    /// Writes down a decision.
    pub(crate) fn decided<'a>(
        &'a self,
        actor: impl Into<Actor<'a>>,
        action: Action,
        resource: &Resource,
        is_allowed: bool,
    ) {
        let (actor, about) = (actor.into(), About::of(resource));
        if is_allowed && action.is_change() {
            let mut changed = self.changed();
            match changed.first.resource {
                None => changed.first = about.clone(),
                Some(_) => changed.others += 1,
            }
            changed.any = true;
        }
        let outcome = if is_allowed { "allowed" } else { "denied" };
        self.log.record(&self.line(Event::Decision, Some(actor), actor.at, (action.as_str(), about, outcome)));
    }

    fn changed(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the request changes something that nobody is asked about: a session of the caller's own.
    pub(crate) fn changes(&self) {
        self.changed().any = true;
    }

    /// Writes down the end of a request, if it was allowed to change something, and what.
    pub fn ended<'a>(&'a self, actor: impl Into<Actor<'a>>, operation: &'a str, outcome: &'a str) {
        let actor = actor.into();
        let Changed { any, first, others } = std::mem::take(&mut *self.changed());
        if any {
            let line = self.line(Event::Change, Some(actor), actor.at, (operation, first, outcome));
            self.log.record(&AuditLine { and_others: others, ..line });
        }
    }

    /// Writes down that a request was refused before it was clear who sent it.
    pub fn refused(&self, at: Timestamp, address: Option<IpAddr>, operation: &str, why: &str) {
        let line = AuditLine { address, ..self.line(Event::Refusal, None, at, (operation, About::default(), why)) };
        self.log.record(&line);
    }

    fn line<'a>(
        &'a self,
        event: Event,
        actor: Option<Actor<'a>>,
        time: Timestamp,
        (action, About { resource, reference }, outcome): (&'a str, About, &'a str),
    ) -> AuditLine<'a> {
        AuditLine {
            time,
            event,
            protocol: self.protocol,
            request_id: &self.request_id,
            address: actor.and_then(|actor| actor.address),
            user: actor.map(|actor| actor.user.name.as_str()),
            user_id: actor.map(|actor| actor.user.id.0),
            access_key_id: actor.map(|actor| actor.access_key_id),
            session: actor.and_then(|actor| actor.session).map(|session| session.to_string()),
            action,
            resource,
            reference,
            and_others: 0,
            outcome,
        }
    }
}
