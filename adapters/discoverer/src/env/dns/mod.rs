//! Asking the DNS.
//!
//! The one rule: **"there is no such name" is an answer, "nobody could say" is an error.** Who discovers targets
//! drops them on the first and keeps them on the second, so the two have different types.

mod name;
mod search;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{Cause, FileError, NotAvailable};
use crate::BoxFuture;

pub use name::{DomainName, NameError};
pub use search::SearchList;

/// Asks the DNS.
pub trait Dns: Send + Sync {
    /// Looks up a name, and gives up when `within` has passed.
    ///
    /// A name without a dot at its end is completed as the resolver is set up (`search` and `ndots` in
    /// resolv.conf): the names that come of it are asked for in turn, and the first that exists is the answer,
    /// even if it has no record of this type.
    fn lookup(&self, question: DnsQuestion, within: Duration) -> BoxFuture<'static, Result<DnsAnswer, DnsError>>;
}

/// A name, and what is asked about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsQuestion {
    /// The name as somebody wrote it, with or without a dot at its end.
    pub name: String,
    /// What is asked for.
    pub record_type: RecordType,
}

impl DnsQuestion {
    /// Asks for records of this type.
    pub fn new(name: impl Into<String>, record_type: RecordType) -> Self {
        Self {
            name: name.into(),
            record_type,
        }
    }
}

impl fmt::Display for DnsQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.record_type)
    }
}

/// A type of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Mail servers.
    Mx,
    /// Name servers.
    Ns,
    /// Services, with their ports.
    Srv,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Srv => "SRV",
        })
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A mail server.
    Mx {
        /// Lower is asked first.
        preference: u16,
        /// The server.
        exchange: DomainName,
    },
    /// A name server.
    Ns(DomainName),
    /// A service.
    Srv {
        /// Lower is asked first.
        priority: u16,
        /// The share among those of equal priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host. The root (`.`) says that there is no such service.
        target: DomainName,
    },
}

impl Record {
    /// What type of record it is.
    pub fn record_type(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Mx { .. } => RecordType::Mx,
            Self::Ns(_) => RecordType::Ns,
            Self::Srv { .. } => RecordType::Srv,
        }
    }
}

/// What the DNS says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name that it is about, completed; of several that all do not exist, the last.
    pub name: DomainName,
    /// Who says it.
    pub server: SocketAddr,
    /// What.
    pub found: Found,
}

/// What there is of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// These records, in the server's order; at least one. Aliases (CNAME) on the way to them are left out.
    Records(Vec<Record>),
    /// The name exists and has no record of this type.
    NoData,
    /// There is no such name.
    NoSuchName,
}

impl Found {
    /// These records, or no data.
    pub fn records(records: Vec<Record>) -> Self {
        if records.is_empty() {
            Self::NoData
        } else {
            Self::Records(records)
        }
    }
}

/// Why nobody could say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// There is no DNS here.
    #[error("looking up {question}: {source}")]
    NotAvailable {
        /// What was asked.
        question: DnsQuestion,
        /// What is missing.
        source: NotAvailable,
    },
    /// No server can be asked for this, because it is no name.
    #[error("looking up {question}: it is not a name in the DNS: {source}")]
    Name {
        /// What was asked.
        question: DnsQuestion,
        /// What is wrong.
        source: NameError,
    },
    /// It is not known whom to ask.
    #[error("looking up {question}: finding the name servers: {source}")]
    Configuration {
        /// What was asked.
        question: DnsQuestion,
        /// Why resolv.conf can't be read.
        source: FileError,
    },
    /// It is not known whom to ask: resolv.conf was read and names nobody.
    #[error("looking up {question}: {} names no name server", path.display())]
    NoServer {
        /// What was asked.
        question: DnsQuestion,
        /// The file.
        path: PathBuf,
    },
    /// No server gave an answer that settles it.
    #[error("looking up {question}: {}", list(.failures))]
    Unanswered {
        /// What was asked.
        question: DnsQuestion,
        /// What became of each question to each server, in order.
        failures: Vec<ServerFailure>,
    },
}

/// A server that did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server} {trouble} ({name})")]
pub struct ServerFailure {
    /// The server.
    pub server: SocketAddr,
    /// The name that it was asked for, completed.
    pub name: DomainName,
    /// What it did instead.
    pub trouble: ServerTrouble,
}

/// What a server does that gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerTrouble {
    /// It answers with an error: SERVFAIL, REFUSED, …
    #[error("answered {}", code_name(*.0))]
    Code(u16),
    /// It does not answer.
    #[error("did not answer within {0:?}")]
    Timeout(Duration),
    /// It can't be reached, or breaks the connection.
    #[error("can't be asked: {0}")]
    Unreachable(Cause),
    /// Its answer can't be understood.
    #[error("sent an answer that is not DNS: {0}")]
    Malformed(Cause),
    /// Its answer is cut short, over TCP as well.
    #[error("sent an answer that was cut short, over TCP as well")]
    Truncated,
}

/// The response code SERVFAIL: the server tried, and failed.
pub const SERVFAIL: u16 = 2;
/// The response code REFUSED: the server does not want to answer us.
pub const REFUSED: u16 = 5;

fn code_name(code: u16) -> String {
    match code {
        1 => "FORMERR".to_owned(),
        SERVFAIL => "SERVFAIL".to_owned(),
        4 => "NOTIMP".to_owned(),
        REFUSED => "REFUSED".to_owned(),
        9 => "NOTAUTH".to_owned(),
        16 => "BADVERS".to_owned(),
        other => format!("with response code {other}"),
    }
}

/// Failures that say the same are said once, and of many the first few.
fn list(failures: &[ServerFailure]) -> String {
    const SHOWN: usize = 4;
    let mut texts: Vec<String> = Vec::new();
    for failure in failures {
        let text = failure.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let more = texts.len().saturating_sub(SHOWN);
    texts.truncate(SHOWN);
    if more > 0 {
        texts.push(format!("and {more} more failures"));
    }
    if texts.is_empty() {
        return "there was no time to ask".to_owned();
    }
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_who_did_what_and_does_not_repeat_itself() {
        let failure = |server: &str, trouble| ServerFailure {
            server: server.parse().expect("an address"),
            name: DomainName::parse("web.sd.test").expect("a name").0,
            trouble,
        };
        let slow = failure("10.0.0.1:53", ServerTrouble::Timeout(Duration::from_secs(5)));
        let error = |failures| DnsError::Unanswered {
            question: DnsQuestion::new("web", RecordType::Srv),
            failures,
        };
        let few = vec![
            slow.clone(),
            failure("[fd00::2]:53", ServerTrouble::Code(SERVFAIL)),
            slow.clone(),
        ];
        assert_eq!(
            error(few).to_string(),
            "looking up web (SRV): 10.0.0.1:53 did not answer within 5s (web.sd.test.); [fd00::2]:53 answered SERVFAIL \
             (web.sd.test.)"
        );
        let codes = (20..27).map(|code| failure("10.0.0.1:53", ServerTrouble::Code(code)));
        let text = error(codes.collect()).to_string();
        assert!(text.ends_with("; and 3 more failures"), "{text}");
        let text = error(Vec::new()).to_string();
        assert_eq!(text, "looking up web (SRV): there was no time to ask");
    }
}
