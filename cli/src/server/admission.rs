//! Who may hold a connection, and for how long without saying who they are. Owns the counts, and which connection makes way
//! for another; leaves the sockets to `listen`. Invariant: neither all connections, nor those over which nobody has proved
//! who they are (strangers'), nor one address's among these are more than their bounds.
//!
//! When a bound is reached, the stranger who has been there longest makes way for who comes: callers who hold a key show it
//! with their first request, so the oldest stranger is the one who has done nothing. Callers who have proved who they are
//! never make way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All.
    pub connections: usize,
    /// Strangers': the rest is reserved for callers who have proved who they are.
    pub strangers: usize,
    /// Strangers' of one address, or of one network of 2⁶⁴ addresses.
    pub strangers_of_an_address: usize,
}

impl Limits {
    /// The usual shares of so many connections: a quarter is reserved, and an address has a quarter of the rest.
    pub fn of(connections: usize) -> Self {
        let strangers = (connections - connections / 4).max(1);
        Self { connections: connections.max(1), strangers, strangers_of_an_address: (strangers / 4).max(1) }
    }
}

/// Counts connections.
pub(super) struct Admission {
    limits: Limits,
    room: Arc<Semaphore>,
    strangers: Mutex<Strangers>,
}

#[derive(Default)]
struct Strangers {
    next: u64,
    /// Numbers grow, so the first is the oldest.
    by_age: BTreeMap<u64, Stranger>,
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
}

struct Stranger {
    address: IpAddr,
    /// Asks the connection to end.
    leave: oneshot::Sender<()>,
}

/// A connection's place; goes free when it is dropped.
pub(super) struct Guest {
    place: Arc<Place>,
    left: oneshot::Receiver<()>,
    _room: OwnedSemaphorePermit,
}

struct Place {
    admission: Arc<Admission>,
    number: u64,
    is_known: AtomicBool,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(limits.connections));
        Arc::new(Self { limits, room, strangers: Mutex::default() })
    }

    /// Takes in who comes, as a stranger. Waits while all connections are of callers who have proved who they are.
    pub(super) async fn admit(self: &Arc<Self>, peer: IpAddr) -> Guest {
        let room = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(room) => room,
            Err(_) => {
                self.strangers().send_oldest_away(None);
                Arc::clone(&self.room).acquire_owned().await.expect("because nobody closes the semaphore")
            }
        };
        let (number, left) = self.strangers().add(network(peer), &self.limits);
        let place = Arc::new(Place { admission: Arc::clone(self), number, is_known: AtomicBool::new(false) });
        Guest { place, left, _room: room }
    }

    fn strangers(&self) -> MutexGuard<'_, Strangers> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strangers {
    fn add(&mut self, address: IpAddr, limits: &Limits) -> (u64, oneshot::Receiver<()>) {
        if self.by_address.get(&address).map_or(0, BTreeSet::len) >= limits.strangers_of_an_address {
            self.send_oldest_away(Some(address));
        }
        if self.by_age.len() >= limits.strangers {
            self.send_oldest_away(None);
        }
        let (leave, left) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.by_age.insert(number, Stranger { address, leave });
        self.by_address.entry(address).or_default().insert(number);
        (number, left)
    }

    /// Asks the oldest stranger, or the oldest of an address, to leave.
    fn send_oldest_away(&mut self, of: Option<IpAddr>) {
        let oldest = match of {
            Some(address) => self.by_address.get(&address).and_then(|numbers| numbers.first().copied()),
            None => self.by_age.keys().next().copied(),
        };
        if let Some(stranger) = oldest.and_then(|number| self.remove(number)) {
            // One that ends by itself doesn't listen any more.
            let _ended = stranger.leave.send(());
        }
    }

    fn remove(&mut self, number: u64) -> Option<Stranger> {
        let stranger = self.by_age.remove(&number)?;
        if let Some(numbers) = self.by_address.get_mut(&stranger.address) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_address.remove(&stranger.address);
            }
        }
        Some(stranger)
    }
}

impl Guest {
    /// What the connection's requests carry, so that it is told when somebody has proved who they are.
    pub(super) fn connection(&self) -> Connection {
        let place = Arc::clone(&self.place);
        Connection::new(move || place.is_known())
    }

    /// Resolves when the connection must end: it had to make way, or was a stranger's for too long.
    pub(super) async fn overstays(&mut self, allowed: Duration) {
        tokio::select! {
            made_way = &mut self.left => if made_way.is_err() {
                // No stranger's any more.
                std::future::pending::<()>().await;
            },
            () = tokio::time::sleep(allowed) => {}
        }
    }
}

impl Place {
    fn is_known(&self) {
        if !self.is_known.swap(true, Ordering::Relaxed) {
            self.admission.strangers().remove(self.number);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.place.admission.strangers().remove(self.place.number);
    }
}

/// Whose an address is: hosts have whole networks of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Whether a connection was asked to end.
    fn must_leave(guest: &mut Guest) -> bool {
        guest.overstays(LONG).now_or_never().is_some()
    }

    fn limits(connections: usize, strangers: usize, strangers_of_an_address: usize) -> Limits {
        Limits { connections, strangers, strangers_of_an_address }
    }

    #[tokio::test]
    async fn the_oldest_stranger_of_an_address_makes_way_for_its_next() {
        let admission = Admission::new(limits(100, 100, 3));
        let mut flood = Vec::new();
        let mut other = admission.admit(address("192.0.2.1")).await;
        for _ in 0..10 {
            flood.push(admission.admit(address("2001:db8::1")).await);
        }
        flood.push(admission.admit(address("2001:db8::ffff")).await);
        let left: Vec<bool> = flood.iter_mut().map(must_leave).collect();
        assert_eq!(left, [true, true, true, true, true, true, true, true, false, false, false]);
        assert!(!must_leave(&mut other), "another address has bounds of its own");
    }

    #[tokio::test]
    async fn strangers_leave_room_for_callers() {
        let admission = Admission::new(limits(10, 2, 2));
        let mut callers = Vec::new();
        for _ in 0..2 {
            let caller = admission.admit(address("192.0.2.1")).await;
            caller.connection().told();
            callers.push(caller);
        }
        let mut strangers = Vec::new();
        for host in 2..6 {
            let mut stranger = admission.admit(address(&format!("192.0.2.{host}"))).await;
            // The connection that made way is gone.
            strangers.retain_mut(|stranger| !must_leave(stranger));
            assert!(!must_leave(&mut stranger));
            strangers.push(stranger);
        }
        assert_eq!(strangers.len(), 2);
        assert!(!callers.iter_mut().any(must_leave), "who has proved who they are never makes way");
    }

    #[tokio::test]
    async fn where_all_are_callers_the_next_waits() {
        let admission = Admission::new(limits(2, 2, 2));
        let peer = address("192.0.2.1");
        let (one, two) = (admission.admit(peer).await, admission.admit(peer).await);
        one.connection().told();
        two.connection().told();
        let mut next = Box::pin(admission.admit(peer));
        assert!(next.as_mut().now_or_never().is_none());
        drop(one);
        next.await;
    }

    #[tokio::test]
    async fn a_full_house_sends_its_oldest_stranger_away() {
        let admission = Admission::new(limits(2, 2, 2));
        let peer = address("192.0.2.1");
        let (mut oldest, mut newer) = (admission.admit(peer).await, admission.admit(peer).await);
        let next = admission.admit(address("192.0.2.2"));
        let (mut next, ()) = tokio::join!(next, async {
            oldest.overstays(LONG).await;
            drop(oldest);
        });
        assert!(!must_leave(&mut newer) && !must_leave(&mut next));
    }

    #[tokio::test]
    async fn nothing_is_kept_of_who_has_gone() {
        let admission = Admission::new(Limits::of(8));
        for host in 0..20 {
            let guest = admission.admit(address(&format!("192.0.2.{host}"))).await;
            if host % 2 == 0 {
                guest.connection().told();
                guest.connection().told();
            }
        }
        assert!(admission.strangers().by_age.is_empty() && admission.strangers().by_address.is_empty());
        assert_eq!(admission.room.available_permits(), 8);
    }

    #[test]
    fn shares_are_never_nothing() {
        for connections in [0, 1, 2, 3, 4096] {
            let limits = Limits::of(connections);
            assert!(limits.strangers_of_an_address >= 1 && limits.connections >= limits.strangers);
        }
        assert_eq!(Limits::of(4096), limits(4096, 3072, 768));
    }
}
