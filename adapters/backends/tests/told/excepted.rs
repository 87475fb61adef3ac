//! What the table of wrong fields excepts, each with the reason.
//!
//! **Nothing stands here that is not needed**: an exception without which the table holds fails it.

/// What takes targets away because that is what it means: whose, what is asked for, where it stands, and why. Each is needed.
pub(crate) const MEANT: [(&str, &str, &str, &str); 23] = [
    (
        "consulagent",
        "agent/self",
        "/Member",
        "where a service says no address, its agent's counts",
    ),
    ("consulagent", "agent/self", "/Addr", "the same"),
    ("gce", "/instances", "/items", "a page without instances has no list"),
    (
        "gce",
        "/instances",
        "/nextPageToken",
        "the list ends where none is named",
    ),
    ("hetzner", "/servers", "/meta", "the list ends where no page is named"),
    ("hetzner", "/servers", "/pagination", "the same"),
    ("hetzner", "/servers", "/next_page", "the same"),
    ("http", "/list", "/targets", "a group may have none"),
    ("kubelet", "/pods", "/items", "Go writes a list of nothing as null"),
    (
        "kubelet",
        "/pods",
        "/namespace",
        "only those of one namespace are wanted",
    ),
    ("kubelet", "/pods", "/spec", "a pod without containers"),
    ("kubelet", "/pods", "/containers", "the same"),
    ("kubelet", "/pods", "/status", "a pod has no address before it runs"),
    ("kubelet", "/pods", "/podIP", "the same"),
    (
        "kuma",
        "monitoringassignments",
        "/resources",
        "proto3 leaves a list of nothing out",
    ),
    ("kuma", "monitoringassignments", "/targets", "the same"),
    ("marathon", "/apps", "/tasks", "an application may have none"),
    ("marathon", "/apps", "/ports", "a task may have none"),
    ("nomad", "/services", "/Services", "a namespace may have none"),
    (
        "openstack",
        "/servers",
        "/servers_links",
        "the list ends where none is named",
    ),
    (
        "openstack",
        "/servers",
        "/rel",
        "a link may be to another page than the next one",
    ),
    (
        "yandexcloud",
        "/instances",
        "/nextPageToken",
        "the list ends where none is named",
    ),
    ("yandexcloud", "/", "s", "proto3 leaves a list of nothing out"),
];

/// Fields without which no list is believed: whose, what is asked for, where they stand, and why. Each is needed.
pub(crate) const NEEDED: [(&str, &str, &str, &str); 5] = [
    ("consul", "/health/service", "/0", "Consul has no null in its lists"),
    ("consul", "/health/service", "/Tags/1", "the same"),
    (
        "http",
        "/list",
        "/0",
        "Prometheus has it so: who writes the list hears of it",
    ),
    (
        "msk",
        "/clusters",
        "/clusterArn",
        "a cluster without a name can't be asked for its nodes, which would be gone",
    ),
    (
        "rds",
        "DescribeDBClusters",
        "/in/0",
        "the same of a cluster's instances",
    ),
];

/// Stories that can't be told of several objects, or are as others in what is listed, and why.
pub(crate) const LEFT_OUT: [(&str, &str); 8] = [
    (
        "aws-role_msk",
        "the entry names a cluster, whose nodes are those of msk",
    ),
    ("azure-the_machines_identity", "the machines are those of another story"),
    ("consul-empty_without_leader", "it goes on with a failure"),
    ("consul-nothing_but_nulls", "its list of services has no index"),
    ("consul-without_datacenter", "its service has no name"),
    ("ec2-instance_role", "the instances are those of another story"),
    ("gce-credentials_of_a_person", "the same"),
    ("gce-credentials_of_somebody_else", "the same"),
];
