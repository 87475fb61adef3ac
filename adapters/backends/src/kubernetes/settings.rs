//! What an entry of `kubernetes_sd_configs` says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::{Fields, HttpClientSettings, Mentioned, ProblemKind, Secret, Url, join, without_credentials};

use super::KubernetesDiscoverer;
use super::access::Access;
use super::kind::{Kind, ROLE_NAMES};
use super::metrics::METRICS;
use super::selector::{Selector, check_fields, check_labels};

/// One entry of `kubernetes_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KubernetesSd {
    pub(super) role: Kind,
    pub(super) access: Access,
    /// Sorted, each once. Empty for all, unless it is the own one that is wanted.
    pub(super) namespaces: Vec<String>,
    pub(super) own_namespace: bool,
    /// Those that select something, of what is watched.
    pub(super) selectors: BTreeMap<Kind, Selector>,
    pub(super) attach: Attach,
}

/// What is attached besides. What has no effect with a role is off, so that entries that mean the same are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Attach {
    pub(super) node: bool,
    pub(super) namespace: bool,
    pub(super) deployment: bool,
    pub(super) job: bool,
    pub(super) cronjob: bool,
}

impl KubernetesSd {
    /// The kinds that are watched: those that are in namespaces, the role's own first, and those that are not.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let is_joined = matches!(self.role, Kind::Endpoints | Kind::EndpointSlice);
        let besides = [
            (is_joined, Kind::Service),
            (is_joined, Kind::Pod),
            (self.attach.node, Kind::Node),
            (self.attach.namespace, Kind::Namespace),
            (self.attach.deployment, Kind::ReplicaSet),
            (self.attach.cronjob, Kind::Job),
        ];
        let besides = besides.into_iter().filter(|(is_wanted, _)| *is_wanted);
        std::iter::once(self.role)
            .chain(besides.map(|(_, kind)| kind))
            .collect()
    }
}

impl Mechanism for KubernetesSd {
    const NAME: &'static str = "kubernetes";
    const SUMMARY: &'static str = "nodes, services, pods, endpoints and ingresses of a Kubernetes cluster";
    const METRICS: &'static [Definition] = METRICS;

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let role = read_role(fields);
        let attach = read_attach(fields);
        let (namespaces, own_namespace) = read_namespaces(fields);
        let selectors = read_selectors(fields, role);
        let access = read_access(fields, place, own_namespace);
        let (role, access) = (role?, access?);
        let mut sd = Self {
            role,
            access,
            namespaces,
            own_namespace,
            selectors: BTreeMap::new(),
            attach: attach.of(role),
        };
        // Nodes are in no namespace.
        if role == Kind::Node {
            (sd.namespaces, sd.own_namespace) = (Vec::new(), false);
        }
        let watched = sd.kinds();
        sd.selectors = selectors
            .into_iter()
            .filter(|(kind, selector)| watched.contains(kind) && !selector.is_empty())
            .collect();
        Some(sd)
    }

    fn describe(&self) -> String {
        let mut described = format!("{} of {}", self.role.plural(), self.access.describe());
        let own = self.own_namespace.then_some("its own");
        let mut names: Vec<&str> = self.namespaces.iter().map(String::as_str).chain(own).collect();
        let last = names.pop();
        if let Some(last) = last {
            let (some, more) = names.split_at(names.len().min(2));
            let some = match (some, more.len()) {
                ([], _) => String::new(),
                (some, 0) => format!("{} and ", some.join(", ")),
                (some, more) => format!("{}, {more} more and ", some.join(", ")),
            };
            described.push_str(&format!(", namespace {some}{last}"));
        }
        let parts = self.selectors.iter().map(|(kind, selector)| {
            let texts = [&selector.label, &selector.field]
                .into_iter()
                .filter(|text| !text.is_empty());
            let texts: Vec<&str> = texts.map(String::as_str).collect();
            format!(", {} with {}", kind.plural(), texts.join(" and "))
        });
        described.extend(parts);
        described
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(KubernetesDiscoverer { settings: self })
    }
}

impl Attach {
    /// What of it has an effect with this role.
    fn of(self, role: Kind) -> Self {
        match role {
            Kind::Pod | Kind::Endpoints | Kind::EndpointSlice => self,
            Kind::Service | Kind::Ingress => Self {
                namespace: self.namespace,
                ..Self::default()
            },
            Kind::Node | Kind::Namespace | Kind::ReplicaSet | Kind::Job => Self::default(),
        }
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Kind> {
    let at = fields.take("role");
    let text = at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    if text.is_empty() {
        let at = at.as_ref().unwrap_or(fields.at());
        at.report(ProblemKind::Missing {
            field: "role (one of: pod, service, endpoints, endpointslice, node, ingress)",
        });
        return None;
    }
    let role = Kind::of_role(&text);
    if let (None, Some(at)) = (role, at) {
        at.report(ProblemKind::NotOneOf {
            found: text,
            allowed: ROLE_NAMES,
        });
    }
    role
}

fn read_attach(fields: &mut Fields<'_>) -> Attach {
    let Some(mut inside) = fields.take("attach_metadata").and_then(|at| at.fields()) else {
        return Attach::default();
    };
    let mut flag = |name| inside.flag(name).unwrap_or_default();
    let attach = Attach {
        node: flag("node"),
        namespace: flag("namespace"),
        deployment: flag("deployment"),
        job: flag("job"),
        cronjob: flag("cronjob"),
    };
    inside.finish();
    attach
}

/// The names, and whether the own namespace is wanted.
fn read_namespaces(fields: &mut Fields<'_>) -> (Vec<String>, bool) {
    let Some(mut inside) = fields.take("namespaces").and_then(|at| at.fields()) else {
        return (Vec::new(), false);
    };
    let own = inside.flag("own_namespace").unwrap_or_default();
    let mut names = Vec::new();
    if let Some(at) = inside.take("names") {
        for (index, (name, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
            let is_known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            if name.is_empty() {
                at.report_at(position, &format!("[{index}]"), ProblemKind::EmptyEntry);
            } else if !name.chars().all(is_known) {
                let rule = ProblemKind::Rule("the name of a namespace has letters, digits and - only");
                at.report_at(position, &format!("[{index}]"), rule);
            }
            names.push(name);
        }
    }
    inside.finish();
    names.sort();
    names.dedup();
    (names, own)
}

fn read_selectors(fields: &mut Fields<'_>, role: Option<Kind>) -> BTreeMap<Kind, Selector> {
    let mut selectors = BTreeMap::new();
    let entries = fields.take("selectors").and_then(|at| at.list()).unwrap_or_default();
    for entry in entries {
        let Some(mut inside) = entry.fields() else { continue };
        let of_at = inside.take("role");
        let of = of_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
        let kind = Kind::of_role(&of);
        let mut text = |name, check: fn(&str) -> Result<(), &'static str>| {
            let at = inside.take(name)?;
            let text = at.text()?;
            if let Err(reason) = check(&text) {
                at.report(ProblemKind::Selector {
                    text: text.clone(),
                    reason,
                });
            }
            Some(text)
        };
        let selector = Selector {
            label: text("label", check_labels).unwrap_or_default(),
            field: text("field", check_fields).unwrap_or_default(),
        };
        inside.finish();
        let at = of_at.as_ref().unwrap_or(&entry);
        match (role, kind) {
            // Which ones may stand there is not known.
            (None, _) => {}
            (Some(role), kind) if !kind.is_some_and(|kind| role.selectable().contains(&kind)) => {
                at.report(ProblemKind::NotOneOf {
                    found: of,
                    allowed: role.selectable_names(),
                });
            }
            (Some(_), None) => {}
            (Some(_), Some(kind)) => {
                if selectors.insert(kind, selector).is_some() {
                    at.report(ProblemKind::ListedTwice { found: of });
                }
            }
        }
    }
    selectors
}

fn read_access(fields: &mut Fields<'_>, place: &Place<'_>, own_namespace: bool) -> Option<Access> {
    let at = fields.take("api_server");
    let server = at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    let file_at = fields.take("kubeconfig_file");
    let file = file_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    let client = HttpClientSettings::read(fields, place.folder);
    let has_client = client != HttpClientSettings::default();
    if let Some(at) = file_at.filter(|_| !file.is_empty()) {
        if !server.is_empty() {
            at.report(ProblemKind::Excludes { other: "api_server" });
        } else if has_client {
            at.report(ProblemKind::Excludes {
                other: "settings of the HTTP client, which the file has itself",
            });
        } else if own_namespace {
            at.report(ProblemKind::Excludes {
                other: "namespaces.own_namespace",
            });
        }
        let path: PathBuf = join(place.folder, &file);
        at.mention(Mentioned::File(path.clone()));
        return Some(Access::KubeConfig(path));
    }
    let Some(at) = at.filter(|_| !server.is_empty()) else {
        if has_client {
            fields.at().report(ProblemKind::Rule(
                "settings of the HTTP client need api_server; inside of the cluster, and with kubeconfig_file, how to \
                 reach it is known",
            ));
        }
        return Some(Access::InCluster);
    };
    if own_namespace {
        at.report(ProblemKind::Excludes {
            other: "namespaces.own_namespace",
        });
    }
    let server = match server.contains("://") {
        true => server,
        // As Kubernetes's own client has it.
        false => format!("http://{server}"),
    };
    if let Err(error) = Url::parse(&server).and_then(|url| url.for_http()) {
        at.report(error);
        return None;
    }
    if server.contains(['?', '#']) {
        at.report(ProblemKind::Rule(
            "the address of an API server has no query and no fragment",
        ));
        return None;
    }
    Some(Access::Server {
        shown: without_credentials(server.trim_end_matches('/')).into_owned(),
        base: Secret::new(server.trim_end_matches('/')),
        client: Box::new(client),
    })
}
