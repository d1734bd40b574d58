//! What an API server is told when it is made: its bounds, whom it trusts, and where S3 is spoken.

use std::sync::Arc;
use std::time::Duration;

use auth::{DirectoryOptions, Issuer};

use crate::jobs::JobOptions;

/// The bounds of the API server, and whom it trusts.
#[derive(Debug, Clone)]
pub struct ApiServerOptions {
    /// How much is remembered of callers, in bytes.
    pub callers_bytes_max: u64,
    /// How long a caller is remembered, so how long what was taken from them still counts.
    pub callers_age_max: Duration,
    /// How long a refusal of wrong credentials takes at least, whatever was wrong: longer than any look-up should.
    pub refusal_duration_min: Duration,
    /// Of requests that are carried out once.
    pub jobs: JobOptions,
    /// The identity provider whose tokens are taken.
    pub issuer: Option<Arc<Issuer>>,
    /// Where callers are told that S3 is spoken.
    pub s3: S3Place,
    /// Who may set a new installation up over REST.
    pub setup: Setup,
    /// Whether an address that was given out may be linked though nothing was written to it: for load tests.
    pub links_without_bytes: bool,
}

/// Where S3 is spoken, as far as an API server knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum S3Place {
    /// At the API server's own address.
    Here,
    /// At this URL.
    At(String),
    /// Elsewhere.
    #[default]
    Unknown,
}

/// Who may set a new installation up over REST: become its first administrator by asking first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Setup {
    /// Nobody: its start does it.
    #[default]
    Closed,
    /// Callers on this machine.
    FromLoopback,
    /// Everybody who can reach the server.
    FromAnywhere,
}

impl Default for ApiServerOptions {
    fn default() -> Self {
        let DirectoryOptions { bytes_max, age_max } = DirectoryOptions::default();
        Self {
            callers_bytes_max: bytes_max,
            callers_age_max: age_max,
            refusal_duration_min: Duration::from_millis(100),
            jobs: JobOptions::default(),
            issuer: None,
            s3: S3Place::default(),
            setup: Setup::default(),
            links_without_bytes: false,
        }
    }
}
