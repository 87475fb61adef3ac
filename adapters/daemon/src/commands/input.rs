//! Configurations as commands take them: from a file, or from standard input.

use std::io::{self, Read};
use std::path::Path;

use headcount_config::{LoadErrors, Loader};
use headcount_reader::FILE_LIMIT;
use headcount_service::Plan;

/// What stands for standard input.
const DASH: &str = "-";
/// What messages call it.
const STDIN: &str = "<stdin>";

/// Whether standard input is meant.
pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new(DASH)
}

/// The file that messages name, and beside which paths are: that of standard input is in the working directory.
pub(super) fn origin(file: &Path) -> &Path {
    if is_stdin(file) { Path::new(STDIN) } else { file }
}

/// All of standard input, as far as a configuration may go.
pub(super) fn stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(FILE_LIMIT.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The configuration in a file, or that on standard input.
pub(super) fn load(loader: &Loader, file: &Path) -> Result<Plan, LoadErrors> {
    if !is_stdin(file) {
        return Plan::load(loader, file);
    }
    let bytes = stdin().map_err(|error| LoadErrors::unreadable(origin(file), &error))?;
    Plan::parse(loader, &bytes, origin(file))
}
