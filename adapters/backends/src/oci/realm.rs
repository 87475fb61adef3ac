//! Oracle's realms, which have nothing to do with each other, and where their services are
//! (<https://docs.oracle.com/iaas/Content/General/Concepts/regions.htm>). **The realm of a tenancy stands in its id**,
//! `ocid1.tenancy.<realm>..…`, so that a region that is new has an address.

use headcount_discoverer::env::Variables;

/// Domains of realms that are not called `oraclecloud<number>.com`.
const DOMAINS: [(&str, &str); 12] = [
    ("oc1", "oraclecloud.com"),
    ("oc2", "oraclegovcloud.com"),
    ("oc3", "oraclegovcloud.com"),
    ("oc4", "oraclegovcloud.uk"),
    ("oc19", "oraclecloud.eu"),
    ("oc22", "psn-pco.it"),
    ("oc25", "nricloud.jp"),
    ("oc31", "sovereigncloud.nz"),
    ("oc36", "stccloud.com"),
    ("oc40", "jpsovereigncloud.jp"),
    ("oc41", "dutechcloud.ae"),
    ("", "oraclecloud.com"),
];

/// Names of old that regions are still known by.
const SHORT_NAMES: [(&str, &str); 4] = [
    ("fra", "eu-frankfurt-1"),
    ("iad", "us-ashburn-1"),
    ("lhr", "uk-london-1"),
    ("phx", "us-phoenix-1"),
];

/// Where a region's services are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Hosts {
    region: String,
    domain: String,
}

impl Hosts {
    /// Those of a region, in the realm of a tenancy.
    pub(super) fn new(region: &str, tenancy: &str, variables: &dyn Variables) -> Self {
        let realm = tenancy.split('.').nth(2).unwrap_or_default();
        let known = DOMAINS
            .iter()
            .find(|(known, _)| *known == realm)
            .map(|(_, domain)| (*domain).to_owned());
        let numbered = || {
            let number = realm.strip_prefix("oc")?;
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| format!("oraclecloud{number}.com"))
        };
        let given = variables.get("OCI_DEFAULT_REALM").filter(|domain| !domain.is_empty());
        let domain = known.or_else(numbered).or(given);
        let long = SHORT_NAMES.iter().find(|(short, _)| *short == region);
        Self {
            region: long.map_or(region, |(_, long)| long).to_owned(),
            domain: domain.unwrap_or_else(|| "oraclecloud.com".to_owned()),
        }
    }

    /// Where compartments are listed.
    pub(super) fn identity(&self) -> String {
        format!("https://identity.{}.oci.{}/20160918", self.region, self.domain)
    }

    /// Where instances and their interfaces are.
    pub(super) fn compute(&self) -> String {
        format!("https://iaas.{}.{}/20160918", self.region, self.domain)
    }

    /// Where an instance gets a token.
    pub(super) fn federation(&self) -> String {
        format!("https://auth.{}.{}/v1/x509", self.region, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_tenancy_says_its_realm() {
        let none = BTreeMap::new();
        let compute = |region: &str, tenancy: &str| Hosts::new(region, tenancy, &none).compute();
        assert_eq!(
            compute("eu-frankfurt-1", "ocid1.tenancy.oc1..aaaa"),
            "https://iaas.eu-frankfurt-1.oraclecloud.com/20160918"
        );
        assert_eq!(
            compute("phx", "ocid1.tenancy.oc1..aaaa"),
            "https://iaas.us-phoenix-1.oraclecloud.com/20160918"
        );
        assert_eq!(
            compute("us-gov-phoenix-1", "ocid1.tenancy.oc3..aaaa"),
            "https://iaas.us-gov-phoenix-1.oraclegovcloud.com/20160918"
        );
        assert_eq!(
            compute("new-1", "ocid1.tenancy.oc77..aaaa"),
            "https://iaas.new-1.oraclecloud77.com/20160918"
        );
        assert_eq!(compute("r", "t"), "https://iaas.r.oraclecloud.com/20160918");
        let given = BTreeMap::from([("OCI_DEFAULT_REALM".to_owned(), "cloud.example".to_owned())]);
        assert_eq!(
            Hosts::new("r", "ocid1.tenancy.own..aaaa", &given).federation(),
            "https://auth.r.cloud.example/v1/x509"
        );
        assert_eq!(
            Hosts::new("r", "ocid1.tenancy.oc1..a", &given).identity(),
            "https://identity.r.oci.oraclecloud.com/20160918"
        );
    }
}
