//! Tokens: what they let us see, and what it means when they let us see nothing.

use serde_json::{Value, json};

use super::{config, instance, reload, run};
use crate::support::{Consul, Folder, Headcount, ROOT_TOKEN};

/// Everything that discovery needs.
const RULES: &str = "service_prefix \"\" { policy = \"read\" } node_prefix \"\" { policy = \"read\" }";
/// Who may not see nodes sees no instances, although the services are listed.
const NO_NODES: &str = "service_prefix \"\" { policy = \"read\" }";

/// A policy, and a token that has it.
struct Access<'a> {
    consul: &'a Consul,
    policy: Value,
    accessor: String,
    token: String,
}

impl<'a> Access<'a> {
    fn new(consul: &'a Consul, rules: &str) -> Self {
        let policy = consul.put("/v1/acl/policy", &json!({"Name": "discovery", "Rules": rules}));
        let token = consul.put("/v1/acl/token", &json!({"Policies": [{"ID": policy["ID"]}]}));
        let text = |name: &str| token[name].as_str().expect("text").to_owned();
        Self {
            consul,
            accessor: text("AccessorID"),
            token: text("SecretID"),
            policy,
        }
    }

    /// The policy says something else from now on.
    fn set(&self, rules: &str) {
        let id = self.policy["ID"].as_str().expect("text");
        let policy = json!({"ID": id, "Name": "discovery", "Rules": rules});
        self.consul.put(&format!("/v1/acl/policy/{id}"), &policy);
    }

    /// The token is gone.
    fn revoke(&self) {
        self.consul
            .send("DELETE", &format!("/v1/acl/token/{}", self.accessor), b"");
    }
}

const WEB: [&str; 1] = ["127.0.0.1:80"];

#[test]
fn no_change_of_what_a_token_may_do_takes_targets_away() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::with_tokens(&folder);
    let mut web = instance("web", 80);
    web["Tags"] = json!(["v1"]);
    consul.register(&web);
    let access = Access::new(&consul, RULES);
    let entry = format!("token: {}, tags: [v1], refresh_interval: 1s", access.token);
    let headcount = run(&folder, &consul, &[("web", &entry)]);
    headcount.wait_for("web", &WEB);

    // Status 200 and an empty list: Consul itself is always in it for who may see it.
    access.set("");
    headcount.wait_for_failure("consul", &["the list of services", "the token may not see"]);
    headcount.wait_for("web", &WEB);
    access.set(RULES);
    headcount.wait_for_health("consul");

    // The token is unknown: status 403.
    access.revoke();
    headcount.wait_for_failure("consul", &["the list of services", "status 403: ACL not found"]);
    headcount.wait_for("web", &WEB);
    assert!(
        !headcount.everything_said().contains(&access.token),
        "the token was told"
    );
}

#[test]
fn a_service_that_is_listed_without_instances_is_not_gone() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::with_tokens(&folder);
    consul.register(&instance("web", 80));
    let access = Access::new(&consul, RULES);
    let entry = format!(
        "token: {}, services: [web], filter: 'x', refresh_interval: 1s",
        access.token
    );
    let headcount = run(&folder, &consul, &[("web", &entry)]);
    headcount.wait_for("web", &WEB);
    access.set(NO_NODES);
    headcount.wait_for_failure("consul", &["service web", "node:read"]);
    headcount.wait_for("web", &WEB);
    access.set(RULES);
    headcount.wait_for_health("consul");
    consul.deregister("web-80");
    headcount.wait_for("web", &[]);
}

#[test]
fn who_sees_nothing_from_the_start_has_not_seen_everything() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::with_tokens(&folder);
    consul.register(&instance("web", 80));
    let blind = Access::new(&consul, NO_NODES);
    let cases = [
        ("".to_owned(), "the token may not see"),
        ("token: unknown".to_owned(), "status 403: ACL not found"),
        (format!("token: {}", blind.token), "node:read"),
    ];
    for (entry, told) in cases {
        let headcount = run(&folder, &consul, &[("all", &entry)]);
        headcount.wait_for_failure("consul", &[told]);
        assert_eq!(headcount.get("/sd/all").map(|answer| answer.status), Ok(503), "{entry}");
    }
}

#[test]
fn a_token_stands_in_the_settings_or_in_the_environment() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::with_tokens(&folder);
    consul.register(&instance("web", 80));
    let file = folder.write("token", format!("{ROOT_TOKEN}\n"));
    let file = file.to_str().expect("a path in UTF-8");
    let cases: [(&str, &[(&str, &str)]); 5] = [
        ("token: root-token", &[]),
        ("token: root-token", &[("CONSUL_HTTP_TOKEN", "unknown")]),
        ("", &[("CONSUL_HTTP_TOKEN", ROOT_TOKEN)]),
        (
            "",
            &[("CONSUL_HTTP_TOKEN_FILE", file), ("CONSUL_HTTP_TOKEN", "unknown")],
        ),
        // Consul takes a token as anybody's, too.
        ("authorization: {credentials: root-token}", &[]),
    ];
    for (entry, variables) in cases {
        let entry = format!("services: [web]{}{entry}", if entry.is_empty() { "" } else { ", " });
        let path = folder.write("prometheus.yml", config(&consul, &[("web", &entry)]));
        let headcount = Headcount::with_variables(&folder, &path, variables);
        headcount.wait_for("web", &WEB);
        assert!(
            !headcount.everything_said().contains(ROOT_TOKEN),
            "{entry} {variables:?}"
        );
    }
}

#[test]
fn a_token_in_a_file_is_read_again() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::with_tokens(&folder);
    consul.register(&instance("web", 80));
    let file = folder.write("token", "unknown");
    let variables = [("CONSUL_HTTP_TOKEN_FILE", file.to_str().expect("a path in UTF-8"))];
    let path = folder.write(
        "prometheus.yml",
        config(&consul, &[("web", "services: [web], refresh_interval: 1s")]),
    );
    let headcount = Headcount::with_variables(&folder, &path, &variables);
    headcount.wait_for_failure("consul", &["ACL not found"]);
    folder.write("token", ROOT_TOKEN);
    headcount.wait_for("web", &WEB);
}

#[test]
fn a_reload_with_a_wrong_token_keeps_the_targets() {
    require!("consul");
    let folder = Folder::new();
    let consul = Consul::with_tokens(&folder);
    consul.register(&instance("web", 80));
    let entry = |token: &str| format!("token: {token}, services: [web], refresh_interval: 1s");
    let headcount = run(&folder, &consul, &[("web", &entry(ROOT_TOKEN))]);
    headcount.wait_for("web", &WEB);
    reload(&folder, &headcount, &consul, &[("web", &entry("unknown"))]);
    headcount.wait_for_failure("consul", &["status 403: ACL not found"]);
    headcount.assert_not_less("web", &WEB);
    reload(&folder, &headcount, &consul, &[("web", &entry(ROOT_TOKEN))]);
    headcount.wait_for_health("consul");
    headcount.wait_for("web", &WEB);
}
