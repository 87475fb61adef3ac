//! Who asks: a user with a key, or the instance.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use headcount_discoverer::testing::SentRequest;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

const PRINCIPAL: &str = "{region: eu-frankfurt-1, auth: instance_principal, compartments: [c1]}";
const LEAF: &str = include_str!("../testdata/leaf.pem");
const METADATA: &str = "http://169.254.169.254/opc/v2/";
const FEDERATION: &str = "https://auth.eu-frankfurt-1.oraclecloud.com/v1/x509";

/// A field of a signature's header.
fn field<'a>(sent: &'a SentRequest, name: &str) -> &'a str {
    let header = sent.header("authorization").expect("it is signed");
    let (_, rest) = header.split_once(&format!("{name}=\"")).expect("the field");
    rest.split('"').next().expect("its value")
}

/// Whether a signature of date, target and host is by the owner of a public key, as PKCS #1 has it.
fn is_by(sent: &SentRequest, public: &[u8]) -> bool {
    let (_, rest) = sent.request.url.split_once("://").expect("a URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let date = sent.header("date").expect("a date");
    let message = format!("date: {date}\n(request-target): get /{path}\nhost: {host}");
    let signature = STANDARD.decode(field(sent, "signature")).expect("base64");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
        .verify(message.as_bytes(), &signature)
        .is_ok()
}

/// The key in what X.509 says of a public key.
fn pkcs1(public: &[u8]) -> &[u8] {
    let mut info = decrypt::Der(decrypt::Der(public).take(0x30).expect("a sequence"));
    info.next().expect("an algorithm");
    &info.take(0x03).expect("bits")[1..]
}

fn token(number: u32) -> String {
    // Each lasts an hour.
    let claims = json!({"exp": 1_767_225_600_u64 + 3600, "number": number});
    format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A tenancy as an instance of it sees it.
fn principal_world() -> World {
    let world = world();
    for (name, body) in [
        ("instance/region", "fra"),
        ("identity/cert.pem", LEAF),
        ("identity/intermediate.pem", LEAF),
        ("identity/key.pem", KEY),
    ] {
        world
            .http
            .at(&format!("{METADATA}{name}"))
            .then(Answer::new(200).body(body));
    }
    world
        .http
        .at(FEDERATION)
        .then(answer(&json!({"token": token(1)})))
        .then(answer(&json!({"token": token(2)})));
    world
}

#[test]
fn a_user_signs_with_the_key_of_the_file_however_it_is_encrypted() {
    for (file, settings) in [
        (KEY, ""),
        (include_str!("../../bearer/testdata/rsa-pkcs1.pem"), ""),
        (include_str!("../testdata/key-pkcs8.pem"), ", key_passphrase: hunter2"),
        (
            include_str!("../testdata/key-old.pem"),
            ", key_passphrase_file: /passphrase",
        ),
    ] {
        let mut world = world();
        world.files.write("/key.pem", file);
        world.files.write("/passphrase", "hunter2\n");
        start::<OciSd>(&mut world, &ENTRY.replace('}', &format!("{settings}}}")));
        assert!(world.settle()[0].update().is_some());
        let sent = world.http.take_requests();
        let key_id = "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb";
        assert!(
            sent.iter()
                .all(|sent| field(sent, "keyId") == key_id && field(sent, "headers") == "date (request-target) host")
        );
        let public = ring::signature::RsaKeyPair::from_pkcs8(&{
            let body: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
            STANDARD.decode(body).expect("base64")
        })
        .expect("a key");
        let public = ring::signature::KeyPair::public_key(&public).as_ref().to_vec();
        assert!(sent.iter().all(|sent| is_by(sent, &public)));
    }
}

#[test]
fn a_key_that_cannot_be_used_is_a_failure_that_says_why_and_is_read_again() {
    for (file, settings, expected) in [
        (
            include_str!("../testdata/key-pkcs8.pem"),
            "",
            "/key.pem: it can't be decrypted; is key_passphrase right?",
        ),
        (
            include_str!("../testdata/key-old-des.pem"),
            ", key_passphrase: hunter2",
            "it is encrypted in a way that is not known",
        ),
        ("hunter2", "", "/key.pem: the private key is not in PEM form"),
        (KEY, ", key_passphrase_file: /gone", "/gone: no such file"),
    ] {
        let mut world = world();
        world.files.write("/key.pem", file);
        start::<OciSd>(&mut world, &ENTRY.replace('}', &format!("{settings}}}")));
        let received = world.settle();
        let said = received[0].failure().expect("a failure");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
        assert!(urls(&world).is_empty(), "nobody is asked");
        world.files.write("/gone", "");
        world.files.write("/key.pem", KEY);
        let received = world.run_for(MINUTE * 2);
        assert!(received.iter().any(|received| received.update().is_some()));
    }
}

/// The exchange is that of Oracle's own libraries; the form of signatures with a body is documented:
/// <https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm>
#[test]
fn an_instance_shows_its_certificate_and_signs_with_a_key_of_its_own() {
    let mut world = principal_world();
    start::<OciSd>(&mut world, PRINCIPAL);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let found = targets(&collected);
    let tenancies: Vec<_> = found
        .iter()
        .map(|labels| labels["__meta_oci_tenancy_id"].as_str())
        .collect();
    assert_eq!(tenancies, ["ocid1.tenancy.oc1..tttt"]);
    let sent = world.http.take_requests();
    let (lent, asked): (Vec<_>, Vec<_>) = sent.iter().partition(|sent| sent.request.url.starts_with(METADATA));
    assert!(
        lent.len() == 4
            && lent
                .iter()
                .all(|sent| sent.header("authorization") == Some("Bearer Oracle"))
    );
    let federation = asked[0];
    assert_eq!(
        (federation.request.method.as_str(), federation.request.url.as_str()),
        ("POST", FEDERATION)
    );
    let fingerprint = include_str!("../testdata/leaf.fingerprint").trim();
    assert_eq!(
        field(federation, "keyId"),
        format!("ocid1.tenancy.oc1..tttt/fed-x509-sha256/{fingerprint}")
    );
    assert_eq!(
        field(federation, "headers"),
        "date (request-target) content-length content-type x-content-sha256"
    );
    let body: Value = serde_json::from_slice(&federation.request.body).expect("JSON");
    let leaf: String = LEAF.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(
        (&body["certificate"], &body["intermediateCertificates"]),
        (&json!(leaf), &json!([leaf]))
    );
    let public = STANDARD
        .decode(body["publicKey"].as_str().expect("a key"))
        .expect("base64");
    for sent in &asked[1..] {
        assert_eq!(field(sent, "keyId"), format!("ST${}", token(1)));
        assert!(is_by(sent, pkcs1(&public)));
    }
}

#[test]
fn a_token_is_shared_renewed_before_its_end_and_got_anew_when_it_is_refused() {
    let mut world = principal_world();
    start::<OciSd>(&mut world, PRINCIPAL);
    start::<OciSd>(&mut world, &PRINCIPAL.replace('}', ", port: 81}"));
    let federations = |world: &World| urls(world).iter().filter(|url| url.as_str() == FEDERATION).count();
    world.run_for(MINUTE * 50);
    assert_eq!(federations(&world), 1);
    world
        .http
        .at(&of("instances", "c1"))
        .now(Answer::new(401))
        .then(answer(&json!([instance("web")])));
    let received = world.run_for(MINUTE);
    assert!(received.iter().all(|received| received.failure().is_none()));
    assert_eq!(federations(&world), 1);
    // The second one ends as the first one does, which is soon.
    world.run_for(MINUTE * 10);
    assert!(federations(&world) >= 1);
}

#[test]
fn an_instance_that_cannot_show_who_it_is_is_told_why() {
    for (at, answer, expected) in [
        (
            "identity/cert.pem",
            Answer::new(404),
            "identity/cert.pem: the server answered with status 404",
        ),
        (
            "identity/cert.pem",
            Answer::new(200).body("no"),
            "the instance's certificate: it is no certificate",
        ),
        (
            "identity/cert.pem",
            Answer::new(200).body("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"),
            "it names no tenancy",
        ),
        (
            "identity/key.pem",
            Answer::new(200).body("no"),
            "the private key is not in PEM form",
        ),
        ("instance/region", Answer::hangs(), "no answer within 10s"),
    ] {
        let mut world = principal_world();
        world.http.at(&format!("{METADATA}{at}")).now(answer);
        start::<OciSd>(&mut world, PRINCIPAL);
        let received = world.run_until_received(MINUTE);
        let said = received[0].failure().expect("a failure");
        assert!(said.contains(expected), "{said}");
    }
    for (answer, expected) in [
        (
            Answer::new(401).body(r#"{"code": "NotAuthenticated", "message": "No."}"#),
            "NotAuthenticated: No. (status 401)",
        ),
        (Answer::json("{}"), "the answer has no token"),
        (Answer::json("t0ken"), "the answer has no token"),
    ] {
        let mut world = principal_world();
        world.http.at(FEDERATION).now(answer);
        start::<OciSd>(&mut world, PRINCIPAL);
        let received = world.settle();
        let said = received[0].failure().expect("a failure");
        assert!(
            said.contains(expected) && said.contains(FEDERATION) && !said.contains("t0ken"),
            "{said}"
        );
    }
}
