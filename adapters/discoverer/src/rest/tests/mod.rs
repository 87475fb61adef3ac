mod model;

use std::collections::BTreeMap;
use std::str::Utf8Error;
use std::sync::{Mutex, MutexGuard};

use headcount_core::{Instant, UpdateKind};

use super::*;
use crate::env::{HttpRequest, HttpResponse};
use crate::metrics::Kind;
use crate::testing::{Answer, Collected, Received, World};

const MINUTE: Duration = Duration::from_secs(60);

/// A zone of the cloud below.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Zone(String);

impl Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "zone {}", self.0)
    }
}

const FAILURES: Definition = Definition {
    name: "cloud_failures_total",
    help: "Refreshes that failed, wholly or in a part.",
    kind: Kind::Counter,
};

/// Lists what a server says, one address a line. Each address is a group.
struct Cloud {
    client: HttpClientSettings,
    server: Arc<Mutex<Server>>,
}

fn lines(answer: &HttpResponse) -> Result<Page<String>, Utf8Error> {
    Ok(Page {
        items: std::str::from_utf8(&answer.body)?.lines().map(str::to_owned).collect(),
        next: answer.header("next").map(HttpRequest::get),
    })
}

impl Rest for Cloud {
    type Part = Zone;
    type Found = Vec<String>;
    const READING: &'static str = "listing the servers of";
    const FAILURES: Option<Definition> = Some(FAILURES);

    fn client(&self) -> &HttpClientSettings {
        &self.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Zone>, ReadError> {
        Ok(lock(&self.server).zones.keys().cloned().map(Zone).collect())
    }

    async fn read(&self, zone: &Zone, ask: &Ask<'_>) -> Result<Option<Vec<String>>, ReadError> {
        let url = format!("http://cloud/{}{}", zone.0, lock(&self.server).further);
        if zone.0 == "single" {
            let answer = ask.changed(HttpRequest::get(&url)).await?;
            let page = answer.map(|answer| lines(&answer)).transpose();
            let page = page.map_err(|error| ReadError::answer(&url, error))?;
            return Ok(page.map(|page| page.items));
        }
        ask.pages(HttpRequest::get(url), lines).await.map(Some)
    }

    fn encode(&self, _zone: &Zone, found: Vec<String>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        for address in found {
            batch.group(&address, [("a", "b")], [[("__address__", address.as_str())]])?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Server {
    /// Pages of each.
    zones: BTreeMap<String, ServedZone>,
    /// Where it is asked, behind a zone's name.
    further: &'static str,
}

#[derive(Debug, Clone, Default)]
struct ServedZone {
    pages: Vec<Vec<String>>,
    trouble: Trouble,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Trouble {
    #[default]
    None,
    /// The next request fails.
    Hiccup,
    /// From this page on.
    Down(usize),
    Hangs(usize),
    Garbled(usize),
    /// The last page says that the first one comes next.
    Circle,
    Busy,
}

fn lock(server: &Mutex<Server>) -> MutexGuard<'_, Server> {
    server.lock().expect("nobody panics")
}

/// A world in which a cloud is asked, and its server.
fn world() -> (World, Arc<Mutex<Server>>) {
    let mut world = World::new();
    let server = Arc::new(Mutex::new(Server::default()));
    let asked = server.clone();
    world.http.serve("http://cloud/", move |request| {
        let path = request.url.trim_start_matches("http://cloud/");
        let (zone, page) = path.split_once("?page=").unwrap_or((path, "0"));
        lock(&asked).answer(zone, page.parse().expect("a number"))
    });
    let cloud = Arc::new(Cloud {
        client: HttpClientSettings::default(),
        server: server.clone(),
    });
    world.start(Box::new(move |env, updates| run(MINUTE, cloud, env, updates)));
    (world, server)
}

impl Server {
    fn answer(&mut self, name: &str, number: usize) -> Answer {
        let Some(zone) = self.zones.get_mut(name) else {
            return Answer::new(404);
        };
        match zone.trouble {
            Trouble::Hiccup => {
                zone.trouble = Trouble::None;
                return Answer::new(502);
            }
            Trouble::Down(page) if page <= number => return Answer::new(500),
            Trouble::Hangs(page) if page <= number => return Answer::hangs(),
            Trouble::Garbled(page) if page <= number => return Answer::new(200).body(b"\xff".as_slice()),
            Trouble::Busy => return Answer::new(429).header("retry-after", "90"),
            _ => {}
        }
        let body = zone.pages.get(number).map(|page| page.join("\n")).unwrap_or_default();
        let last = zone.pages.len().saturating_sub(1);
        let next = match zone.trouble {
            _ if number < last => Some(number + 1),
            Trouble::Circle => Some(0),
            _ => None,
        };
        let answer = Answer::new(200).body(body);
        match next {
            Some(next) => answer.header("next", &format!("http://cloud/{name}?page={next}")),
            None => answer,
        }
    }

    fn set(&mut self, zone: &str, pages: &[&[&str]]) {
        let pages = pages.iter().map(|page| page.iter().map(ToString::to_string).collect());
        let served = self.zones.entry(zone.to_owned()).or_default();
        served.pages = pages.collect();
    }

    fn trouble(&mut self, zone: &str, trouble: Trouble) {
        self.zones.get_mut(zone).expect("a zone").trouble = trouble;
    }
}

/// The parts that are missing, with the reasons.
fn missing(received: &Received) -> Vec<(&str, &str)> {
    let missing = received.update().and_then(|update| update.missing());
    let parts = missing.into_iter().flat_map(|missing| missing.parts());
    parts.map(|part| (part.part.as_str(), part.reason.as_str())).collect()
}

fn last(received: &[Received]) -> &Received {
    received.last().expect("something is reported")
}

#[test]
fn parts_and_their_pages_are_one_full_update() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["1", "2"], &["3"], &["4"]]);
    lock(&server).set("b", &[&["5"]]);
    let received = world.settle();
    assert_eq!(received[0].update().map(|update| update.kind()), Some(UpdateKind::Full));
    let mut collected = Collected::default();
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["1", "2", "3", "4", "5"]);
    assert_eq!(world.http.take_requests().len(), 4);
}

#[test]
fn what_fails_keeps_what_it_had_and_the_others_go_on() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["1"], &["2"]]);
    lock(&server).set("b", &[&["3"]]);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    // The second page is down, so the new first page is not known either.
    lock(&server).set("a", &[&["9"], &["2"]]);
    lock(&server).trouble("a", Trouble::Down(1));
    lock(&server).set("b", &[&["4"]]);
    let received = world.run_for(MINUTE);
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["1", "2", "4"]);
    let reason = "http://cloud/a?page=1: the server answered with status 500, not 200";
    assert_eq!(missing(last(&received)), [("zone a", reason)]);
    let kept = last(&received).update().map(|update| update.kept());
    assert_eq!(kept, Some(2), "what zone a had");
    // Both: a failure.
    lock(&server).trouble("b", Trouble::Down(0));
    let received = world.run_for(MINUTE * 2);
    let failure = format!("listing the servers of zone a: {reason}; and so for the other part");
    assert_eq!(last(&received).failure(), Some(failure.as_str()));
    // A zone that is gone is, even while another fails.
    lock(&server).zones.remove("b");
    lock(&server).set("c", &[&["5"]]);
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.addresses(), ["1", "2", "5"]);
    lock(&server).trouble("a", Trouble::None);
    let received = world.run_for(MINUTE * 2);
    collected.receive(&received);
    assert_eq!(
        last(&received).update().map(|update| update.kind()),
        Some(UpdateKind::Completing)
    );
    assert_eq!(collected.addresses(), ["2", "5", "9"]);
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let (mut world, server) = world();
    lock(&server).set("single", &[&["1"]]);
    let received = world.run_for(MINUTE * 5);
    assert!(received.len() >= 5);
    assert!(
        received[1..]
            .iter()
            .all(|received| received.update().is_some_and(|u| u.groups().is_empty()))
    );
    lock(&server).trouble("single", Trouble::Garbled(0));
    assert!(last(&world.run_for(MINUTE * 2)).failure().is_some());
    // What could not be understood is not taken for known.
    lock(&server).trouble("single", Trouble::None);
    let received = world.run_for(MINUTE * 2);
    assert!(last(&received).failure().is_none());
}

#[test]
fn a_server_is_told_what_it_said_of_its_answer() {
    let (mut world, server) = world();
    lock(&server).set("single", &[]);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let tagged = Answer::new(200)
        .header("etag", "\"1\"")
        .header("last-modified", date)
        .body("1");
    world.http.at("http://cloud/single").now(tagged).then(Answer::new(304));
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(collected.addresses(), ["1"]);
    let requests = world.http.take_requests();
    assert_eq!(requests[0].header("if-none-match"), None);
    for request in &requests[1..] {
        assert_eq!(request.header("if-none-match"), Some("\"1\""));
        assert_eq!(request.header("if-modified-since"), Some(date));
    }
}

/// What says that an answer is as it was was said of another one.
#[test]
fn another_request_is_not_sent_with_the_tag_of_the_last_one() {
    let (mut world, server) = world();
    lock(&server).set("single", &[]);
    let tagged = || Answer::new(200).header("etag", "\"1\"").body("1");
    world.http.at("http://cloud/single").now(tagged());
    world.http.at("http://cloud/single/2").now(tagged());
    world.settle();
    lock(&server).further = "/2";
    let received = world.run_for(MINUTE);
    assert_eq!(last(&received).update().map(|update| update.groups().len()), Some(1));
    let requests = world.http.take_requests();
    assert_eq!(requests[1].request.url, "http://cloud/single/2");
    assert_eq!(requests[1].header("if-none-match"), None);
}

#[test]
fn the_same_bytes_of_another_type_are_read_again() {
    let (mut world, server) = world();
    lock(&server).set("single", &[]);
    let of_type = |content_type| Answer::new(200).header("content-type", content_type).body("1");
    let script = world.http.at("http://cloud/single");
    script
        .now(of_type("text/a"))
        .then(of_type("text/a"))
        .then(of_type("text/b"));
    let received = world.run_for(MINUTE * 3);
    let groups = received
        .iter()
        .map(|received| received.update().map(|update| update.groups().len()));
    assert_eq!(groups.take(3).collect::<Vec<_>>(), [Some(1), Some(0), Some(1)]);
}

/// B11.
#[test]
fn a_part_without_targets_counts_when_it_is_seen_a_second_time() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["1"]]);
    lock(&server).set("b", &[&["2"]]);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    lock(&server).set("a", &[]);
    let received = world.run_until_received(MINUTE);
    assert_eq!(missing(last(&received)).len(), 1, "{received:?}");
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["1", "2"]);
    collected.receive(&world.run_until_received(MINUTE * 2));
    assert_eq!(collected.addresses(), ["2"]);
}

#[test]
fn a_refresh_that_fails_in_a_part_is_counted_as_a_failure() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["1"]]);
    lock(&server).set("b", &[&["2"]]);
    let failures = |world: &World| {
        let families = world.metrics.read();
        let family = families.iter().find(|(family, _)| family.name == FAILURES.name);
        family.map(|(_, samples)| samples.iter().map(|sample| sample.value).sum::<f64>())
    };
    world.settle();
    assert_eq!(failures(&world), Some(0.0));
    lock(&server).trouble("b", Trouble::Down(0));
    world.run_until_received(MINUTE);
    assert_eq!(failures(&world), Some(1.0));
}

#[test]
fn a_list_without_an_end_is_an_error() {
    let (mut world, server) = world();
    lock(&server).set("circle", &[&["1"], &["2"]]);
    lock(&server).trouble("circle", Trouble::Circle);
    let expected = "listing the servers of http://cloud/circle?page=0: this page of a list comes a second time";
    // The first request has no number, so it is the second round that is seen.
    assert!(
        last(&world.settle())
            .failure()
            .is_some_and(|failure| failure.contains("a second time")),
        "{expected}"
    );
    // A server that does not know what a page is.
    lock(&server).zones.clear();
    lock(&server).set("same", &[]);
    let counter = Mutex::new(0);
    world.http.serve("http://cloud/same", move |_| {
        let mut counter = counter.lock().expect("nobody panics");
        *counter += 1;
        Answer::new(200)
            .header("next", &format!("http://cloud/same?page={counter}"))
            .body("1")
    });
    world.http.take_requests();
    assert!(
        last(&world.run_for(MINUTE * 2))
            .failure()
            .is_some_and(|failure| failure.contains("a second time"))
    );
    // One that always has another page.
    let counter = Mutex::new(0);
    world.http.serve("http://cloud/same", move |_| {
        let mut counter = counter.lock().expect("nobody panics");
        *counter += 1;
        Answer::new(200)
            .header("next", &format!("http://cloud/same?page={counter}"))
            .body(counter.to_string())
    });
    let failure = "goes on after 10000 pages";
    assert!(
        last(&world.run_for(MINUTE * 2))
            .failure()
            .is_some_and(|said| said.contains(failure))
    );
}

#[test]
fn a_hiccup_is_tried_again_within_the_refresh_and_a_backend_in_trouble_is_spared() {
    let (mut world, server) = world();
    for zone in ["a", "b", "c"] {
        lock(&server).set(zone, &[&[zone]]);
    }
    lock(&server).trouble("b", Trouble::Hiccup);
    let received = world.run_for(Duration::from_secs(1));
    assert_eq!((received.len(), missing(&received[0]).len()), (1, 0));
    assert_eq!(world.http.take_requests().len(), 4);
    lock(&server).trouble("b", Trouble::Down(0));
    let received = world.run_for(MINUTE * 10);
    let asked: Vec<Instant> = world
        .http
        .take_requests()
        .into_iter()
        .filter(|sent| sent.request.url == "http://cloud/b")
        .map(|sent| sent.at)
        .collect();
    assert!(
        asked.len() >= 16 && received.len() >= 8,
        "{} {}",
        asked.len(),
        received.len()
    );
    for three in asked.windows(3) {
        let time = three[2].saturating_duration_since(three[0]);
        assert!(time >= MINUTE, "three in {time:?}");
    }
}

/// Else a refresh with second tries takes several times as long as it may.
#[test]
fn a_second_try_has_what_the_first_has_left_of_the_time() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["a"], &["b"]]);
    lock(&server).trouble("a", Trouble::Hiccup);
    world.run_for(Duration::from_secs(5));
    let sent = world.http.take_requests();
    assert_eq!(sent.len(), 3, "page 0 twice, and page 1");
    let end = |sent: &crate::testing::SentRequest| sent.at + sent.request.limits.total.expect("it has a limit");
    let ends: Vec<Instant> = sent.iter().map(end).collect();
    assert!(sent[1].at > sent[0].at, "there is a pause between them");
    assert!(ends.iter().all(|other| *other == ends[0]), "{ends:?}");
    // A server that hangs after a hiccup ends all of it with the refresh.
    let (mut world, server) = self::world();
    lock(&server).set("a", &[&["a"], &["b"]]);
    world.run_for(Duration::from_secs(5));
    lock(&server).trouble("a", Trouble::Hangs(1));
    world.http.take_requests();
    let received = world.run_for(MINUTE * 2);
    let failed = received
        .iter()
        .find(|received| received.failure().is_some())
        .expect("it fails");
    let begun = world.http.take_requests()[0].at;
    assert!(
        failed.at.saturating_duration_since(begun) <= crate::refresh::deadline(MINUTE),
        "{failed:?}"
    );
}

#[test]
fn a_part_that_wishes_to_be_left_alone_is() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["1"]]);
    lock(&server).set("b", &[&["2"]]);
    lock(&server).trouble("b", Trouble::Busy);
    let received = world.settle();
    assert_eq!(
        missing(&received[0])[0].1,
        "http://cloud/b: the server answered with status 429, not 200"
    );
    lock(&server).trouble("b", Trouble::None);
    let received = world.run_for(Duration::from_secs(89));
    let waits = missing(last(&received))[0].1;
    assert!(
        waits.starts_with("not asked for another") && waits.contains("status 429"),
        "{waits}"
    );
    let asked = world.http.take_requests();
    assert_eq!(asked.iter().filter(|sent| sent.request.url.ends_with("/b")).count(), 1);
    assert_eq!(missing(last(&world.run_for(MINUTE))).len(), 0);
    // All of them: the refresh itself waits.
    lock(&server).trouble("a", Trouble::Busy);
    lock(&server).trouble("b", Trouble::Busy);
    world.run_for(MINUTE);
    world.http.take_requests();
    assert!(world.run_for(Duration::from_secs(25)).is_empty());
    assert!(world.http.take_requests().is_empty());
}

#[test]
fn a_part_that_hangs_does_not_keep_the_others_from_being_reported() {
    let (mut world, server) = world();
    lock(&server).set("a", &[&["1"]]);
    lock(&server).set("b", &[&["2"], &["3"]]);
    lock(&server).trouble("b", Trouble::Hangs(1));
    let received = world.run_for(MINUTE);
    assert_eq!(received[0].at, Instant::ZERO + MINUTE);
    assert_eq!(
        missing(&received[0]),
        [("zone b", "http://cloud/b?page=1: cloud: no whole answer within 60s")]
    );
}
