use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::VirtualClock;
use crate::BoxFuture;
use crate::env::{Clock, ProgramCall, ProgramError, ProgramOutput, Programs};

/// Programs that print what they are told to. Those that were not scripted are not allowed. Cloning shares them.
#[derive(Debug, Clone)]
pub struct ScriptedPrograms {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    programs: BTreeMap<String, (Duration, ProgramOutput)>,
    calls: Vec<ProgramCall>,
}

impl ScriptedPrograms {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// From now on this program ends with this code and has printed this.
    pub fn print(&self, program: &str, code: i32, output: impl Into<Vec<u8>>) {
        self.print_after(Duration::ZERO, program, code, output);
    }

    /// The same for a program that takes its time.
    pub fn print_after(&self, time: Duration, program: &str, code: i32, output: impl Into<Vec<u8>>) {
        let output = ProgramOutput {
            code: Some(code),
            output: output.into(),
            errors: Vec::new(),
        };
        self.with(|state| state.programs.insert(program.to_owned(), (time, output)));
    }

    /// How programs were run since this was last called.
    pub fn take_calls(&self) -> Vec<ProgramCall> {
        self.with(|state| std::mem::take(&mut state.calls))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Programs for ScriptedPrograms {
    fn run(&self, call: ProgramCall) -> BoxFuture<'static, Result<ProgramOutput, ProgramError>> {
        let (clock, program, within) = (self.clock.clone(), call.program.clone(), call.within);
        let limit = call.output_limit;
        let scripted = self.with(|state| {
            state.calls.push(call);
            state.programs.get(&program).cloned()
        });
        Box::pin(async move {
            let Some((time, output)) = scripted else {
                return Err(ProgramError::NotAllowed { program });
            };
            clock.sleep(time.min(within)).await;
            if time > within {
                return Err(ProgramError::Timeout { program, within });
            }
            if output.output.len() as u64 > limit {
                return Err(ProgramError::TooMuchOutput { program, limit });
            }
            Ok(output)
        })
    }
}
