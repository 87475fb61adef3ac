//! Secrets that are written in an entry, or in a file that it names.

use headcount_discoverer::Env;
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::rest::ReadError;
use headcount_reader::{Fields, Mentioned, ProblemKind, Secret, SecretSource, join};

/// A key or token is shorter than this.
const FILE_LIMIT: u64 = 64 << 10;

/// The two fields in which a secret may stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    /// The field with the secret itself.
    pub(crate) inline: &'static str,
    /// The field with the path of its file.
    pub(crate) file: &'static str,
    /// Both, for messages.
    pub(crate) both: &'static str,
}

/// Reads a secret that may stand in one of two fields. Nothing at all if what stands there makes no sense.
pub(crate) fn read_secret(fields: &mut Fields<'_>, place: &Place<'_>, ways: Ways) -> Option<Option<SecretSource>> {
    let mut written = |name| {
        let at = fields.take(name)?;
        let text = at.text().filter(|text| !text.is_empty())?;
        Some((text, at))
    };
    match (written(ways.inline), written(ways.file)) {
        (Some(_), Some((_, at))) => {
            at.report(ProblemKind::Conflict { fields: ways.both });
            None
        }
        (Some((text, _)), None) => Some(Some(SecretSource::Inline(Secret::new(text)))),
        (None, Some((path, at))) => {
            let path = join(place.folder, &path);
            at.mention(Mentioned::File(path.clone()));
            Some(Some(SecretSource::File(path)))
        }
        (None, None) => Some(None),
    }
}

/// What a secret is now. A file is read each time, so that one that is rotated is seen.
pub(crate) async fn reveal(env: &Env, source: &SecretSource, url: &str) -> Result<Secret, ReadError> {
    let path = match source {
        SecretSource::Inline(secret) => return Ok(secret.clone()),
        SecretSource::File(path) => path,
        SecretSource::Reference(name) => {
            let unknown = format!("there is no secret manager to ask for {name:?}; use a file");
            return Err(ReadError::answer(url, unknown));
        }
    };
    let contents = env.files.read(path, FILE_LIMIT).await;
    let contents = contents.map_err(|error| ReadError::answer(url, format!("reading a secret: {error}")))?;
    let text = String::from_utf8_lossy(&contents.bytes);
    match text.trim() {
        "" => {
            let empty = format!("the file of a secret is empty: {}", path.display());
            Err(ReadError::answer(url, empty))
        }
        secret => Ok(Secret::new(secret)),
    }
}
