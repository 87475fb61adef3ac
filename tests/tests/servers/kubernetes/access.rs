//! Who is let in, and by what.

use super::*;
use crate::support::PODS_ONLY;

#[test]
fn a_kubeconfig_leads_there_with_a_certificate_or_a_token_that_changes() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    run_pod(&cluster, "p1", "127.1.0.1", simple_pod());
    let kubeconfig = |user: &str| {
        let (server, ca) = (cluster.address(), cluster.certificates().path("ca", "crt"));
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: '{server}', certificate-authority: '{ca}'}}}}]\n\
             users: [{{name: u, user: {user}}}]\n"
        );
        folder.write("kubeconfig", text)
    };
    // Whom the certificate names may do nothing yet.
    let (certificate, key) = (
        cluster.certificates().path("client", "crt"),
        cluster.certificates().path("client", "key"),
    );
    let path = kubeconfig(&format!("{{client-certificate: '{certificate}', client-key: '{key}'}}"));
    let entry = format!("{{role: pod, kubeconfig_file: '{}'}}", path.display());
    let text = format!("scrape_configs: [{{job_name: pods, kubernetes_sd_configs: [{entry}]}}]");
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", text));
    headcount.wait_for_failure("kubernetes", &["status 403", "User ", "allow list and watch of pods"]);
    // A token in a file, with which it may. The kubeconfig is read again.
    folder.write("token", format!("{PODS_ONLY}\n"));
    kubeconfig(&format!("{{tokenFile: '{}'}}", folder.text("token")));
    headcount.wait_for("pods", &["127.1.0.1:8080"]);
    headcount.wait_for_health("kubernetes");
}

#[test]
fn what_is_not_allowed_is_said_and_the_rest_is_not_told_by_halves() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    run_pod(&cluster, "p1", "127.1.0.1", simple_pod());
    let text = config(&cluster, &[("pods", "role: pod, attach_metadata: {node: true}")]).replace(ADMIN, PODS_ONLY);
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", text));
    crate::support::until("it says what is missing", || {
        let health = headcount.provider("kubernetes")?["health"].to_string();
        let parts = [
            "nodes",
            "status 403",
            "nodes is forbidden",
            "allow list and watch of nodes",
        ];
        match parts.iter().all(|part| health.contains(part)) {
            true => Ok(()),
            false => Err(health),
        }
    });
    assert!(headcount.list("pods").is_err());
    // A token that nobody knows.
    let text = config(&cluster, &[("pods", "role: pod")]).replace(ADMIN, "hunter2");
    let path = folder.write("prometheus.yml", text);
    let headcount = Headcount::with_config(&folder, &path);
    let error = headcount.wait_for_failure("kubernetes", &["status 401", "it does not know who asks"]);
    assert!(!error.contains("hunter2") && !headcount.everything_said().contains("hunter2"));
}
