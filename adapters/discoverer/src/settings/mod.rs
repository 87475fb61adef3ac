//! What a `*_sd_configs` entry says, checked and with defaults filled in.
//!
//! These are plain values: `headcount-config` parses into them, `headcount-backends` runs them,
//! and the manager compares them to find out which providers are the same (S01). So each is
//! `Eq + Hash`, and two that are equal must mean the same to a backend.

mod http_client;
mod mechanism;
mod secret;

pub use http_client::{
    Authorization, BasicAuth, HeaderValues, HttpClientSettings, JwtAlgorithm, JwtBearer, OAuth2, OAuth2Grant, Proxy,
    ProxySettings, TextSource, TlsSettings, TlsVersion,
};
pub use mechanism::{FileSettings, HttpSettings, LocalSettings, SdConfig, StaticGroup, StaticSettings};
pub use secret::{Secret, SecretSource};
