//! Text and secrets that stand in the settings or in a file.

use std::path::Path;

use headcount_core::planted;
use headcount_discoverer::env::{Cause, Files, HttpError};
use headcount_reader::{SecretSource, TextSource};

/// Largest file that is taken for a password, a token or a certificate.
const LIMIT: u64 = 1 << 20;

/// The text. `what` names the setting in errors.
pub(crate) async fn text(files: &dyn Files, source: &TextSource, what: &str) -> Result<String, HttpError> {
    match source {
        TextSource::Inline(text) => Ok(text.clone()),
        TextSource::File(path) => file(files, path, what).await,
        TextSource::Reference(name) => Err(no_manager(name, what)),
    }
}

/// The secret's text. `what` names the setting in errors.
pub(crate) async fn secret(files: &dyn Files, source: &SecretSource, what: &str) -> Result<String, HttpError> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.reveal().to_owned()),
        SecretSource::File(path) => file(files, path, what).await,
        SecretSource::Reference(name) => Err(no_manager(name, what)),
    }
}

/// As in Prometheus, which takes the setting and can do nothing with it.
fn no_manager(name: &str, what: &str) -> HttpError {
    HttpError::Settings {
        setting: what.to_owned(),
        cause: format!("there is no secret manager to ask for {name:?}; use a file").into(),
    }
}

/// A file's text without white space at its ends.
pub(crate) async fn file(files: &dyn Files, path: &Path, what: &str) -> Result<String, HttpError> {
    let failed = |cause: Cause| HttpError::Settings {
        setting: what.to_owned(),
        cause,
    };
    let contents = files
        .read(path, LIMIT)
        .await
        .map_err(|error| failed(Cause::new(error)))?;
    let text =
        String::from_utf8(contents.bytes).map_err(|_| failed(format!("{}: not UTF-8 text", path.display()).into()))?;
    Ok(planted!(text.trim(), FileKeepsItsLineBreak, text.as_str()).to_owned())
}
