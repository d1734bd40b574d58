//! From where and how a request came. Owns how the address, whether its connection is encrypted, and the connection travel from
//! the listener to who asks for them. Invariant: the address is the connection's own: what a request says of itself
//! (`X-Forwarded-For` and the like) is believed by nobody.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The address at the other end of a request's connection: an extension of the request, put there by its listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Whether a request's connection is encrypted: an extension of the request, put there by its listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encrypted(pub bool);

impl PeerAddress {
    /// The address, if the listener put it there.
    pub fn address(peer: Option<&Self>) -> Option<IpAddr> {
        peer.map(|peer| peer.0)
    }
}

/// A request's connection: an extension of the request too. Its listener bears with strangers for a while, so whatever
/// verifies a request's proof says so here.
#[derive(Clone)]
pub struct Connection(Arc<dyn Fn() + Send + Sync>);

impl Connection {
    /// Makes one that calls this whenever somebody has proved who they are.
    pub fn new(told: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    /// Tells the listener that somebody has proved who they are.
    pub fn told(&self) {
        (self.0)();
    }

    /// Tells the listener, if it put itself there.
    pub fn is_of_a_caller(connection: Option<&Self>) {
        if let Some(connection) = connection {
            connection.told();
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}
