//! The shared files of AWS's programs: `~/.aws/config` and `~/.aws/credentials`.
//!
//! The one rule: **what both files say of a profile counts together, and what stands in `credentials` counts more**.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headcount_discoverer::Env;
use headcount_discoverer::env::{FileError, Variables};

use super::super::place::some;

/// More than any such file has.
const FILE_LIMIT: u64 = 1 << 20;

/// All profiles of the two files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    profiles: BTreeMap<String, BTreeMap<String, Value>>,
    /// Where they were looked for, to say so.
    paths: Vec<PathBuf>,
}

/// What a setting is; some are secret, and all are treated so.
#[derive(Clone)]
struct Value(String);

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

impl Files {
    /// Reads both files; one that is not there says nothing.
    pub(crate) async fn read(env: &Env) -> Result<Self, FileError> {
        let mut files = Self::default();
        let variables = env.variables.as_ref();
        for (variable, name, is_config) in [
            ("AWS_CONFIG_FILE", "config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", false),
        ] {
            let named = some(variables, variable).map(PathBuf::from);
            let Some(path) = named.or_else(|| in_home(variables, name)) else {
                continue;
            };
            match env.files.read(&path, FILE_LIMIT).await {
                Ok(contents) => files.add(&String::from_utf8_lossy(&contents.bytes), is_config),
                Err(FileError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            files.paths.push(path);
        }
        Ok(files)
    }

    /// The profile that is meant where none is named.
    pub(crate) fn chosen_profile(&self, variables: &dyn Variables) -> String {
        let names = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].map(|name| some(variables, name));
        let chosen = names.into_iter().flatten().next();
        chosen.unwrap_or_else(|| "default".to_owned())
    }

    /// Whether there is such a profile.
    pub(super) fn has(&self, profile: &str) -> bool {
        self.profiles.contains_key(profile)
    }

    /// What a profile says of a setting, if it says something.
    pub(crate) fn value(&self, profile: &str, setting: &str) -> Option<&str> {
        let value = self.profiles.get(profile)?.get(setting)?;
        Some(value.0.as_str()).filter(|text| !text.is_empty())
    }

    /// Where profiles were looked for.
    pub(super) fn places(&self) -> String {
        let paths = self.paths.iter().map(|path| path.display().to_string());
        let paths: Vec<String> = paths.collect();
        match paths.as_slice() {
            [] => "any file, because HOME is not set".to_owned(),
            paths => paths.join(" and "),
        }
    }

    /// Adds what a file's text says.
    pub(super) fn add(&mut self, text: &str, is_config: bool) {
        let mut open: Option<String> = None;
        for line in text.lines() {
            let is_nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let name = rest.split_once(']').map(|(name, _)| name.trim());
                open = name.and_then(|name| profile_name(name, is_config)).map(str::to_owned);
                if let Some(name) = &open {
                    self.profiles.entry(name.clone()).or_default();
                }
                continue;
            }
            // What is set within a setting (`s3 =` and lines further in) is not for us.
            let (Some(name), false) = (&open, is_nested) else {
                continue;
            };
            if let (Some((setting, value)), Some(profile)) = (line.split_once('='), self.profiles.get_mut(name)) {
                let value = without_comment(value).trim().to_owned();
                profile.insert(setting.trim().to_ascii_lowercase(), Value(value));
            }
        }
    }
}

/// The profile that a section is of, if it is of one.
fn profile_name(section: &str, is_config: bool) -> Option<&str> {
    if !is_config {
        return Some(section);
    }
    if section == "default" {
        return Some(section);
    }
    let name = section.strip_prefix("profile")?;
    name.starts_with(char::is_whitespace).then(|| name.trim())
}

/// What stands before a comment, which has white space before it.
fn without_comment(value: &str) -> &str {
    let starts = [" #", " ;", "\t#", "\t;"].map(|start| value.find(start));
    let start = starts.into_iter().flatten().min();
    start.and_then(|start| value.get(..start)).unwrap_or(value)
}

fn in_home(variables: &dyn Variables, name: &str) -> Option<PathBuf> {
    Some(Path::new(&some(variables, "HOME")?).join(".aws").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_comments_and_nested_settings_are_read_as_by_aws() {
        let mut files = Files::default();
        files.add(
            "region = nowhere\n[default]\nregion=eu-west-1 # here\n\n[profile  dev ]\nRole_ARN = arn:aws:iam::1:role/a;b\n\
             s3 =\n  region = nested\nsource_profile = default\n[dev]\nregion = not-a-profile\n[sso-session x]\nregion = y\n",
            true,
        );
        files.add(
            "; comment\n[dev] ; comment\nregion = eu-west-2\naws_secret_access_key = a=b#c\n[broken\nregion = z\n",
            false,
        );
        let value = |profile: &str, setting: &str| files.value(profile, setting).unwrap_or("-").to_owned();
        assert_eq!(value("default", "region"), "eu-west-1");
        assert_eq!(value("dev", "role_arn"), "arn:aws:iam::1:role/a;b");
        assert_eq!(value("dev", "region"), "eu-west-2", "credentials count more");
        assert_eq!(value("dev", "aws_secret_access_key"), "a=b#c");
        assert_eq!(value("dev", "s3"), "-");
        assert!(!files.has("sso-session x") && !files.has("x") && !files.has("broken"));
        assert!(!format!("{files:?}").contains("a=b#c"));
    }
}
