use futures_lite::future::{block_on, poll_once};

use super::*;
use crate::env::HttpLimits;

const SECOND: Duration = Duration::from_secs(1);

fn http() -> (ScriptedHttp, VirtualClock) {
    let clock = VirtualClock::default();
    (ScriptedHttp::new(clock.clone()), clock)
}

/// What is answered, with time passing as it is waited for.
fn ask(http: &ScriptedHttp, clock: &VirtualClock, request: HttpRequest) -> Result<String, HttpError> {
    let client = http.client(&HttpClientSettings::default()).expect("plain settings");
    let mut asking = client.send(request);
    block_on(async {
        loop {
            if let Some(result) = poll_once(&mut asking).await {
                return result.map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
            }
            clock.move_to(clock.next_deadline().expect("it waits for a time"));
        }
    })
}

#[test]
fn the_longest_beginning_of_a_url_answers() {
    let (http, clock) = http();
    http.at("http://h/a")
        .then(Answer::new(200).body("a"))
        .then(Answer::new(200).body("a again"));
    http.serve("http://h/a/b", |request| Answer::new(200).body(request.url.as_str()));
    http.push(Answer::new(200).body("the rest"));
    let said = |url: &str| ask(&http, &clock, HttpRequest::get(url)).expect("an answer");
    assert_eq!(said("http://h/a?x=1"), "a");
    assert_eq!(said("http://h/a/c"), "a again");
    assert_eq!(said("http://h/a"), "a again");
    assert_eq!(said("http://h/a/b/c"), "http://h/a/b/c");
    assert_eq!(said("http://h/ab"), "the rest");
    http.at("http://h/a").now(Answer::new(200).body("other"));
    assert_eq!(said("http://h/a"), "other");
}

#[test]
fn each_limit_is_kept() {
    let whole = |answer: Answer, limits| {
        let (http, clock) = http();
        http.push(answer);
        let result = ask(&http, &clock, HttpRequest::get("http://u:p@h:1/").limits(limits));
        (result.map_err(|error| error.to_string()), clock.time())
    };
    let at = |seconds| Instant::ZERO + SECOND * seconds;
    let stream = HttpLimits::stream(SECOND * 5);
    let slow = || Answer::new(200).piece(SECOND * 4, "a").piece(SECOND * 4, "b");
    assert_eq!(whole(slow(), stream), (Ok("ab".to_owned()), at(8)));
    let late = Err("h:1: no whole answer within 7s".to_owned());
    assert_eq!(whole(slow(), HttpLimits::whole(SECOND * 7)), (late, at(7)));
    let idle = Err("h:1: nothing more of the answer within 5s".to_owned());
    assert_eq!(whole(slow().never_ends(), stream), (idle, at(13)));
    let silent = Err("h:1: no answer within 30s".to_owned());
    assert_eq!(whole(Answer::hangs(), stream), (silent, at(30)));
    let large = Err("h:1: the body is larger than the limit of 1 bytes".to_owned());
    assert_eq!(whole(slow(), HttpLimits { body: 1, ..stream }), (large, at(8)));
    let broken = whole(slow().breaks(io::ErrorKind::ConnectionReset), stream);
    assert_eq!(broken, (Err("h:1: connection reset".to_owned()), at(8)));
}

#[test]
fn a_body_by_hand_arrives_as_it_is_given_and_says_that_its_reader_is_gone() {
    let (http, _) = http();
    let (answer, pipe) = Answer::piped(200);
    http.push(answer);
    let client = http.client(&HttpClientSettings::default()).expect("plain settings");
    block_on(async {
        let request = HttpRequest::get("http://h/").limits(HttpLimits::stream(SECOND));
        let mut stream = client.open(request).await.expect("a head");
        assert_eq!(poll_once(stream.next_piece()).await, None);
        pipe.send("a");
        assert_eq!(stream.next_piece().await, Ok(Some(&b"a"[..])));
        assert!(!pipe.is_dropped());
        drop(stream);
        assert!(pipe.is_dropped());
    });
}

#[test]
fn the_settings_of_a_request_are_seen() {
    let (http, clock) = http();
    http.push(Answer::new(200));
    ask(&http, &clock, HttpRequest::get("http://h/")).expect("an answer");
    assert_eq!(http.take_requests()[0].settings, HttpClientSettings::default());
}
