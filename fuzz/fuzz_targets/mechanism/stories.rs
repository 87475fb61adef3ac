//! The mechanisms as they are fuzzed, and how an input is read, for whoever tells the same stories: see the target.

use std::path::Path;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::testing::World;
use headcount_reader::{Sink, read};

/// A mechanism as it is fuzzed.
pub(crate) struct Fuzzed {
    pub(crate) name: &'static str,
    pub(crate) entry: &'static str,
    /// Files that hold the answers' bodies.
    pub(crate) files: &'static [&'static str],
}

macro_rules! openstack {
    ($role:literal) => {
        concat!(
            "{role: ",
            $role,
            ", region: r, identity_endpoint: 'http://keystone.example/v3', userid: u, password: p}"
        )
    };
}

macro_rules! ovhcloud {
    ($service:literal) => {
        concat!(
            "{application_key: a, application_secret: s, consumer_key: c, service: ",
            $service,
            "}"
        )
    };
}

macro_rules! scaleway {
    ($role:literal) => {
        concat!(
            "{role: ",
            $role,
            ", project_id: 11111111-1111-1111-1111-111111111111, access_key: SCWXXXXXXXXXXXXXXXXX, ",
            "secret_key: 11111111-1111-1111-1111-111111111111}"
        )
    };
}

/// The place in this list is the first byte of an input, so new mechanisms come last.
pub(crate) const MECHANISMS: [Fuzzed; 62] = [
    Fuzzed {
        name: "http",
        entry: "{url: 'http://sd.example/list'}",
        files: &[],
    },
    Fuzzed {
        name: "file",
        entry: "{files: [/sd/a.json, /sd/b.yml]}",
        files: &["/sd/a.json", "/sd/b.yml"],
    },
    Fuzzed {
        name: "local",
        entry: "{}",
        files: &["/proc/net/tcp", "/proc/net/tcp6"],
    },
    Fuzzed {
        name: "consul",
        entry: "{tags: [a]}",
        files: &[],
    },
    Fuzzed {
        name: "consulagent",
        entry: "{}",
        files: &[],
    },
    Fuzzed {
        name: "dns",
        entry: "{names: [web]}",
        files: &[],
    },
    // A role each, and what is attached.
    Fuzzed {
        name: "kubernetes",
        entry: "{role: pod, api_server: 'http://k8s.example'}",
        files: &[],
    },
    Fuzzed {
        name: "kubernetes",
        entry: "{role: endpoints, api_server: 'http://k8s.example', attach_metadata: {node: true, namespace: true, deployment: true}}",
        files: &[],
    },
    Fuzzed {
        name: "kubernetes",
        entry: "{role: endpointslice, api_server: 'http://k8s.example'}",
        files: &[],
    },
    Fuzzed {
        name: "kubernetes",
        entry: "{role: pod, kubeconfig_file: /k8s/config}",
        files: &["/k8s/config"],
    },
    Fuzzed {
        name: "docker",
        entry: "{host: 'http://docker.example', match_first_network: false}",
        files: &[],
    },
    Fuzzed {
        name: "dockerswarm",
        entry: "{host: 'http://docker.example', role: tasks}",
        files: &[],
    },
    Fuzzed {
        name: "dockerswarm",
        entry: "{host: 'http://docker.example', role: services}",
        files: &[],
    },
    Fuzzed {
        name: "dockerswarm",
        entry: "{host: 'http://docker.example', role: nodes}",
        files: &[],
    },
    Fuzzed {
        name: "serverset",
        entry: "{servers: [zk], paths: [/svc, /svc/web]}",
        files: &[],
    },
    Fuzzed {
        name: "nerve",
        entry: "{servers: [zk], paths: [/nerve]}",
        files: &[],
    },
    Fuzzed {
        name: "ec2",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
    Fuzzed {
        name: "lightsail",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
    Fuzzed {
        name: "ecs",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
    Fuzzed {
        name: "elasticache",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
    Fuzzed {
        name: "msk",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
    Fuzzed {
        name: "rds",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
    Fuzzed {
        name: "aws",
        entry: "{role: msk, region: eu-west-1, access_key: a, secret_key: s, clusters: [c]}",
        files: &[],
    },
    // What the shared files say, and what the instance does.
    Fuzzed {
        name: "ec2",
        entry: "{profile: a}",
        files: &["/aws/config"],
    },
    Fuzzed {
        name: "ec2",
        entry: "{role_arn: r, region: eu-west-1}",
        files: &[],
    },
    Fuzzed {
        name: "puppetdb",
        entry: "{url: 'http://puppetdb.example', query: 'nodes { }', include_parameters: true}",
        files: &[],
    },
    // A role each; the first answer is the token.
    Fuzzed {
        name: "openstack",
        entry: openstack!("instance"),
        files: &[],
    },
    Fuzzed {
        name: "openstack",
        entry: openstack!("hypervisor"),
        files: &[],
    },
    Fuzzed {
        name: "openstack",
        entry: openstack!("loadbalancer"),
        files: &[],
    },
    Fuzzed {
        name: "hetzner",
        entry: "{role: hcloud}",
        files: &[],
    },
    Fuzzed {
        name: "hetzner",
        entry: "{role: robot}",
        files: &[],
    },
    Fuzzed {
        name: "digitalocean",
        entry: "{}",
        files: &[],
    },
    Fuzzed {
        name: "digitalocean",
        entry: "{role: databases}",
        files: &[],
    },
    Fuzzed {
        name: "vultr",
        entry: "{}",
        files: &[],
    },
    Fuzzed {
        name: "linode",
        entry: "{tag_separator: ';'}",
        files: &[],
    },
    Fuzzed {
        name: "ionos",
        entry: "{datacenter_id: d}",
        files: &[],
    },
    Fuzzed {
        name: "outscale",
        entry: "{access_key: a, secret_key: s}",
        files: &[],
    },
    // The first answer is the time.
    Fuzzed {
        name: "ovhcloud",
        entry: ovhcloud!("vps"),
        files: &[],
    },
    Fuzzed {
        name: "ovhcloud",
        entry: ovhcloud!("dedicated_server"),
        files: &[],
    },
    Fuzzed {
        name: "scaleway",
        entry: scaleway!("instance"),
        files: &[],
    },
    Fuzzed {
        name: "scaleway",
        entry: scaleway!("baremetal"),
        files: &[],
    },
    Fuzzed {
        name: "stackit",
        entry: "{project: p}",
        files: &[],
    },
    Fuzzed {
        name: "stackit",
        entry: "{project: p, service_account_key_path: /k}",
        files: &["/k"],
    },
    Fuzzed {
        name: "nomad",
        entry: "{namespace: '*'}",
        files: &[],
    },
    Fuzzed {
        name: "eureka",
        entry: "{server: 'http://eureka.example'}",
        files: &[],
    },
    Fuzzed {
        name: "kuma",
        entry: "{server: 'http://kuma.example'}",
        files: &[],
    },
    Fuzzed {
        name: "triton",
        entry: "{account: a, dns_suffix: s.example, endpoint: t.example}",
        files: &[],
    },
    Fuzzed {
        name: "triton",
        entry: "{role: cn, account: a, dns_suffix: s.example, endpoint: t.example}",
        files: &[],
    },
    // The first answer is the token.
    Fuzzed {
        name: "uyuni",
        entry: "{server: 'http://uyuni.example', username: u, password: p}",
        files: &[],
    },
    Fuzzed {
        name: "marathon",
        entry: "{servers: ['http://a.example', 'http://b.example']}",
        files: &[],
    },
    // The first answer is what the machine's metadata service lends, or what a file says, and then a token.
    Fuzzed {
        name: "gce",
        entry: "{project: p, zone: z}",
        files: &[],
    },
    Fuzzed {
        name: "gce",
        entry: "{project: p, zone: z}",
        files: &["/fuzz/.config/gcloud/application_default_credentials.json"],
    },
    // The first answer is the token, or what the machine lends.
    Fuzzed {
        name: "azure",
        entry: "{subscription_id: s, tenant_id: t, client_id: c, client_secret: s}",
        files: &[],
    },
    Fuzzed {
        name: "azure",
        entry: "{subscription_id: s, authentication_method: SDK, resource_group: g}",
        files: &[],
    },
    // The first answer says where the services are, the second is the token.
    Fuzzed {
        name: "yandexcloud",
        entry: "{service: compute}",
        files: &[],
    },
    Fuzzed {
        name: "yandexcloud",
        entry: "{service: compute, yandex_passport_oauth_token: t, folder_ids: [a, b]}",
        files: &[],
    },
    Fuzzed {
        name: "proxmox",
        entry: "{servers: ['http://pve.example', 'http://pve2.example'], token_id: 'a@pve!b', token_secret: s}",
        files: &[],
    },
    Fuzzed {
        name: "kubelet",
        entry: "{url: 'http://kubelet.example', namespaces: [a]}",
        files: &[],
    },
    Fuzzed {
        name: "process",
        entry: "{discover_config: {exe: false, cwd: false, username: true, uid: true, cgroup_path: true}}",
        files: &["/proc/7/cmdline", "/proc/7/status", "/proc/7/cgroup", "/etc/passwd"],
    },
    // The first answer is the list of compartments, or the instance's region, before its certificates and its key.
    Fuzzed {
        name: "oci",
        entry: "{region: r, tenancy: t, user: u, fingerprint: f, key_file: /fuzz/oci.pem, key_passphrase: hunter2}",
        files: &[],
    },
    Fuzzed {
        name: "oci",
        entry: "{region: r, auth: instance_principal}",
        files: &[],
    },
    Fuzzed {
        name: "aws",
        entry: "{role: ec2, region: eu-west-1, access_key: a, secret_key: s}",
        files: &[],
    },
];

/// An answer of an input.
pub(crate) struct Answer<'b> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: &'b [u8],
}

impl Answer<'_> {
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let pairs = self.headers.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

impl Fuzzed {
    pub(crate) fn discoverer(&self) -> Box<dyn Discoverer> {
        let registry = headcount_backends::registry();
        let entry = registry.get(self.name).expect("it is built in");
        let sink = Sink::new(Path::new("fuzz.yml").into());
        let document = read(&format!("[{}]", self.entry), &sink).expect("YAML");
        let root = document.root(&sink).expect("a list");
        let config = entry.read(&root, &Place::new(Path::new("/"))).pop().expect("an entry");
        config.discoverer().expect("it is supported")
    }
}

/// A world with what the entries name.
pub(crate) fn world() -> World {
    let world = World::new();
    world.variables.set("AWS_CONFIG_FILE", "/aws/config");
    world.variables.set("HOME", "/fuzz");
    world.files.write(
        "/fuzz/oci.pem",
        include_str!("../../../adapters/backends/src/bearer/testdata/rsa.pem"),
    );
    world
}

/// The mechanism of an input and the rest of it.
pub(crate) fn mechanism(bytes: &[u8]) -> Option<(&'static Fuzzed, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((&MECHANISMS[usize::from(*first) % MECHANISMS.len()], rest))
}

/// The answers of the rest, a few at most.
pub(crate) fn answers(mut rest: &[u8]) -> Vec<Answer<'_>> {
    let mut answers = Vec::new();
    while answers.len() < 8
        && let Some(end) = rest.windows(4).position(|four| four == b"\n%%\n")
    {
        answers.push(answer(&rest[..end]));
        rest = &rest[end + 4..];
    }
    answers.push(answer(rest));
    answers
}

fn answer(bytes: &[u8]) -> Answer<'_> {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &b""[..]),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let pair = |line: &str| {
        line.split_once(": ")
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    Answer {
        status: lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200),
        headers: lines.filter_map(pair).collect(),
        body,
    }
}
