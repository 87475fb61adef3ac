//! The scraper in a virtual world.

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headcount_core::{Instant, PoolOutput, TargetId};
use headcount_discoverer::env::{Clock, HttpError, HttpResponse};
use headcount_discoverer::testing::{SentRequest, World};
use headcount_discoverer::{BoxFuture, Env, Updates};

use super::*;

const TEXT: (&str, &str) = ("content-type", "text/plain; version=0.0.4");

/// Targets that a test puts there.
#[derive(Default)]
struct Known {
    targets: Mutex<BTreeMap<TargetId, ScrapeTarget>>,
    refused: Mutex<Option<String>>,
}

impl Targets for Known {
    fn find(&self, job: &str, ids: &[TargetId], found: &mut dyn FnMut(TargetId, ScrapeTarget)) {
        assert_eq!(job, JOB);
        let targets = self.targets.lock().unwrap();
        for id in ids {
            if let Some(target) = targets.get(id) {
                found(*id, target.clone());
            }
        }
    }

    fn refused(&self, _job: &str) -> Option<String> {
        self.refused.lock().unwrap().clone()
    }
}

struct Scene {
    world: World,
    known: Arc<Known>,
    scraper: Scraper,
}

const JOB: &str = "node";

/// A clock whose monotonic time began earlier. The wall clock is the same.
struct Ahead(Arc<dyn Clock>, Duration);

impl Clock for Ahead {
    fn now(&self) -> Instant {
        self.0.now() + self.1
    }

    fn unix_time(&self) -> Duration {
        self.0.unix_time()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

fn id(number: u64) -> TargetId {
    TargetId::from_number(number)
}

impl Scene {
    fn new(settings: ScrapeSettings, options: ScraperOptions) -> Self {
        Self::with_clock(settings, options, Duration::ZERO)
    }

    /// In a process whose monotonic clock has counted for so much longer.
    fn with_clock(settings: ScrapeSettings, options: ScraperOptions, ahead: Duration) -> Self {
        let mut world = World::new();
        let known = Arc::new(Known::default());
        let mut env = world.env();
        env.clock = Arc::new(Ahead(env.clock, ahead));
        let scraper = Scraper::new(env, known.clone(), options);
        scraper.set_jobs([(JOB.into(), settings)]);
        let running = scraper.clone();
        world.start(Box::new(async move |_: Env, _: Updates| running.run().await));
        world.settle();
        Self { world, known, scraper }
    }

    fn plain() -> Self {
        Self::new(ScrapeSettings::default(), ScraperOptions::default())
    }

    fn put(&self, number: u64, interval: &str) {
        let labels = [
            ("__scrape_interval__", interval),
            ("__scrape_timeout__", "1s"),
            ("instance", "h:1"),
            ("job", JOB),
        ];
        let target = ScrapeTarget {
            url: format!("http://h:{number}/metrics"),
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        self.known.targets.lock().unwrap().insert(id(number), target);
    }

    fn start(&self, number: u64, interval: &str) {
        self.put(number, interval);
        self.scraper.handle(&JOB.into(), &[PoolOutput::Started(id(number))]);
    }

    fn stop(&self, number: u64) {
        self.known.targets.lock().unwrap().remove(&id(number));
        self.scraper.handle(&JOB.into(), &[PoolOutput::Stopped(id(number))]);
    }

    fn pass(&mut self, seconds: u64) -> Vec<SentRequest> {
        self.world.run_for(Duration::from_secs(seconds));
        self.world.http.take_requests()
    }

    fn health(&self, number: u64) -> TargetHealth {
        self.scraper.health(JOB, id(number)).unwrap()
    }

    /// The last error of the one target after a scrape.
    fn error(&mut self) -> String {
        self.start(1, "10s");
        self.pass(12);
        let health = self.health(1);
        assert_eq!(health.health, Health::Down);
        health.last_error.unwrap().to_string()
    }

    fn counted(&self, result: &str) -> f64 {
        let families = self.world.metrics.read();
        let (_, samples) = families
            .iter()
            .find(|(family, _)| family.name == "headcount_scrapes_total")
            .unwrap();
        let of_result = samples
            .iter()
            .filter(|sample| sample.labels.iter().any(|(_, value)| value == result));
        of_result.map(|sample| sample.value).sum()
    }
}

#[test]
fn every_target_is_scraped_once_an_interval_until_it_is_stopped() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "# HELP a b\na 1\na{b=\"c\"} 2\n");
    scene.start(1, "10s");
    scene.start(2, "30s");
    assert_eq!(scene.health(1).health, Health::Unknown);
    let mut urls: Vec<String> = scene.pass(90).into_iter().map(|sent| sent.request.url).collect();
    urls.sort();
    let expected = [vec!["http://h:1/metrics"; 9], vec!["http://h:2/metrics"; 3]].concat();
    assert_eq!(urls, expected);
    let health = scene.health(1);
    assert_eq!((health.health, health.samples, health.body_bytes), (Health::Up, 2, 26));
    assert!(health.last_scrape.is_some());
    assert_eq!(scene.counted("up"), 12.0);

    scene.stop(1);
    assert_eq!(scene.scraper.health(JOB, id(1)), None);
    let urls: Vec<String> = scene.pass(60).into_iter().map(|sent| sent.request.url).collect();
    assert_eq!(urls, vec!["http://h:2/metrics"; 2]);
}

#[test]
fn what_is_asked_is_as_prometheus_asks_it() {
    let mut scene = Scene::plain();
    scene.start(1, "10s");
    let sent = scene.pass(10);
    assert_eq!(sent[0].header("X-Prometheus-Scrape-Timeout-Seconds"), Some("1"));
    assert_eq!(sent[0].request.limits.total, Some(Duration::from_secs(1)));
}

#[test]
fn failures_are_told_and_pass() {
    let mut scene = Scene::plain();
    scene.world.http.then_answer(503, &[TEXT], "a 1\n");
    scene.world.http.then_answer(200, &[TEXT], "a 1\nb 2\nc\n");
    scene
        .world
        .http
        .then_answer(200, &[("content-type", "text/html")], "<html>");
    scene.world.http.then_answer(200, &[], "");
    scene.world.http.then(
        Duration::from_secs(2),
        Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        }),
    );
    scene.world.http.then_fail(HttpError::Connect {
        host: "h:1".to_owned(),
        cause: std::io::ErrorKind::ConnectionRefused.into(),
    });
    scene.start(1, "10s");
    let mut said = Vec::new();
    let mut last = None;
    for _ in 0..6 {
        while scene.health(1).last_scrape == last {
            scene.world.run_for(Duration::from_millis(100));
        }
        let health = scene.health(1);
        last = health.last_scrape;
        said.push((health.health, health.samples, health.last_error));
    }
    insta::assert_debug_snapshot!(said);
}

#[test]
fn a_body_of_just_the_limit_is_over_it() {
    let limited = |limit| ScrapeSettings {
        body_size_limit: NonZeroU64::new(limit),
        ..ScrapeSettings::default()
    };
    let mut scene = Scene::new(limited(4), ScraperOptions::default());
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    assert_eq!(scene.error(), "body size limit exceeded");
    let mut scene = Scene::new(limited(5), ScraperOptions::default());
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    scene.start(1, "10s");
    scene.pass(10);
    assert_eq!(scene.health(1).health, Health::Up);
}

#[test]
fn what_is_refused_is_not_asked() {
    let mut scene = Scene::plain();
    scene.start(1, "10s");
    let reason = "target_limit exceeded (number of targets: 2, limit: 1)";
    *scene.known.refused.lock().unwrap() = Some(reason.to_owned());
    assert_eq!(scene.pass(20).len(), 0);
    assert_eq!(scene.health(1).last_error.as_deref(), Some(reason));
    assert_eq!(scene.counted("target_limit"), 2.0);
}

#[test]
fn a_client_that_cant_be_made_is_a_failure_until_it_can() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    scene.world.http.refuse_settings(Some("no such file"));
    let mut settings = ScrapeSettings::default();
    settings.client.follow_redirects = false;
    scene.scraper.set_jobs([(JOB.into(), settings.clone())]);
    assert_eq!(
        scene.error(),
        "Get \"http://h:1/metrics\": HTTP client: tls_config: no such file"
    );
    scene.world.http.refuse_settings(None);
    scene.scraper.set_jobs([(JOB.into(), settings)]);
    scene.pass(10);
    assert_eq!(scene.health(1).health, Health::Up);
}

#[test]
fn other_settings_do_not_move_a_target_in_its_interval() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    scene.start(1, "10s");
    let before = scene.pass(30);
    let mut settings = ScrapeSettings::default();
    settings.client.enable_http2 = false;
    scene.scraper.set_jobs([(JOB.into(), settings)]);
    let after = scene.pass(30);
    let places: Vec<u64> = before
        .iter()
        .chain(&after)
        .map(|sent| sent.at.as_nanos() % 10_000_000_000)
        .collect();
    assert_eq!(places.len(), 6);
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

/// A process that is started again, or another one, scrapes a target when it was scraped before.
#[test]
fn a_target_has_its_place_on_the_wall_clock_whenever_a_process_was_started() {
    let places = [0, 3, 1_234_567].map(|seconds| {
        let (settings, options) = (ScrapeSettings::default(), ScraperOptions::default());
        let mut scene = Scene::with_clock(settings, options, Duration::from_secs(seconds));
        scene.world.http.answer(200, &[TEXT], "a 1\n");
        scene.start(1, "7s");
        let sent = scene.pass(21);
        let places: Vec<u64> = sent.iter().map(|sent| sent.at.as_nanos() % 7_000_000_000).collect();
        assert_eq!(places.len(), 3);
        places
    });
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

#[test]
fn no_more_run_at_once_than_may() {
    let options = ScraperOptions {
        max_in_flight: NonZeroUsize::new(2),
        ..ScraperOptions::default()
    };
    let mut scene = Scene::new(ScrapeSettings::default(), options);
    let answer = HttpResponse {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
    };
    scene.world.http.then(Duration::from_millis(900), Ok(answer));
    (1..=8).for_each(|number| scene.start(number, "1s"));
    let mut most = 0;
    for _ in 0..200 {
        scene.world.run_for(Duration::from_millis(50));
        most = most.max(scene.scraper.counts().in_flight);
    }
    assert_eq!(most, 2);
    let counts = scene.scraper.counts();
    assert!(counts.skipped > 0, "eight targets do not fit");
    // Two at a time, 900 ms each, for 10 s: everybody's turn comes.
    assert!((1..=8).all(|number| scene.health(number).health == Health::Up));
}

#[test]
fn a_relabelled_target_keeps_its_health() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    scene.start(1, "10s");
    scene.pass(10);
    scene.put(2, "10s");
    let change = PoolOutput::Relabelled { old: id(1), new: id(2) };
    scene.scraper.handle(&JOB.into(), &[change]);
    assert_eq!(scene.scraper.health(JOB, id(1)), None);
    assert_eq!(scene.health(2).health, Health::Up);
}

/// Issue 12, finding 6.
#[cfg(unix)]
#[test]
fn a_limit_of_ours_leaves_a_target_what_it_was() {
    let mut scene = Scene::plain();
    let out_of_files = || HttpError::Connect {
        host: "h:1".to_owned(),
        cause: std::io::Error::from_raw_os_error(24).into(),
    };
    scene.world.http.then_fail(out_of_files());
    scene.world.http.then_answer(200, &[TEXT], "a 1\n");
    scene.world.http.then_fail(out_of_files());
    scene.start(1, "10s");
    assert_eq!(scene.pass(12).len(), 1);
    assert_eq!(scene.health(1).health, Health::Unknown, "nobody knows");
    scene.pass(10);
    let before = scene.health(1);
    assert_eq!((before.health, before.samples), (Health::Up, 1));
    assert_eq!(scene.pass(10).len(), 1, "it is tried again in its time");
    assert_eq!(scene.health(1), before);
    assert_eq!((scene.counted("own_limit"), scene.counted("no_answer")), (2.0, 0.0));
    assert_eq!(scene.scraper.counts().skipped, 2);
}

#[test]
fn a_scrape_went_well_with_a_200_alone() {
    let mut scene = Scene::plain();
    scene.world.http.answer(204, &[TEXT], "");
    assert_eq!(scene.error(), "server returned HTTP status 204 No Content");
}

#[test]
fn a_last_line_without_its_end_is_read() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "a 1\nb 2");
    scene.start(1, "10s");
    scene.pass(12);
    let health = scene.health(1);
    assert_eq!((health.health, health.samples), (Health::Up, 2));
}

/// A client that can't be made any more is not made again as long as its settings stay: its connections are what it has.
#[test]
fn a_job_whose_settings_stay_keeps_its_client() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    scene.world.http.refuse_settings(Some("no such file"));
    let settings = ScrapeSettings {
        honor_labels: true,
        ..ScrapeSettings::default()
    };
    scene.scraper.set_jobs([(JOB.into(), settings)]);
    scene.start(1, "10s");
    scene.pass(12);
    assert_eq!(scene.health(1).health, Health::Up);
}

#[test]
fn a_target_that_is_gone_when_its_new_labels_are_looked_up_is_not_scraped_on() {
    let mut scene = Scene::plain();
    scene.world.http.answer(200, &[TEXT], "a 1\n");
    scene.start(1, "10s");
    assert_eq!(scene.pass(10).len(), 1);
    let change = PoolOutput::Relabelled { old: id(1), new: id(2) };
    scene.scraper.handle(&JOB.into(), &[change]);
    assert_eq!(
        (scene.scraper.health(JOB, id(1)), scene.scraper.health(JOB, id(2))),
        (None, None)
    );
    assert_eq!(scene.pass(30).len(), 0);
}
