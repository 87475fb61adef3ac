//! `kit/kubernetes`: objects that a real kube-apiserver takes, and an account that may read what the roles of
//! `kubernetes_sd_configs` need, and nothing else.

use serde_json::json;

use super::*;
use crate::support::{Kubernetes, kube_apiserver, request_by_name};

const FILES: [&str; 4] = ["namespace.yaml", "rbac.yaml", "configuration.yaml", "headcount.yaml"];
/// Where objects of each kind are made, in the namespace of the kit where they are of one.
const PATHS: [(&str, &str); 7] = [
    ("Namespace", "/api/v1/namespaces"),
    ("ServiceAccount", "/api/v1/namespaces/monitoring/serviceaccounts"),
    ("ConfigMap", "/api/v1/namespaces/monitoring/configmaps"),
    ("Service", "/api/v1/namespaces/monitoring/services"),
    ("Deployment", "/apis/apps/v1/namespaces/monitoring/deployments"),
    ("ClusterRole", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    (
        "ClusterRoleBinding",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    ),
];
/// Each role, with a target that it finds in what the test makes.
const ROLES: [(&str, &str); 6] = [
    ("node", "127.0.2.1:10250"),
    ("service", "web.monitoring.svc:80"),
    ("pod", "10.1.0.1:8080"),
    ("endpoints", "10.1.0.1:8080"),
    ("endpointslice", "10.1.0.1:8080"),
    ("ingress", "shop.example.org"),
];

/// The objects, in the order in which they are to be made.
fn objects() -> Vec<Value> {
    let files = FILES.iter().map(|file| text(&format!("kubernetes/{file}")));
    let documents = files.flat_map(|text| text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>());
    documents
        .map(|text| serde_yaml::from_str(&text).expect("YAML"))
        .collect()
}

fn object(kind: &str) -> Value {
    let found = objects().into_iter().find(|object| object["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind}"))
}

fn path_of(object: &Value) -> &'static str {
    let kind = object["kind"].as_str().expect("a kind");
    let path = PATHS.iter().find(|(known, _)| *known == kind);
    path.unwrap_or_else(|| panic!("{kind}: not a kind that the kit had")).1
}

/// What of `ours` is not in `theirs`: a field that a server does not know is left out, and nothing said.
fn missing(ours: &Value, theirs: &Value, at: &str, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(_)) => {
            for (name, value) in ours {
                missing(value, &theirs[name], &format!("{at}.{name}"), found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                missing(ours, theirs, &format!("{at}[{number}]"), found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(format!("{at}: {ours} became {theirs}")),
    }
}

#[test]
fn an_api_server_takes_the_manifests_and_their_account_may_read_what_the_roles_need_and_no_more() {
    require!("etcd", "curl", "openssl", "python3");
    let Some(program) = kube_apiserver() else {
        return;
    };
    let folder = Folder::new();
    let mut cluster = Kubernetes::start(&folder, program);
    cluster.serve_slices(&folder);
    // What has a namespace is refused, also dryly, before that is there.
    cluster.create(path_of(&object("Namespace")), &object("Namespace"));
    for object in objects().iter().filter(|object| object["kind"] != "Namespace") {
        let path = path_of(object);
        // Without an account's defaults, which need a controller.
        let answer = cluster.try_create(&format!("{path}?dryRun=All"), object);
        let (status, answer) = answer.expect("an answer");
        assert_eq!(status, 201, "{object}: {answer}");
        let mut lost = Vec::new();
        missing(object, &serde_json::from_str(&answer).unwrap(), "", &mut lost);
        assert!(lost.is_empty(), "{}: {lost:?}", object["kind"]);
        let dry = cluster
            .try_create(&format!("{path}?dryRun=All"), object)
            .expect("an answer");
        assert_eq!(dry.0, 201, "it was made, though only asked for dryly: {}", dry.1);
        cluster.create(path, object);
    }
    fill(&cluster);

    let token = cluster.token_of("monitoring", "headcount");
    let (server, ca) = (cluster.address(), cluster.certificates().path("ca", "crt"));
    let jobs: String = ROLES
        .iter()
        .map(|(role, _)| {
            let attached = match *role {
                "pod" | "endpoints" | "endpointslice" => ", attach_metadata: {node: true, namespace: true}",
                _ => "",
            };
            format!(
                "- job_name: {role}\n  kubernetes_sd_configs:\n  - {{role: {role}, api_server: '{server}', \
                 bearer_token: {token}, tls_config: {{ca_file: '{ca}'}}{attached}}}\n"
            )
        })
        .collect();
    let headcount = Headcount::with_config(
        &folder,
        &folder.write("prometheus.yml", format!("scrape_configs:\n{jobs}")),
    );
    for (role, target) in ROLES {
        until(&format!("{role} finds {target}"), || {
            let targets = headcount.list(role)?;
            let is_it =
                |labels: &crate::support::Labels| labels.get("__address__").is_some_and(|found| found == target);
            targets
                .iter()
                .any(is_it)
                .then_some(())
                .ok_or_else(|| format!("{targets:?}"))
        });
    }
    // The same account, as whom it asked.
    let asked = |method: &str, path: &str| cluster.ask_as(&token, method, path);
    assert_eq!(asked("GET", "/api/v1/pods"), 200);
    for (method, path) in [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/monitoring/secrets"),
        ("GET", "/api/v1/configmaps"),
        ("GET", "/apis/apps/v1/deployments"),
        ("GET", "/api/v1/namespaces/monitoring/pods/web"),
        ("GET", "/api/v1/nodes/node1/proxy/metrics"),
        ("DELETE", "/api/v1/namespaces/monitoring/pods/web"),
        ("DELETE", "/api/v1/nodes/node1"),
        ("POST", "/api/v1/namespaces/monitoring/serviceaccounts/headcount/token"),
    ] {
        assert_eq!(asked(method, path), 403, "{method} {path}");
    }
    assert!(!headcount.everything_said().contains(&token));
}

/// Makes something for each role to find.
fn fill(cluster: &Kubernetes) {
    cluster.create("/api/v1/nodes", &json!({"metadata": {"name": "node1"}}));
    cluster.change(
        "/api/v1/nodes/node1/status",
        &json!({"status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.2.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        }}),
    );
    let inside = "/api/v1/namespaces/monitoring";
    let containers = json!([{"name": "main", "image": "web:1", "ports": [{"containerPort": 8080}]}]);
    cluster.create(
        &format!("{inside}/pods"),
        &json!({"metadata": {"name": "web"}, "spec": {"nodeName": "node1", "containers": containers}}),
    );
    cluster.change(
        &format!("{inside}/pods/web/status"),
        &json!({"status": {"phase": "Running", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}]}}),
    );
    cluster.create(
        &format!("{inside}/services"),
        &json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}),
    );
    let pod = json!({"kind": "Pod", "name": "web", "namespace": "monitoring"});
    cluster.create(
        &format!("{inside}/endpoints"),
        &json!({"metadata": {"name": "web"}, "subsets": [
            {"addresses": [{"ip": "10.1.0.1", "targetRef": pod}], "ports": [{"port": 8080}]},
        ]}),
    );
    cluster.create(
        "/apis/discovery.k8s.io/v1beta1/namespaces/monitoring/endpointslices",
        &json!({
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.0.1"], "targetRef": pod}], "ports": [{"port": 8080}],
        }),
    );
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
    cluster.create(
        "/apis/networking.k8s.io/v1/namespaces/monitoring/ingresses",
        &json!({"metadata": {"name": "shop"}, "spec": {"rules": [{"host": "shop.example.org", "http": {"paths": paths}}]}}),
    );
}

#[test]
fn the_deployment_runs_what_there_is_and_asks_where_there_is_an_answer() {
    let (folder, deployment) = (Folder::new(), object("Deployment"));
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    for (name, content) in object("ConfigMap")["data"].as_object().expect("files") {
        folder.write(&format!("etc/{name}"), content.as_str().unwrap());
    }
    let arguments = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap());
    let mut arguments: Vec<_> = arguments
        .map(|argument| {
            let argument = argument.replace("/etc/headcount", &folder.text("etc"));
            argument.replace("/var/lib/headcount", &folder.text("state"))
        })
        .collect();
    assert_eq!(arguments.remove(0), "run");
    // The test has a port of its own.
    assert_eq!(container["ports"][0]["containerPort"], 9099);
    arguments.retain(|argument| argument != "--listen=:9099");
    assert_eq!(arguments.len(), container["args"].as_array().unwrap().len() - 2);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let headcount = Headcount::start(&folder, &arguments);
    for probe in ["livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().expect("a path");
        until(&format!("{path} is well"), || match headcount.get(path)? {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text()),
        });
    }
    // By the name that a Prometheus in the cluster asks, and by none that others have.
    let asked = |host: &str| {
        request_by_name(headcount.address(), host, "/sd")
            .expect("an answer")
            .status
    };
    assert_eq!(asked("headcount.monitoring.svc:9099"), 200);
    assert_ne!(asked("headcount.example.org:9099"), 200);
}

#[test]
fn the_kustomization_has_every_file() {
    let kustomization = yaml("kubernetes/kustomization.yaml");
    assert_eq!(kustomization["resources"], json!(FILES));
    let here = fs::read_dir(path("kubernetes")).unwrap();
    let mut here: BTreeSet<_> = here
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(here.remove("kustomization.yaml"));
    assert_eq!(here, FILES.map(str::to_owned).into());
}
