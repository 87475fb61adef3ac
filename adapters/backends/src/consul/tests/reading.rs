//! From an entry to requests.

use headcount_reader::{HeaderValues, Secret, SecretSource, TextSource};

use super::*;

/// The URLs of the first requests.
fn urls(yaml: &str) -> Vec<String> {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.start(yaml);
    story.run(SOON);
    story.consul.take_requests().into_iter().map(|(_, url)| url).collect()
}

#[test]
fn asks_as_prometheus_does() {
    let held = |index: u32| format!("&index={index}");
    let asked = urls("{}");
    // But for what it asks first.
    assert_eq!(asked[0], "/v1/catalog/services?consistent=");
    assert_eq!(asked[1], "/v1/catalog/services?index=11&stale=&wait=120000ms");
    assert_eq!(asked[2], "/v1/health/service/web?consistent=");
    assert_eq!(asked[3], "/v1/health/service/web?index=11&stale=&wait=120000ms");
    let all = "{datacenter: dc2, namespace: 'team a', partition: p, allow_stale: false, services: [web], \
               tags: [], node_meta: {rack: '2304', a: b}, health_filter: 'Service.Tags contains \"x\"'}";
    let scope = "node-meta=a%3Ab&node-meta=rack%3A2304&ns=team%20a&partition=p";
    let filter = "filter=Service.Tags%20contains%20%22x%22";
    let asked = urls(all);
    assert_eq!(
        asked[0],
        format!("/v1/health/service/web?consistent=&dc=dc2&{filter}&{scope}")
    );
    assert_eq!(
        asked[1],
        format!(
            "/v1/health/service/web?dc=dc2&{filter}{}&{scope}&wait=120000ms",
            held(11)
        )
    );
    // Each filter goes to its own question; tags are the services' alone.
    let asked = urls("{filter: list, health_filter: health, tags: []}");
    assert_eq!(asked[0], "/v1/catalog/services?consistent=&filter=list");
    assert_eq!(asked[2], "/v1/health/service/web?consistent=&filter=health");
}

#[test]
fn the_defaults_are_prometheus_s() {
    let settings = settings("{}");
    assert_eq!(settings.describe(), "http://localhost:8500");
    assert_eq!((settings.tag_separator.as_str(), settings.allow_stale), (",", true));
    assert_eq!(settings.refresh_interval, INTERVAL);
    assert!(settings.needs_list());
}

#[test]
fn a_server_is_written_in_many_ways() {
    for (yaml, expected) in [
        ("{server: 'consul:8500'}", "http://consul:8500"),
        ("{server: consul, scheme: https}", "https://consul"),
        ("{server: 'https://consul:8501'}", "https://consul:8501"),
        ("{server: 'http://consul', scheme: https}", "https://consul"),
        ("{server: 'http://gw/consul/', path_prefix: /other}", "http://gw/consul"),
        ("{server: gw, path_prefix: consul/}", "http://gw/consul"),
        ("{server: 'http://gw/', path_prefix: /other}", "http://gw"),
        ("{server: '[fd00::1]:8500'}", "http://[fd00::1]:8500"),
        ("{server: 'unix:///run/consul.sock'}", "unix:///run/consul.sock"),
        ("{tls_config: {insecure_skip_verify: true}}", "http://localhost:8500"),
    ] {
        assert_eq!(settings(yaml).describe(), expected, "{yaml}");
    }
}

#[test]
fn it_is_described_by_what_it_looks_at() {
    let described = |yaml| settings(yaml).describe().replace("http://localhost:8500", "…");
    assert_eq!(described("{datacenter: dc2}"), "…: datacenter dc2");
    assert_eq!(described("{services: [b, a]}"), "…: services a and b");
    assert_eq!(
        described("{services: [a, b, c], tags: [x, y], datacenter: dc2}"),
        "…: datacenter dc2, services a and 2 more, with x and y"
    );
}

#[test]
fn a_token_is_a_secret_header_and_a_user_name_is_basic_auth() {
    let client = |yaml: &str| {
        let mut story = Story::new();
        story.start(yaml);
        story.run(SOON);
        let requests = format!("{:?}", story.consul.take_requests());
        assert!(!requests.contains("hunter2"), "{requests}");
        let shown = format!("{:?} {:?}", settings(yaml), story.consul.settings());
        assert!(!shown.contains("hunter2"), "{shown}");
        story.consul.settings().remove(0)
    };
    let secrets = |token: &str| {
        let secrets = vec![Secret::new(token)];
        vec![(
            "X-Consul-Token".to_owned(),
            HeaderValues {
                secrets,
                ..HeaderValues::default()
            },
        )]
    };
    assert_eq!(client("{token: hunter2}").headers, secrets("hunter2"));
    // The writer's own header of that name would be sent beside it, and Consul takes the first.
    let both = "{token: hunter2, http_headers: {x-consul-token: {values: [other]}}}";
    assert_eq!(client(both).headers, secrets("hunter2"));
    let basic = client("{username: scout, password: hunter2}")
        .basic_auth
        .expect("it is set");
    assert_eq!(basic.username, TextSource::Inline("scout".to_owned()));
    assert_eq!(basic.password, Some(SecretSource::Inline(Secret::new("hunter2"))));
    // As in Prometheus, a bearer token may stand beside Consul's own.
    let bearer = client("{token: hunter2, bearer_token: hunter2x}");
    assert!(bearer.authorization.is_some() && !bearer.headers.is_empty());
}

#[test]
fn what_every_client_of_consul_reads_from_the_environment_is_read() {
    let started = |yaml: &str, variables: &[(&str, &str)]| {
        let mut story = Story::new();
        for (name, value) in variables {
            story.world.variables.set(name, value);
        }
        story.start(yaml);
        story.run(SOON);
        let url = story.consul.take_requests().remove(0).1;
        (story.consul.settings().remove(0).headers, url)
    };
    let token = |values: HeaderValues| vec![("X-Consul-Token".to_owned(), values)];
    let secret = |text: &str| HeaderValues {
        secrets: vec![Secret::new(text)],
        ..HeaderValues::default()
    };
    let all = [
        ("CONSUL_HTTP_TOKEN", "a"),
        ("CONSUL_NAMESPACE", "team"),
        ("CONSUL_PARTITION", "part"),
    ];
    let (headers, url) = started("{}", &all);
    assert_eq!(headers, token(secret("a")));
    assert_eq!(url, "/v1/catalog/services?consistent=&ns=team&partition=part");
    let (headers, url) = started("{token: b, namespace: other, partition: p}", &all);
    assert_eq!(headers, token(secret("b")));
    assert_eq!(url, "/v1/catalog/services?consistent=&ns=other&partition=p");
    // The file is named to the client, which reads it for each request.
    let (headers, _) = started(
        "{}",
        &[("CONSUL_HTTP_TOKEN", "a"), ("CONSUL_HTTP_TOKEN_FILE", "/run/token")],
    );
    let files = vec!["/run/token".into()];
    assert_eq!(
        headers,
        token(HeaderValues {
            files,
            ..HeaderValues::default()
        })
    );
    assert_eq!(started("{}", &[("CONSUL_HTTP_TOKEN", "")]).0, []);
}

#[test]
fn a_name_is_one_segment_of_the_path() {
    let asked = urls("{services: ['a/b c?']}");
    assert_eq!(asked[0], "/v1/health/service/a%2Fb%20c%3F?consistent=");
}
