//! The same answers decoded by Go, in whose standard library Prometheus's mechanisms have them decoded.
//!
//! The program in `benches/go` reads the same bytes into structures with the same fields, and stores nothing. It is
//! built where a Go compiler is installed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Input, Kind};

/// Why there is nothing to compare with.
#[derive(Debug)]
pub enum GoError {
    /// A folder or a program could not be used.
    Io(io::Error),
    /// The program, or its compiler, said this.
    Failed(String),
}

impl std::fmt::Display for GoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => f.write_str("no Go is installed"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Failed(said) => f.write_str(said),
        }
    }
}

impl std::error::Error for GoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Failed(_) => None,
        }
    }
}

impl From<io::Error> for GoError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The program, which was built.
pub struct Go {
    folder: PathBuf,
    program: PathBuf,
}

impl Go {
    /// Builds it in a folder, in which it gets what it decodes.
    ///
    /// # Errors
    /// There is no compiler, or it fails.
    pub fn build(folder: &Path) -> Result<Self, GoError> {
        let program = folder.join("decode");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
        let mut build = Command::new("go");
        build.current_dir(source).args(["build", "-o"]).arg(&program).arg(".");
        run(&mut build)?;
        Ok(Self {
            folder: folder.to_owned(),
            program,
        })
    }

    /// The CPU time that it needs to decode an input: the median of several runs.
    ///
    /// # Errors
    /// It fails, or finds other than there is.
    pub fn decode(&self, input: &Input) -> Result<Duration, GoError> {
        let folder = self.folder.join(input.name);
        std::fs::create_dir(&folder)?;
        for (number, (kind, text)) in input.bodies().enumerate() {
            std::fs::write(folder.join(format!("{}-{}-{number:04}", input.name, name(kind))), text)?;
        }
        let said = run(Command::new(&self.program).arg(&folder))?;
        let wrong = || GoError::Failed(format!("what is {said:?}?"));
        let [found, count, nanoseconds] = said.trim_end().split(' ').collect::<Vec<_>>()[..] else {
            return Err(wrong());
        };
        if found != input.name || count.parse() != Ok(input.count()) {
            return Err(GoError::Failed(format!(
                "Go finds {count} of {found}, and not {} of {}",
                input.count(),
                input.name
            )));
        }
        Ok(Duration::from_nanos(nanoseconds.parse().map_err(|_| wrong())?))
    }
}

/// What the program calls an answer.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Pods => "pods",
        Kind::Ec2 => "ec2",
        Kind::Consul => "consul",
        Kind::Hetzner => "hetzner",
        Kind::AzureMachines => "azure_machines",
        Kind::AzureInterfaces => "azure_interfaces",
        Kind::Gce => "gce",
    }
}

fn run(command: &mut Command) -> Result<String, GoError> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(GoError::Failed(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}
