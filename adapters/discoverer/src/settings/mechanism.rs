//! One type for each mechanism, and the enum of them all.

use std::time::Duration;

use headcount_core::ProviderConfig;

use super::HttpClientSettings;

/// The provider config of headcount's own manager: one entry of a `*_sd_configs` list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are thousands at most, each 400 bytes; a box would be in everyone's way"
)]
pub enum SdConfig {
    /// `static_configs`, all of a job's entries as one.
    Static(StaticSettings),
    /// `file_sd_configs`.
    File(FileSettings),
    /// `http_sd_configs`.
    Http(HttpSettings),
    /// What listens on this machine. headcount's own, for the embedded default configuration.
    Local(LocalSettings),
    /// A mechanism that Prometheus has and headcount does not run yet.
    Unsupported {
        /// The mechanism, as in `<mechanism>_sd_configs`.
        mechanism: String,
        /// The entry as it was written, in a canonical form that holds no secret's text.
        entry: String,
    },
}

/// One entry of `static_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StaticGroup {
    /// `targets`: addresses.
    pub targets: Vec<String>,
    /// `labels`, sorted by name.
    pub labels: Vec<(String, String)>,
}

/// All `static_configs` of a job. Their sources are `0`, `1`, … in order, as in Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StaticSettings {
    /// The entries, in order.
    pub groups: Vec<StaticGroup>,
}

/// One entry of `file_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileSettings {
    /// `files`: patterns, made absolute against the configuration file's folder.
    pub files: Vec<String>,
    /// `refresh_interval`; 5 minutes unless said otherwise.
    pub refresh_interval: Duration,
}

/// One entry of `http_sd_configs`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HttpSettings {
    /// `url`, as written.
    pub url: String,
    /// `refresh_interval`; 60 seconds unless said otherwise.
    pub refresh_interval: Duration,
    /// Everything else.
    pub client: HttpClientSettings,
}

impl std::fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSettings")
            .field("url", &without_credentials(&self.url))
            .field("refresh_interval", &self.refresh_interval)
            .field("client", &self.client)
            .finish()
    }
}

impl HttpSettings {
    /// The URL without a `user:password@` part, for errors and logs.
    pub fn url_without_credentials(&self) -> String {
        without_credentials(&self.url)
    }
}

/// What listens on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalSettings {
    /// How often to look.
    pub refresh_interval: Duration,
}

impl SdConfig {
    /// The mechanism, as in `<mechanism>_sd_configs`.
    pub fn mechanism(&self) -> &str {
        match self {
            Self::Static(_) => "static",
            Self::File(_) => "file",
            Self::Http(_) => "http",
            Self::Local(_) => "local",
            Self::Unsupported { mechanism, .. } => mechanism,
        }
    }
}

impl ProviderConfig for SdConfig {
    fn kind(&self) -> &str {
        self.mechanism()
    }

    fn describe(&self) -> String {
        match self {
            Self::Static(settings) => settings.describe(),
            Self::File(settings) => settings.files.join(", "),
            Self::Http(settings) => settings.url_without_credentials(),
            Self::Local(_) => "listening sockets".to_owned(),
            Self::Unsupported { .. } => "not supported yet".to_owned(),
        }
    }
}

impl StaticSettings {
    /// The first addresses, and how many more there are.
    fn describe(&self) -> String {
        let all: Vec<&str> = self
            .groups
            .iter()
            .flat_map(|group| &group.targets)
            .map(String::as_str)
            .collect();
        match all.split_at_checked(3) {
            Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
            _ if all.is_empty() => "no targets".to_owned(),
            _ => all.join(", "),
        }
    }
}

/// The URL without a `user:password@` part.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_list_is_described_by_its_first_targets() {
        let described = |targets: &[&str]| {
            let targets = targets.iter().map(|target| (*target).to_owned()).collect();
            SdConfig::Static(StaticSettings {
                groups: vec![StaticGroup {
                    targets,
                    labels: Vec::new(),
                }],
            })
            .describe()
        };
        assert_eq!(described(&[]), "no targets");
        assert_eq!(described(&["a:1", "b:1", "c:1"]), "a:1, b:1, c:1");
        assert_eq!(
            described(&["a:1", "b:1", "c:1", "d:1", "e:1"]),
            "a:1, b:1, c:1 and 2 more"
        );
    }

    #[test]
    fn a_description_holds_no_credentials() {
        let described = |url: &str| {
            let (refresh_interval, client) = (Duration::from_secs(60), HttpClientSettings::default());
            SdConfig::Http(HttpSettings {
                url: url.to_owned(),
                refresh_interval,
                client,
            })
            .describe()
        };
        assert_eq!(
            described("http://sd.example/list?a=b@c"),
            "http://sd.example/list?a=b@c"
        );
        assert_eq!(
            described("https://user:pass@sd.example:8080/list"),
            "https://sd.example:8080/list"
        );
        assert_eq!(described("https://user:p@ss@sd.example"), "https://sd.example");
    }
}
