//! Which server is asked for what next: a lookup as a state machine.
//!
//! It does no input or output: [`Lookup::next`] says what to ask, and [`Lookup::heard`] is told what came of it.
//! What settles a lookup is Prometheus's: the first completed name for which a server has records, or knows that
//! there are none of this type; if every name is denied, that there is none. Anything else is no answer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::{DnsAnswer, DnsError, DnsQuestion, DomainName, Found, ServerFailure, ServerTrouble};

use super::message::Reply;
use super::resolver::Resolver;

/// Longest answer over UDP: what Prometheus's library asks for.
pub(super) const LARGE: u16 = 4096;
/// The same after a server did not answer. It may have, in fragments that were lost on the way; so much comes
/// through in one piece everywhere.
const SAFE: u16 = 1232;

/// Response codes of servers that don't know EDNS.
const FORMERR: u16 = 1;
const NOTIMP: u16 = 4;

/// A question to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) server: SocketAddr,
    pub(super) name: DomainName,
    pub(super) over: Over,
    pub(super) timeout: Duration,
}

/// How it gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// By datagram, with the longest answer that is taken, if EDNS is spoken.
    Udp(Option<u16>),
    /// By connection.
    Tcp,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    Ask(Ask),
    Done(Result<DnsAnswer, DnsError>),
}

/// A lookup that goes on.
#[derive(Debug)]
pub(super) struct Lookup {
    question: DnsQuestion,
    resolver: Resolver,
    deadline: Instant,
    names: VecDeque<DomainName>,
    /// The name that is asked for, until a server settles it.
    name: Option<DomainName>,
    /// What is still to be tried for it.
    tries: VecDeque<Try>,
    /// What was asked last.
    asked: Option<Try>,
    /// Whether a name before could not be settled.
    is_unsettled: bool,
    failures: Vec<ServerFailure>,
    /// Servers that are of no use for the rest of this lookup.
    dead: Vec<SocketAddr>,
    /// The last name that was denied, and by whom.
    denied: Option<(DomainName, SocketAddr)>,
    answer: Option<DnsAnswer>,
}

#[derive(Debug, Clone, Copy)]
struct Try {
    server: SocketAddr,
    over: Over,
    attempt: u32,
}

impl Lookup {
    /// A lookup with this resolver that has to end at the deadline.
    ///
    /// # Errors
    /// The question is not about a name in the DNS.
    pub(super) fn new(question: DnsQuestion, resolver: Resolver, deadline: Instant) -> Result<Self, DnsError> {
        let names = match resolver.search.complete(&question.name) {
            Ok(names) => names,
            Err(source) => return Err(DnsError::Name { question, source }),
        };
        Ok(Self {
            question,
            resolver,
            deadline,
            names: names.into(),
            name: None,
            tries: VecDeque::new(),
            asked: None,
            is_unsettled: false,
            failures: Vec::new(),
            dead: Vec::new(),
            denied: None,
            answer: None,
        })
    }

    /// What to ask now, or how it ended. After a question, [`heard`](Self::heard) has to be called first.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        if let Some(answer) = self.answer.take() {
            return Next::Done(Ok(answer));
        }
        let left = self.deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Next::Done(Err(self.unanswered()));
        }
        loop {
            if let (Some(next), Some(name)) = (self.tries.pop_front(), &self.name) {
                if self.dead.contains(&next.server) {
                    continue;
                }
                self.asked = Some(next);
                return Next::Ask(Ask {
                    server: next.server,
                    name: name.clone(),
                    over: next.over,
                    timeout: self.resolver.timeout.min(left),
                });
            }
            self.is_unsettled |= self.name.is_some();
            let Some(name) = self.names.pop_front() else {
                return Next::Done(self.ended());
            };
            self.begin(name);
        }
    }

    /// What came of the question before.
    pub(super) fn heard(&mut self, result: Result<Reply, ServerTrouble>) {
        let (Some(name), Some(tried)) = (self.name.clone(), self.asked.take()) else {
            return;
        };
        let is_udp = matches!(tried.over, Over::Udp(_));
        let trouble = match result {
            Ok(Reply::Found(Found::NoSuchName)) => {
                self.denied = Some((name, tried.server));
                self.name = None;
                self.tries.clear();
                return;
            }
            Ok(Reply::Found(found)) => {
                let server = tried.server;
                self.answer = Some(DnsAnswer { name, server, found });
                return;
            }
            Ok(Reply::Truncated) if is_udp => return self.again(tried, Over::Tcp),
            Ok(Reply::Code(FORMERR | NOTIMP)) if matches!(tried.over, Over::Udp(Some(_))) => {
                return self.again(tried, Over::Udp(None));
            }
            Ok(Reply::Truncated) => ServerTrouble::Truncated,
            Ok(Reply::Code(code)) => ServerTrouble::Code(code),
            Err(trouble) => trouble,
        };
        match trouble {
            ServerTrouble::Timeout(_) => {
                self.last(tried.server);
                let attempt = tried.attempt.saturating_add(1);
                if attempt < self.resolver.attempts {
                    let over = self.over(SAFE);
                    self.tries.push_back(Try { over, attempt, ..tried });
                } else {
                    self.dead.push(tried.server);
                }
            }
            // If only TCP is closed, other answers may still come by datagram.
            ServerTrouble::Unreachable(_) if is_udp || self.resolver.only_tcp => self.dead.push(tried.server),
            _ => {}
        }
        self.failures.push(ServerFailure {
            server: tried.server,
            name,
            trouble,
        });
    }

    fn begin(&mut self, name: DomainName) {
        let over = self.over(LARGE);
        let tries = self.resolver.servers.iter().map(|server| Try {
            server: *server,
            over,
            attempt: 0,
        });
        self.tries = tries.collect();
        self.name = Some(name);
    }

    fn over(&self, size: u16) -> Over {
        if self.resolver.only_tcp {
            Over::Tcp
        } else {
            Over::Udp(Some(size))
        }
    }

    /// Asks the same server the same thing in another way, at once.
    fn again(&mut self, tried: Try, over: Over) {
        self.tries.push_front(Try { over, ..tried });
    }

    /// Asks a server after the others from now on.
    fn last(&mut self, server: SocketAddr) {
        self.resolver.servers.sort_by_key(|other| *other == server);
    }

    fn ended(&mut self) -> Result<DnsAnswer, DnsError> {
        match self.denied.take() {
            // A name that nobody could say anything of may exist.
            Some((name, server)) if !self.is_unsettled => Ok(DnsAnswer {
                name,
                server,
                found: Found::NoSuchName,
            }),
            _ => Err(self.unanswered()),
        }
    }

    fn unanswered(&mut self) -> DnsError {
        DnsError::Unanswered {
            question: self.question.clone(),
            failures: std::mem::take(&mut self.failures),
        }
    }
}

#[cfg(test)]
mod tests;
