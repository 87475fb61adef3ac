//! Azure's clouds, which have nothing to do with each other.

/// Where a cloud's APIs are (<https://learn.microsoft.com/azure/azure-resource-manager/management/authenticate-multi-tenant>,
/// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Cloud {
    /// Where tokens are given.
    pub(super) login: &'static str,
    /// Where resources are listed; without a slash at its end.
    pub(super) manager: &'static str,
}

pub(super) static PUBLIC: Cloud = Cloud {
    login: "https://login.microsoftonline.com",
    manager: "https://management.azure.com",
};
static CHINA: Cloud = Cloud {
    login: "https://login.chinacloudapi.cn",
    manager: "https://management.chinacloudapi.cn",
};
static GOVERNMENT: Cloud = Cloud {
    login: "https://login.microsoftonline.us",
    manager: "https://management.usgovcloudapi.net",
};

impl Cloud {
    /// The cloud of a name. Germany's is closed; Prometheus takes the public one for it.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        match name.to_ascii_uppercase().as_str() {
            "AZURECHINACLOUD" => Some(&CHINA),
            "AZURECLOUD" | "AZUREGERMANCLOUD" | "AZUREPUBLICCLOUD" => Some(&PUBLIC),
            "AZUREUSGOVERNMENT" | "AZUREUSGOVERNMENTCLOUD" => Some(&GOVERNMENT),
            _ => None,
        }
    }

    /// What a token is for, as Entra ID calls it.
    pub(super) fn scope(&self) -> String {
        format!("{}/.default", self.manager)
    }

    /// The same, as managed identities call it.
    pub(super) fn resource(&self) -> String {
        format!("{}/", self.manager)
    }

    /// Whether a link leads to this cloud's API, with or without the port.
    pub(super) fn has(&self, link: &str) -> bool {
        let rest = link.strip_prefix(self.manager);
        rest.is_some_and(|rest| rest.starts_with('/') || rest.starts_with(":443/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_cloud_or_elsewhere() {
        assert!(PUBLIC.has("https://management.azure.com/subscriptions/s?x=1"));
        assert!(PUBLIC.has("https://management.azure.com:443/subscriptions/s?x=1"));
        for elsewhere in [
            "https://management.azure.com.evil.example/",
            "https://management.azure.com@evil.example/",
            "http://management.azure.com/",
            "",
        ] {
            assert!(!PUBLIC.has(elsewhere), "{elsewhere}");
        }
        assert_eq!(Cloud::named("azureusgovernment"), Some(&GOVERNMENT));
        assert_eq!(Cloud::named("azure"), None);
    }
}
