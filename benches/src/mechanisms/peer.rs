//! The same answers decoded by Go, in whose standard library Prometheus's mechanisms have them decoded.
//!
//! The program in `benches/go` reads the same bytes into structures with the same fields, and stores nothing. It is
//! built where a Go compiler is installed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Input;

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

/// The CPU time that Go needs for each input, by its name: the median of several runs.
///
/// # Errors
/// There is no compiler, it fails, or the program finds other than there is.
pub fn decoded_by_go(inputs: &[Input], folder: &Path) -> Result<BTreeMap<String, Duration>, GoError> {
    for input in inputs {
        for (number, body) in input
            .answers
            .iter()
            .enumerate()
            .filter(|(_, body)| !body.kind.is_empty())
        {
            std::fs::write(
                folder.join(format!("{}-{}-{number:04}", input.name, body.kind)),
                &body.text,
            )?;
        }
    }
    let program = folder.join("decode");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    run(Command::new("go")
        .current_dir(source)
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg("."))?;
    let said = run(Command::new(&program).arg(folder))?;
    let mut times = BTreeMap::new();
    for line in said.lines() {
        let wrong = || GoError::Failed(format!("what is {line:?}?"));
        let [name, count, nanoseconds] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(wrong());
        };
        let input = inputs.iter().find(|input| input.name == name).ok_or_else(wrong)?;
        if count.parse() != Ok(input.count()) {
            return Err(GoError::Failed(format!(
                "{name}: Go finds {count} and not {}",
                input.count()
            )));
        }
        times.insert(
            name.to_owned(),
            Duration::from_nanos(nanoseconds.parse().map_err(|_| wrong())?),
        );
    }
    Ok(times)
}

fn run(command: &mut Command) -> Result<String, GoError> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(GoError::Failed(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}
