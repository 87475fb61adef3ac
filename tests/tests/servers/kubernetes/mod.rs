//! A whole headcount with `kubernetes_sd_configs` and a real kube-apiserver 1.20.2.
//!
//! Its labels are compared with those that promtool of Prometheus 2.53 and 3 finds at the same server at the same time,
//! field by field. promtool scrapes nothing.

mod access;
mod following;
mod labels;
mod members;
mod metrics;

use serde_json::{Value, json};

use crate::support::{ADMIN, Folder, Headcount, Kubernetes};

const PODS: &str = "/api/v1/namespaces/prod/pods";
const NODES: &str = "/api/v1/nodes";
const SERVICES: &str = "/api/v1/namespaces/prod/services";
const ENDPOINTS: &str = "/api/v1/namespaces/prod/endpoints";
const SLICES: &str = "/apis/discovery.k8s.io/v1beta1/namespaces/prod/endpointslices";
const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/prod/ingresses";

/// A server with a namespace `prod`, in which nothing is yet; `None` if there is none to be started.
macro_rules! cluster {
    ($folder:expr) => {{
        require!("etcd", "curl", "openssl", "python3");
        let Some(program) = crate::support::kube_apiserver() else {
            return;
        };
        let cluster = crate::support::Kubernetes::start($folder, program);
        cluster.create(
            "/api/v1/namespaces",
            &serde_json::json!({"metadata": {"name": "prod", "labels": {"team": "shop"}}}),
        );
        cluster
    }};
}
use cluster;

/// A configuration with these jobs, each with what stands in its entry of `kubernetes_sd_configs` beside the access.
fn config(cluster: &Kubernetes, jobs: &[(&str, &str)]) -> String {
    let (server, ca) = (cluster.address(), cluster.certificates().path("ca", "crt"));
    let jobs = jobs.iter().map(|(job, entry)| {
        format!(
            "- job_name: {job}\n  kubernetes_sd_configs:\n  - {{api_server: '{server}', bearer_token: {ADMIN}, \
             tls_config: {{ca_file: '{ca}'}}, {entry}}}\n"
        )
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}

fn run(folder: &Folder, cluster: &Kubernetes, jobs: &[(&str, &str)]) -> Headcount {
    Headcount::with_config(folder, &folder.write("prometheus.yml", config(cluster, jobs)))
}

/// Creates a pod that runs.
fn run_pod(cluster: &Kubernetes, name: &str, ip: &str, pod: Value) {
    let mut pod = pod;
    pod["metadata"]["name"] = json!(name);
    cluster.create(PODS, &pod);
    let status = json!({
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "127.0.2.1",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{
            "name": "main", "containerID": "containerd://1", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
        }],
    });
    cluster.change(&format!("{PODS}/{name}/status"), &json!({ "status": status }));
}

/// A pod with one container that has one port.
fn simple_pod() -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"nodeName": "node1", "containers": [
            {"name": "main", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]},
        ]},
    })
}
