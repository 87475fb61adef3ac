//! Why a state can't be read.

use std::io;
use std::path::PathBuf;

/// Why a file is refused. Discovery starts without what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is neither a file nor a folder: reading a pipe or a device may take for ever.
    #[error("{} is neither a file nor a folder; name a saved state, or the folder that has some", path.display())]
    NoFile {
        /// What is no file.
        path: PathBuf,
    },
    /// There are changes, and not what they change.
    #[error("{} has changes, and the base that they belong to is not there", path.display())]
    NoBase {
        /// The log.
        path: PathBuf,
    },
    /// Somebody copied it.
    #[error("{} is what {found:?} had, and not what {wanted:?} had", path.display())]
    OtherManager {
        /// The file.
        path: PathBuf,
        /// The manager that it is of.
        found: String,
        /// The manager whose name it has.
        wanted: String,
    },
    /// It does not begin as a state does.
    #[error("{} is no state of headcount", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of headcount wrote it.
    #[error(
        "{} has format {format}, which {} version of headcount wrote; this one reads format {}",
        path.display(),
        if *format > super::format::FORMAT { "a newer" } else { "an older" },
        super::format::FORMAT
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// It is damaged.
    #[error("{} is damaged at byte {at}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
}
