//! `tls_config`, and values that stand in the configuration or in a file.

use std::path::{Path, PathBuf};

use super::settings::{TextSource, TlsSettings, TlsVersion};
use crate::mention::Mentioned;
use crate::problem::ProblemKind;
use crate::secret::{Secret, SecretSource};
use crate::surroundings::join;
use crate::yaml::{Cursor, Fields};

/// A value that is written, or whose file is named.
#[derive(Debug)]
pub enum Given {
    /// Written in the configuration.
    Inline(Secret),
    /// In this file.
    File(PathBuf),
    /// In a secret manager.
    Reference(String),
}

impl Given {
    /// Reads a value that can be given in three ways. An empty text gives nothing.
    pub fn read(fields: &mut Fields<'_>, folder: &Path, ways: Ways) -> Option<Self> {
        let mut written = |name| {
            fields
                .take(name)
                .and_then(|at| Some((at.text().filter(|text| !text.is_empty())?, at)))
        };
        let inline = written(ways.inline);
        let file = written(ways.file);
        let reference = written(ways.reference);
        match (inline, file, reference) {
            (Some(_), Some((_, at)), _) | (_, Some(_), Some((_, at))) | (Some(_), _, Some((_, at))) => {
                at.report(ProblemKind::Conflict { fields: ways.all });
                None
            }
            (Some((text, _)), None, None) => Some(Self::Inline(Secret::new(text))),
            (None, None, Some((name, at))) => {
                // Prometheus takes it, and has no secret manager either: who embeds it may.
                at.warn(ProblemKind::SecretReference { instead: ways.file });
                Some(Self::Reference(name))
            }
            (None, Some((path, at)), None) => {
                let path = join(folder, &path);
                at.mention(Mentioned::File(path.clone()));
                Some(Self::File(path))
            }
            (None, None, None) => None,
        }
    }

    /// The value as a secret.
    pub fn into_secret(self) -> SecretSource {
        match self {
            Self::Inline(secret) => SecretSource::Inline(secret),
            Self::File(path) => SecretSource::File(path),
            Self::Reference(name) => SecretSource::Reference(name),
        }
    }

    /// The value as text that may be shown.
    pub fn into_text(self) -> TextSource {
        match self {
            Self::Inline(secret) => TextSource::Inline(secret.reveal().to_owned()),
            Self::File(path) => TextSource::File(path),
            Self::Reference(name) => TextSource::Reference(name),
        }
    }
}

/// The fields of a value that can be given in three ways.
#[derive(Debug, Clone, Copy)]
pub struct Ways {
    /// The field with the value itself.
    pub inline: &'static str,
    /// The field with the path of its file.
    pub file: &'static str,
    /// The field with its name in a secret manager.
    pub reference: &'static str,
    /// The three, for messages.
    pub all: &'static str,
}

const CA: Ways = Ways {
    inline: "ca",
    file: "ca_file",
    reference: "ca_ref",
    all: "ca and ca_file",
};
impl Ways {
    /// A certificate, in every block that speaks of TLS.
    pub const CERT: Self = Self {
        inline: "cert",
        file: "cert_file",
        reference: "cert_ref",
        all: "cert and cert_file",
    };
    /// Its key.
    pub const KEY: Self = Self {
        inline: "key",
        file: "key_file",
        reference: "key_ref",
        all: "key and key_file",
    };
}

impl TlsVersion {
    /// Reads a field that names one.
    pub fn read(at: &Cursor<'_>) -> Option<Self> {
        let found = at.text()?;
        match found.as_str() {
            "TLS10" => Some(Self::Tls10),
            "TLS11" => Some(Self::Tls11),
            "TLS12" => Some(Self::Tls12),
            "TLS13" => Some(Self::Tls13),
            _ => {
                let allowed = "TLS10, TLS11, TLS12, TLS13";
                at.report(ProblemKind::NotOneOf { found, allowed });
                None
            }
        }
    }
}

impl TlsSettings {
    /// Reads the field `tls_config`, which stands among others. Relative paths are made absolute against
    /// `folder`.
    pub fn read(fields: &mut Fields<'_>, folder: &Path) -> Self {
        match fields.take("tls_config").and_then(|at| at.fields()) {
            Some(inside) => read(inside, folder),
            None => Self::default(),
        }
    }
}

fn read(mut fields: Fields<'_>, folder: &Path) -> TlsSettings {
    let settings = TlsSettings {
        ca: Given::read(&mut fields, folder, CA).map(Given::into_text),
        cert: Given::read(&mut fields, folder, Ways::CERT).map(Given::into_text),
        key: Given::read(&mut fields, folder, Ways::KEY).map(Given::into_secret),
        server_name: fields.some_text("server_name"),
        insecure_skip_verify: fields.flag("insecure_skip_verify").unwrap_or_default(),
        min_version: fields.take_some("min_version").and_then(|at| TlsVersion::read(&at)),
        max_version: fields.take_some("max_version").and_then(|at| TlsVersion::read(&at)),
    };
    match (&settings.cert, &settings.key) {
        (Some(_), None) => fields.at().report(ProblemKind::Rule(
            "a certificate needs its key; set key or key_file as well",
        )),
        (None, Some(_)) => fields.at().report(ProblemKind::Rule(
            "a key needs its certificate; set cert or cert_file as well",
        )),
        _ => {}
    }
    fields.finish();
    settings
}
