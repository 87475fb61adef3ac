//! How the server is reached.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headcount_reader::{Secret, SecretSource, TextSource};

use super::*;

const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const EMPTY: &str = r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}"#;

/// A world whose servers have nothing, and a discoverer in it with this entry.
fn world(entry: &str) -> World {
    let mut world = World::new();
    world.http.serve("https://k8s.example/", |request| {
        match request.url.contains("watch=1") {
            true => headcount_discoverer::testing::Answer::new(200).never_ends(),
            false => headcount_discoverer::testing::Answer::json(EMPTY),
        }
    });
    world.start(Arc::new(settings(entry)).discoverer());
    world
}

fn failure(world: &mut World) -> String {
    let received = world.run_for(SOON);
    let failed = received.first().and_then(Received::failure);
    failed.unwrap_or_else(|| panic!("{received:?}")).to_owned()
}

#[test]
fn a_pod_reaches_its_own_cluster() {
    let mut world = world("{role: pod, namespaces: {own_namespace: true}}");
    let text = failure(&mut world);
    assert!(
        text.contains("finding out the own namespace: ") && text.contains("no such file"),
        "{text}"
    );
    world.files.write(format!("{ACCOUNT}/namespace"), "team-a\n");
    let received = world.run_for(MINUTE);
    let text = received
        .iter()
        .filter_map(Received::failure)
        .next_back()
        .expect("it is said");
    assert!(
        text.contains("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"),
        "{text}"
    );
    world.variables.set("KUBERNETES_SERVICE_HOST", "fd00::1");
    world.variables.set("KUBERNETES_SERVICE_PORT", "443");
    world.http.take_requests();
    world.run_for(MINUTE);
    let requests = world.http.take_requests();
    let sent = requests.first().expect("it is asked");
    assert_eq!(
        sent.request.url,
        "https://[fd00::1]:443/api/v1/namespaces/team-a/pods?limit=500"
    );
    let token = sent
        .settings
        .authorization
        .as_ref()
        .and_then(|authorization| authorization.credentials.clone());
    assert_eq!(token, Some(SecretSource::File(format!("{ACCOUNT}/token").into())));
    assert_eq!(
        sent.settings.tls.ca,
        Some(TextSource::File(format!("{ACCOUNT}/ca.crt").into()))
    );
}

fn kubeconfig(user: &str, cluster: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: second\ncontexts:\n\
         - {{name: first, context: {{cluster: other, user: other}}}}\n\
         - {{name: second, context: {{cluster: c, user: u, namespace: ignored}}}}\n\
         clusters:\n- name: other\n  cluster: {{server: 'https://other.example'}}\n\
         - name: c\n  cluster: {{server: 'https://k8s.example/'{cluster}}}\n\
         users:\n- name: u\n  user: {user}\n"
    )
}

#[test]
fn a_kubeconfig_says_where_and_who() {
    let pem = STANDARD.encode("PEM of an authority");
    let key = STANDARD.encode("PEM of a key");
    let user = format!(
        "{{client-certificate: certs/me.crt, client-key-data: {key}, tokenFile: /run/token, token: hunter2, as: boss, as-groups: [ops, dev]}}"
    );
    let cluster = format!(", certificate-authority-data: {pem}, tls-server-name: inner, proxy-url: 'http://proxy:1'");
    let mut world = world("{role: pod, kubeconfig_file: k8s/config}");
    assert!(failure(&mut world).contains("reading the kubeconfig: /etc/k8s/config: no such file"));
    world.files.write("/etc/k8s/config", kubeconfig(&user, &cluster));
    let received = world.run_for(MINUTE);
    assert_eq!(kinds(&received), [UpdateKind::Full]);
    let requests = world.http.take_requests();
    let sent = requests.last().expect("it is asked");
    assert!(
        sent.request.url.starts_with("https://k8s.example/api/v1/pods?"),
        "{}",
        sent.request.url
    );
    let headers: Vec<(&str, &str)> = sent
        .request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        headers[1..],
        [
            ("Impersonate-User", "boss"),
            ("Impersonate-Group", "ops"),
            ("Impersonate-Group", "dev")
        ]
    );
    let settings = &sent.settings;
    assert_eq!(
        settings.tls.ca,
        Some(TextSource::Inline("PEM of an authority".to_owned()))
    );
    assert_eq!(
        settings.tls.cert,
        Some(TextSource::File("/etc/k8s/certs/me.crt".into()))
    );
    assert_eq!(
        settings.tls.key,
        Some(SecretSource::Inline(Secret::new("PEM of a key")))
    );
    assert_eq!(settings.tls.server_name.as_deref(), Some("inner"));
    let token = settings
        .authorization
        .as_ref()
        .and_then(|authorization| authorization.credentials.clone());
    assert_eq!(token, Some(SecretSource::File("/run/token".into())), "the file counts");
    // It is read again for each request, so that what is changed is seen.
    world
        .files
        .write("/etc/k8s/config", kubeconfig("{username: me, password: hunter2}", ""));
    world.run_for(MINUTE * 6);
    let requests = world.http.take_requests();
    let sent = requests.last().expect("it is asked");
    assert_eq!(sent.settings.tls.ca, None);
    assert!(sent.settings.basic_auth.is_some());
}

#[test]
fn what_is_wrong_in_a_kubeconfig_is_said_without_secrets() {
    let right = kubeconfig("{token: hunter2}", "");
    for (text, says) in [
        ("hunter2: [".to_owned(), "it is no kubeconfig"),
        ("{}".to_owned(), "it has no current-context"),
        (
            right.replace("current-context: second", "current-context: hunted"),
            "it has no context \"hunted\"",
        ),
        (right.replace("cluster: c,", "cluster: d,"), "it has no cluster \"d\""),
        (right.replace("user: u,", "user: v,"), "it has no user \"v\""),
        (
            right.replace("https://k8s.example/", "ftp://k8s"),
            "its cluster's server: ",
        ),
        (
            kubeconfig("{client-key-data: hunter2}", ""),
            "its client-key-data is not PEM in base64",
        ),
        (
            kubeconfig("{client-certificate: a}", ""),
            "only one of a client's certificate and its key",
        ),
        (
            kubeconfig("{auth-provider: {name: gcp}}", ""),
            "the auth-provider \"gcp\", which Kubernetes has removed",
        ),
        (
            kubeconfig("{exec: {command: login}}", ""),
            "running login: it is not allowed",
        ),
    ] {
        let mut world = world("{role: pod, kubeconfig_file: /k}");
        world.files.write("/k", text);
        let told = failure(&mut world);
        assert!(
            told.contains("/k: ") && told.contains(says) && !told.contains("hunter2"),
            "{told}"
        );
    }
}

#[test]
fn a_program_prints_who_we_are_once_for_all_and_again_when_it_is_refused() {
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [a], env: [{name: B, value: c}]}}";
    let mut world = World::new();
    world.files.write("/k/config", kubeconfig(user, ""));
    let printed = |token: &str| {
        let expires = "2100-01-01T00:00:00Z";
        format!(r#"{{"kind": "ExecCredential", "status": {{"token": "{token}", "expirationTimestamp": "{expires}"}}}}"#)
    };
    world.programs.print("/k/login", 0, printed("one"));
    world.http.serve("https://k8s.example/", |request| {
        match request.url.contains("watch=1") {
            true => headcount_discoverer::testing::Answer::new(200).never_ends(),
            false => headcount_discoverer::testing::Answer::json(EMPTY),
        }
    });
    for role in ["pod", "service"] {
        world.start(Arc::new(settings(&format!("{{role: {role}, kubeconfig_file: /k/config}}"))).discoverer());
    }
    world.run_for(MINUTE);
    let calls = world.programs.take_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].arguments, ["a"]);
    assert!(
        calls[0]
            .variables
            .iter()
            .any(|(name, value)| name == "KUBERNETES_EXEC_INFO" && value.contains("client.authentication.k8s.io/v1"))
    );
    let token = |world: &World| {
        let requests = world.http.take_requests();
        let sent = requests.last().expect("it is asked").settings.authorization.clone();
        sent.and_then(|authorization| authorization.credentials)
    };
    assert_eq!(token(&world), Some(SecretSource::Inline(Secret::new("one"))));
    // It is no longer taken.
    world.programs.print("/k/login", 0, printed("two"));
    let answers = std::sync::atomic::AtomicUsize::new(0);
    world.http.serve("https://k8s.example/", move |request| {
        match answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => status(401, "Unauthorized", "Unauthorized"),
            _ if request.url.contains("watch=1") => headcount_discoverer::testing::Answer::new(200).never_ends(),
            _ => headcount_discoverer::testing::Answer::json(EMPTY),
        }
    });
    world.run_for(MINUTE * 6);
    assert_eq!(token(&world), Some(SecretSource::Inline(Secret::new("two"))));
    assert_eq!(world.programs.take_calls().len(), 1);
}
