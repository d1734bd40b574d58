//! The signals by which a command is asked to end: Ctrl-C, `kill`, and a terminal that goes away. Owns which of them are heard.
//! Invariant: one that this process was started to ignore, as `nohup` has it, stays ignored.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where Linux says which signals a process ignores, and under which name.
const STATUS_FILE: &str = "/proc/self/status";
const IGNORED: &str = "SigIgn:";

/// The signals that are heard from here on.
pub(crate) struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // Where nobody says whether it is ignored it is left as it is.
        let ignored = std::fs::read_to_string(STATUS_FILE).ok().and_then(|status| ignored(&status));
        if ignored.is_some_and(|mask| !holds(mask, SignalKind::hangup())) {
            kinds.push(SignalKind::hangup());
        }
        let heard = kinds.into_iter().map(|kind| Ok((kind, signal(kind)?)));
        Ok(Self(heard.collect::<io::Result<_>>()?))
    }

    /// Waits for the first of them.
    pub(crate) async fn any(&mut self) -> SignalKind {
        poll_fn(|context| {
            let came =
                |(kind, signal): &mut (SignalKind, Signal)| signal.poll_recv(context).is_ready().then_some(*kind);
            self.0.iter_mut().find_map(came).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The mask of ignored signals, of which the lowest bit is the signal 1.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix(IGNORED))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn holds(mask: u64, kind: SignalKind) -> bool {
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known_by_its_bit() {
        let mask =
            ignored("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n").unwrap();
        assert!(holds(mask, SignalKind::hangup()) && holds(mask, SignalKind::pipe()));
        assert!(!holds(mask, SignalKind::interrupt()) && !holds(mask, SignalKind::terminate()));
        assert_eq!(ignored("Name:\tlakebed\n"), None);
    }
}
