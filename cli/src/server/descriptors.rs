//! File descriptors: how many this process may have, and how many of them connections get. Owns the limit and the reserve.
//! Invariant: however many connections there are, the databases and the object store can open what they need.

use anyhow::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::admission::Limits;
use crate::exit::usage;

/// The most connections, however many descriptors there are: each takes memory too.
const CONNECTIONS_MAX: usize = 4096;
/// What is reserved: the state's database opens up to 256 files and the log's up to 128; the rest is for logs, connections
/// to an object store, and what is opened for a moment. Where there are few, half of them.
const RESERVED: u64 = 512;
/// What one connection takes: its socket, and the object that it reads or writes.
const OF_A_CONNECTION: u64 = 2;

/// Raises this process's limit as far as it may, and says how many connections it may have. `wanted` is the operator's.
pub(super) fn limits(wanted: Option<usize>) -> Result<Limits> {
    connections(raise(), wanted).map(Limits::of)
}

/// Raises the soft limit to the hard one. → the limit; the soft one is low for programs of the past, which select()
pub(super) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let (Some(soft), hard) = (limit.current, limit.maximum) else { return u64::MAX };
    if hard == Some(soft) {
        return soft;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }) {
        Ok(()) => hard.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::warn!(%error, soft, "the limit of file descriptors can't be raised");
            soft
        }
    }
}

fn connections(descriptors: u64, wanted: Option<usize>) -> Result<usize> {
    let reserved = RESERVED.min(descriptors / 2);
    let room = usize::try_from((descriptors - reserved) / OF_A_CONNECTION).unwrap_or(usize::MAX).max(1);
    match wanted {
        Some(0) => usage!("connections_max can't be 0"),
        Some(wanted) if wanted > room => usage!(
            "connections_max = {wanted} takes {} file descriptors, and this process may have {descriptors}: raise the limit \
             (ulimit -Hn, LimitNOFILE=), or say at most {room}",
            reserved.saturating_add(OF_A_CONNECTION.saturating_mul(wanted as u64))
        ),
        Some(wanted) => Ok(wanted),
        None => Ok(room.min(CONNECTIONS_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_databases_and_store() {
        assert_eq!(connections(1 << 20, None).unwrap(), CONNECTIONS_MAX);
        assert_eq!(connections(1024, None).unwrap(), 256);
        assert_eq!(connections(256, None).unwrap(), 64);
        assert_eq!(connections(1, None).unwrap(), 1);
        assert_eq!(connections(u64::MAX, None).unwrap(), CONNECTIONS_MAX);
        assert_eq!(connections(1024, Some(100)).unwrap(), 100);
        let refused = connections(1024, Some(1000)).unwrap_err().to_string();
        assert!(refused.contains("takes 2512 file descriptors") && refused.contains("at most 256"), "{refused}");
        assert!(connections(1024, Some(0)).is_err());
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let raised = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(raised, limit.current.unwrap_or(u64::MAX));
    }
}
