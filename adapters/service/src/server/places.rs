//! Who is connected, and who has to go when there are too many.
//!
//! The one rule: **who asks is not kept from it by who only holds a connection.** When all places are taken, or those of one
//! address, the connection that has been idle the longest goes. Where none is idle, a new one gets a place beside, for a
//! moment: there it is said how the daemon is, and to everything else that there are too many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};
use headcount_core::planted;

use super::repeated::Repeated;

/// Places beside the others, where the system allows as many.
pub(super) const BESIDE: usize = 64;

/// How many may be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Most {
    /// At all.
    pub(super) all: usize,
    /// From one address.
    pub(super) per_address: usize,
    /// Beside those, for a moment.
    pub(super) beside: usize,
}

/// All who are connected.
#[derive(Debug)]
pub(super) struct Places {
    most: Most,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Counts up.
    next: u64,
    open: BTreeMap<u64, Open>,
    idle: Idle,
    addresses: HashMap<IpAddr, OfAddress>,
    /// Those beside. Dropping what they are told by ends them.
    beside: BTreeMap<u64, Sender<Infallible>>,
    crowded: Repeated,
}

/// Since when, and who: the one that has been idle the longest first.
type Idle = BTreeSet<(u64, u64)>;

#[derive(Debug)]
struct Open {
    address: IpAddr,
    /// Requests that are being answered.
    requests: usize,
    idle_since: u64,
    /// Dropping it ends the connection.
    _close: Sender<Infallible>,
}

#[derive(Debug, Default)]
struct OfAddress {
    connections: usize,
    idle: Idle,
}

/// The place of a connection, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    is_beside: bool,
    closed: Receiver<Infallible>,
}

/// A request that is being answered, for as long as it is held.
#[derive(Debug)]
pub(super) struct Answering {
    places: Arc<Places>,
    number: u64,
}

impl Places {
    pub(super) fn new(most: Most) -> Arc<Self> {
        let crowded = Repeated::new(
            "more clients are connected than may be; those that ask nothing are closed",
            "no more clients are connected than may be",
        );
        Arc::new(Self {
            most,
            state: Mutex::new(State {
                next: 0,
                open: BTreeMap::new(),
                idle: Idle::new(),
                addresses: HashMap::new(),
                beside: BTreeMap::new(),
                crowded,
            }),
        })
    }

    /// A place for who comes from this address.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Place {
        let address = one_client(address);
        let mut state = self.state();
        let number = state.number();
        let (close, closed) = async_channel::bounded(1);
        let is_beside = !self.has_room(&mut state, address);
        if is_beside {
            if state.beside.len() >= self.most.beside {
                state.beside.pop_first();
            }
            state.beside.insert(number, close);
        } else {
            state.open(number, address, close);
        }
        Place {
            places: self.clone(),
            number,
            is_beside,
            closed,
        }
    }

    /// Ends the connection that has been idle the longest, if one is.
    pub(super) fn make_room(&self) -> bool {
        let mut state = self.state();
        let oldest = state.idle.first().copied();
        oldest.is_some_and(|(_, number)| state.end(number))
    }

    /// Whether there is room for one more from this address; where an idle one stands in the way, it goes.
    fn has_room(&self, state: &mut State, address: IpAddr) -> bool {
        let of_address = state.addresses.get(&address);
        let (oldest, flag) = match of_address {
            Some(of_address)
                if planted!(
                    of_address.connections >= self.most.per_address,
                    OneAddressTakesAll,
                    false
                ) =>
            {
                (of_address.idle.first(), "--web.max-connections-per-address")
            }
            _ if state.open.len() >= self.most.all => (
                planted!(state.idle.first(), NewestIdleGoes, state.idle.last()),
                "--web.max-connections",
            ),
            _ => {
                state.crowded.end();
                return true;
            }
        };
        let oldest = oldest.copied();
        state.crowded.note(&format_args!("more may be with {flag}"));
        oldest.is_some_and(|(_, number)| state.end(number))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn open(&mut self, number: u64, address: IpAddr, close: Sender<Infallible>) {
        let open = Open {
            address,
            requests: 0,
            idle_since: number,
            _close: close,
        };
        self.open.insert(number, open);
        self.idle.insert((number, number));
        let of_address = self.addresses.entry(address).or_default();
        of_address.connections += 1;
        of_address.idle.insert((number, number));
    }

    /// Ends a connection, and says whether there was one.
    fn end(&mut self, number: u64) -> bool {
        let Some(open) = self.open.remove(&number) else {
            return self.beside.remove(&number).is_some();
        };
        let entry = (open.idle_since, number);
        self.idle.remove(&entry);
        if let Some(of_address) = self.addresses.get_mut(&open.address) {
            of_address.idle.remove(&entry);
            of_address.connections -= 1;
            if of_address.connections == 0 {
                self.addresses.remove(&open.address);
            }
        }
        true
    }

    /// One request more is being answered, or one less.
    fn count(&mut self, number: u64, is_more: bool) {
        let now = self.number();
        let Some(open) = self.open.get_mut(&number) else {
            return;
        };
        let before = (open.idle_since, number);
        open.requests = if is_more {
            open.requests + 1
        } else {
            open.requests.saturating_sub(1)
        };
        let Some(of_address) = self.addresses.get_mut(&open.address) else {
            return;
        };
        if planted!(open.requests > 0, BusyMakesRoom, false) {
            self.idle.remove(&before);
            of_address.idle.remove(&before);
        } else {
            open.idle_since = now;
            self.idle.insert((now, number));
            of_address.idle.insert((now, number));
        }
    }
}

impl Place {
    /// Whether there was no room, and only how the daemon is may be asked.
    pub(super) fn is_beside(&self) -> bool {
        self.is_beside
    }

    /// Completes when the connection has to go.
    pub(super) async fn closed(&self) {
        self.closed.recv().await.ok();
    }

    /// A request is being answered from now on.
    pub(super) fn begin(&self) -> Answering {
        self.places.state().count(self.number, true);
        Answering {
            places: self.places.clone(),
            number: self.number,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().end(self.number);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.places.state().count(self.number, false);
    }
}

/// Who may be one client: an address, or all that a client of IPv6 has.
fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            planted!({}, EachIpv6IsAnother, return address.into());
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::poll_once;

    fn address(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    fn is_closed(place: &Place) -> bool {
        smol::block_on(poll_once(place.closed())).is_some()
    }

    fn most(all: usize, per_address: usize) -> Arc<Places> {
        Places::new(Most {
            all,
            per_address,
            beside: BESIDE,
        })
    }

    #[test]
    fn who_has_been_idle_the_longest_goes_first() {
        let places = most(3, 3);
        let all: Vec<_> = (1..=3).map(|last| places.take(address(last))).collect();
        // The first asks, and so the second has been idle the longest.
        drop(all[0].begin());
        let new = places.take(address(4));
        assert!(!new.is_beside());
        assert_eq!(all.iter().map(is_closed).collect::<Vec<_>>(), [false, true, false]);
        let busy = [all[0].begin(), all[2].begin(), new.begin()];
        let beside = places.take(address(5));
        assert!(beside.is_beside() && !is_closed(&beside), "nobody is idle");
        drop(busy);
        assert!(!places.take(address(5)).is_beside());
        assert!(is_closed(&all[0]), "the first to be idle again");
    }

    #[test]
    fn one_address_has_its_share_and_closes_its_own() {
        let places = most(10, 2);
        let other = places.take(address(9));
        let own = [places.take(address(1)), places.take(address(1))];
        let third = places.take(address(1));
        assert!(!third.is_beside() && is_closed(&own[0]) && !is_closed(&own[1]) && !is_closed(&other));
        let _asking = [own[1].begin(), third.begin()];
        assert!(places.take(address(1)).is_beside());
        assert!(!places.take(address(2)).is_beside(), "others have room");
        drop((own, third));
        assert!(!places.take(address(1)).is_beside());
    }

    #[test]
    fn places_beside_are_few_and_the_oldest_goes() {
        let places = most(1, 1);
        let only = places.take(address(1));
        let _asking = only.begin();
        let beside: Vec<_> = (0..=BESIDE).map(|_| places.take(address(2))).collect();
        let closed: Vec<_> = beside.iter().map(is_closed).collect();
        assert!(closed[0] && !closed[1..].contains(&true));
        drop(beside);
        assert!(places.state().beside.is_empty());
        assert!(!is_closed(&only));
    }

    #[test]
    fn what_was_taken_is_given_back() {
        let places = most(4, 4);
        let taken: Vec<_> = (0..9).map(|last| places.take(address(last % 3))).collect();
        let asking: Vec<_> = taken.iter().map(Place::begin).collect();
        drop(taken);
        drop(asking);
        let state = places.state();
        assert!(state.open.is_empty() && state.idle.is_empty() && state.addresses.is_empty());
        assert!(!{
            drop(state);
            places.make_room()
        });
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let one = |text: &str| one_client(text.parse().expect("an address"));
        assert_eq!(one("2001:db8::1"), one("2001:db8::ffff:1"));
        assert_ne!(one("2001:db8::1"), one("2001:db8:0:1::1"));
        assert_eq!(one("::ffff:127.0.0.1"), one("127.0.0.1"));
    }
}
