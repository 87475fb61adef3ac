//! The jobs of the examples in Prometheus's documentation, one a line: what discovers, and with which rules.
//!
//! What they discover with needs a cloud, a cluster or an account. So beside each stands what it may find, with the labels
//! that its rules look at: targets that are kept, dropped, without a label, without a port.

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

pub(super) const JOBS: &[Job] = &[
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
    found(
        "digitalocean/node",
        "digitalocean_sd_configs: [{authorization: {credentials: x}}]",
        "relabel_configs: [{source_labels: [__meta_digitalocean_tags], regex: '.*,monitoring,.*', action: keep}, \
         {source_labels: [__meta_digitalocean_public_ipv6], target_label: __address__, replacement: '[$1]:9100'}]",
        &[
            (
                "10.1.0.1:80",
                &[
                    ("__meta_digitalocean_tags", ",web,monitoring,"),
                    ("__meta_digitalocean_public_ipv6", "2001:db8::1"),
                ],
            ),
            (
                "10.1.0.2:80",
                &[
                    ("__meta_digitalocean_tags", ",web,"),
                    ("__meta_digitalocean_public_ipv6", "2001:db8::2"),
                ],
            ),
        ],
    ),
    found(
        "docker/containers",
        "docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]",
        "relabel_configs: [{source_labels: [__meta_docker_container_label_prometheus_job], regex: '.+', action: keep}, \
         {regex: '__meta_docker_container_label_prometheus_(.+)', action: labelmap, replacement: '$1'}]",
        &[
            (
                "172.17.0.2:9100",
                &[
                    ("__meta_docker_container_label_prometheus_job", "node"),
                    ("__meta_docker_container_label_prometheus_team", "a"),
                ],
            ),
            (
                "172.17.0.3",
                &[
                    ("__meta_docker_container_label_prometheus_job", "web"),
                    ("__meta_docker_network_name", "bridge"),
                ],
            ),
            ("172.17.0.4:80", &[("__meta_docker_container_name", "/db")]),
        ],
    ),
    found(
        "dockerswarm/nodes",
        "dockerswarm_sd_configs: [{host: 'unix:///var/run/docker.sock', role: nodes}]",
        "relabel_configs: [{source_labels: [__meta_dockerswarm_node_address], target_label: __address__, replacement: '$1:9323'}]",
        &[("10.2.0.1:80", &[("__meta_dockerswarm_node_address", "10.2.0.9")])],
    ),
    found(
        "dockerswarm/tasks",
        "dockerswarm_sd_configs: [{host: 'unix:///var/run/docker.sock', role: tasks}]",
        "relabel_configs: [{source_labels: [__meta_dockerswarm_task_desired_state], regex: running, action: keep}, \
         {source_labels: [__meta_dockerswarm_service_label_prometheus_job], regex: '.+', action: keep}, \
         {regex: '__meta_dockerswarm_service_label_prometheus_(.+)', action: labelmap, replacement: '$1'}]",
        &[
            (
                "10.2.1.1:80",
                &[
                    ("__meta_dockerswarm_task_desired_state", "running"),
                    ("__meta_dockerswarm_service_label_prometheus_job", "api"),
                ],
            ),
            (
                "10.2.1.2:80",
                &[
                    ("__meta_dockerswarm_task_desired_state", "shutdown"),
                    ("__meta_dockerswarm_service_label_prometheus_job", "api"),
                ],
            ),
            ("10.2.1.3:80", &[("__meta_dockerswarm_task_desired_state", "running")]),
        ],
    ),
    found(
        "eureka/eureka",
        "eureka_sd_configs: [{server: 'http://localhost:8761/eureka'}]",
        "",
        &[
            ("app-1:8080", &[("__meta_eureka_app_name", "APP")]),
            ("app-2", &[("__meta_eureka_app_name", "APP")]),
        ],
    ),
    found(
        "hetzner/node",
        "hetzner_sd_configs: [{role: hcloud, authorization: {credentials: x}}]",
        "relabel_configs: [{source_labels: [__meta_hetzner_public_ipv4], target_label: __address__, replacement: '$1:9100'}]",
        &[
            ("10.3.0.1:80", &[("__meta_hetzner_public_ipv4", "192.0.2.1")]),
            ("10.3.0.2:80", &[]),
        ],
    ),
    found(
        "ionos/node",
        "ionos_sd_configs: [{datacenter_id: d, port: 9100, basic_auth: {username: u, password: p}}]",
        "relabel_configs: [{source_labels: [__meta_ionos_server_lifecycle], action: keep, regex: AVAILABLE}, \
         {source_labels: [__meta_ionos_server_state], action: keep, regex: RUNNING}, \
         {source_labels: [__meta_ionos_server_name], target_label: instance}, \
         {source_labels: [__meta_ionos_availability_zone], target_label: ionos_zone}]",
        &[
            (
                "10.4.0.1:9100",
                &[
                    ("__meta_ionos_server_lifecycle", "AVAILABLE"),
                    ("__meta_ionos_server_state", "RUNNING"),
                    ("__meta_ionos_server_name", "s1"),
                    ("__meta_ionos_availability_zone", "AUTO"),
                ],
            ),
            (
                "10.4.0.2:9100",
                &[
                    ("__meta_ionos_server_lifecycle", "AVAILABLE"),
                    ("__meta_ionos_server_state", "SHUTOFF"),
                ],
            ),
            // It has no name, so that its address is its instance.
            (
                "10.4.0.3",
                &[
                    ("__meta_ionos_server_lifecycle", "AVAILABLE"),
                    ("__meta_ionos_server_state", "RUNNING"),
                ],
            ),
        ],
    ),
    found(
        "kubernetes/apiservers",
        "kubernetes_sd_configs: [{role: endpoints}]",
        "scheme: https, relabel_configs: [{source_labels: [__meta_kubernetes_namespace, __meta_kubernetes_service_name, \
         __meta_kubernetes_endpoint_port_name], action: keep, regex: 'default;kubernetes;https'}]",
        &[
            (
                "10.5.0.1:6443",
                &[
                    ("__meta_kubernetes_namespace", "default"),
                    ("__meta_kubernetes_service_name", "kubernetes"),
                    ("__meta_kubernetes_endpoint_port_name", "https"),
                ],
            ),
            (
                "10.5.0.2:53",
                &[
                    ("__meta_kubernetes_namespace", "kube-system"),
                    ("__meta_kubernetes_service_name", "dns"),
                ],
            ),
        ],
    ),
    found(
        "kubernetes/cadvisor",
        "kubernetes_sd_configs: [{role: node}]",
        "scheme: https, metrics_path: /metrics/cadvisor, \
         relabel_configs: [{action: labelmap, regex: '__meta_kubernetes_node_label_(.+)'}]",
        &[(
            "10.5.1.1:10250",
            &[
                ("__meta_kubernetes_node_label_kubernetes_io_os", "linux"),
                ("instance", "node-1"),
            ],
        )],
    ),
    found(
        "kubernetes/service-endpoints",
        "kubernetes_sd_configs: [{role: endpoints}]",
        "relabel_configs: [{source_labels: [__meta_kubernetes_service_annotation_example_io_scheme], action: replace, \
         target_label: __scheme__, regex: '(https?)'}, \
         {source_labels: [__meta_kubernetes_service_annotation_example_io_path], target_label: __metrics_path__, regex: '(.+)'}, \
         {source_labels: [__address__, __meta_kubernetes_service_annotation_example_io_port], target_label: __address__, \
         regex: '(.+?)(?::\\d+)?;(\\d+)', replacement: '$1:$2'}, \
         {action: labelmap, regex: '__meta_kubernetes_service_label_(.+)'}, \
         {source_labels: [__meta_kubernetes_namespace], target_label: namespace}, \
         {source_labels: [__meta_kubernetes_service_name], target_label: service}]",
        &[
            (
                "10.5.2.1:80",
                &[
                    ("__meta_kubernetes_namespace", "shop"),
                    ("__meta_kubernetes_service_name", "cart"),
                    ("__meta_kubernetes_service_label_app", "cart"),
                    ("__meta_kubernetes_service_annotation_example_io_scheme", "https"),
                    (
                        "__meta_kubernetes_service_annotation_example_io_path",
                        "/actuator/prometheus",
                    ),
                    ("__meta_kubernetes_service_annotation_example_io_port", "8081"),
                ],
            ),
            (
                "10.5.2.2:80",
                &[
                    ("__meta_kubernetes_namespace", "shop"),
                    ("__meta_kubernetes_service_annotation_example_io_scheme", "ftp"),
                ],
            ),
        ],
    ),
    found(
        "kubernetes/services",
        "kubernetes_sd_configs: [{role: service}]",
        "metrics_path: /probe, params: {module: [http_2xx]}, relabel_configs: [\
         {source_labels: [__address__], target_label: __param_target}, \
         {target_label: __address__, replacement: 'blackbox.example.com:9115'}, \
         {source_labels: [__param_target], target_label: instance}, \
         {action: labelmap, regex: '__meta_kubernetes_service_label_(.+)'}, \
         {source_labels: [__meta_kubernetes_namespace], target_label: namespace}]",
        &[
            (
                "cart.shop.svc:80",
                &[
                    ("__meta_kubernetes_namespace", "shop"),
                    ("__meta_kubernetes_service_label_app", "cart"),
                ],
            ),
            ("web.shop.svc:443", &[("__meta_kubernetes_namespace", "shop")]),
        ],
    ),
    found(
        "kubernetes/ingresses",
        "kubernetes_sd_configs: [{role: ingress}]",
        "metrics_path: /probe, params: {module: [http_2xx]}, relabel_configs: [\
         {source_labels: [__meta_kubernetes_ingress_scheme, __address__, __meta_kubernetes_ingress_path], \
         regex: '(.+);(.+);(.+)', replacement: '${1}://${2}${3}', target_label: __param_target}, \
         {target_label: __address__, replacement: 'blackbox.example.com:9115'}, \
         {source_labels: [__param_target], target_label: instance}]",
        &[(
            "shop.example.com",
            &[
                ("__meta_kubernetes_ingress_scheme", "https"),
                ("__meta_kubernetes_ingress_path", "/cart"),
            ],
        )],
    ),
    found(
        "kubernetes/pods",
        "kubernetes_sd_configs: [{role: pod}]",
        "relabel_configs: [{action: labelmap, regex: '__meta_kubernetes_pod_label_(.+)'}, \
         {source_labels: [__meta_kubernetes_namespace], target_label: namespace}, \
         {source_labels: [__meta_kubernetes_pod_name], target_label: pod}]",
        &[
            (
                "10.5.3.1:8080",
                &[
                    ("__meta_kubernetes_pod_label_app", "a"),
                    ("__meta_kubernetes_namespace", "n"),
                    ("__meta_kubernetes_pod_name", "p-1"),
                ],
            ),
            (
                "10.5.3.2",
                &[
                    ("__meta_kubernetes_pod_label_job", "renamed"),
                    ("__meta_kubernetes_pod_name", "p-2"),
                ],
            ),
            // The same in the end.
            (
                "10.5.3.1:8080",
                &[
                    ("__meta_kubernetes_pod_label_app", "a"),
                    ("__meta_kubernetes_namespace", "n"),
                    ("__meta_kubernetes_pod_name", "p-1"),
                    ("__meta_kubernetes_pod_uid", "x"),
                ],
            ),
        ],
    ),
    found(
        "linode/node",
        "linode_sd_configs: [{authorization: {credentials: x}}]",
        "relabel_configs: [{source_labels: [__meta_linode_tags], regex: '.*,monitoring,.*', action: keep}, \
         {source_labels: [__meta_linode_public_ipv6], target_label: __address__, replacement: '[$1]:9100'}]",
        &[(
            "10.6.0.1:80",
            &[
                ("__meta_linode_tags", ",monitoring,"),
                ("__meta_linode_public_ipv6", "2001:db8::6"),
            ],
        )],
    ),
    found(
        "marathon/marathon",
        "marathon_sd_configs: [{servers: ['http://marathon.mesos:8080'], refresh_interval: 60s}]",
        "relabel_configs: [{source_labels: [__meta_marathon_port_mapping_label_metrics, \
         __meta_marathon_port_definition_label_metrics], regex: '(\\/.+;|;\\/.+)', action: keep}, \
         {source_labels: [__meta_marathon_port_mapping_label_metrics], regex: '(\\/.+)', target_label: __metrics_path__}, \
         {source_labels: [__meta_marathon_port_definition_label_metrics], regex: '(\\/.+)', target_label: __metrics_path__}]",
        &[
            ("m:31000", &[("__meta_marathon_port_mapping_label_metrics", "/m")]),
            ("m:31001", &[("__meta_marathon_port_definition_label_metrics", "/d")]),
            ("m:31002", &[]),
        ],
    ),
    found(
        "nomad/nomad",
        "nomad_sd_configs: [{server: 'http://localhost:4646'}]",
        "relabel_configs: [{source_labels: [__meta_nomad_service], target_label: job}]",
        &[
            ("10.7.0.1:4646", &[("__meta_nomad_service", "api")]),
            ("10.7.0.2:4646", &[]),
        ],
    ),
    found(
        "outscale/prometheus",
        "outscale_sd_configs: [{region: eu-west-2, access_key: a, secret_key: b}]",
        "relabel_configs: [{source_labels: [__meta_outscale_vm_tag_Name], regex: '.*prometheus.*', action: keep}, \
         {source_labels: [__meta_outscale_vm_public_ip], target_label: __address__, replacement: '$1:9090'}, \
         {source_labels: [__meta_outscale_vm_region], target_label: outscale_region}]",
        &[(
            "10.8.0.1:80",
            &[
                ("__meta_outscale_vm_tag_Name", "a-prometheus-b"),
                ("__meta_outscale_vm_public_ip", "192.0.2.8"),
                ("__meta_outscale_vm_region", "eu"),
            ],
        )],
    ),
    found(
        "ovhcloud/ovhcloud",
        "ovhcloud_sd_configs: [{service: vps, endpoint: ovh-eu, application_key: k, application_secret: s, consumer_key: c}]",
        "",
        &[
            ("vps-1", &[("__meta_ovhcloud_vps_name", "vps-1"), ("instance", "vps-1")]),
            ("vps-2", &[]),
        ],
    ),
    found(
        "puppetdb/scrape-jobs",
        "puppetdb_sd_configs: [{url: 'https://puppetdb.example.com', query: 'resources {}', include_parameters: true}]",
        "relabel_configs: [{source_labels: [__meta_puppetdb_certname], target_label: certname}, \
         {source_labels: [__meta_puppetdb_parameter_targets], regex: '(.+),?.*', replacement: '$1', target_label: __address__}, \
         {source_labels: [__meta_puppetdb_parameter_job_name], target_label: job}, \
         {regex: '__meta_puppetdb_parameter_labels_(.+)', replacement: '$1', action: labelmap}]",
        &[
            (
                "edinburgh",
                &[
                    ("__meta_puppetdb_certname", "edinburgh"),
                    ("__meta_puppetdb_parameter_targets", "edinburgh:9100"),
                    ("__meta_puppetdb_parameter_job_name", "node"),
                    ("__meta_puppetdb_parameter_labels_alias", "e"),
                ],
            ),
            ("glasgow", &[("__meta_puppetdb_certname", "glasgow")]),
        ],
    ),
    found(
        "scaleway/node",
        "scaleway_sd_configs: [{role: baremetal, project_id: 11111111-1111-1111-1111-111111111111, \
         access_key: SCWXXXXXXXXXXXXXXXXX, secret_key: 11111111-1111-1111-1111-111111111111}]",
        "relabel_configs: [{source_labels: [__meta_scaleway_baremetal_status], regex: '(delivering|out_of_stock)', action: drop}, \
         {source_labels: [__meta_scaleway_baremetal_public_ipv6], target_label: __address__, replacement: '[$1]:9100'}]",
        &[
            (
                "10.9.0.1:80",
                &[
                    ("__meta_scaleway_baremetal_status", "ready"),
                    ("__meta_scaleway_baremetal_public_ipv6", "2001:db8::9"),
                ],
            ),
            ("10.9.0.2:80", &[("__meta_scaleway_baremetal_status", "delivering")]),
        ],
    ),
    found(
        "uyuni/uyuni",
        "uyuni_sd_configs: [{server: 'http://uyuni.example', username: gopher, password: hole}]",
        "relabel_configs: [{source_labels: [__meta_uyuni_exporter], target_label: exporter}, \
         {source_labels: [__meta_uyuni_minion_hostname], target_label: hostname}, \
         {source_labels: [__meta_uyuni_primary_fqdn], regex: '(.+)', target_label: hostname}, \
         {source_labels: [hostname, __address__], regex: '(.*);.*:(.*)', replacement: '${1}:${2}', target_label: __address__}, \
         {source_labels: [__meta_uyuni_metrics_path], regex: '(.+)', target_label: __metrics_path__}, \
         {source_labels: [__meta_uyuni_proxy_module], target_label: __param_module}]",
        &[
            (
                "10.10.0.1:9100",
                &[
                    ("__meta_uyuni_exporter", "node"),
                    ("__meta_uyuni_minion_hostname", "h1"),
                    ("__meta_uyuni_primary_fqdn", "h1.example"),
                ],
            ),
            (
                "10.10.0.2:9999",
                &[
                    ("__meta_uyuni_minion_hostname", "h2"),
                    ("__meta_uyuni_metrics_path", "/proxy"),
                    ("__meta_uyuni_proxy_module", "node_exporter"),
                ],
            ),
        ],
    ),
    found(
        "vultr/node",
        "vultr_sd_configs: [{authorization: {credentials: x}}]",
        "relabel_configs: [{source_labels: [__meta_vultr_instance_tags], regex: '.*,monitoring,.*', action: keep}, \
         {source_labels: [__meta_vultr_instance_main_ipv6], target_label: __address__, replacement: '[$1]:9100'}]",
        &[(
            "10.11.0.1:80",
            &[
                ("__meta_vultr_instance_tags", ",monitoring,"),
                ("__meta_vultr_instance_main_ipv6", "2001:db8::11"),
            ],
        )],
    ),
    found(
        "consul/services",
        "consul_sd_configs: [{server: 'localhost:8500'}]",
        "relabel_configs: [{source_labels: [__meta_consul_tags], regex: '.*,prod,.*', action: keep}, \
         {source_labels: [__meta_consul_service], target_label: job}, \
         {source_labels: [__meta_consul_node], target_label: instance}, \
         {regex: '__meta_consul_service_metadata_(.+)', action: labelmap}]",
        &[
            (
                "10.12.0.1:80",
                &[
                    ("__meta_consul_tags", ",prod,"),
                    ("__meta_consul_service", "web"),
                    ("__meta_consul_node", "n1"),
                    ("__meta_consul_service_metadata_v", "2"),
                ],
            ),
            (
                "10.12.0.2:80",
                &[("__meta_consul_tags", ",test,"), ("__meta_consul_service", "web")],
            ),
            (
                "10.12.0.3",
                &[("__meta_consul_tags", ",prod,"), ("__meta_consul_node", "10.12.0.3")],
            ),
        ],
    ),
    found(
        "ec2/by-everything",
        "ec2_sd_configs: [{region: us-east-1, access_key: a, secret_key: b}]",
        "relabel_configs: [{action: labelmap, regex: '__meta_(.+)'}, \
         {source_labels: [__meta_ec2_tag_Name], regex: '', action: drop}, \
         {source_labels: [__meta_ec2_instance_state], action: keep, regex: running}]",
        &[
            (
                "10.13.0.1:80",
                &[("__meta_ec2_tag_Name", "a"), ("__meta_ec2_instance_state", "running")],
            ),
            ("10.13.0.2:80", &[("__meta_ec2_instance_state", "running")]),
        ],
    ),
];
