//! What Linux says of its processes in `/proc`.
//!
//! Processes come and go while they are looked at, and of those of others not everything may be read: each fact is asked for by
//! itself, and what becomes of an error is for the caller to say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headcount_discoverer::Env;
use headcount_discoverer::env::FileError;

/// Numbers a process.
pub(crate) type Pid = u32;

/// The processes that run.
pub(crate) async fn running(env: &Env) -> Result<BTreeSet<Pid>, FileError> {
    let names = env.files.list(Path::new("/proc")).await?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// A file about a process, of at most `limit` bytes.
pub(crate) async fn read(env: &Env, pid: Pid, name: &str, limit: u64) -> Result<Vec<u8>, FileError> {
    Ok(env.files.read(&path(pid, name), limit).await?.bytes)
}

/// Its program. A kernel thread has none.
pub(crate) async fn program(env: &Env, pid: Pid) -> Result<String, FileError> {
    let program = link(env, pid, "exe").await?;
    // The kernel says so of a program that was replaced while it runs.
    Ok(program.strip_suffix(" (deleted)").unwrap_or(&program).to_owned())
}

/// Where a link of a process leads to.
pub(crate) async fn link(env: &Env, pid: Pid, name: &str) -> Result<String, FileError> {
    let target = env.files.read_link(&path(pid, name)).await?;
    Ok(target.to_string_lossy().into_owned())
}

/// What is said of a process under a name.
pub(crate) fn path(pid: Pid, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}
