//! What the rehearsal's own clouds answer, against the descriptions that the clouds' packages have.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, HostId, Looks, Page, ServiceId, Shown, ShownHost, Site, Span};

use super::described::check;
use super::ec2_site::Ec2;
use super::tokens::zone;

/// More hosts than a page has.
fn hosts() -> Vec<ShownHost> {
    let host = |number| ShownHost {
        host: HostId(number),
        address: format!("10.0.0.{number}:9100"),
        looks: Looks {
            service: ServiceId(0),
            zone: 0,
            address: number,
            name: number,
            release: 0,
            labels: 0,
        },
        stamp: format!("{number}.1"),
    };
    (1..10).map(host).collect()
}

#[test]
fn gce() {
    let list = "https://compute.googleapis.com/compute/v1/projects/p/zones/z/instances?alt=json&prettyPrint=false";
    let asked = [list.to_owned(), format!("{list}&pageToken=7")].map(HttpRequest::get);
    check(asked.map(|request| {
        let Page { status, body, .. } = zone(&request, &hosts());
        assert_eq!(status, 200);
        (request, body)
    }));
}

#[test]
fn ec2() {
    let mut region = Ec2::default();
    let shown = Shown {
        at: Span::ZERO,
        hosts: hosts(),
        version: 1,
        replica: 0,
        waited: Span::ZERO,
        told: None,
        open: 1,
    };
    let forms = [
        "Action=DescribeAvailabilityZones&Version=2016-11-15",
        "Action=DescribeInstances&MaxResults=1000&Version=2016-11-15",
        "Action=DescribeInstances&MaxResults=1000&NextToken=7&Version=2016-11-15",
    ];
    let url = "https://ec2.eu-west-1.amazonaws.com/";
    check(forms.map(|form| {
        let request = HttpRequest::post(url, "application/x-www-form-urlencoded", form);
        match region.answer(&request, &shown) {
            Answer::Now(page) => (request, page.body),
            _ => panic!("it answers at once"),
        }
    }));
}
