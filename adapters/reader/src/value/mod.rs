//! Single values as Prometheus writes them: durations, sizes, URLs, label names, expressions.
//!
//! Pure functions from text to a typed value or a named error.

mod expand;
mod label;
mod regex;
mod scrape;
mod series;
mod size;
mod url;
mod variables;

pub use expand::expand;
pub use label::{is_label_name, is_label_template};
pub use regex::{RegexAllowance, RegexError, parse_part_regex, parse_regex};
pub use scrape::{NameEscaping, ScrapeProtocol};
pub use series::{SeriesError, parse_series};
pub use size::{SizeError, parse_size};
pub use url::{Url, UrlError, without_credentials, without_secret_parameters};
pub use variables::{UnsetVariable, Variables};
