//! The jobs of the example for Kubernetes.

use super::{Job, found};

pub(super) const JOBS: &[Job] = &[
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
];
