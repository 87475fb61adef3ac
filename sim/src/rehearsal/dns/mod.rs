//! A virtual DNS: the resolver that discoverers are given, and the server that answers it.

mod resolver;
mod server;

pub(super) use resolver::Resolver;
pub(super) use server::NameServer;

use headcount_discoverer::env::{DomainName, Found, RecordType, ServerTrouble};

/// A name, completed, and what is asked about it.
pub(super) type Question = (DomainName, RecordType);
/// What is found, or what the server does instead of answering.
type Arrival = Result<Found, ServerTrouble>;

/// Questions on their way to the server, and answers on their way back.
pub(super) type Line = super::line::Line<Question, Arrival>;
type Stream = super::line::Stream<Arrival>;
