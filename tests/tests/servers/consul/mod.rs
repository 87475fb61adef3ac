//! A whole headcount with `consul_sd_configs` and a real Consul 1.8.7, the last one that Debian has.
//!
//! No Prometheus of Debian's has this mechanism, so the labels that are expected here are not another program's answer
//! but what Prometheus's documentation says (`consul_sd_config`: each label with its meaning), written down by hand.

mod access;
mod choice;
mod faults;
mod following;
mod labels;
mod many;

use serde_json::{Value, json};

use crate::support::{Consul, Folder, Headcount, Labels};

/// A configuration with these jobs, each with what stands in its entry of `consul_sd_configs` beside the server.
fn config(consul: &Consul, jobs: &[(&str, &str)]) -> String {
    let server = consul.address();
    let jobs = jobs.iter().map(|(job, entry)| {
        let comma = if entry.is_empty() { "" } else { ", " };
        format!("- job_name: {job}\n  consul_sd_configs: [{{server: '{server}'{comma}{entry}}}]\n")
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}

fn run(folder: &Folder, consul: &Consul, jobs: &[(&str, &str)]) -> Headcount {
    Headcount::with_config(folder, &folder.write("prometheus.yml", config(consul, jobs)))
}

fn reload(folder: &Folder, headcount: &Headcount, consul: &Consul, jobs: &[(&str, &str)]) {
    folder.write("prometheus.yml", config(consul, jobs));
    let answer = headcount.reload();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// An instance of the service `name`, registered with the agent. Its id is the name with the port.
fn instance(name: &str, port: u16) -> Value {
    json!({"ID": format!("{name}-{port}"), "Name": name, "Port": port})
}

/// A node in the catalog with an instance on it.
fn on_node(node: &str, address: &str, name: &str, port: u16) -> Value {
    json!({
        "Node": node,
        "Address": address,
        "Service": {"ID": format!("{name}-{port}"), "Service": name, "Port": port},
    })
}

/// The label of the one target that a list has with this address.
fn label<'a>(targets: &'a [Labels], address: &str, name: &str) -> Option<&'a str> {
    let mut of_address = targets.iter().filter(|labels| labels["__address__"] == address);
    let labels = of_address.next().expect("a target with this address");
    assert_eq!(of_address.next(), None, "{address} is there twice");
    labels.get(name).map(String::as_str)
}
