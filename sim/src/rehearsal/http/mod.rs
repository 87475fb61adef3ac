//! HTTP over virtual connections: the clients that discoverers are given, and what becomes of their
//! requests on the way to a [`Site`](super::Site) and back.

mod client;
mod servers;
mod told;

pub(super) use client::Clients;
pub(super) use servers::Servers;

use headcount_discoverer::env::HttpRequest;

/// What a discoverer sends and what it gets, piece by piece.
pub(super) type Line = super::line::Line<HttpRequest, Arrival>;
type Stream = super::line::Stream<Arrival>;
type Incoming = super::line::Incoming<Arrival>;

/// Something that arrives at a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The connection is there.
    Connected,
    /// Status and headers.
    Head(u16, Vec<(String, String)>),
    /// A piece of the body.
    Piece(Vec<u8>),
    /// The end of the body.
    End,
    /// The connection broke, or never came to be.
    Broken(Break),
}

/// How a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// Nobody listens there.
    Refused,
    /// The other side reset it.
    Reset,
    /// It was closed before the answer was whole.
    Closed,
}
