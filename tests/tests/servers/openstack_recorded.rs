//! `headcount sd` with each setting of `openstack_sd_configs` once, and what promtool prints of the same configuration: both
//! ask a server on the loopback that answers what a real keystone and nova did, with an interface for administrators besides.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Folder, printed, prints_what_promtool_prints};

/// What was answered, by method and URL.
const RECORDED: &str = include_str!("../../../adapters/backends/src/openstack/testdata/golden/answers.json");

/// A server in whose paths the names of the recorded ones are: `http://127.0.0.1:…/nova.example/v2.1/…`.
struct Recorded {
    address: SocketAddr,
    /// What it was asked to log in with.
    logins: Arc<Mutex<Vec<Value>>>,
}

impl Recorded {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let logins = Arc::new(Mutex::new(Vec::new()));
        let recorded: BTreeMap<String, Value> = serde_json::from_str(RECORDED).expect("JSON");
        let recorded = Arc::new(recorded);
        // It ends with the process.
        thread::spawn({
            let logins = logins.clone();
            move || {
                for stream in listener.incoming().flatten() {
                    let (recorded, logins) = (recorded.clone(), logins.clone());
                    thread::spawn(move || serve(stream, address, &recorded, &logins).ok());
                }
            }
        });
        Self { address, logins }
    }

    fn take_logins(&self) -> Vec<Value> {
        std::mem::take(&mut self.logins.lock().expect("nobody panics"))
    }
}

/// Answers one request.
fn serve(
    mut stream: TcpStream,
    address: SocketAddr,
    recorded: &BTreeMap<String, Value>,
    logins: &Mutex<Vec<Value>>,
) -> io::Result<()> {
    let (head, body) = request(&mut stream)?;
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method == "POST" {
        let login = serde_json::from_slice(&body).unwrap_or_default();
        logins.lock().expect("nobody panics").push(login);
    }
    let asked = format!("{method} http:/{path}");
    let without_query = asked.split('?').next().unwrap_or_default().to_owned();
    // Whoever asks for his own servers gets the same.
    let all = format!("{without_query}?all_tenants=true");
    let found = [&asked, &without_query, &all]
        .into_iter()
        .find_map(|key| recorded.get(key));
    let floating = path.ends_with("/os-floating-ips").then(|| floating_ips(recorded));
    let Some(found) = found.or(floating.as_ref()) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let mut answer = found["body"].clone();
    if answer["token"].is_object() {
        answer["token"]["expires_at"] = json!("2100-01-01T00:00:00.000000Z");
        for service in answer["token"]["catalog"].as_array_mut().into_iter().flatten() {
            let endpoints = service["endpoints"].as_array_mut().expect("its endpoints");
            let mut admin = endpoints[0].clone();
            admin["interface"] = json!("admin");
            endpoints.push(admin);
        }
    }
    let mut text = answer.to_string();
    for server in ["keystone", "nova", "neutron"] {
        text = text.replace(
            &format!("http://{server}.example"),
            &format!("http://{address}/{server}.example"),
        );
    }
    let (status, length) = (&found["status"], text.len());
    let head = format!(
        "HTTP/1.1 {status} Recorded\r\nContent-Type: application/json\r\nX-Subject-Token: token-1\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{text}").as_bytes())
}

/// What nova says of floating addresses, which it asks neutron for. Prometheus 2.53 asks nova, headcount asks neutron as
/// later ones do.
fn floating_ips(recorded: &BTreeMap<String, Value>) -> Value {
    let list = |of: &str| {
        let list = &recorded[&format!("GET http://neutron.example/v2.0/{of}")]["body"][of];
        list.as_array().expect("a list").clone()
    };
    let ports = list("ports");
    let addresses = list("floatingips").into_iter().map(|address| {
        let port = ports.iter().find(|port| port["id"] == address["port_id"]);
        json!({
            "id": address["id"], "ip": address["floating_ip_address"], "fixed_ip": address["fixed_ip_address"],
            "pool": "ext", "instance_id": port.map(|port| &port["device_id"]),
        })
    });
    json!({"status": 200, "body": {"floating_ips": addresses.collect::<Vec<_>>()}})
}

/// A request's head and body.
fn request(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut piece)?;
        read.extend_from_slice(&piece[..length]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
            match length {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => continue,
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let lengths = head.lines().filter_map(|line| line.split_once(':'));
        let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let wanted = lengths
            .next()
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0);
        if read.len() >= end + 4 + wanted || length == 0 {
            return Ok((head, read.split_off(end + 4)));
        }
    }
}

#[test]
fn sd_prints_with_each_setting_what_promtool_prints() {
    require!("promtool-2.53");
    let folder = Folder::new();
    let server = Recorded::start();
    let keystone = format!("http://{}/keystone.example", server.address);
    let entries = [
        (
            "instances",
            "role: instance, username: admin, password: hunter2, domain_id: default, project_name: admin, port: 9100, \
             all_tenants: true, refresh_interval: 2m, availability: public",
            "{\"user\":{\"domain\":{\"id\":\"default\"},\"name\":\"admin\",\"password\":\"hunter2\"}}",
        ),
        (
            "hypervisors",
            "role: hypervisor, userid: u-1, password: hunter3, project_id: p-1, availability: internal",
            "{\"user\":{\"id\":\"u-1\",\"password\":\"hunter3\"}}",
        ),
        (
            "by-domain",
            "role: instance, username: admin, password: hunter4, domain_name: Default, project_name: admin, \
             availability: admin, tls_config: {insecure_skip_verify: true}",
            "{\"user\":{\"domain\":{\"name\":\"Default\"},\"name\":\"admin\",\"password\":\"hunter4\"}}",
        ),
        (
            "by-application",
            "role: instance, application_credential_id: a-1, application_credential_secret: hunter5",
            "{\"id\":\"a-1\",\"secret\":\"hunter5\"}",
        ),
        (
            "by-application-name",
            "role: instance, username: admin, domain_name: Default, application_credential_name: app, \
             application_credential_secret: hunter6",
            "{\"name\":\"app\",\"secret\":\"hunter6\",\"user\":{\"domain\":{\"name\":\"Default\"},\"name\":\"admin\"}}",
        ),
    ];
    let jobs = entries.map(|(job, entry, _)| {
        format!(
            "- job_name: {job}\n  openstack_sd_configs: [{{region: RegionOne, identity_endpoint: '{keystone}/v3', {entry}}}]\n  \
             relabel_configs: [{{action: labelmap, regex: '__meta_(.+)'}}, {{source_labels: [__address__], \
             target_label: address}}]\n"
        )
    });
    let path = folder.write("prometheus.yml", format!("scrape_configs:\n{}", jobs.concat()));
    for (job, _, expected) in entries {
        let found = printed(&path, job, &[]).expect("it discovers");
        // Who logs in is who the entry says.
        let logins = server.take_logins();
        let identities = logins.iter().map(|login| {
            let identity = &login["auth"]["identity"];
            let method = identity["methods"][0].as_str().unwrap_or_default();
            identity[method].to_string()
        });
        assert_eq!(identities.collect::<Vec<_>>(), [expected], "{job}: {logins:?}");
        let count = prints_what_promtool_prints("promtool-2.53", &path, job);
        assert_eq!(count, found.len());
        assert_eq!(count, if job == "hypervisors" { 1 } else { 3 }, "{job}: {found:#?}");
        // And who Prometheus says that it is.
        let theirs = server.take_logins();
        assert!(
            theirs.iter().any(|login| same_identity(login, &logins[0])),
            "{theirs:?} {logins:?}"
        );
    }
}

fn same_identity(one: &Value, other: &Value) -> bool {
    one["auth"]["identity"] == other["auth"]["identity"]
}
