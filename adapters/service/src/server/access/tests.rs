use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderName, ORIGIN, VARY};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;

use super::*;

const HERE: &str = "127.0.0.1:9099";
const EVERYWHERE: &str = "[::]:9099";

fn access(address: &str, options: WebOptions) -> Access {
    let bound = address.parse().expect("an address");
    Access::new(address, bound, options)
}

fn parts(method: &str, path: &str, headers: &[(HeaderName, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

/// What the refusal says; nothing if the request may be made.
fn said(access: &Access, method: &str, path: &str, headers: &[(HeaderName, &str)], allowed: &[&str]) -> String {
    let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
    let Some(answer) = access.refusal(&parts(method, path, headers), path, &allowed, false) else {
        return String::new();
    };
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let body = smol::block_on(answer.into_body().collect()).expect("whole").to_bytes();
    String::from_utf8(body.to_vec()).expect("UTF-8")
}

/// A page whose name points here for a moment (DNS rebinding) gets nothing at all.
#[test]
fn a_name_that_is_not_ours_is_refused_on_every_path_of_a_machine() {
    let access = access(HERE, WebOptions::default());
    for path in [
        "/",
        "/config",
        "/sd/node",
        "/metrics",
        "/jobs",
        "/scrape_configs",
        "/-/healthy",
        "/api/v1/targets",
    ] {
        let said = said(&access, "GET", path, &[(HOST, "evil.example:9099")], &[]);
        for part in ["evil.example:9099", "allowed_hosts", "--web.external-url"] {
            assert!(said.contains(part), "{path}: {said}");
        }
        assert_eq!(self::said(&access, "GET", path, &[(HOST, HERE)], &[]), "");
    }
    assert!(!said(&access, "POST", "/-/reload", &[(HOST, "evil.example")], &[]).is_empty());
}

#[test]
fn beyond_the_machine_scrapers_and_probes_may_use_any_name_unless_names_are_set() {
    let open = access(EVERYWHERE, WebOptions::default());
    let strange = [(HOST, "headcount.monitoring.svc:9099")];
    for path in [
        "/sd",
        "/sd/node",
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/jobs",
        "/jobs/a+b/targets",
        "/scrape_configs",
        "/livez",
        "/readyz",
    ] {
        assert_eq!(said(&open, "GET", path, &strange, &[]), "", "{path}");
        assert_ne!(said(&open, "GET", path, &strange, &["sd.example"]), "", "{path}");
        assert_eq!(said(&open, "GET", path, &strange, &["*.monitoring.svc"]), "", "{path}");
    }
    for path in ["/", "/config", "/api/v1/providers", "/sdx", "/page/main.js"] {
        assert_ne!(said(&open, "GET", path, &strange, &[]), "", "{path}");
    }
    let external = WebOptions {
        external_url: Some("https://sd.example/".parse().expect("a URL")),
        ..WebOptions::default()
    };
    let named = access(EVERYWHERE, external);
    assert_ne!(said(&named, "GET", "/sd/node", &strange, &[]), "");
    assert_eq!(said(&named, "GET", "/config", &[(HOST, "sd.example")], &[]), "");
}

#[test]
fn what_changes_something_is_on_where_only_the_machine_or_who_is_known_can_ask() {
    let lifecycle = |lifecycle| WebOptions {
        lifecycle,
        ..WebOptions::default()
    };
    let reload = |address: &str, told: Option<bool>| {
        said(
            &access(address, lifecycle(told)),
            "POST",
            "/-/reload",
            &[(HOST, HERE)],
            &[],
        )
    };
    assert_eq!(reload(HERE, None), "");
    assert_eq!(reload("[::ffff:127.0.0.1]:9099", None), "");
    assert!(reload(EVERYWHERE, None).contains("--web.enable-lifecycle"));
    assert!(reload(EVERYWHERE, None).contains("--web.config.file"));
    assert_eq!(reload(EVERYWHERE, Some(true)), "");
    assert!(reload(HERE, Some(false)).contains("--web.enable-lifecycle=false"));
    let open = access(EVERYWHERE, lifecycle(None));
    let request = parts("POST", "/-/reload", &[(HOST, HERE)]);
    assert!(
        open.refusal(&request, "/-/reload", &[], true).is_none(),
        "who asks is known"
    );
    assert!(open.refusal(&request, "/-/reload", &[], false).is_some());
}

#[test]
fn rules_are_tried_where_nothing_may_be_changed_and_not_by_pages_of_others() {
    let options = WebOptions {
        lifecycle: Some(false),
        ..WebOptions::default()
    };
    let (off, open) = (access(HERE, options), access(EVERYWHERE, WebOptions::default()));
    let path = "/api/v1/relabel/try";
    assert_eq!(said(&off, "POST", path, &[(HOST, HERE)], &[]), "");
    assert_eq!(said(&open, "POST", path, &[(HOST, HERE)], &[]), "");
    let evil = [(HOST, HERE), (ORIGIN, "http://evil.example")];
    assert_ne!(said(&off, "POST", path, &evil, &[]), "");
    assert_ne!(said(&open, "POST", path, &[(HOST, "evil.example")], &[]), "");
}

#[test]
fn pages_of_others_change_nothing_and_the_refusal_says_what_to_do() {
    let access = access(HERE, WebOptions::default());
    let evil = [(HOST, HERE), (ORIGIN, "http://evil.example")];
    let said = |method, path| self::said(&access, method, path, &evil, &[]);
    assert!(said("POST", "/-/reload").contains("--web.external-url"));
    assert_eq!(said("OPTIONS", "/sd"), "", "it changes nothing");
    assert_eq!(said("GET", "/sd"), "", "its browser keeps the answer from it");
}

#[test]
fn pages_of_others_read_where_they_are_named_and_change_nothing() {
    let allowed = |origin: Option<&str>| {
        let cors_origin = origin.map(|origin| origin.parse().expect("an expression"));
        access(
            HERE,
            WebOptions {
                cors_origin,
                ..WebOptions::default()
            },
        )
    };
    let answered = |access: &Access, method: &Method, origin: &str| {
        let (mut answer, asked) = (HeaderMap::new(), parts("GET", "/", &[(ORIGIN, origin)]).headers);
        access.complete(method, &asked, &mut answer);
        let text = |name| answer.get(name).map(|value| value.to_str().expect("text").to_owned());
        (text(ACCESS_CONTROL_ALLOW_ORIGIN), text(VARY))
    };
    let (none, some) = (allowed(None), allowed(Some(r"https://(a|b)\.example")));
    let a = "https://a.example";
    assert_eq!(answered(&none, &Method::GET, a), (None, None));
    let vary = Some("Origin".to_owned());
    assert_eq!(answered(&some, &Method::GET, a), (Some(a.to_owned()), vary.clone()));
    assert_eq!(answered(&some, &Method::GET, "https://a.example.evil"), (None, vary));
    assert_eq!(answered(&some, &Method::POST, a), (None, None));

    let asks = [(HOST, HERE), (ORIGIN, a), (ACCESS_CONTROL_REQUEST_METHOD, "POST")];
    let preflight = some.preflight(&parts("OPTIONS", "/sd", &asks)).expect("an answer");
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-methods"], "GET, HEAD");
    assert!(none.preflight(&parts("OPTIONS", "/sd", &asks)).is_none());
    assert_eq!(
        said(&none, "OPTIONS", "/sd", &asks, &[]),
        "",
        "it is answered, without leave"
    );
    let evil = [(HOST, "evil.example"), (ORIGIN, a)];
    assert_ne!(said(&none, "OPTIONS", "/api/v1/targets", &evil, &[]), "");
    assert_ne!(said(&some, "POST", "/-/reload", &asks, &[]), "", "reading is all");
}

#[test]
fn the_limit_of_a_request_s_head_is_exact() {
    let with = |bytes: usize| {
        // GET / HTTP/1.1, X: …, and an empty line
        let rest = MOST_HEADER_BYTES - "GET / HTTP/1.1\r\nx: \r\n\r\n".len();
        let value = "v".repeat(rest + bytes - MOST_HEADER_BYTES);
        too_long(&parts("GET", "/", &[(HeaderName::from_static("x"), &value)]))
    };
    assert!(with(MOST_HEADER_BYTES).is_none());
    let refused = with(MOST_HEADER_BYTES + 1).expect("refused");
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}
