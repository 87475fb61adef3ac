//! Connections of bytes: those that discoverers are given, and what becomes of what is said on them on the way to a
//! [`Wire`] and back.
//!
//! A connection is one that TCP could be: bytes arrive in their order or not at all, and after some that got lost
//! nothing arrives any more.

mod client;
mod servers;

pub(super) use client::Connector;
pub(super) use servers::Wires;

use headcount_discoverer::env::Endpoint;

use super::Shown;

/// A virtual server that is spoken to on connections.
///
/// It knows nothing of faults, as a [`Site`](super::Site) doesn't: those that break connections, delay what is said or cut
/// it off happen on the way; those that show something else than there is happen to what it is shown.
pub trait Wire: Send {
    /// Something arrives on a connection, in whatever pieces. Gives what is said to it.
    fn hear(&mut self, connection: u64, bytes: &[u8], shown: &Shown) -> Vec<u8>;

    /// Something else is shown. Gives what is said of it, and on which connections.
    fn changed(&mut self, shown: &Shown) -> Vec<(u64, Vec<u8>)>;

    /// A connection is no longer there.
    fn closed(&mut self, connection: u64);

    /// Forgets all sessions ([`SessionExpiry`](crate::FaultKind::SessionExpiry)).
    fn expire(&mut self) {}
}

/// What a discoverer does with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    Connect(Endpoint),
    Say(Vec<u8>),
    Close,
}

/// What a discoverer does, and with which connection.
pub(super) type Said = (u64, Doing);

/// Something that arrives at a discoverer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arrival {
    Connected,
    Bytes(Vec<u8>),
    Closed,
    Refused,
    Reset,
}

/// What discoverers say on its way to the servers.
pub(super) type Line = super::line::Line<Said, Arrival>;
type Stream = super::line::Stream<Arrival>;
type Incoming = super::line::Incoming<Arrival>;
