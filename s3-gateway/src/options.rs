//! What the composition root may choose. Invariant: every default is safe to serve with.

use std::sync::Arc;
use std::time::Duration;

use auth::Issuer;
use model::BranchName;

/// The longest that a client may be silent in the middle of a body.
const BODY_SILENCE_MAX: Duration = Duration::from_secs(60);

/// How a gateway presents itself.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// The region that clients are told. Signatures of any region are taken.
    pub region: String,
    /// Hosts under which `BUCKET.host` names a bucket; a request to one of them is S3.
    pub domains: Vec<String>,
    /// The branch that CreateBucket's repositories begin with.
    pub default_branch: BranchName,
    /// Whether AWS Signature Version 2 is taken in headers, as old clients send it, and in forms.
    pub signature_v2: bool,
    /// How long a client may send nothing in the middle of a body before it is told RequestTimeout.
    pub body_silence_max: Duration,
    /// The identity provider whose tokens STS takes for keys.
    pub issuer: Option<Arc<Issuer>>,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            domains: Vec::new(),
            default_branch: "main".parse().expect("because main is a valid name"),
            signature_v2: false,
            body_silence_max: BODY_SILENCE_MAX,
            issuer: None,
        }
    }
}
