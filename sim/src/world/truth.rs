//! The ground truth: which hosts are up, and how each looks.
//!
//! A table of columns, one row a host. Backends show delayed views of it; only oracles see it.
//! **Each change of a row gives it a new version**, and whatever shows the row says which
//! version it shows, so that it is always known how old a picture is.

use std::collections::BTreeSet;

use headcount_core::Instant;

use crate::{HostId, Looks, ServiceId};

/// The ground truth.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    up: Vec<bool>,
    version: Vec<u32>,
    /// The version at which the host last came up, or its address changed.
    incarnation: Vec<u32>,
    changed: Vec<Instant>,
    looks: Vec<Looks>,
    count_up: u64,
    /// The hosts that are up, by service.
    services: Vec<BTreeSet<HostId>>,
}

/// A host as it is or was: what backends show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: u32,
    pub(crate) incarnation: u32,
    pub(crate) looks: Looks,
}

impl Truth {
    pub(crate) fn new(services: usize) -> Self {
        Self {
            services: vec![BTreeSet::new(); services],
            ..Self::default()
        }
    }

    /// The hosts of a service that are up.
    pub fn hosts_of(&self, service: ServiceId) -> impl ExactSizeIterator<Item = HostId> + '_ {
        self.services[service.place()].iter().copied()
    }

    /// How many rows there are, up or not.
    pub fn len(&self) -> usize {
        self.up.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.up.is_empty()
    }

    /// How many hosts are up.
    pub fn count_up(&self) -> u64 {
        self.count_up
    }

    /// Whether `host` is up.
    pub fn is_up(&self, host: HostId) -> bool {
        self.up.get(host.place()).copied().unwrap_or(false)
    }

    /// How often `host` changed; zero before it ever was.
    pub fn version(&self, host: HostId) -> u32 {
        self.version.get(host.place()).copied().unwrap_or(0)
    }

    /// When `host` last changed.
    pub fn changed(&self, host: HostId) -> Instant {
        self.changed.get(host.place()).copied().unwrap_or_default()
    }

    /// How `host` looks, or looked when it was last up; `None` if it never was.
    pub fn looks(&self, host: HostId) -> Option<&Looks> {
        self.looks.get(host.place()).filter(|_| self.version(host) > 0)
    }

    /// The host as it is, if it is up.
    pub(crate) fn row(&self, host: HostId) -> Option<Row> {
        let place = host.place();
        if !self.is_up(host) {
            return None;
        }
        Some(Row {
            version: self.version[place],
            incarnation: self.incarnation[place],
            looks: self.looks[place],
        })
    }

    /// Brings a host up, or changes how it looks. Says whether anything changed.
    pub(crate) fn up(&mut self, now: Instant, host: HostId, looks: Looks) -> bool {
        let place = host.place();
        if place >= self.up.len() {
            self.up.resize(place + 1, false);
            self.version.resize(place + 1, 0);
            self.incarnation.resize(place + 1, 0);
            self.changed.resize(place + 1, Instant::ZERO);
            self.looks.resize(place + 1, looks);
        }
        let was = self.up[place];
        if was && self.looks[place] == looks {
            return false;
        }
        self.version[place] += 1;
        if !was || self.looks[place].address != looks.address {
            self.incarnation[place] = self.version[place];
        }
        if was && self.looks[place].service != looks.service {
            self.services[self.looks[place].service.place()].remove(&host);
        }
        self.count_up += u64::from(!was);
        self.services[looks.service.place()].insert(host);
        self.up[place] = true;
        self.looks[place] = looks;
        self.changed[place] = now;
        true
    }

    /// Takes a host down. Says whether it was up.
    pub(crate) fn down(&mut self, now: Instant, host: HostId) -> bool {
        let place = host.place();
        if !self.is_up(host) {
            return false;
        }
        self.up[place] = false;
        self.version[place] += 1;
        self.changed[place] = now;
        self.count_up -= 1;
        self.services[self.looks[place].service.place()].remove(&host);
        true
    }
}
