//! What the system lets this process have.

/// Raises the number of files and connections that may be open to the most that is allowed.
///
/// The usual limit of 1024 is for programs that use `select`. Here it would let many clients that
/// do nothing but hold a connection keep discovery from opening files.
#[cfg(unix)]
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub(crate) fn raise_open_files() {}
