//! Running programs over `std::process`, on the pool of threads that `blocking` keeps.
//!
//! The one rule: **a call that is given up leaves no process behind.** The program is killed with all that it
//! started, because it runs in a process group of its own.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use blocking::unblock;
use futures_lite::FutureExt;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{ProgramCall, ProgramError, ProgramOutput, Programs};

use crate::runtime::SharedRuntime;

/// Most that is kept of what a program says on its standard error.
const ERRORS_LIMIT: u64 = 4096;

/// Programs that the operator allowed by name.
#[derive(Clone)]
pub struct SystemPrograms {
    runtime: SharedRuntime,
    allowed: Arc<BTreeSet<String>>,
}

impl SystemPrograms {
    /// These programs, and no others, each as a configuration names it: its path, or a name that is looked
    /// for in `PATH`.
    pub fn new(runtime: SharedRuntime, allowed: impl IntoIterator<Item = String>) -> Self {
        Self {
            runtime,
            allowed: Arc::new(allowed.into_iter().collect()),
        }
    }
}

impl Programs for SystemPrograms {
    fn run(&self, call: ProgramCall) -> BoxFuture<'static, Result<ProgramOutput, ProgramError>> {
        let this = self.clone();
        Box::pin(async move {
            let program = call.program.clone();
            if !this.allowed.contains(&program) {
                return Err(ProgramError::NotAllowed { program });
            }
            let within = call.within;
            let limit = async {
                this.runtime.sleep(within).await;
                Err(Failed::Timeout)
            };
            let (output_limit, result) = (call.output_limit, run(&this.runtime, call).or(limit).await);
            result.map_err(|failed| match failed {
                Failed::Timeout => ProgramError::Timeout { program, within },
                Failed::TooMuchOutput => ProgramError::TooMuchOutput {
                    program,
                    limit: output_limit,
                },
                Failed::Io(error) => ProgramError::Io {
                    program,
                    cause: error.into(),
                },
            })
        })
    }
}

enum Failed {
    Timeout,
    TooMuchOutput,
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn run(runtime: &SharedRuntime, mut call: ProgramCall) -> Result<ProgramOutput, Failed> {
    let (input, limit) = (std::mem::take(&mut call.input), call.output_limit);
    let mut running = Running::start(call, !input.is_empty()).await?;
    if let Some(mut stdin) = running.child.stdin.take() {
        // A program that does not read it all is no failure. Its end is dropping the pipe.
        unblock(move || stdin.write_all(&input).ok()).detach();
    }
    let (output, errors) = (running.child.stdout.take(), running.child.stderr.take());
    let errors = unblock(move || read_errors(errors));
    let output = unblock(move || read_output(output, limit)).await?;
    let output = output.ok_or(Failed::TooMuchOutput)?;
    let errors = errors.await?;
    let code = running.ended(runtime).await?;
    Ok(ProgramOutput { code, output, errors })
}

/// All of it, or `None` if it is longer than the limit.
fn read_output(pipe: Option<impl Read>, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// The beginning; the rest is read and forgotten, so that the program does not wait for us.
fn read_errors(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.by_ref().take(ERRORS_LIMIT).read_to_end(&mut bytes)?;
        io::copy(&mut pipe, &mut io::sink())?;
    }
    Ok(bytes)
}

/// A process that is killed when this is dropped, unless it has ended.
struct Running {
    child: Child,
    has_ended: bool,
}

impl Running {
    async fn start(call: ProgramCall, has_input: bool) -> io::Result<Self> {
        unblock(move || {
            let mut command = Command::new(&call.program);
            command
                .args(&call.arguments)
                .envs(call.variables.iter().map(|(name, value)| (name, value)))
                .stdin(if has_input { Stdio::piped() } else { Stdio::null() })
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            Ok(Self {
                child: command.spawn()?,
                has_ended: false,
            })
        })
        .await
    }

    /// Waits for its end, which as a rule comes right after that of its output, and gives its code.
    async fn ended(mut self, runtime: &SharedRuntime) -> io::Result<Option<i32>> {
        let mut wait = Duration::from_millis(1);
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.has_ended = true;
                return Ok(status.code());
            }
            runtime.sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // It may just have ended by itself.
        self.child.kill().ok();
        #[cfg(unix)]
        {
            // Its number can't be another's yet: nobody has waited for it.
            let group = i32::try_from(self.child.id())
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            if let Some(group) = group {
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
            }
        }
        // Killed processes end at once; without this it would stay as a zombie.
        self.child.wait().ok();
    }
}
