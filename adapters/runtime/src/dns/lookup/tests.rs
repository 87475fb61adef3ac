use headcount_discoverer::env::{Record, RecordType, SearchList};
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap().0
}

fn server(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 53))
}

fn resolver(servers: u8, domains: &[&str]) -> Resolver {
    Resolver {
        servers: (1..=servers).map(server).collect(),
        search: SearchList {
            domains: domains.iter().map(|domain| name(domain)).collect(),
            ndots: 1,
        },
        timeout: SECOND * 5,
        attempts: 2,
        rotate: false,
        only_tcp: false,
    }
}

type Answer = Result<Reply, ServerTrouble>;

fn found() -> Answer {
    Ok(Reply::Found(Found::Records(vec![Record::A([10, 1, 1, 1].into())])))
}

fn no_data() -> Answer {
    Ok(Reply::Found(Found::NoData))
}

fn no_name() -> Answer {
    Ok(Reply::Found(Found::NoSuchName))
}

fn servfail() -> Answer {
    Ok(Reply::Code(2))
}

fn silence() -> Answer {
    Err(ServerTrouble::Timeout(SECOND * 5))
}

fn unreachable() -> Answer {
    Err(ServerTrouble::Unreachable(std::io::ErrorKind::ConnectionRefused.into()))
}

/// Runs a lookup of "web" against servers that answer like this; the questions, a word each, and the end.
fn run(resolver: Resolver, mut answer: impl FnMut(&Ask) -> Answer) -> (Vec<String>, Result<DnsAnswer, DnsError>) {
    let question = DnsQuestion::new("web", RecordType::A);
    let mut now = Instant::ZERO;
    let mut lookup = Lookup::new(question, resolver, now + SECOND * 60).unwrap();
    let mut asked = Vec::new();
    loop {
        match lookup.next(now) {
            Next::Done(result) => return (asked, result),
            Next::Ask(ask) => {
                let SocketAddr::V4(server) = ask.server else {
                    panic!("{}", ask.server)
                };
                let over = match ask.over {
                    Over::Tcp => "tcp".to_owned(),
                    Over::Udp(size) => size.map_or_else(|| "plain".to_owned(), |size| size.to_string()),
                };
                asked.push(format!("{}@{}/{over}", ask.name, server.ip().octets()[3]));
                let answer = answer(&ask);
                if matches!(answer, Err(ServerTrouble::Timeout(_))) {
                    now = now + ask.timeout;
                }
                lookup.heard(answer);
                assert!(asked.len() < 1000, "it never ends");
            }
        }
    }
}

/// The questions, and what was found of which name.
fn said(resolver: Resolver, answer: impl FnMut(&Ask) -> Answer) -> (Vec<String>, String) {
    let (asked, result) = run(resolver, answer);
    let said = result.map_or_else(
        |error| error.to_string(),
        |answer| {
            let what = match answer.found {
                Found::Records(_) => "records",
                Found::NoData => "no data",
                Found::NoSuchName => "no such name",
            };
            format!("{} {what}", answer.name)
        },
    );
    (asked, said)
}

#[test]
fn the_first_name_that_exists_is_the_answer() {
    let search = || resolver(2, &["a.test", "b.test"]);
    let (asked, said_of) = said(search(), |ask| {
        if ask.name == name("web.b.test") {
            found()
        } else {
            no_name()
        }
    });
    assert_eq!(asked, ["web.a.test.@1/4096", "web.b.test.@1/4096"]);
    assert_eq!(said_of, "web.b.test. records");
    let (asked, said_of) = said(search(), |_| no_data());
    assert_eq!((asked.len(), said_of.as_str()), (1, "web.a.test. no data"));
    let (asked, said_of) = said(search(), |_| no_name());
    assert_eq!((asked.len(), said_of.as_str()), (3, "web. no such name"));
}

#[test]
fn a_server_that_fails_is_followed_by_the_next_and_asked_no_more() {
    let (asked, said_of) = said(resolver(3, &[]), |ask| match ask.server {
        it if it == server(1) => servfail(),
        it if it == server(2) => unreachable(),
        _ => found(),
    });
    assert_eq!(asked, ["web.@1/4096", "web.@2/4096", "web.@3/4096"]);
    assert_eq!(said_of, "web. records");
    let (asked, said_of) = said(resolver(2, &[]), |_| servfail());
    assert_eq!(asked.len(), 2);
    let expected = "looking up web (A): 10.0.0.1:53 answered SERVFAIL (web.); 10.0.0.2:53 answered SERVFAIL (web.)";
    assert_eq!(said_of, expected);
}

#[test]
fn silence_is_asked_again_after_the_others_for_less_and_then_left_alone() {
    let (asked, said_of) = said(resolver(2, &["a.test"]), |ask| {
        if ask.server == server(1) { silence() } else { no_name() }
    });
    // The second server settles the name, and is asked first from then on.
    assert_eq!(asked, ["web.a.test.@1/4096", "web.a.test.@2/4096", "web.@2/4096"]);
    assert_eq!(
        said_of, "web. no such name",
        "a server that is down makes no name uncertain"
    );
    let (asked, said_of) = said(resolver(2, &["a.test"]), |ask| {
        if ask.server == server(1) { silence() } else { servfail() }
    });
    let expected = [
        "web.a.test.@1/4096",
        "web.a.test.@2/4096",
        "web.a.test.@1/1232",
        "web.@2/4096",
    ];
    assert_eq!(asked, expected);
    assert!(
        said_of.contains("10.0.0.1:53 did not answer within 5s (web.a.test.)"),
        "{said_of}"
    );
}

#[test]
fn where_nobody_could_say_a_denial_of_other_names_denies_nothing() {
    let (_, said_of) = said(resolver(1, &["a.test"]), |ask| {
        if ask.name == name("web.a.test") {
            servfail()
        } else {
            no_name()
        }
    });
    assert_eq!(
        said_of,
        "looking up web (A): 10.0.0.1:53 answered SERVFAIL (web.a.test.)"
    );
    let (_, said_of) = said(resolver(1, &["a.test"]), |ask| {
        if ask.name == name("web.a.test") {
            servfail()
        } else {
            found()
        }
    });
    assert_eq!(said_of, "web. records", "as in Prometheus");
}

#[test]
fn what_does_not_fit_is_asked_for_over_tcp_and_edns_is_left_out_where_it_is_unknown() {
    let (asked, said_of) = said(resolver(1, &[]), |ask| match ask.over {
        Over::Tcp => found(),
        Over::Udp(_) => Ok(Reply::Truncated),
    });
    assert_eq!(
        (asked, said_of.as_str()),
        (vec!["web.@1/4096".to_owned(), "web.@1/tcp".to_owned()], "web. records")
    );
    let (asked, said_of) = said(resolver(1, &[]), |ask| match ask.over {
        Over::Udp(Some(_)) => Ok(Reply::Code(FORMERR)),
        _ => found(),
    });
    assert_eq!((asked[1].as_str(), said_of.as_str()), ("web.@1/plain", "web. records"));
    let (asked, _) = said(resolver(2, &[]), |_| Ok(Reply::Code(FORMERR)));
    assert_eq!(asked, ["web.@1/4096", "web.@1/plain", "web.@2/4096", "web.@2/plain"]);
    let (asked, said_of) = said(resolver(1, &[]), |_| Ok(Reply::Truncated));
    assert_eq!(asked, ["web.@1/4096", "web.@1/tcp"]);
    assert!(said_of.contains("cut short, over TCP as well"), "{said_of}");
}

#[test]
fn closed_tcp_does_not_spoil_the_rest_of_the_lookup() {
    // The first name's answer is too long for UDP and TCP is blocked; the second's is not.
    let (asked, _) = said(resolver(1, &["a.test"]), |ask| {
        match (ask.over, ask.name == name("web")) {
            (Over::Tcp, _) => unreachable(),
            (_, true) => found(),
            (_, false) => Ok(Reply::Truncated),
        }
    });
    assert_eq!(asked, ["web.a.test.@1/4096", "web.a.test.@1/tcp", "web.@1/4096"]);
    let only_tcp = Resolver {
        only_tcp: true,
        ..resolver(1, &["a.test"])
    };
    let (asked, _) = said(only_tcp, |_| unreachable());
    assert_eq!(asked, ["web.a.test.@1/tcp"]);
}

#[test]
fn it_ends_at_its_deadline() {
    let mut patient = resolver(3, &["a.test", "b.test"]);
    patient.timeout = SECOND * 25;
    let (asked, said_of) = said(patient, |_| silence());
    assert_eq!(asked.len(), 3, "25, 25 and 10 seconds: {asked:?}");
    assert!(said_of.contains("10.0.0.3:53"), "{said_of}");
}

proptest! {
    /// Whatever servers do: it ends, within bounds, and says that there is no such name only if each name was
    /// denied.
    #[test]
    fn only_what_was_said_is_told(servers in 0_u8..4, domains in 0_usize..3, script in prop::collection::vec(0_u8..9, 200)) {
        let domains: Vec<_> = ["a.test", "b.test", "c.test"].into_iter().take(domains).collect();
        let (mut script, mut denied, mut truth) = (script.into_iter(), Vec::new(), Vec::new());
        let (asked, result) = run(resolver(servers, &domains), |ask| {
            let answer = match script.next().unwrap_or(8) {
                0 => found(),
                1 => no_data(),
                2 => no_name(),
                3 => servfail(),
                4 => unreachable(),
                5 => Ok(Reply::Truncated),
                6 => Ok(Reply::Code(FORMERR)),
                7 => Err(ServerTrouble::Malformed("x".into())),
                _ => silence(),
            };
            match &answer {
                Ok(Reply::Found(Found::NoSuchName)) => denied.push(ask.name.clone()),
                Ok(Reply::Found(found)) => truth.push((ask.name.clone(), ask.server, found.clone())),
                _ => {}
            }
            answer
        });
        let names = domains.len() + 1;
        prop_assert!(asked.len() <= names * usize::from(servers) * 2 * 3, "{asked:?}");
        match result {
            Ok(DnsAnswer { found: Found::NoSuchName, .. }) => prop_assert_eq!(denied.len(), names),
            Ok(answer) => prop_assert_eq!(truth, [(answer.name, answer.server, answer.found)]),
            Err(_) => prop_assert!(truth.is_empty() && denied.len() < names),
        }
    }
}
