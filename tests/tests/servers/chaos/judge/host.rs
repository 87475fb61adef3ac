//! Hosts, by their numbers.

use std::fmt;
use std::net::Ipv4Addr;

/// A host on the loopback, where nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Host(u32);

/// Hosts are 127.64.0.0 and those after it: nothing else has such an address.
const FIRST: u32 = 0x7f40_0000;

impl Host {
    /// The port of all hosts.
    pub(crate) const PORT: u16 = 9;

    /// The host with this number.
    pub(crate) fn new(number: u32) -> Self {
        Self(number)
    }

    /// The host that a target's address means.
    pub(crate) fn of(target: &str) -> Option<Self> {
        let (ip, port) = target.split_once(':')?;
        let ip: Ipv4Addr = ip.parse().ok()?;
        let number = u32::from(ip).checked_sub(FIRST)?;
        (port == "9").then_some(Self(number))
    }

    /// Its address without the port.
    pub(crate) fn ip(self) -> Ipv4Addr {
        (FIRST + self.0).into()
    }
}

/// As a target.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ip(), Self::PORT)
    }
}
