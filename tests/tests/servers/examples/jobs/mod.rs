//! The jobs of the examples in Prometheus's documentation, one a line: what discovers, and with which rules.
//!
//! What they discover with needs a cloud, a cluster or an account. So beside each stands what it may find, with the labels
//! that its rules look at: targets that are kept, dropped, without a label, without a port.

mod clouds;
mod kubernetes;

/// A job.
pub(super) struct Job {
    /// The example that it is from, and the job's name.
    pub(super) name: &'static str,
    /// What it discovers with.
    pub(super) discovery: &'static str,
    /// The rest of it.
    pub(super) settings: &'static str,
    /// Addresses and labels of what is found, in the place of what it discovers with; `None` where that is read as it is.
    pub(super) found: Option<&'static [Target]>,
}

/// An address, and the labels that stand beside it.
type Target = (&'static str, &'static [(&'static str, &'static str)]);

const fn found(name: &'static str, discovery: &'static str, settings: &'static str, found: &'static [Target]) -> Job {
    Job {
        name,
        discovery,
        settings,
        found: Some(found),
    }
}

const fn read(name: &'static str, discovery: &'static str, settings: &'static str) -> Job {
    Job {
        name,
        discovery,
        settings,
        found: None,
    }
}

/// All of them.
pub(super) fn jobs() -> Vec<&'static Job> {
    [READ, kubernetes::JOBS, clouds::JOBS].into_iter().flatten().collect()
}

/// The jobs that are read as they are.
const READ: &[Job] = &[
    read(
        "prometheus/prometheus",
        "static_configs: [{targets: ['localhost:9090'], labels: {app: prometheus}}]",
        "",
    ),
    read("docker/docker", "static_configs: [{targets: ['localhost:9323']}]", ""),
    read(
        "blackbox/blackbox",
        "static_configs: [{targets: ['http://prometheus.example', 'https://prometheus.example/a?b=c']}]",
        "metrics_path: /probe, params: {module: [http_2xx, other]}, relabel_configs: [\
         {source_labels: [__address__], target_label: __param_target}, \
         {source_labels: [__param_target], target_label: instance}, \
         {target_label: __address__, replacement: '127.0.0.1:9115'}]",
    ),
    read(
        "files/everything",
        "file_sd_configs: [{files: ['@SD@/hosts-*.json', '@SD@/db.yml'], refresh_interval: 1s}]",
        "scheme: https, honor_labels: true, relabel_configs: [\
         {source_labels: [job, __meta_dns_name], separator: ';', regex: '(.*)some-[regex]', target_label: job, replacement: 'foo-${1}'}, \
         {source_labels: [abc], target_label: cde}, {target_label: abc, replacement: static}, \
         {source_labels: [__address__], modulus: 8, target_label: __tmp_hash, action: hashmod}, \
         {source_labels: [__tmp_hash], target_label: shard}, \
         {source_labels: [__meta_filepath], regex: '.*/([^/]+)[.].*', target_label: file}, \
         {source_labels: [env], regex: 'test', action: drop}, {regex: 'secret_.*', action: labeldrop}]",
    ),
    read(
        "http/list",
        "http_sd_configs: [{url: '@LIST@', refresh_interval: 1s}]",
        "relabel_configs: [{source_labels: [__meta_dc], target_label: dc}]",
    ),
    read(
        "http/list-by-its-url",
        "http_sd_configs: [{url: '@LIST@', refresh_interval: 1s}]",
        "relabel_configs: [{source_labels: [__meta_url], regex: 'https?://[^/]+/(.*)', target_label: listed_by}, \
         {source_labels: [__meta_url], regex: '', action: drop}]",
    ),
    read("dns/nothing", "", "metrics_path: /none"),
];
