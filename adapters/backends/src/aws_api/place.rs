//! Where AWS is asked: regions, and the hosts of services.

use headcount_discoverer::env::Variables;
use headcount_reader::{Url, without_credentials};

use super::account::{Account, is_region};
use super::aws::Service;
use super::credentials::{Files, Metadata};

/// Ends of hosts' names by the beginnings of regions; the first that fits.
const SUFFIXES: [(&str, &str); 7] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("", "amazonaws.com"),
];

/// Why it is not known where to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("no region is known: write `region`, or set AWS_REGION; the instance can't be asked for its own: {reason}")]
    NoRegion { reason: String },
    #[error("{place} says {region:?}, which is no region's name")]
    NotARegion { place: &'static str, region: String },
    #[error("{variable} says {url:?}, which is no URL that can be asked")]
    NotAnEndpoint { variable: String, url: String },
}

/// The region: that of the entry, of the environment, of the shared files, or of the instance.
///
/// Of the shared files Prometheus asks the default profile, or the one that the environment names. Here that of the entry
/// is asked after it.
pub(crate) async fn region(
    account: &Account,
    variables: &dyn Variables,
    files: &Files,
    metadata: &Metadata<'_>,
) -> Result<String, PlaceError> {
    let checked = |place: &'static str, region: String| match is_region(&region) {
        true => Ok(region),
        false => Err(PlaceError::NotARegion { place, region }),
    };
    if !account.region.is_empty() {
        return Ok(account.region.clone());
    }
    let of_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| some(variables, name));
    if let Some(region) = of_environment.into_iter().flatten().next() {
        return checked("the environment", region);
    }
    let chosen = files.chosen_profile(variables);
    for profile in [chosen.as_str(), account.profile.as_str()] {
        if let Some(region) = files.value(profile, "region") {
            return checked("the shared configuration", region.to_owned());
        }
    }
    match metadata.region().await {
        Ok(region) => checked("the instance", region),
        Err(error) => Err(PlaceError::NoRegion {
            reason: error.to_string(),
        }),
    }
}

/// The URL of a service in a region, without a slash at its end: that of the entry, of the environment, or AWS's own.
pub(crate) fn endpoint(
    account: &Account,
    variables: &dyn Variables,
    service: &Service,
    region: &str,
) -> Result<String, PlaceError> {
    if let Some(given) = account.endpoint.as_ref().filter(|_| service.is_asked_at_endpoint) {
        return Ok(given.url.reveal().to_owned());
    }
    let is_ignored = some(variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|text| is_true(&text));
    let names = [
        format!("AWS_ENDPOINT_URL_{}", service.variable),
        "AWS_ENDPOINT_URL".to_owned(),
    ];
    for variable in names {
        let Some(url) = some(variables, &variable).filter(|_| !is_ignored) else {
            continue;
        };
        let is_good = Url::parse(&url).and_then(|url| url.for_http()).is_ok() && !url.contains(['?', '#']);
        return match is_good {
            true => Ok(url.trim_end_matches('/').to_owned()),
            false => Err(PlaceError::NotAnEndpoint {
                variable,
                url: without_credentials(&url).into_owned(),
            }),
        };
    }
    Ok(format!("https://{}.{region}.{}", service.host, suffix(region)))
}

/// A variable that says something.
pub(crate) fn some(variables: &dyn Variables, name: &str) -> Option<String> {
    variables.get(name).filter(|text| !text.is_empty())
}

/// Whether a variable that is a switch is on.
pub(crate) fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn suffix(region: &str) -> &'static str {
    let mut suffixes = SUFFIXES.iter();
    suffixes
        .find(|(start, _)| region.starts_with(start))
        .map_or("amazonaws.com", |(_, suffix)| suffix)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::aws::{EC2, KAFKA, STS};
    use super::super::testing::account;
    use super::*;

    #[test]
    fn a_service_is_where_the_entry_the_environment_or_the_region_says() {
        let with = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let said = |entry: &str, variables: &[(&str, &str)], service: &Service, region: &str| {
            let found = endpoint(&account(entry), &with(variables), service, region);
            found.unwrap_or_else(|error| error.to_string())
        };
        assert_eq!(
            said("{}", &[], &EC2, "eu-west-1"),
            "https://ec2.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            said("{}", &[], &KAFKA, "cn-north-1"),
            "https://kafka.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(
            said("{}", &[], &STS, "us-isob-east-1"),
            "https://sts.us-isob-east-1.sc2s.sgov.gov"
        );
        let own = "{endpoint: 'http://u:p@aws.example:4566/'}";
        assert_eq!(said(own, &[], &EC2, "x"), "http://u:p@aws.example:4566");
        assert_eq!(
            said(own, &[], &STS, "x"),
            "https://sts.x.amazonaws.com",
            "it is not for STS"
        );
        assert_eq!(said("{endpoint: 'aws.example'}", &[], &EC2, "x"), "https://aws.example");
        let all = ("AWS_ENDPOINT_URL", "http://all.example/");
        let one = ("AWS_ENDPOINT_URL_EC2", "http://ec2.example");
        assert_eq!(said("{}", &[all, one], &EC2, "x"), "http://ec2.example");
        assert_eq!(said("{}", &[all, one], &STS, "x"), "http://all.example");
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        assert_eq!(said("{}", &[all, ignored], &STS, "x"), "https://sts.x.amazonaws.com");
        assert_eq!(
            said("{}", &[("AWS_ENDPOINT_URL", "ftp://u:hunter2@h")], &STS, "x"),
            "AWS_ENDPOINT_URL says \"ftp://h\", which is no URL that can be asked"
        );
    }
}
