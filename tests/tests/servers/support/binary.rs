//! The `headcount` binary, as the README's command for the tests builds it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The binary. The first call builds it, with the profile and in the folder of this test.
pub(crate) fn headcount_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    // <target folder>/<profile>/deps/<this test>
    let test = env::current_exe().expect("this test's path");
    let profile = test.ancestors().nth(2).expect("tests are in their profile's folder");
    let target = profile.parent().expect("profiles are in the target folder");
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With these features `cargo test --workspace --all-features` has built it already, and all that it stands on; the
    // example is there for the features that only tests ask of other people's crates. Any other selection would be
    // minutes of building the same crates again.
    cargo.args([
        "build",
        "--workspace",
        "--all-features",
        "--bin=headcount",
        "--example=own_discoverer",
    ]);
    cargo.args(["--message-format=json-render-diagnostics", "--profile", profile]);
    cargo
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // What cargo told this test about itself would be taken for a change by some build scripts.
    let told = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_CRATE_",
        "CARGO_BIN_",
        "CARGO_PRIMARY_",
    ];
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| told.iter().any(|prefix| name.starts_with(prefix)))
        {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().expect("running cargo");
    let (messages, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "building headcount failed:\n{errors}");
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut binaries = messages.filter(|message| message["target"]["name"] == "headcount");
    let binary = binaries.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    binary.expect("cargo says where the binary is")
}
