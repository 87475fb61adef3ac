//! What a command said and how it ended.

use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use super::headcount;

/// Exit code, standard output and standard error, with the folder's path hidden.
pub(crate) fn outcome(folder: &Path, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = headcount()
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let all = format!(
        "exit code {}\n--- stdout\n{}--- stderr\n{}",
        status.code().unwrap_or(-1),
        text(stdout),
        text(stderr)
    );
    let real = folder.canonicalize().expect("a folder");
    all.replace(&real.display().to_string(), "FOLDER")
        .replace(&folder.display().to_string(), "FOLDER")
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("written");
    }
    folder
}
