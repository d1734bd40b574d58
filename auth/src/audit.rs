//! What is written down of each request: every decision, every change with its outcome, every refusal of a stranger.
//! Owns the line's form; leaves keeping lines to who implements [`AuditLog`]. Invariant: a line holds names, ids and
//! outcomes, and nothing that proves anything: no secret, token, signature or query.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use model::Timestamp;
use serde::Serialize;

use crate::{Action, Caller, Resource};

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
    /// On what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
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

/// What one request leaves behind.
pub struct Trail {
    log: Arc<dyn AuditLog>,
    protocol: &'static str,
    request_id: String,
    changes: AtomicBool,
}

impl Trail {
    /// Begins the trail of a request.
    pub fn new(log: Arc<dyn AuditLog>, protocol: &'static str, request_id: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { log, protocol, request_id: request_id.into(), changes: AtomicBool::new(false) })
    }

    /// Writes down a decision.
    pub(crate) fn decided(&self, caller: &Caller, action: Action, resource: &Resource, is_allowed: bool) {
        self.changes.fetch_or(is_allowed && action.is_change(), Relaxed);
        let outcome = if is_allowed { "allowed" } else { "denied" };
        self.write(Event::Decision, Some(caller), caller.at, (action.as_str(), Some(resource.to_string()), outcome));
    }

    /// Says that the request changes something that nobody is asked about: a session of the caller's own.
    pub(crate) fn changes(&self) {
        self.changes.store(true, Relaxed);
    }

    /// Writes down the end of a request, if it was allowed to change something.
    pub fn ended(&self, caller: &Caller, operation: &str, outcome: &str) {
        if self.changes.load(Relaxed) {
            self.write(Event::Change, Some(caller), caller.at, (operation, None, outcome));
        }
    }

    /// Writes down that a request was refused before it was clear who sent it.
    pub fn refused(&self, at: Timestamp, address: Option<IpAddr>, operation: &str, why: &str) {
        let line = AuditLine { address, ..self.line(Event::Refusal, None, at, (operation, None, why)) };
        self.log.record(&line);
    }

    fn write(&self, event: Event, caller: Option<&Caller>, at: Timestamp, what: (&str, Option<String>, &str)) {
        self.log.record(&self.line(event, caller, at, what));
    }

    fn line<'a>(
        &'a self,
        event: Event,
        caller: Option<&'a Caller>,
        time: Timestamp,
        (action, resource, outcome): (&'a str, Option<String>, &'a str),
    ) -> AuditLine<'a> {
        AuditLine {
            time,
            event,
            protocol: self.protocol,
            request_id: &self.request_id,
            address: caller.and_then(|caller| caller.address),
            user: caller.map(|caller| caller.user.name.as_str()),
            user_id: caller.map(|caller| caller.user.id.0),
            access_key_id: caller.map(|caller| caller.access_key_id.as_str()),
            session: caller.and_then(|caller| caller.session).map(|session| session.to_string()),
            action,
            resource,
            outcome,
        }
    }
}
