//! `local`: what listens on this machine. headcount's own mechanism, for the embedded default
//! configuration, so that the first run shows something real.
//!
//! Every TCP socket that listens is a target, at an address where it can be reached from this
//! machine; the sockets of a process are one group, called `local:<pid>`. **What can't be looked
//! into is still listed**: a socket whose process belongs to somebody else is in the group
//! `local:unknown`.
//!
//! | label | of | what |
//! |---|---|---|
//! | `__address__` | target | where to connect to: the listening address, or the loopback for "any" |
//! | `__meta_local_listen_address` | target | what the socket is bound to, `0.0.0.0` or `::` for "any" |
//! | `__meta_local_port` | target | its port |
//! | `__meta_local_uid` | target | the user who opened it |
//! | `__meta_local_pid` | group | the process |
//! | `__meta_local_process_name` | group | its name, at most 15 bytes |
//! | `__meta_local_executable` | group | its program, where that may be known |

mod processes;
mod settings;
mod sockets;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use headcount_core::{Encoder, GroupError, Update};
use headcount_discoverer::env::FileError;
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Updates};

use processes::Processes;
use sockets::Socket;

use crate::proc::Pid;

pub use settings::LocalSd;

/// The largest table of sockets that is read: about half a million sockets.
const LARGEST_TABLE: u64 = 64 << 20;

struct LocalDiscoverer {
    settings: Arc<LocalSd>,
}

impl Discoverer for LocalDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        let machine = Machine {
            encoder: Encoder::new(),
            processes: Processes::default(),
        };
        Box::pin(refresh::run(self.settings.refresh_interval, machine, env, updates))
    }
}

struct Machine {
    encoder: Encoder,
    processes: Processes,
}

impl Refresh for Machine {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let sockets = listening(env).await?;
        let owners = self.processes.owners(env, &sockets).await;
        let mut by_process: BTreeMap<Option<Pid>, Vec<&Socket>> = BTreeMap::new();
        for socket in &sockets {
            by_process
                .entry(owners.get(&socket.inode).copied())
                .or_default()
                .push(socket);
        }
        let update = self.groups(env, by_process).await;
        update.map_err(|error| RefreshError::at_interval(format!("listing the sockets that listen: {error}")))
    }
}

impl Machine {
    async fn groups(
        &mut self,
        env: &Env,
        by_process: BTreeMap<Option<Pid>, Vec<&Socket>>,
    ) -> Result<Refreshed, GroupError> {
        let mut described = Vec::with_capacity(by_process.len());
        for (pid, sockets) in by_process {
            let labels = match pid {
                Some(pid) => processes::labels(env, pid).await,
                None => Vec::new(),
            };
            let source = pid.map_or("local:unknown".to_owned(), |pid| format!("local:{pid}"));
            described.push((source, labels, sockets));
        }
        let mut batch = self.encoder.batch();
        for (source, labels, sockets) in described {
            let targets = sockets.into_iter().map(Socket::labels);
            batch.group(&source, labels, targets)?;
        }
        Ok(Refreshed::Update(Update::full(batch.finish())))
    }
}

/// The sockets that listen, over IPv4 and, where the machine has it, IPv6.
async fn listening(env: &Env) -> Result<Vec<Socket>, RefreshError> {
    let mut sockets = Vec::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        match env.files.read(Path::new(table), LARGEST_TABLE).await {
            Ok(contents) => sockets.extend(sockets::parse(&contents.bytes)),
            Err(FileError::NotFound { .. }) if table.ends_with('6') => {}
            Err(error) => {
                return Err(RefreshError::at_interval(format!(
                    "listing the sockets that listen: reading {error}"
                )));
            }
        }
    }
    sockets.sort_unstable();
    Ok(sockets)
}

#[cfg(test)]
mod tests;
