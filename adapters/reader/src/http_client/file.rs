//! A file that has the client's fields, and nothing else: how a command connects to a server, as
//! `promtool --http.config.file` has it.

use std::path::Path;

use super::HttpClientSettings;
use crate::problem::LoadErrors;
use crate::surroundings::{Machine, Surroundings};
use crate::yaml::{FILE_LIMIT, Sink, decode, read};

impl HttpClientSettings {
    /// Reads a file of the client's fields. Relative paths in it are relative to its folder. An empty file says nothing, and
    /// gives what is usual.
    ///
    /// # Errors
    /// All that is wrong with the file, each with its place.
    pub fn load(path: &Path) -> Result<Self, LoadErrors> {
        let bytes = Machine.read(path, FILE_LIMIT);
        let bytes = bytes.map_err(|error| LoadErrors::unreadable(path, &error))?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let sink = Sink::new(path.into());
        let text = decode(&bytes).map_err(|kind| sink.problem(None, "", kind));
        let document = text.ok().and_then(|text| read(&text, &sink));
        let mut settings = Self::default();
        if let Some(mut fields) = document.as_ref().and_then(|document| document.root(&sink)?.fields()) {
            settings = Self::read(&mut fields, folder);
            fields.finish();
        }
        drop(document);
        let found = sink.finish();
        match found.problems.is_empty() {
            true => Ok(settings),
            false => Err(LoadErrors {
                problems: found.problems,
                omitted: found.omitted,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::{SecretSource, TextSource};

    fn load(text: &str) -> Result<HttpClientSettings, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("client.yml");
        std::fs::write(&path, text).expect("written");
        let hidden = folder.path().display().to_string();
        HttpClientSettings::load(&path).map_err(|errors| errors.to_string().replace(&hidden, "FOLDER"))
    }

    #[test]
    fn a_file_is_read_with_paths_beside_it_and_all_that_is_wrong_is_said() {
        assert_eq!(load(""), Ok(HttpClientSettings::default()));
        let settings = load("basic_auth: {username: a, password_file: pw}\ntls_config: {insecure_skip_verify: true}");
        let settings = settings.expect("right");
        let basic = settings.basic_auth.expect("it is there");
        assert!(matches!(basic.username, TextSource::Inline(name) if name == "a"));
        let password = basic.password.expect("it is there");
        assert!(matches!(password, SecretSource::File(path) if path.is_absolute() && path.ends_with("pw")));
        let wrong = load("basic_auth: {usernam: a}\nproxy_ulr: x").expect_err("wrong");
        assert_eq!(wrong.lines().count(), 2, "{wrong}");
        assert!(
            wrong.contains("client.yml:1:14") && wrong.contains("client.yml:2:1"),
            "{wrong}"
        );
        let none = HttpClientSettings::load(Path::new("/no/such/file")).expect_err("none");
        assert!(none.to_string().starts_with("/no/such/file: "), "{none}");
    }
}
