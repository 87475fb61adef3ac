//! The kinds of objects that are watched, and where the API has them.

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Node,
    Service,
    Pod,
    Endpoints,
    EndpointSlice,
    Ingress,
    Namespace,
    ReplicaSet,
    Job,
}

/// Those that a role can be of.
pub(super) const ROLES: [Kind; 6] = [
    Kind::Node,
    Kind::Service,
    Kind::Pod,
    Kind::Endpoints,
    Kind::EndpointSlice,
    Kind::Ingress,
];

/// The roles, for messages.
pub(super) const ROLE_NAMES: &str = "pod, service, endpoints, endpointslice, node, ingress";

impl Kind {
    /// The kind that a role is of.
    pub(super) fn of_role(role: &str) -> Option<Self> {
        ROLES.into_iter().find(|kind| kind.name() == role)
    }

    /// Prometheus's name of the role, which is a part of labels.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Service => "service",
            Self::Pod => "pod",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Ingress => "ingress",
            Self::Namespace => "namespace",
            Self::ReplicaSet => "replicaset",
            Self::Job => "job",
        }
    }

    /// The API's name for many of them.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Node => "nodes",
            Self::Service => "services",
            Self::Pod => "pods",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslices",
            Self::Ingress => "ingresses",
            Self::Namespace => "namespaces",
            Self::ReplicaSet => "replicasets",
            Self::Job => "jobs",
        }
    }

    /// The path of the group and version that they are in.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Node | Self::Service | Self::Pod | Self::Endpoints | Self::Namespace => "/api/v1",
            Self::EndpointSlice => "/apis/discovery.k8s.io/v1",
            Self::Ingress => "/apis/networking.k8s.io/v1",
            Self::ReplicaSet => "/apis/apps/v1",
            Self::Job => "/apis/batch/v1",
        }
    }

    /// Whether they are in no namespace.
    pub(super) fn is_of_the_cluster(self) -> bool {
        matches!(self, Self::Node | Self::Namespace)
    }

    /// How the sources of groups begin.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Service => "svc",
            other => other.name(),
        }
    }

    /// The kinds for which an entry of this role can have selectors, as Prometheus has it.
    pub(super) fn selectable(self) -> &'static [Self] {
        match self {
            Self::Pod => &[Self::Pod, Self::Node],
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Service => &[Self::Service],
            Self::Node => &[Self::Node],
            Self::Ingress => &[Self::Ingress],
            Self::Namespace | Self::ReplicaSet | Self::Job => &[],
        }
    }

    /// The same, for messages.
    pub(super) fn selectable_names(self) -> &'static str {
        match self {
            Self::Pod => "pod, node",
            Self::Endpoints => "pod, service, endpoints",
            Self::EndpointSlice => "pod, service, endpointslice",
            other => other.name(),
        }
    }
}
