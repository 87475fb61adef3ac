//! EC2 as a [`Site`]: an instance for each host, a few on each page.
//!
//! A list that was begun is that of its beginning, as EC2's are. **It knows of no fault**: those happen on the way and to
//! the hosts that it is shown.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, Page, Shown, ShownHost, Site};

/// Instances on a page.
const PAGE: usize = 7;

/// One region.
#[derive(Default)]
pub(crate) struct Ec2 {
    /// The list that was begun last.
    begun: Vec<String>,
}

impl Site for Ec2 {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        let form = String::from_utf8_lossy(&request.body);
        let value = |name: &str| {
            let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        if value("Action").as_deref() != Some("DescribeInstances") {
            let zones =
                "<DescribeAvailabilityZonesResponse><availabilityZoneInfo/></DescribeAvailabilityZonesResponse>";
            return Answer::Now(Page::text(200, zones));
        }
        let from: usize = match value("NextToken") {
            Some(mark) => mark.parse().unwrap_or(usize::MAX),
            None => {
                self.begun = shown.hosts.iter().map(instance).collect();
                0
            }
        };
        let rest = self.begun.get(from..).unwrap_or_default();
        let page: String = rest.iter().take(PAGE).map(String::as_str).collect();
        let next = match rest.len() > PAGE {
            true => format!("<nextToken>{}</nextToken>", from + PAGE),
            false => String::new(),
        };
        Answer::Now(Page::text(
            200,
            format!(
                "<DescribeInstancesResponse><reservationSet>{page}</reservationSet>{next}</DescribeInstancesResponse>"
            ),
        ))
    }

    fn reset(&mut self) {
        self.begun.clear();
    }
}

fn instance(host: &ShownHost) -> String {
    let (address, _) = host.address.split_once(':').unwrap_or((&host.address, "0"));
    format!(
        "<item><instancesSet><item><instanceId>{}</instanceId><privateIpAddress>{address}</privateIpAddress><tagSet><item>\
         <key>stamp</key><value>{}</value></item></tagSet></item></instancesSet></item>",
        host.host, host.stamp
    )
}
