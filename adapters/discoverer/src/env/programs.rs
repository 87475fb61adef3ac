//! Running programs, where the operator allowed it.

use std::fmt;
use std::time::Duration;

use super::{Cause, NotAvailable};
use crate::BoxFuture;

/// Runs programs that print something: credentials, as a rule (`exec` in a kubeconfig, `credential_process`).
///
/// The one rule: **nothing is run that the operator did not allow by name**, whatever a configuration says;
/// whoever may edit the configuration of a discovery may not for that reason run what they like on its machine.
pub trait Programs: Send + Sync {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// It is not allowed, can't be started, takes too long or prints too much. A program that ends with another
    /// code than 0 is no error here.
    fn run(&self, call: ProgramCall) -> BoxFuture<'static, Result<ProgramOutput, ProgramError>>;
}

/// How a program is run.
#[derive(Clone, PartialEq, Eq)]
pub struct ProgramCall {
    /// Its path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Environment variables, beside those of this process.
    pub variables: Vec<(String, String)>,
    /// What it reads from its standard input.
    pub input: Vec<u8>,
    /// Time allowed from start to end.
    pub within: Duration,
    /// Most bytes that it may print.
    pub output_limit: u64,
}

impl ProgramCall {
    /// A call without arguments, variables or input, with a minute and 1 MiB as its limits.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            input: Vec::new(),
            within: Duration::from_secs(60),
            output_limit: 1 << 20,
        }
    }
}

// Arguments, variables and input may hold secrets.
impl fmt::Debug for ProgramCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramCall")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// What a program left behind.
#[derive(Clone, PartialEq, Eq)]
pub struct ProgramOutput {
    /// How it ended: its code, or `None` if a signal ended it. 0 is success.
    pub code: Option<i32>,
    /// What it printed.
    pub output: Vec<u8>,
    /// What it said on its standard error, at most 4 KiB of it.
    pub errors: Vec<u8>,
}

// What is printed are credentials.
impl fmt::Debug for ProgramOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramOutput")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// Why a program was not run, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Programs can't be run here at all.
    #[error("running {program}: {source}")]
    NotAvailable {
        /// The program.
        program: String,
        /// What is missing.
        source: NotAvailable,
    },
    /// The operator has not allowed it.
    #[error("running {program}: it is not allowed; the operator has to allow it by this very name")]
    NotAllowed {
        /// The program.
        program: String,
    },
    /// It could not be started, or its output could not be read.
    #[error("running {program}: {cause}")]
    Io {
        /// The program.
        program: String,
        /// What the system says.
        cause: Cause,
    },
    /// It did not end in time, and was killed.
    #[error("running {program}: it did not end within {within:?}")]
    Timeout {
        /// The program.
        program: String,
        /// The time that was allowed.
        within: Duration,
    },
    /// It printed too much, and was killed.
    #[error("running {program}: it prints more than {limit} bytes")]
    TooMuchOutput {
        /// The program.
        program: String,
        /// The limit, in bytes.
        limit: u64,
    },
}
