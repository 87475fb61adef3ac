//! YAML with positions, read into checked values.
//!
//! A configuration is read in three steps, and each mechanism's settings pass through all of them:
//! text becomes a tree whose values know their line and column ([`read`]); a [`Cursor`] walks the
//! tree and a [`Fields`] takes a mapping apart by name; what is wrong goes into a [`Sink`] as a
//! [`Problem`], and reading goes on with the default, so that one run finds everything.
//!
//! The rule that holds this crate together: **what a value means is decided once, here**, and no
//! secret leaves except inside a [`Secret`]: not in messages, not in debug output, not in what
//! [`Document::redacted`] writes.
//!
//! * Trees: [`read`], [`Cursor`], [`Fields`], [`FieldNames`], [`Sink`], [`Problem`].
//! * Values: [`parse_size`], [`parse_regex`], [`Url`], label names, [`pattern`].
//! * The HTTP client's block, which stands in jobs, mechanisms and Alertmanagers alike:
//!   [`HttpClientSettings::read`].
//! * What reading needs of the world: [`Surroundings`]; what it names of it, for whoever checks that: [`Mention`].
//!
//! ```
//! use headcount_reader::{Sink, read};
//!
//! let sink = Sink::new(std::path::Path::new("cmdb.yml").into());
//! let document = read("{url: 'http://cmdb.example/', every: 5x}", &sink).unwrap();
//! let mut fields = document.root(&sink).and_then(|root| root.fields()).unwrap();
//! assert_eq!(fields.text("url").as_deref(), Some("http://cmdb.example/"));
//! assert_eq!(fields.duration("every"), None);
//! fields.finish();
//! assert!(sink.finish().problems[0].to_string().starts_with("cmdb.yml:1:38: every: \"5x\" is not a duration"));
//! ```

mod http_client;
mod mention;
mod near;
pub mod pattern;
mod problem;
mod secret;
mod surroundings;
mod value;
mod yaml;

pub use http_client::{
    Authorization, BasicAuth, Given, HeaderValues, HttpClientSettings, JwtAlgorithm, JwtBearer, OAuth2, OAuth2Grant,
    Proxy, ProxySettings, TextSource, TlsSettings, TlsVersion, Ways, reserved_header,
};
pub use mention::{Mention, Mentioned};
pub use near::names_like;
pub use problem::{LoadErrors, Position, Problem, ProblemKind};
pub use secret::{Secret, SecretSource, sounds_secret};
pub use surroundings::{Machine, NotAFile, Nowhere, Surroundings, join, open_file};
pub use value::{
    NameEscaping, RegexAllowance, RegexError, ScrapeProtocol, SeriesError, SizeError, UnsetVariable, Url, UrlError,
    Variables, expand, is_label_name, is_label_template, parse_part_regex, parse_regex, parse_series, parse_size,
    without_credentials, without_secret_parameters,
};
pub use yaml::{
    Cursor, DialectError, Document, FILE_LIMIT, FieldNames, Fields, Findings, MASK, ShownYaml, Sink, as_yaml_1_1,
    decode, quoted_if_needed, read, redacted_url,
};
