//! `docker` and `dockerswarm`, under everything that an Engine can do to them.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{
    Answer, BackendKind, Fault, FaultKind, Page, Ratio, Rehearsal, Shown, ShownHost, Site, Span, SpanRange,
};
use serde_json::{Value, json};

use super::{configured, scenario};

/// The longest that an Engine is silent before a refresh is given up, with all that comes after.
const BOUND: Span = Span::mins(3);

/// An Engine with a container, a task, a service and a node for each host. **It knows of no fault.**
struct Engine;

impl Site for Engine {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        let of_hosts = |what: fn(&ShownHost) -> Value| Value::Array(shown.hosts.iter().map(what).collect());
        let list = match request.url.strip_prefix("http://docker.example/").unwrap_or_default() {
            "_ping" => return Answer::Now(Page::text(200, "OK").header("api-version", "1.41")),
            "v1.41/containers/json" => of_hosts(container),
            "v1.41/tasks" => of_hosts(task),
            "v1.41/services" => of_hosts(service),
            "v1.41/networks" => json!([]),
            "v1.41/nodes" => of_hosts(node),
            _ => return Answer::Now(Page::text(404, "there is no such path\n")),
        };
        Answer::Now(Page::json(list.to_string()))
    }
}

fn place(host: &ShownHost) -> (&str, u16) {
    let (ip, port) = host.address.split_once(':').unwrap_or((&host.address, "0"));
    (ip, port.parse().unwrap_or_default())
}

fn container(host: &ShownHost) -> Value {
    let (ip, port) = place(host);
    json!({
        "Id": host.host.to_string(), "Names": [format!("/{}", host.host)], "Labels": {"stamp": host.stamp},
        "HostConfig": {"NetworkMode": "front"}, "NetworkSettings": {"Networks": {"front": {"IPAddress": ip}}},
        "Ports": [{"PrivatePort": port, "Type": "tcp"}],
    })
}

fn task(host: &ShownHost) -> Value {
    let (_, port) = place(host);
    json!({
        "ID": host.host.to_string(), "NodeID": host.host.to_string(),
        "Spec": {"ContainerSpec": {"Labels": {"stamp": host.stamp}}},
        "Status": {"State": "running", "PortStatus": {"Ports": [{"Protocol": "tcp", "PublishedPort": port}]}},
    })
}

fn service(host: &ShownHost) -> Value {
    let (ip, port) = place(host);
    json!({
        "ID": host.host.to_string(), "Spec": {"Labels": {"stamp": host.stamp}},
        "Endpoint": {"VirtualIPs": [{"Addr": format!("{ip}/24")}], "Ports": [{"Protocol": "tcp", "PublishedPort": port}]},
    })
}

fn node(host: &ShownHost) -> Value {
    let labels = json!({"stamp": host.stamp});
    json!({"ID": host.host.to_string(), "Spec": {"Labels": labels}, "Status": {"State": "ready", "Addr": place(host).0}})
}

/// A mechanism, what stands in its entry beside the Engine, and the label with the stamp.
type Listing = (&'static str, &'static str, &'static str);

const CONTAINERS: Listing = ("docker", "", "__meta_docker_container_label_stamp");
const TASKS: Listing = (
    "dockerswarm",
    ", role: tasks",
    "__meta_dockerswarm_container_label_stamp",
);

const SERVICES: Listing = (
    "dockerswarm",
    ", role: services",
    "__meta_dockerswarm_service_label_stamp",
);
const NODES: Listing = (
    "dockerswarm",
    ", role: nodes, port: 9100",
    "__meta_dockerswarm_node_label_stamp",
);

/// All that an HTTP server can do.
fn faults() -> Vec<FaultKind> {
    let kinds = FaultKind::EXAMPLES.into_iter();
    let mut faults: Vec<FaultKind> = kinds
        // It is one server.
        .filter(|kind| kind.applies_to(BackendKind::Http) && !matches!(kind, FaultKind::Disagree { .. }))
        .collect();
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    faults.extend([status(500, None), status(503, Some(Span::secs(20))), status(403, None)]);
    faults
}

fn check((mechanism, entry, label): Listing, fault: impl Fn(FaultKind) -> Fault) {
    let entry = format!("{{host: 'http://docker.example', refresh_interval: 15s{entry}}}");
    for kind in faults() {
        let entry = entry.clone();
        let outcome = Rehearsal::new(&scenario(BackendKind::Http).fault(fault(kind)), 1)
            .expect("it makes sense")
            .site("http://docker.example/", || Engine)
            .discoverer("cmdb", move |_| configured(mechanism, &entry))
            .expect("they are in the scenario")
            .stamped_by("cmdb", label)
            .expect("they are real")
            .within(BOUND)
            .run();
        assert!(outcome.is_clean(), "{label}, {kind:?}: {:?}", outcome.violations);
        assert!(outcome.metrics.changes_learned > 20, "{kind:?}: {:?}", outcome.metrics);
    }
}

/// Any request may fail, and there are minutes of trouble.
fn survive(of: Listing) {
    check(of, |kind| Fault::new(kind).rate(Ratio::percent(10)));
    let lasts = SpanRange::between(Span::secs(20), Span::mins(4));
    check(of, |kind| Fault::new(kind).every(Span::mins(8)).lasts(lasts));
}

#[test]
fn containers_survive() {
    survive(CONTAINERS);
}

#[test]
fn tasks_survive() {
    survive(TASKS);
}

#[test]
fn services_survive() {
    survive(SERVICES);
}

#[test]
fn nodes_survive() {
    survive(NODES);
}
