//! The jobs of the examples for clouds, containers and catalogs.

use super::{Job, found};

pub(super) const JOBS: &[Job] = &[
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
