//! Who asks: each method, and how long a token is used.

use headcount_discoverer::testing::SentRequest;
use percent_encoding::percent_decode_str;

use super::*;

const MANAGED: &str = "{subscription_id: sub, authentication_method: ManagedIdentity}";
const SDK: &str = "{subscription_id: sub, authentication_method: SDK}";
const IMDS: &str = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";

/// What is sent by a discoverer in this environment until it has its first lists.
fn sent(entry: &str, variables: &[(&str, &str)]) -> Vec<SentRequest> {
    let mut world = world();
    for (name, value) in variables {
        world.variables.set(name, value);
    }
    world.files.write("/federated", "as5ertion\n");
    world.http.at("http://").then(Answer::json(TOKEN));
    start::<AzureSd>(&mut world, entry);
    let received = world.settle();
    assert!(received[0].update().is_some(), "{:?}", received[0].failure());
    let sent = world.http.take_requests();
    assert_eq!(
        sent.last().expect("a list").header("authorization"),
        Some("Bearer t0ken")
    );
    sent
}

fn form(sent: &SentRequest) -> Vec<(String, String)> {
    let body = String::from_utf8(sent.request.body.clone()).expect("text");
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#first-case-access-token-request-with-a-shared-secret>
#[test]
fn an_application_has_a_secret() {
    let expected = |scope: &str| {
        pairs(&[
            ("client_id", "scout"),
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_secret", "hunter2"),
        ])
    };
    let public = sent(ENTRY, &[]);
    assert_eq!(
        public[0].request.url,
        "https://login.microsoftonline.com/ten/oauth2/v2.0/token"
    );
    assert_eq!(
        public[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(form(&public[0]), expected("https://management.azure.com/.default"));
    // Another cloud; what else the entry says of authentication is sent nowhere.
    let mut world = World::new();
    world
        .http
        .at("https://login.chinacloudapi.cn/")
        .then(Answer::json(TOKEN));
    world.http.at("https://management.chinacloudapi.cn/").then(list(&[]));
    start::<AzureSd>(
        &mut world,
        &ENTRY.replace(
            '}',
            ", environment: AzureChinaCloud, basic_auth: {username: u, password: p}}",
        ),
    );
    assert!(world.settle()[0].update().is_some());
    let sent = world.http.take_requests();
    assert_eq!(form(&sent[0]), expected("https://management.chinacloudapi.cn/.default"));
    assert!(sent.iter().all(|sent| sent.settings.basic_auth.is_none()));
}

/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential>
#[test]
fn a_workload_has_a_token_in_a_file() {
    let entry = "{subscription_id: sub, authentication_method: WorkloadIdentity}";
    let variables = [
        ("AZURE_FEDERATED_TOKEN_FILE", "/federated"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
    ];
    let expected = |client: &str| {
        pairs(&[
            ("client_id", client),
            ("grant_type", "client_credentials"),
            ("scope", "https://management.azure.com/.default"),
            ("client_assertion", "as5ertion"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
        ])
    };
    let of_environment = sent(entry, &variables);
    assert_eq!(
        of_environment[0].request.url,
        "https://login.microsoftonline.com/t/oauth2/v2.0/token"
    );
    assert_eq!(form(&of_environment[0]), expected("c"));
    // The entry says what the environment does not.
    let entry = entry.replace('}', ", client_id: own, tenant_id: mine}");
    assert_eq!(form(&sent(&entry, &variables)[0]), expected("c"));
    let of_entry = sent(&entry, &variables[..1]);
    assert_eq!(
        of_entry[0].request.url,
        "https://login.microsoftonline.com/mine/oauth2/v2.0/token"
    );
    assert_eq!(form(&of_entry[0]), expected("own"));
    let by_sdk = sent(SDK, &variables);
    assert_eq!(form(&by_sdk[0]), expected("c"));
}

/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#get-a-token-using-http>
#[test]
fn a_machine_has_an_identity() {
    let own = sent(MANAGED, &[]);
    assert_eq!(
        (own[0].request.url.as_str(), own[0].header("metadata")),
        (IMDS, Some("true"))
    );
    assert!(!own[0].settings.follow_redirects);
    let given = sent(
        &MANAGED.replace('}', ", client_id: c}"),
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://pod.example/")],
    );
    let url = IMDS.replace("169.254.169.254", "pod.example") + "&client_id=c";
    assert_eq!(given[0].request.url, url);
    let by_sdk = sent(SDK, &[("AZURE_CLIENT_ID", "c")]);
    assert_eq!(by_sdk[0].request.url, format!("{IMDS}&client_id=c"));
}

#[test]
fn what_runs_elsewhere_at_azure_has_an_identity_of_somebody_else() {
    // <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
    let service = sent(
        &MANAGED.replace('}', ", client_id: c}"),
        &[("IDENTITY_ENDPOINT", "http://a.example/t"), ("IDENTITY_HEADER", "h")],
    );
    let resource = "resource=https%3A%2F%2Fmanagement.azure.com%2F";
    assert_eq!(
        service[0].request.url,
        format!("http://a.example/t?api-version=2019-08-01&{resource}&client_id=c")
    );
    assert_eq!(service[0].header("x-identity-header"), Some("h"));
    let learning = sent(MANAGED, &[("MSI_ENDPOINT", "http://m.example/t"), ("MSI_SECRET", "s")]);
    assert_eq!(
        learning[0].request.url,
        format!("http://m.example/t?api-version=2017-09-01&{resource}")
    );
    assert_eq!(learning[0].header("secret"), Some("s"));
    let shell = sent(MANAGED, &[("MSI_ENDPOINT", "http://m.example/t")]);
    assert_eq!(
        (shell[0].request.method.as_str(), form(&shell[0])),
        ("POST", pairs(&[("resource", "https://management.azure.com/")]))
    );
}

/// <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication#acquiring-an-access-token-using-rest-api>
#[test]
fn a_machine_at_arc_shows_that_it_can_read_a_file() {
    let file = "/var/opt/azcmagent/tokens/1.key";
    for (realm, expected) in [
        (file, None),
        ("/etc/shadow", Some("names no file of /var/opt/azcmagent/tokens")),
        ("/var/opt/azcmagent/tokens/../../shadow.key", Some("names no file of")),
        ("/var/opt/azcmagent/tokens/gone.key", Some("gone.key: no such file")),
    ] {
        let mut world = world();
        world.variables.set(
            "IDENTITY_ENDPOINT",
            "http://localhost:40342/metadata/identity/oauth2/token",
        );
        world.variables.set("IMDS_ENDPOINT", "http://localhost:40342");
        world.files.write(file, "s3cret");
        let challenge = Answer::new(401).header("www-authenticate", &format!("Basic realm={realm}"));
        world
            .http
            .at("http://localhost:40342/")
            .then(challenge)
            .then(Answer::json(TOKEN));
        start::<AzureSd>(&mut world, MANAGED);
        let received = world.settle();
        let sent = world.http.take_requests();
        match expected {
            None => assert_eq!(sent[1].header("authorization"), Some("Basic s3cret")),
            Some(expected) => {
                let said = received[0].failure().expect("a failure");
                assert!(said.contains(expected), "{said}");
                assert_eq!(sent.len(), 1);
            }
        }
    }
}

#[test]
fn the_environment_goes_before_the_machine_and_last_is_who_is_logged_in() {
    let application = [
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    let of_environment = sent(SDK, &application);
    assert_eq!(
        of_environment[0].request.url,
        "https://login.microsoftonline.com/t/oauth2/v2.0/token"
    );
    assert!(form(&of_environment[0]).contains(&("client_secret".to_owned(), "s".to_owned())));
    let mut world = world();
    world.programs.print(
        "az",
        0,
        r#"{"accessToken": "t0ken", "expires_on": 1767230000, "tenant": "t"}"#,
    );
    start::<AzureSd>(
        &mut world,
        "{subscription_id: sub, authentication_method: SDK, tenant_id: ten}",
    );
    let received = world.run_until_received(MINUTE);
    assert!(received[0].update().is_some(), "{:?}", received[0].failure());
    let arguments = "account get-access-token --output json --resource https://management.azure.com/ --tenant ten";
    assert_eq!(world.programs.take_calls()[0].arguments.join(" "), arguments);
}

#[test]
fn who_cannot_be_anybody_is_told_why() {
    for (entry, variables, expected) in [
        (SDK, vec![], "there are no credentials: http://169.254.169.254/"),
        (SDK, vec![], "running az: it is not allowed"),
        (
            SDK,
            vec![
                ("AZURE_CLIENT_ID", "c"),
                ("AZURE_TENANT_ID", "t"),
                ("AZURE_CLIENT_CERTIFICATE_PATH", "/c"),
            ],
            "AZURE_CLIENT_CERTIFICATE_PATH is set, and logging in with it is not supported; set AZURE_CLIENT_SECRET",
        ),
        (MANAGED, vec![], "connecting to 169.254.169.254"),
        (
            MANAGED,
            vec![
                ("IDENTITY_ENDPOINT", "http://a"),
                ("IDENTITY_HEADER", "h"),
                ("IDENTITY_SERVER_THUMBPRINT", "x"),
            ],
            "identities of Service Fabric are not supported",
        ),
        (
            "{subscription_id: sub, authentication_method: ManagedIdentity, client_id: c}",
            vec![("MSI_ENDPOINT", "http://a")],
            "Cloud Shell: it has one identity only; leave client_id out",
        ),
        (
            "{subscription_id: sub, authentication_method: WorkloadIdentity}",
            vec![],
            "the environment variable AZURE_FEDERATED_TOKEN_FILE is not set",
        ),
        (
            "{subscription_id: sub, authentication_method: WorkloadIdentity, tenant_id: t}",
            vec![("AZURE_FEDERATED_TOKEN_FILE", "/gone")],
            "neither client_id nor the environment variable AZURE_CLIENT_ID is set",
        ),
        (
            "{subscription_id: sub, tenant_id: 'a/b', client_id: c, client_secret: hunter2}",
            vec![],
            "this can't be a tenant's name",
        ),
    ] {
        let mut world = world();
        for (name, value) in &variables {
            world.variables.set(name, value);
        }
        start::<AzureSd>(&mut world, entry);
        let received = world.run_until_received(MINUTE);
        let said = received[0].failure().expect("a failure");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
    let wrong = r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x"}"#;
    let mut world = world();
    world
        .http
        .at("https://login.microsoftonline.com/")
        .now(Answer::new(401).body(wrong));
    start::<AzureSd>(&mut world, ENTRY);
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(
        said.ends_with("invalid_client: AADSTS7000215: Invalid client secret provided. (status 401)"),
        "{said}"
    );
}

#[test]
fn one_token_does_for_all_who_have_the_same_account_and_is_got_anew_when_it_is_refused() {
    let mut world = world();
    start::<AzureSd>(&mut world, ENTRY);
    start::<AzureSd>(&mut world, &ENTRY.replace('}', ", port: 81}"));
    let logins = |world: &World| {
        let sent = world.http.take_requests();
        sent.iter()
            .filter(|sent| sent.request.url.starts_with("https://login."))
            .count()
    };
    world.run_for(MINUTE * 40);
    assert_eq!(logins(&world), 1);
    world.run_for(MINUTE * 40);
    assert_eq!(logins(&world), 1);
    world
        .http
        .at(&url("providers/Microsoft.Compute/virtualMachines?"))
        .now(Answer::new(401))
        .then(list(&[]));
    let received = world.run_for(MINUTE * 5);
    assert_eq!(logins(&world), 1);
    assert!(received.iter().all(|received| received.failure().is_none()));
}
