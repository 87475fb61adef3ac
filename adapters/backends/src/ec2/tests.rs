use std::time::Duration;

use headcount_discoverer::testing::Answer;
use proptest::prelude::*;

use super::instance::{Instance, instances};
use crate::aws_api::testing::{KEYS, MINUTE, Site, failures, form, good, refused};

const EC2: &str = "https://ec2.eu-west-1.amazonaws.com";
const SKIPPED: &str = "headcount_sd_ec2_skipped_total";
const ZONES: &str = "<DescribeAvailabilityZonesResponse><availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName>\
                     <zoneId>euw1-az3</zoneId></item><item><zoneName>half</zoneName></item></availabilityZoneInfo>\
                     </DescribeAvailabilityZonesResponse>";

fn page(addresses: &[&str], next: Option<&str>) -> String {
    let instance = |address: &&str| {
        format!(
            "<item><instancesSet><item><instanceId>i</instanceId><privateIpAddress>{address}</privateIpAddress><placement>\
             <availabilityZone>eu-west-1a</availabilityZone></placement></item></instancesSet></item>"
        )
    };
    let items: String = addresses.iter().map(instance).collect();
    let next = next
        .map(|next| format!("<nextToken>{next}</nextToken>"))
        .unwrap_or_default();
    format!("<DescribeInstancesResponse><reservationSet>{items}</reservationSet>{next}</DescribeInstancesResponse>")
}

/// An EC2 that shows these instances, and its zones to who asks for them.
fn serve(site: &Site, instances: impl Fn() -> Answer + Send + Sync + 'static, zones: Answer) {
    site.world
        .http
        .serve(EC2, move |request| match &*form(request)["Action"] {
            "DescribeInstances" => instances(),
            _ => zones.clone(),
        });
}

fn asked(site: &Site, action: &str) -> usize {
    let requests = site.world.http.take_requests().into_iter();
    requests.filter(|sent| form(&sent.request)["Action"] == action).count()
}

#[test]
fn labels_are_those_of_prometheus_and_absent_fields_are_none() {
    let mut site = Site::of("ec2", &format!("{{{KEYS}, port: 9100}}"));
    serve(&site, || good(include_str!("testdata/instances.xml")), good(ZONES));
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    assert_eq!(site.found.sources(), ["eu-west-1"]);
    insta::assert_debug_snapshot!(site.targets());
    assert_eq!(site.counted(SKIPPED), Some(1.0), "the one without an address");
}

#[test]
fn filters_and_pages_are_asked_for_as_ec2_wants() {
    let entry = format!("{{{KEYS}, filters: [{{name: 'tag:a b', values: [x, y]}}, {{name: vpc-id, values: [v]}}]}}");
    let mut site = Site::of("ec2", &entry);
    site.world.http.serve(EC2, |request| {
        let form = form(request);
        match (&*form["Action"], form.get("NextToken").map(String::as_str)) {
            ("DescribeInstances", None) => good(page(&["10.0.0.1"], Some("a+b=="))),
            ("DescribeInstances", Some("a+b==")) => good(page(&["10.0.0.2"], None)),
            ("DescribeInstances", _) => Answer::new(500),
            _ => good(ZONES),
        }
    });
    assert_eq!(failures(&site.ask()), [""; 0]);
    site.is_as_described();
    assert_eq!(site.found.addresses(), ["10.0.0.1:80", "10.0.0.2:80"]);
    let sent = site.world.http.take_requests();
    let first = form(&sent[0].request);
    let expected = [
        ("Action", "DescribeInstances"),
        ("Filter.1.Name", "tag:a b"),
        ("Filter.1.Value.1", "x"),
        ("Filter.1.Value.2", "y"),
        ("Filter.2.Name", "vpc-id"),
        ("Filter.2.Value.1", "v"),
        ("MaxResults", "1000"),
        ("Version", "2016-11-15"),
    ];
    assert_eq!(first.iter().map(|(n, v)| (&**n, &**v)).collect::<Vec<_>>(), expected);
    assert_eq!(sent.len(), 3);
}

#[test]
fn zones_are_asked_for_once_and_again_when_one_is_new() {
    let mut site = Site::of("ec2", &format!("{{{KEYS}}}"));
    serve(
        &site,
        || good(page(&["10.0.0.1"], None)),
        refused(403, "UnauthorizedOperation"),
    );
    site.ask();
    assert_eq!(site.targets()[0].get("__meta_ec2_availability_zone_id"), None);
    site.run_for(5 * MINUTE);
    assert_eq!(
        asked(&site, "DescribeAvailabilityZones"),
        1,
        "it is forbidden, and costs a label"
    );
    serve(&site, || good(page(&["10.0.0.1"], None)), good(ZONES));
    site.run_for(7 * MINUTE);
    assert_eq!(site.targets()[0]["__meta_ec2_availability_zone_id"], "euw1-az3");
    assert_eq!(asked(&site, "DescribeAvailabilityZones"), 1);
    site.run_for(60 * MINUTE);
    assert_eq!(asked(&site, "DescribeAvailabilityZones"), 0, "it is known");
    let elsewhere = || good(page(&["10.0.0.1"], None).replace("eu-west-1a", "eu-west-1q"));
    serve(&site, elsewhere, good(ZONES));
    site.run_for(5 * MINUTE);
    assert_eq!(asked(&site, "DescribeAvailabilityZones"), 1, "there may be a new one");
}

#[test]
fn what_fails_or_makes_no_sense_takes_nothing_away() {
    let mut site = Site::of("ec2", &format!("{{{KEYS}}}"));
    serve(&site, || good(page(&["10.0.0.1", "10.0.0.2"], None)), good(ZONES));
    site.ask();
    let whole = page(&["10.0.0.3"], None);
    let half = whole[..whole.len() / 2].to_owned();
    let endless = page(&["10.0.0.3"], Some("again"));
    for (answer, says) in [
        (good(half), "it is not XML"),
        (
            good("<html><body>Welcome</body></html>"),
            "it is a <html>, not a <DescribeInstancesResponse>",
        ),
        (good("<DescribeInstancesResponse/>"), "it has no <reservationSet>"),
        (good(""), "it ends in the middle"),
        (good(endless), "this page of a list comes a second time"),
        (refused(401, "AuthFailure"), "AuthFailure: No. (status 401)"),
        (
            refused(403, "UnauthorizedOperation"),
            "UnauthorizedOperation: No. (status 403)",
        ),
        (Answer::new(404), "status 404"),
        (Answer::new(500).body("oops"), "status 500"),
        (Answer::hangs(), "within"),
    ] {
        serve(&site, move || answer.clone(), good(ZONES));
        let received = site.run_for(4 * MINUTE);
        let said = failures(&received);
        assert!(said.iter().any(|said| said.contains(says)), "{says}: {said:?}");
        assert_eq!(site.found.addresses(), ["10.0.0.1:80", "10.0.0.2:80"], "{says}");
    }
    serve(&site, || good(page(&[], None)), good(ZONES));
    let received = site.run_for(MINUTE);
    let said = failures(&received).pop().unwrap_or_default();
    assert!(said.contains("gave no targets any more, of 2 before"), "{said}");
    assert_eq!(site.found.addresses().len(), 2);
    site.run_for(2 * MINUTE);
    assert_eq!(site.found.addresses(), [""; 0]);
}

/// Each answer that asks for less is heeded, and for longer each time.
#[test]
fn who_is_throttled_asks_less_and_less() {
    for answer in [
        refused(503, "RequestLimitExceeded"),
        refused(400, "Throttling"),
        Answer::new(429),
    ] {
        let mut site = Site::of("ec2", &format!("{{{KEYS}}}"));
        serve(&site, || good(page(&["10.0.0.1"], None)), good(ZONES));
        site.ask();
        let throttled = answer.clone();
        serve(&site, move || throttled.clone(), good(ZONES));
        site.world.http.take_requests();
        site.run_for(60 * MINUTE);
        let sent: Vec<u64> = site
            .world
            .http
            .take_requests()
            .iter()
            .map(|sent| sent.at.as_nanos() / 1_000_000_000)
            .collect();
        // A second try each time, and then one, two, four, eight and ten minutes.
        assert!((12..=22).contains(&sent.len()), "{answer:?}: {sent:?}");
        let waits: Vec<u64> = sent
            .windows(2)
            .map(|two| two[1] - two[0])
            .filter(|wait| *wait > 5)
            .collect();
        assert!(
            waits.windows(2).take(3).all(|two| two[1] > two[0] * 3 / 2),
            "{answer:?}: {waits:?}"
        );
        assert!(waits.iter().all(|wait| *wait <= 665), "{waits:?}");
        assert_eq!(site.found.addresses(), ["10.0.0.1:80"]);
        serve(&site, || good(page(&["10.0.0.2"], None)), good(ZONES));
        site.run_for(15 * MINUTE);
        assert_eq!(site.found.addresses(), ["10.0.0.2:80"]);
    }
}

#[test]
fn one_that_is_throttled_for_a_moment_is_read_all_the_same() {
    let mut site = Site::of("ec2", &format!("{{{KEYS}}}"));
    site.world.http.at(EC2).then(refused(400, "ThrottlingException"));
    site.world.http.at(EC2).then(good(page(&["10.0.0.1"], None)));
    site.world.http.at(EC2).then(good(ZONES));
    let received = site.run_for(Duration::from_secs(3));
    assert_eq!(failures(&received), [""; 0]);
    assert_eq!(site.found.addresses(), ["10.0.0.1:80"]);
}

proptest! {
    /// What is written as EC2 writes it is read as it was meant.
    #[test]
    fn instances_are_read_as_they_are_written(
        tags in prop::collection::vec(("[a-z:]{1,8}", "[ -~]{0,12}"), 0..5),
        count in 0_usize..6,
    ) {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let items: String = tags
            .iter()
            .map(|(key, value)| format!("<item><key>{key}</key><value>{}</value></item>", escaped(value)))
            .collect();
        let one = format!("<item><instanceId>i</instanceId><tagSet>{items}</tagSet></item>");
        let body = format!(
            "<DescribeInstancesResponse><reservationSet><item><ownerId>o</ownerId><instancesSet>{}</instancesSet></item>\
             </reservationSet></DescribeInstancesResponse>",
            one.repeat(count)
        );
        let (read, next) = instances(body.as_bytes()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let expected = Instance {
            id: "i".to_owned(),
            owner: "o".to_owned(),
            tags: tags.into_iter().map(|(key, value)| (key, value.trim().to_owned())).collect(),
            ..Instance::default()
        };
        prop_assert_eq!(next, None);
        prop_assert_eq!(read, vec![expected; count]);
    }

    #[test]
    fn an_interface_at_any_place_takes_no_memory(place in any::<u64>()) {
        let body = format!(
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><vpcId>v</vpcId><networkInterfaceSet>\
             <item><subnetId>s</subnetId><attachment><deviceIndex>{place}</deviceIndex></attachment><ipv6AddressesSet>\
             <item><ipv6Address>fd00::1</ipv6Address><isPrimaryIpv6>true</isPrimaryIpv6></item></ipv6AddressesSet></item>\
             </networkInterfaceSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
        );
        let (read, _) = instances(body.as_bytes()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(read[0].primary_ipv6.len() <= 256);
        prop_assert_eq!(read[0].address(), Some("fd00::1"));
    }
}
