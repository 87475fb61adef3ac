//! The resolver: completes names, asks, and gives up by its own clock.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{Clock, Dns, DnsAnswer, DnsError, DnsQuestion, SearchList, ServerTrouble};

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
            let record_type = question.record_type;
            let ask = |name| {
                let left = within.saturating_sub(this.clock.now().saturating_duration_since(began));
                this.ask((name, record_type), left)
            };
            SearchList::default().look_up(question, SERVER, ask).await
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
