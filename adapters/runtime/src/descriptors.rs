//! How the descriptors that the system lets this process have are shared out.
//!
//! The one rule: **who takes many leaves the others theirs.** Clients, scrapes and connections that wait for their next use
//! have shares; what is left is for the listener, for files, and for discovery, which has to go on whatever the others do.

use headcount_core::planted;

/// Most descriptors of each kind, each being a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// Of clients.
    pub clients: usize,
    /// Of scrapes under way.
    pub scrapes: usize,
    /// Of our own HTTP clients, that wait for their next request.
    pub idle: usize,
}

impl Descriptors {
    /// The shares of this process, by the limit that it has now.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of(open_files())
    }

    /// The shares of `all`; without a number there is no limit.
    fn of(all: Option<u64>) -> Self {
        let all = all.map_or(usize::MAX, |all| usize::try_from(all).unwrap_or(usize::MAX));
        // Files, sockets that listen, what libraries have, lists that are written.
        let left = all - (all / 8).min(128);
        let share = |parts: usize| (left / 14 * parts).max(1);
        Self {
            clients: share(planted!(9, ClientsTakeAll, 14)),
            scrapes: share(2),
            idle: share(2),
        }
    }
}

#[cfg(unix)]
fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_much_leaves_some() {
        for all in [16, 64, 256, 1024, 4096, 1 << 20] {
            let shares = Descriptors::of(Some(all));
            let taken = shares.clients + shares.scrapes + shares.idle;
            assert!(taken < all as usize && shares.scrapes > 0, "{all}: {shares:?}");
        }
        let usual = Descriptors::of(Some(1024));
        assert_eq!((usual.clients, usual.scrapes, usual.idle), (576, 128, 128));
        assert!(Descriptors::of(None).clients > 1 << 20);
    }
}
