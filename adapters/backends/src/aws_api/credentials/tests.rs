//! Who asks, in all the ways in which that can be said.

use std::collections::BTreeMap;
use std::time::Duration;

use headcount_discoverer::testing::Answer;

use super::plan::Plan;
use super::profile::Files;
use crate::aws_api::testing::{KEYS, MINUTE, Site, account, discoverer, failures, form, good, refused};

const EC2: &str = "https://ec2.eu-west-1.amazonaws.com";
const STS: &str = "https://sts.eu-west-1.amazonaws.com";
const INSTANCE: &str = "http://169.254.169.254";
const NOTHING: &str = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
const REGION: &str = "{region: eu-west-1}";

fn site(entry: &str) -> Site {
    let site = Site::of("ec2", entry);
    site.world.http.at(EC2).now(good(NOTHING));
    site
}

fn assumed(key: &str, expires: &str) -> Answer {
    good(format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s\
         </SecretAccessKey><SessionToken>token-{key}</SessionToken><Expiration>{expires}</Expiration></Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>"
    ))
}

fn lent(key: &str, expires: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{key}","SecretAccessKey":"s","Token":"token-{key}","Expiration":"{expires}"}}"#
    )
}

/// An instance that answers who has a session.
fn instance(site: &Site, key: &'static str) {
    site.world.http.serve(INSTANCE, move |request| {
        let has_session = request.headers.iter().any(|(_, value)| value == "session");
        match (&*request.method, request.url.trim_start_matches(INSTANCE)) {
            ("PUT", "/latest/api/token") => good("session"),
            _ if !has_session => Answer::new(401),
            (_, "/latest/dynamic/instance-identity/document") => good(r#"{"region": "eu-west-1"}"#),
            (_, "/latest/meta-data/iam/security-credentials/") => good("web\n"),
            (_, "/latest/meta-data/iam/security-credentials/web") => good(lent(key, "2026-01-01T01:00:00Z")),
            _ => Answer::new(404),
        }
    });
}

#[test]
fn keys_of_the_entry_of_the_environment_and_of_a_profile() {
    let signed = |mut site: Site| {
        let received = site.ask();
        assert_eq!(failures(&received), [""; 0]);
        site.signed("ec2.eu-west-1").pop().unwrap_or_default()
    };
    assert_eq!(signed(site(&format!("{{{KEYS}}}"))), "AKID eu-west-1 ec2");
    let site_of_environment = site(REGION);
    let variables = &site_of_environment.world.variables;
    variables.set("AWS_ACCESS_KEY_ID", "ENV");
    variables.set("AWS_SECRET_ACCESS_KEY", "s");
    variables.set("AWS_SESSION_TOKEN", "t");
    assert_eq!(signed(site_of_environment), "ENV eu-west-1 ec2 with t");
    let site_of_profile = site("{profile: dev}");
    site_of_profile.world.variables.set("HOME", "/home/me");
    site_of_profile.world.variables.set("AWS_ACCESS_KEY_ID", "ENV");
    site_of_profile.world.variables.set("AWS_SECRET_ACCESS_KEY", "s");
    let files = &site_of_profile.world.files;
    files.write("/home/me/.aws/config", "[profile dev]\nregion = eu-west-1\n");
    files.write(
        "/home/me/.aws/credentials",
        "[dev]\naws_access_key_id = DEV\naws_secret_access_key = s\n",
    );
    assert_eq!(
        signed(site_of_profile),
        "DEV eu-west-1 ec2",
        "a profile that is named counts more"
    );
}

#[test]
fn keys_that_are_rotated_in_a_file_are_seen() {
    let mut site = site("{region: eu-west-1, profile: dev}");
    site.world.variables.set("AWS_SHARED_CREDENTIALS_FILE", "/keys");
    for key in ["ONE", "TWO"] {
        site.world.files.write(
            "/keys",
            format!("[dev]\naws_access_key_id = {key}\naws_secret_access_key = s\n"),
        );
        site.run_for(MINUTE);
        assert_eq!(
            site.signed("ec2").last().map(String::as_str),
            Some(&*format!("{key} eu-west-1 ec2"))
        );
    }
    site.world.files.make_unreadable("/keys", "no");
    let received = site.run_for(2 * MINUTE);
    let said = failures(&received);
    assert!(
        said.iter()
            .any(|said| said.contains("the shared configuration: /keys: ")),
        "{said:?}"
    );
}

#[test]
fn an_instance_says_its_region_and_lends_its_role() {
    let mut site = site("{}");
    instance(&site, "INST");
    assert_eq!(failures(&site.ask()), [""; 0]);
    assert_eq!(site.signed("ec2.eu"), ["INST eu-west-1 ec2 with token-INST"]);
    // It is asked again before the hour is over, and not before it is needed.
    let asked = |site: &Site| site.signed("security-credentials/web").len();
    site.run_for(40 * MINUTE);
    assert_eq!(asked(&site), 0);
    site.run_for(18 * MINUTE);
    assert_eq!(asked(&site), 1);
}

#[test]
fn an_instance_that_knows_no_sessions_is_asked_without_unless_that_is_forbidden() {
    let mut site = site(REGION);
    site.world.http.serve(INSTANCE, |request| {
        match (&*request.method, request.url.rsplit('/').next()) {
            ("PUT", _) => Answer::new(404),
            (_, Some("web")) => good(lent("OLD", "2026-01-01T01:00:00Z")),
            _ => good("web"),
        }
    });
    site.ask();
    assert_eq!(site.signed("ec2.eu"), ["OLD eu-west-1 ec2 with token-OLD"]);
    let mut site = self::site(REGION);
    site.world.variables.set("AWS_EC2_METADATA_V1_DISABLED", "true");
    site.world.http.at(INSTANCE).now(Answer::new(404));
    let received = site.ask();
    assert!(
        failures(&received)[0].contains("the instance's metadata: status 404"),
        "{received:?}"
    );
}

#[test]
fn where_nobody_lends_anything_it_is_said_what_was_asked() {
    let mut site = site(REGION);
    let received = site.ask();
    let said = failures(&received)[0];
    assert!(
        said.starts_with("asking EC2: credentials: there are no credentials: none in the entry"),
        "{said}"
    );
    assert!(said.contains("169.254.169.254"), "{said}");
    let mut site = self::site("{}");
    site.world.variables.set("AWS_EC2_METADATA_DISABLED", "true");
    let received = site.ask();
    let said = failures(&received)[0];
    assert!(
        said.contains("the region: no region is known: write `region`, or set AWS_REGION"),
        "{said}"
    );
    assert!(said.contains("AWS_EC2_METADATA_DISABLED"), "{said}");
}

#[test]
fn a_container_lends_its_role_to_who_shows_its_token() {
    let mut site = site(REGION);
    let url = "http://169.254.170.2/v2/credentials/1";
    site.world
        .variables
        .set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    site.world
        .variables
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token");
    site.world.files.write("/token", "hunter2\n");
    site.world.http.serve(url, |request| {
        match request
            .headers
            .iter()
            .any(|(name, value)| name == "Authorization" && value == "hunter2")
        {
            true => good(lent("TASK", "2026-01-01T01:00:00Z")),
            false => Answer::new(403),
        }
    });
    site.ask();
    assert_eq!(site.signed("ec2.eu"), ["TASK eu-west-1 ec2 with token-TASK"]);
}

#[test]
fn a_role_is_taken_on_with_an_external_id_and_shared() {
    let mut site = Site::empty();
    site.world.http.at(EC2).now(good(NOTHING));
    let answer = assumed("ROLE", "2026-01-01T00:15:00Z").after(Duration::from_secs(1));
    site.world.http.at(STS).now(answer);
    let entry = format!("{{{KEYS}, role_arn: 'arn:aws:iam::1:role/r', external_id: e, port: PORT}}");
    for port in 1..=20 {
        site.world
            .start(discoverer("ec2", &entry.replace("PORT", &port.to_string())));
    }
    site.ask();
    let requests = site.world.http.take_requests();
    let to_sts: Vec<_> = requests
        .iter()
        .filter(|sent| sent.request.url.starts_with(STS))
        .collect();
    assert_eq!(to_sts.len(), 1, "twenty that need it");
    let asked = form(&to_sts[0].request);
    let asked = ["Action", "RoleArn", "ExternalId", "RoleSessionName", "DurationSeconds"].map(|name| &*asked[name]);
    assert_eq!(asked, ["AssumeRole", "arn:aws:iam::1:role/r", "e", "headcount", "900"]);
    let header = to_sts[0].header("authorization").unwrap_or_default();
    assert!(
        header.contains("Credential=AKID/20260101/eu-west-1/sts/aws4_request"),
        "{header}"
    );
    assert_eq!(requests.len(), 21);
    // Long before its end it is taken on anew, by one of them.
    site.world.http.at(STS).now(assumed("NEXT", "2026-01-01T01:00:00Z"));
    site.run_for(15 * MINUTE);
    assert_eq!(site.signed(STS).len(), 1);
    site.run_for(MINUTE);
    assert!(
        site.signed("ec2.eu")
            .iter()
            .all(|signed| signed == "NEXT eu-west-1 ec2 with token-NEXT")
    );
}

#[test]
fn a_web_identity_is_read_again_each_time_and_not_signed() {
    let mut site = site(REGION);
    let variables = &site.world.variables;
    variables.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    variables.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod");
    variables.set("AWS_ROLE_SESSION_NAME", "me");
    site.world.files.write("/token", "first\n");
    site.world.http.at(STS).now(assumed("POD", "2026-01-01T00:10:00Z"));
    site.ask();
    site.world.files.write("/token", "second\n");
    site.run_for(10 * MINUTE);
    let requests = site.world.http.take_requests().into_iter();
    let to_sts = requests.filter(|sent| sent.request.url.starts_with(STS));
    let asked: Vec<_> = to_sts
        .map(|sent| (sent.header("authorization").map(str::to_owned), form(&sent.request)))
        .collect();
    assert!(asked.iter().all(|(authorization, _)| authorization.is_none()));
    let tokens: Vec<&str> = asked.iter().map(|(_, form)| &*form["WebIdentityToken"]).collect();
    assert_eq!(tokens.first(), Some(&"first"));
    assert_eq!(tokens.last(), Some(&"second"));
    assert_eq!(asked[0].1["Action"], "AssumeRoleWithWebIdentity");
    assert_eq!(asked[0].1["RoleSessionName"], "me");
}

#[test]
fn what_is_refused_is_borrowed_anew() {
    let mut site = site(&format!("{{{KEYS}, role_arn: 'arn:aws:iam::1:role/r'}}"));
    site.world.http.at(STS).now(assumed("ONE", "2026-01-01T10:00:00Z"));
    site.ask();
    site.world.http.at(STS).now(assumed("TWO", "2026-01-01T10:00:00Z"));
    site.world.http.at(EC2).now(refused(400, "ExpiredToken"));
    let received = site.run_for(MINUTE);
    assert_eq!(
        failures(&received),
        ["asking EC2: https://ec2.eu-west-1.amazonaws.com/: ExpiredToken: No. (status 400)"]
    );
    site.world.http.at(EC2).now(good(NOTHING));
    site.signed("");
    site.run_for(2 * MINUTE);
    assert_eq!(
        site.signed("ec2.eu").last().map(String::as_str),
        Some("TWO eu-west-1 ec2 with token-TWO")
    );
    // And who may not take it on is told so.
    let mut site = self::site(&format!("{{{KEYS}, role_arn: 'arn:aws:iam::1:role/r'}}"));
    site.world.http.at(STS).now(refused(403, "AccessDenied"));
    let received = site.ask();
    assert_eq!(
        failures(&received),
        ["asking EC2: credentials: taking on the role arn:aws:iam::1:role/r: AccessDenied: No. (status 403)"]
    );
}

/// A plan in a few words.
fn shown(plan: &Plan) -> String {
    match plan {
        Plan::Keys(keys) => keys.access_key.clone(),
        Plan::WebIdentity { token_file, role } => format!("{} with {}", role.arn, token_file.display()),
        Plan::Container { url, .. } => url.clone(),
        Plan::Instance => "the instance".to_owned(),
        Plan::Assume { role, of } => format!("{} ({}) by {}", role.arn, role.external_id, shown(of)),
    }
}

fn planned(entry: &str, variables: &[(&str, &str)], config: &str) -> String {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let variables: BTreeMap<String, String> = variables.iter().map(owned).collect();
    let mut files = Files::default();
    files.add(config, true);
    match Plan::of(&account(entry), &variables, &files) {
        Ok(plan) => shown(&plan),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_taken_of_all_that_is_there() {
    let env = [("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "web")];
    let ecs = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c")];
    let default = "[default]\naws_access_key_id=DEF\naws_secret_access_key=s\n";
    let all = [&env[..], &web, &ecs].concat();
    let keys = "{access_key: OWN, secret_key: s}";
    assert_eq!(planned(keys, &all, default), "OWN");
    assert_eq!(planned("{profile: default}", &all, default), "DEF");
    assert_eq!(planned("{}", &all, default), "ENV");
    assert_eq!(planned("{}", &[&web[..], &ecs].concat(), default), "web with /t");
    assert_eq!(planned("{}", &ecs, default), "DEF");
    assert_eq!(planned("{}", &ecs, ""), "http://169.254.170.2/c");
    assert_eq!(planned("{}", &[], ""), "the instance");
    assert_eq!(planned("{}", &[("AWS_PROFILE", "x")], "[profile x]\n"), "the instance");
    assert_eq!(planned("{role_arn: r, external_id: e}", &all, default), "r (e) by ENV");
    let wrong = planned("{}", &[("AWS_PROFILE", "x")], default);
    assert!(wrong.starts_with("the profile \"x\" is not in "), "{wrong}");
    assert_eq!(
        planned("{}", &web[..1], ""),
        "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not"
    );
}

#[test]
fn profiles_lead_to_others() {
    let config = "[profile base]\naws_access_key_id=BASE\naws_secret_access_key=s\n\
                  [profile one]\nrole_arn=r1\nsource_profile=base\nexternal_id=x\n\
                  [profile two]\nrole_arn=r2\nsource_profile=one\n\
                  [profile own]\nrole_arn=r3\nsource_profile=own\naws_access_key_id=OWN\naws_secret_access_key=s\n\
                  [profile loop]\nrole_arn=r4\nsource_profile=pool\n[profile pool]\nrole_arn=r5\nsource_profile=loop\n\
                  [profile web]\nrole_arn=r6\nweb_identity_token_file=/w\n\
                  [profile instance]\nrole_arn=r7\ncredential_source=Ec2InstanceMetadata\n\
                  [profile nothing]\ncredential_source=Environment\n\
                  [profile sso]\nsso_session=s\n[profile program]\ncredential_process=p\n\
                  [profile mfa]\nrole_arn=r8\nsource_profile=base\nmfa_serial=m\n\
                  [profile lost]\nrole_arn=r9\nsource_profile=nobody\n";
    let of = |profile: &str| planned(&format!("{{profile: {profile}}}"), &[], config);
    assert_eq!(of("one"), "r1 (x) by BASE");
    assert_eq!(of("two"), "r2 () by r1 (x) by BASE");
    assert_eq!(of("own"), "r3 () by OWN");
    assert_eq!(of("web"), "r6 with /w");
    assert_eq!(of("instance"), "r7 () by the instance");
    assert_eq!(of("loop"), "the profile \"loop\" is its own source, and has no keys");
    assert_eq!(
        of("nothing"),
        "the profile \"nothing\" says where to take a role from, and has no role_arn"
    );
    for (profile, what) in [
        ("sso", "sso_session"),
        ("program", "credential_process"),
        ("mfa", "mfa_serial"),
    ] {
        assert_eq!(
            of(profile),
            format!("the profile {profile:?} uses {what}, which headcount does not take")
        );
    }
    assert!(of("lost").starts_with("the profile \"nobody\" is not in "));
}

#[test]
fn not_everybody_may_lend_to_a_container() {
    let of = |url: &str| planned("{}", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)], "");
    for good in [
        "https://anywhere.example/x",
        "http://127.0.0.9:8080/",
        "http://localhost/x",
        "http://[::1]:80/",
        "http://169.254.170.23/v1/credentials",
    ] {
        assert_eq!(of(good), good);
    }
    for bad in [
        "http://10.0.0.1/",
        "http://localhost@evil.example/",
        "ftp://localhost/",
        "localhost",
    ] {
        assert!(
            of(bad).starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI has to be https"),
            "{bad}"
        );
    }
}
