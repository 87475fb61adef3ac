//! Any bytes as a server's answer to the http discoverer: a status line, headers, an empty line,
//! a body. The discoverer says one full update or one failure, and a failure keeps what was found.
#![no_main]

use headcount_backends::http::HttpSd;
use headcount_discoverer::mechanism::SdConfig;
use headcount_discoverer::testing::{Collected, World};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(60);
const GOOD: &str = r#"[{"targets": ["known:1"]}]"#;

fuzz_target!(|bytes: &[u8]| {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &b""[..]),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();

    let mut world = World::new();
    let settings = HttpSd::new("http://sd.example/list", INTERVAL, Default::default()).expect("a good URL");
    let discoverer = SdConfig::new(settings).discoverer().expect("it is supported");
    world.http.answer(200, &[("content-type", "application/json")], GOOD);
    world.start(discoverer);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["known:1"]);

    world.http.answer(status, &headers, body);
    let received = world.run_for(INTERVAL * 2);
    collected.receive(&received);
    if received.iter().all(|received| received.failure().is_some()) {
        assert_eq!(collected.addresses(), ["known:1"]);
    }
    assert_eq!(world.running(), 1);
});
