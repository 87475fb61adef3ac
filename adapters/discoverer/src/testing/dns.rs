use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_core::Instant;

use super::VirtualClock;
use crate::BoxFuture;
use crate::env::{
    Clock, Dns, DnsAnswer, DnsError, DnsQuestion, DomainName, Found, Record, RecordType, SearchList, ServerTrouble,
};

/// A DNS whose names are data, and that fails as told. Cloning shares it.
#[derive(Debug, Clone)]
pub struct VirtualDns {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

type Names = BTreeMap<DomainName, Vec<Record>>;

#[derive(Debug, Default)]
struct State {
    /// All names since each of these moments.
    history: Vec<(Instant, Arc<Names>)>,
    search: SearchList,
    faults: BTreeMap<DomainName, DnsFault>,
    fault_of_all: Option<DnsFault>,
    questions: Vec<(Instant, DnsQuestion)>,
}

/// What goes wrong with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsFault {
    /// The server answers with an error, such as [`SERVFAIL`](crate::env::SERVFAIL).
    Code(u16),
    /// The server does not answer.
    Silent,
    /// The server can't be reached.
    Unreachable(io::ErrorKind),
    /// The answer is cut short, over TCP as well.
    Truncated,
    /// The answer takes this time to come back; it says what was so when the question was asked.
    Slow(Duration),
    /// The answer is as old as this, as from a cache or a secondary server.
    Stale(Duration),
}

/// The server that answers.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 53);

impl VirtualDns {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// From now on a name has these records and no others, each as in a master file: `A 10.0.0.1`,
    /// `SRV 0 5 8080 web.sd.test`. Without any, the name exists and has no data.
    ///
    /// # Panics
    /// A name or a record can't be read.
    pub fn set(&self, name: &str, records: &[&str]) {
        self.set_records(parse_name(name), records.iter().map(|record| parse(record)).collect());
    }

    /// The same with records that are there already.
    pub fn set_records(&self, name: DomainName, records: Vec<Record>) {
        self.change(|names| names.insert(name, records));
    }

    /// From now on there is no such name.
    ///
    /// # Panics
    /// It is not a name.
    pub fn remove(&self, name: &str) {
        self.change(|names| names.remove(&parse_name(name)));
    }

    /// From now on names without a dot at their end are completed like this; without it, not at all.
    pub fn search(&self, list: SearchList) {
        self.with(|state| state.search = list);
    }

    /// From now on questions about this name go wrong.
    ///
    /// # Panics
    /// It is not a name.
    pub fn fail(&self, name: &str, fault: DnsFault) {
        self.with(|state| state.faults.insert(parse_name(name), fault));
    }

    /// From now on all questions go wrong, but for names with a fault of their own.
    pub fn fail_all(&self, fault: DnsFault) {
        self.with(|state| state.fault_of_all = Some(fault));
    }

    /// From now on nothing goes wrong.
    pub fn mend(&self) {
        self.with(|state| {
            state.faults.clear();
            state.fault_of_all = None;
        });
    }

    /// The questions since this was last called, with when they were asked.
    pub fn take_questions(&self) -> Vec<(Instant, DnsQuestion)> {
        self.with(|state| std::mem::take(&mut state.questions))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Names) -> T) {
        let now = self.clock.time();
        self.with(|state| {
            let mut names = state
                .history
                .last()
                .map_or_else(Names::new, |(_, names)| (**names).clone());
            change(&mut names);
            state.history.push((now, Arc::new(names)));
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is said of a completed name, or what goes wrong instead.
    async fn ask(&self, name: &DomainName, record_type: RecordType, within: Duration) -> Result<Found, ServerTrouble> {
        let fault = self.with(|state| state.faults.get(name).copied().or(state.fault_of_all));
        let mut age = Duration::ZERO;
        let asked = self.clock.time();
        match fault {
            None => {}
            Some(DnsFault::Code(code)) => return Err(ServerTrouble::Code(code)),
            Some(DnsFault::Unreachable(kind)) => return Err(ServerTrouble::Unreachable(kind.into())),
            Some(DnsFault::Truncated) => return Err(ServerTrouble::Truncated),
            Some(DnsFault::Slow(time)) if time < within => self.clock.sleep(time).await,
            Some(DnsFault::Silent | DnsFault::Slow(_)) => {
                self.clock.sleep(within).await;
                return Err(ServerTrouble::Timeout(within));
            }
            Some(DnsFault::Stale(time)) => age = time,
        }
        let then = asked.as_nanos().saturating_sub(age.as_nanos() as u64);
        Ok(self.with(|state| state.found(name, record_type, Instant::ZERO + Duration::from_nanos(then))))
    }
}

impl State {
    fn found(&self, name: &DomainName, record_type: RecordType, then: Instant) -> Found {
        let known = self.history.iter().rev().find(|(since, _)| *since <= then);
        let Some((_, names)) = known else {
            return Found::NoSuchName;
        };
        match names.get(name) {
            Some(records) => {
                let asked = records.iter().filter(|record| record.record_type() == record_type);
                Found::records(asked.cloned().collect())
            }
            // A name that others are below exists.
            None if names.keys().any(|other| is_below(other, name)) => Found::NoData,
            None => Found::NoSuchName,
        }
    }
}

fn is_below(name: &DomainName, parent: &DomainName) -> bool {
    let (labels, above): (Vec<_>, Vec<_>) = (name.labels().collect(), parent.labels().collect());
    let start = labels.len().saturating_sub(above.len());
    let equal = |(one, other): (&&[u8], &&[u8])| one.eq_ignore_ascii_case(other);
    labels.len() > above.len() && labels.iter().skip(start).zip(&above).all(equal)
}

impl Dns for VirtualDns {
    fn lookup(&self, question: DnsQuestion, within: Duration) -> BoxFuture<'static, Result<DnsAnswer, DnsError>> {
        let this = self.clone();
        Box::pin(async move {
            let now = this.clock.time();
            let search = this.with(|state| {
                state.questions.push((now, question.clone()));
                state.search.clone()
            });
            let record_type = question.record_type;
            let ask = |name: DomainName| {
                let left = within.saturating_sub(this.clock.time().saturating_duration_since(now));
                let this = &this;
                async move { this.ask(&name, record_type, left).await }
            };
            search.look_up(question, SERVER, ask).await
        })
    }
}

#[expect(clippy::expect_used, reason = "a mistake in a test is the test's failure")]
fn parse_name(name: &str) -> DomainName {
    DomainName::parse(name).expect("a name in the DNS").0
}

#[expect(clippy::panic, reason = "a mistake in a test is the test's failure")]
fn parse(record: &str) -> Record {
    let words: Vec<&str> = record.split_whitespace().collect();
    match words[..] {
        ["A", address] => Record::A(word(address)),
        ["AAAA", address] => Record::Aaaa(word(address)),
        ["NS", host] => Record::Ns(parse_name(host)),
        ["MX", preference, exchange] => Record::Mx {
            preference: word(preference),
            exchange: parse_name(exchange),
        },
        ["SRV", priority, weight, port, target] => Record::Srv {
            priority: word(priority),
            weight: word(weight),
            port: word(port),
            target: parse_name(target),
        },
        _ => panic!("{record}: not a record"),
    }
}

#[expect(clippy::panic, reason = "a mistake in a test is the test's failure")]
fn word<T: FromStr>(word: &str) -> T {
    word.parse()
        .unwrap_or_else(|_| panic!("{word} can't stand in a record there"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::env::SERVFAIL;
    use crate::testing::World;
    use crate::{Env, Updates};

    const SECOND: Duration = Duration::from_secs(1);

    /// What is answered within five seconds, and after how long.
    fn asked(world: &mut World, name: &str, record_type: RecordType) -> (Duration, Result<DnsAnswer, String>) {
        let (told, heard) = mpsc::channel();
        let question = DnsQuestion::new(name, record_type);
        let start = world.clock.time();
        world.start(Box::new(move |env: Env, _: Updates| async move {
            let answer = env.dns.lookup(question, SECOND * 5).await;
            let answer = answer.map_err(|error| error.to_string());
            told.send((env.clock.now(), answer)).expect("the test listens");
        }));
        world.run_for(SECOND * 6);
        let (end, answer) = heard.try_recv().expect("it ended");
        (end.saturating_duration_since(start), answer)
    }

    fn found(world: &mut World, name: &str, record_type: RecordType) -> Found {
        asked(world, name, record_type).1.expect("an answer").found
    }

    #[test]
    fn what_is_there_what_is_not_and_what_has_no_data_are_told_apart() {
        let mut world = World::new();
        world
            .dns
            .set("_http._tcp.sd.test", &["SRV 0 5 8080 web.sd.test", "A 10.0.0.1"]);
        let address = Record::A([10, 0, 0, 1].into());
        let name = "_HTTP._tcp.sd.test.";
        assert_eq!(found(&mut world, name, RecordType::A), Found::Records(vec![address]));
        assert_eq!(found(&mut world, name, RecordType::Mx), Found::NoData);
        assert_eq!(found(&mut world, "_tcp.sd.test", RecordType::A), Found::NoData);
        assert_eq!(found(&mut world, "ssd.test", RecordType::A), Found::NoSuchName);
        world.dns.remove(name);
        assert_eq!(found(&mut world, name, RecordType::A), Found::NoSuchName);
        assert_eq!(world.dns.take_questions().len(), 5);
    }

    #[test]
    fn it_fails_as_told_until_it_is_mended() {
        let mut world = World::new();
        world.dns.set("web", &["A 10.0.0.1"]);
        world.run_for(SECOND * 60);
        world.dns.set("web", &["A 10.0.0.2"]);
        world.dns.fail("web", DnsFault::Code(SERVFAIL));
        let (_, error) = asked(&mut world, "web", RecordType::A);
        let error = error.expect_err("SERVFAIL");
        assert_eq!(error, "looking up web (A): 192.0.2.53:53 answered SERVFAIL (web.)");
        world.dns.fail("web", DnsFault::Slow(SECOND));
        assert_eq!(asked(&mut world, "web", RecordType::A).0, SECOND);
        world.dns.fail_all(DnsFault::Silent);
        assert_eq!(asked(&mut world, "web", RecordType::A).0, SECOND, "a fault of its own");
        let (took, error) = asked(&mut world, "other", RecordType::A);
        assert_eq!(took, SECOND * 5);
        assert!(error.is_err_and(|error| error.contains("did not answer within 5s")));
        world.dns.fail("web", DnsFault::Stale(SECOND * 60));
        let first = |found| match found {
            Found::Records(records) => records[0].clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            first(found(&mut world, "web", RecordType::A)),
            Record::A([10, 0, 0, 1].into())
        );
        world.dns.mend();
        assert_eq!(
            first(found(&mut world, "web", RecordType::A)),
            Record::A([10, 0, 0, 2].into())
        );
    }

    #[test]
    fn a_slow_answer_says_what_was_so_when_it_was_asked_for() {
        let mut world = World::new();
        world.dns.set("web", &["A 10.0.0.1"]);
        world.dns.fail("web", DnsFault::Slow(SECOND * 3));
        let (sent, received) = mpsc::channel();
        world.start(Box::new(move |env: Env, _: Updates| async move {
            let answer = env.dns.lookup(DnsQuestion::new("web", RecordType::A), SECOND * 5).await;
            sent.send(answer.map(|answer| answer.found)).expect("the test listens");
        }));
        world.run_for(SECOND);
        world.dns.remove("web");
        world.run_for(SECOND * 3);
        let found = received.try_recv().expect("it ended").expect("an answer");
        assert_eq!(found, Found::Records(vec![Record::A([10, 0, 0, 1].into())]));
    }

    #[test]
    fn a_search_list_is_gone_through_and_a_failure_in_it_is_no_no() {
        let mut world = World::new();
        let domains = vec![parse_name("a.test"), parse_name("b.test")];
        world.dns.search(SearchList { domains, ndots: 1 });
        world.dns.set("web.b.test", &["A 10.0.0.1"]);
        let answer = asked(&mut world, "web", RecordType::A).1.expect("an answer");
        assert_eq!(answer.name.to_string(), "web.b.test.");
        assert_eq!(found(&mut world, "db", RecordType::A), Found::NoSuchName);
        world.dns.fail("db.a.test", DnsFault::Code(SERVFAIL));
        assert!(asked(&mut world, "db", RecordType::A).1.is_err(), "it may exist there");
        world.dns.fail("web.a.test", DnsFault::Code(SERVFAIL));
        assert!(asked(&mut world, "web", RecordType::A).1.is_ok(), "as in Prometheus");
    }
}
