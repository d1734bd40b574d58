//! From where and how a request came. Owns how the address, and whether its connection is encrypted, travel from the listener to who asks for it. Invariant: it is the
//! connection's own: what a request says of itself (`X-Forwarded-For` and the like) is believed by nobody.

use std::net::IpAddr;

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
