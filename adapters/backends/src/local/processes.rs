//! Which process a socket belongs to.
//!
//! A process names its sockets in the links of `/proc/<pid>/fd`. Looking at all of them is what
//! costs here, so those that owned a socket the last time are asked first, and the search ends
//! when every socket is found. Processes come and go meanwhile: what can't be read is passed over.

use std::collections::{BTreeMap, BTreeSet};

use headcount_discoverer::Env;

use super::sockets::Socket;
use crate::proc::{self, Pid};

/// The longest file about a process that is of interest.
const LARGEST_FACT: u64 = 4096;

/// The processes that own sockets.
#[derive(Debug, Default)]
pub(super) struct Processes {
    owned_before: BTreeSet<Pid>,
}

impl Processes {
    /// The owner of each socket, by inode. A socket that several processes share belongs to the
    /// one with the lowest number, which is mostly the parent of the others.
    pub(super) async fn owners(&mut self, env: &Env, sockets: &[Socket]) -> BTreeMap<u64, Pid> {
        let mut wanted: BTreeSet<u64> = sockets.iter().map(|socket| socket.inode).collect();
        let mut owners = BTreeMap::new();
        let running = proc::running(env).await.unwrap_or_default();
        let (before, others): (Vec<Pid>, Vec<Pid>) = running.iter().partition(|pid| self.owned_before.contains(pid));
        for pid in before.into_iter().chain(others) {
            if wanted.is_empty() {
                break;
            }
            for inode in inodes(env, pid, &wanted).await {
                wanted.remove(&inode);
                owners.insert(inode, pid);
            }
        }
        self.owned_before = owners.values().copied().collect();
        owners
    }
}

/// Labels that say which process it is.
pub(super) async fn labels(env: &Env, pid: Pid) -> Vec<(&'static str, String)> {
    let mut labels = vec![("__meta_local_pid", pid.to_string())];
    if let Ok(name) = proc::read(env, pid, "comm", LARGEST_FACT).await {
        let name = String::from_utf8_lossy(&name);
        labels.push(("__meta_local_process_name", name.trim_end_matches('\n').to_owned()));
    }
    if let Ok(program) = proc::program(env, pid).await {
        labels.push(("__meta_local_executable", program));
    }
    labels
}

/// Those of the `wanted` sockets that a process holds.
async fn inodes(env: &Env, pid: Pid, wanted: &BTreeSet<u64>) -> Vec<u64> {
    let folder = proc::path(pid, "fd");
    let mut held = Vec::new();
    for descriptor in env.files.list(&folder).await.unwrap_or_default() {
        let Ok(target) = env.files.read_link(&folder.join(descriptor)).await else {
            continue;
        };
        let inode = target
            .to_str()
            .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        held.extend(inode.filter(|inode| wanted.contains(inode)));
    }
    held
}
