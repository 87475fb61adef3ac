//! Prometheus's `<http_config>`: how a request is authenticated, encrypted and routed.

use std::fmt;
use std::path::PathBuf;

use crate::secret::{Secret, SecretSource};
use crate::value::without_credentials;
use crate::yaml::MASK;

/// All settings of an HTTP client. The default is Prometheus's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpClientSettings {
    /// `basic_auth`.
    pub basic_auth: Option<BasicAuth>,
    /// `authorization`; `bearer_token` and `bearer_token_file` end here too.
    pub authorization: Option<Authorization>,
    /// `oauth2`.
    pub oauth2: Option<Box<OAuth2>>,
    /// `tls_config`.
    pub tls: TlsSettings,
    /// `proxy_url`, `no_proxy`, `proxy_from_environment`, `proxy_connect_header`.
    pub proxy: ProxySettings,
    /// `follow_redirects`; true unless said otherwise.
    pub follow_redirects: bool,
    /// `enable_http2`; true unless said otherwise.
    pub enable_http2: bool,
    /// `http_headers`, sorted by name.
    pub headers: Vec<(String, HeaderValues)>,
}

impl Default for HttpClientSettings {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            tls: TlsSettings::default(),
            proxy: ProxySettings::default(),
            follow_redirects: true,
            enable_http2: true,
            headers: Vec::new(),
        }
    }
}

/// Text in the configuration, or in a file that is read again for each use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TextSource {
    /// Written in the configuration.
    Inline(String),
    /// In a file; white space at the ends is dropped.
    File(PathBuf),
    /// In a secret manager, by this name. There is none, so it can't be had.
    Reference(String),
}

/// `basic_auth`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BasicAuth {
    /// `username` or `username_file`.
    pub username: TextSource,
    /// `password` or `password_file`.
    pub password: Option<SecretSource>,
}

/// `authorization`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authorization {
    /// `type`; `Bearer` unless said otherwise.
    pub scheme: String,
    /// `credentials` or `credentials_file`.
    pub credentials: Option<SecretSource>,
}

/// How a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum OAuth2Grant {
    /// `client_credentials`: with `client_id` and `client_secret`.
    #[default]
    ClientCredentials,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523): with a signed assertion.
    JwtBearer(Box<JwtBearer>),
}

/// What the assertion of the JWT bearer grant is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JwtBearer {
    /// `client_certificate_key` or `client_certificate_key_file`: the private key, PEM.
    pub key: Option<SecretSource>,
    /// `client_certificate_key_id`; empty for none.
    pub key_id: String,
    /// `signature_algorithm`.
    pub algorithm: JwtAlgorithm,
    /// `iss`; the client's id when empty.
    pub issuer: String,
    /// `audience`; the token URL when empty.
    pub audience: String,
    /// `claims`, sorted by name, each as JSON text.
    pub claims: Vec<(String, String)>,
}

/// `signature_algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum JwtAlgorithm {
    /// `RS256`.
    #[default]
    Rs256,
    /// `RS384`.
    Rs384,
    /// `RS512`.
    Rs512,
}

/// `oauth2`: a token is fetched from `token_url` and sent as a bearer token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OAuth2 {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`.
    pub client_secret: Option<SecretSource>,
    /// `grant_type`, and what that grant needs.
    pub grant: OAuth2Grant,
    /// `scopes`, in order.
    pub scopes: Vec<String>,
    /// `token_url`.
    pub token_url: String,
    /// `endpoint_params`, sorted by name.
    pub endpoint_params: Vec<(String, String)>,
    /// `tls_config` of the token endpoint.
    pub tls: TlsSettings,
    /// Proxy of the token endpoint.
    pub proxy: ProxySettings,
}

/// Parameters may be secret, and the URL may hold some.
impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.endpoint_params.iter().map(|(name, _)| (name, MASK));
        f.debug_struct("OAuth2")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret)
            .field("grant", &self.grant)
            .field("scopes", &self.scopes)
            .field("token_url", &without_credentials(&self.token_url))
            .field("endpoint_params", &parameters.collect::<Vec<_>>())
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .finish()
    }
}

/// A version of TLS, for `min_version` and `max_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// `TLS10`. The TLS library speaks 1.2 and newer only.
    Tls10,
    /// `TLS11`. The TLS library speaks 1.2 and newer only.
    Tls11,
    /// `TLS12`.
    Tls12,
    /// `TLS13`.
    Tls13,
}

/// `tls_config`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsSettings {
    /// `ca` or `ca_file`, PEM.
    pub ca: Option<TextSource>,
    /// `cert` or `cert_file`, PEM.
    pub cert: Option<TextSource>,
    /// `key` or `key_file`, PEM.
    pub key: Option<SecretSource>,
    /// `server_name`: what the certificate is checked against, and what is sent as SNI.
    pub server_name: Option<String>,
    /// `insecure_skip_verify`.
    pub insecure_skip_verify: bool,
    /// `min_version`.
    pub min_version: Option<TlsVersion>,
    /// `max_version`.
    pub max_version: Option<TlsVersion>,
}

/// Which proxy requests go through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Proxy {
    /// None.
    #[default]
    Direct,
    /// `proxy_url`, with the hosts of `no_proxy` (comma-separated) excepted.
    Url {
        /// `http`, `https` or `socks5` URL; it may hold credentials, so it is a secret.
        url: Secret,
        /// Hosts, domains, addresses and CIDR blocks that are reached directly.
        no_proxy: String,
    },
    /// `proxy_from_environment`: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, and in lower case.
    Environment,
}

/// The proxy, and what is sent to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ProxySettings {
    /// Which proxy.
    pub proxy: Proxy,
    /// `proxy_connect_header`: headers for the `CONNECT` request, sorted by name.
    pub connect_headers: Vec<(String, Vec<Secret>)>,
}

/// The values of one entry in `http_headers`, in the order in which they are sent.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct HeaderValues {
    /// `values`.
    pub values: Vec<String>,
    /// `secrets`.
    pub secrets: Vec<Secret>,
    /// `files`.
    pub files: Vec<PathBuf>,
}

/// Some put secrets among `values`.
impl fmt::Debug for HeaderValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderValues")
            .field("values", &vec![MASK; self.values.len()])
            .field("secrets", &self.secrets)
            .field("files", &self.files)
            .finish()
    }
}
