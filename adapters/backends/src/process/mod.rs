//! `process_sd_configs`: the processes of this machine. Alloy's mechanism; Prometheus has none.
//!
//! Each `refresh_interval` (60 s) `/proc` is read: a group for each process, `process/<pid>`, with Alloy's labels, of which
//! `discover_config` says what is wanted. **A process has no address.** What becomes of one is for relabelling to say: a job with
//! this mechanism needs rules that set `__address__`, and is refused without any; and what such a rule makes stands in the lists that
//! are asked for with `?relabelled=true`, because the others are written before relabelling and leave out what has no address.
//!
//! | label | of | wanted unless said otherwise |
//! |---|---|---|
//! | `__process_pid__` | its number | always |
//! | `__container_id__` | the container that it is in (`container_id`) | yes |
//! | `__meta_process_exe`, `__meta_process_cwd`, `__meta_process_commandline` | its program, folder and arguments | yes |
//! | `__meta_process_username`, `__meta_process_uid`, `__meta_process_cgroup_path` | who runs it, and its control groups | no |
//!
//! As in Alloy, a process that is gone while it is looked at is left out, and so are kernel threads where `exe` is wanted, because they
//! have no program. To see processes of others headcount has to run as root and, in a container, with the host's processes.
//!
//! Otherwise than in Alloy:
//! * What may not be read costs its label, and is counted; there it costs the process.
//! * Values of arguments that sound secret (`--password=…`, `--token …`), and credentials in URLs, are hidden: labels are shown to
//!   whoever may ask.
//! * That `/proc` can't be read is a failure that passes; there discovery ends.
//! * `join` is refused: what other mechanisms found is not known here.

mod facts;
mod settings;

use headcount_core::{Encoder, GroupError, Update};
use headcount_discoverer::Env;
use headcount_discoverer::env::FileError;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::refresh::{Refresh, RefreshError, Refreshed};

use crate::proc::{self, Pid};
use facts::Users;
use settings::Wanted;

pub use settings::ProcessSd;

/// The longest file about a process that is of interest; arguments can be megabytes.
const LARGEST_FACT: u64 = 4 << 20;

const UNREADABLE: Definition = Definition {
    name: "headcount_sd_process_unreadable_facts_total",
    help: "Facts about processes that may not be read, so that labels are missing.",
    kind: Kind::Counter,
};

/// This machine.
struct Machine {
    encoder: Encoder,
    wanted: Wanted,
}

/// A process with its labels.
type Found = (Pid, Vec<(&'static str, String)>);

impl Machine {
    fn new(wanted: Wanted) -> Self {
        Self {
            encoder: Encoder::new(),
            wanted,
        }
    }

    fn groups(&mut self, found: Vec<Found>) -> Result<Update, GroupError> {
        let mut batch = self.encoder.batch();
        for (pid, labels) in found {
            let labels: Vec<(&str, &str)> = labels
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            batch.group(&format!("process/{pid}"), [("", ""); 0], [labels])?;
        }
        Ok(Update::full(batch.finish()))
    }
}

impl Refresh for Machine {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let failed = |error: &dyn std::fmt::Display| RefreshError::at_interval(format!("listing processes: {error}"));
        let running = proc::running(env).await.map_err(|error| failed(&error))?;
        let users = match self.wanted.username {
            true => Users::read(env).await,
            false => Users::default(),
        };
        let mut found = Vec::with_capacity(running.len());
        for pid in running {
            let labels = labels(env, pid, self.wanted, &users).await;
            found.extend(labels.map(|labels| (pid, labels)));
        }
        let update = self.groups(found).map_err(|error| failed(&error))?;
        Ok(Refreshed::Update(update))
    }
}

/// The labels of a process; nothing if it is gone, or none of a program.
async fn labels(env: &Env, pid: Pid, wanted: Wanted, users: &Users) -> Option<Vec<(&'static str, String)>> {
    let mut labels = vec![("__process_pid__", pid.to_string())];
    if wanted.exe {
        labels.push(("__meta_process_exe", known(env, proc::program(env, pid).await)?));
    }
    if wanted.cwd {
        labels.push(("__meta_process_cwd", known(env, proc::link(env, pid, "cwd").await)?));
    }
    if wanted.commandline {
        let arguments = known(env, proc::read(env, pid, "cmdline", LARGEST_FACT).await)?;
        labels.push(("__meta_process_commandline", facts::command_line(&arguments)));
    }
    if wanted.username || wanted.uid {
        let status = known(env, proc::read(env, pid, "status", LARGEST_FACT).await)?;
        let uid = facts::user(&status);
        if wanted.username {
            labels.push(("__meta_process_username", users.name(uid).to_owned()));
        }
        if wanted.uid {
            labels.push(("__meta_process_uid", uid.to_owned()));
        }
    }
    if wanted.container_id || wanted.cgroup_path {
        let groups = known(env, proc::read(env, pid, "cgroup", LARGEST_FACT).await)?;
        let groups = String::from_utf8_lossy(&groups);
        if wanted.container_id {
            labels.push(("__container_id__", facts::container(&groups).to_owned()));
        }
        if wanted.cgroup_path {
            let lines: Vec<&str> = groups.lines().collect();
            labels.push(("__meta_process_cgroup_path", lines.join("|")));
        }
    }
    Some(labels)
}

/// A fact; nothing if the process is gone, and an empty one, which is counted, if it may not be read.
fn known<T: Default>(env: &Env, fact: Result<T, FileError>) -> Option<T> {
    match fact {
        Ok(fact) => Some(fact),
        Err(FileError::NotFound { .. }) => None,
        Err(_) => {
            env.metrics.add(UNREADABLE, &[], 1.0);
            Some(T::default())
        }
    }
}

#[cfg(test)]
mod tests;
