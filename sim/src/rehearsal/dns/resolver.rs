//! The resolver: completes names, asks, and gives up by its own clock.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{
    Clock, Dns, DnsAnswer, DnsError, DnsQuestion, Found, SearchList, ServerFailure, ServerTrouble,
};

use super::{Arrival, Line, Question};

/// Who answers.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 53);

/// Asks for one discoverer.
#[derive(Clone)]
pub(in crate::rehearsal) struct Resolver {
    pub(in crate::rehearsal) clock: Arc<dyn Clock>,
    pub(in crate::rehearsal) line: Line,
}

impl Dns for Resolver {
    fn lookup(&self, question: DnsQuestion, within: Duration) -> BoxFuture<'static, Result<DnsAnswer, DnsError>> {
        let this = self.clone();
        Box::pin(async move {
            let began = this.clock.now();
            let names = match SearchList::default().complete(&question.name) {
                Ok(names) => names,
                Err(source) => return Err(DnsError::Name { question, source }),
            };
            let (mut failures, mut last) = (Vec::new(), None);
            for name in names {
                let left = within.saturating_sub(this.clock.now().saturating_duration_since(began));
                match this.ask((name.clone(), question.record_type), left).await {
                    Ok(Found::NoSuchName) => last = Some(name),
                    Ok(found) => {
                        let server = SERVER;
                        return Ok(DnsAnswer { name, server, found });
                    }
                    Err(trouble) => failures.push(ServerFailure {
                        server: SERVER,
                        name,
                        trouble,
                    }),
                }
            }
            match last {
                Some(name) if failures.is_empty() => Ok(DnsAnswer {
                    name,
                    server: SERVER,
                    found: Found::NoSuchName,
                }),
                _ => Err(DnsError::Unanswered { question, failures }),
            }
        })
    }
}

impl Resolver {
    async fn ask(&self, question: Question, within: Duration) -> Arrival {
        let incoming = self.line.post(question);
        let late = async {
            self.clock.sleep(within).await;
            Err(ServerTrouble::Timeout(within))
        };
        incoming.next().or(late).await
    }
}
