//! The answers of an environment that was not given a part.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{
    Cause, Connection, ConnectionError, Connections, Dns, DnsAnswer, DnsError, DnsQuestion, Endpoint, FileContents,
    FileError, FileWatch, Files, FolderIdentity, Http, HttpClient, HttpError, ProgramCall, ProgramError, ProgramOutput,
    Programs, Variables,
};
use crate::BoxFuture;
use headcount_reader::HttpClientSettings;

/// The program that runs the discoverers does not offer this part of the world to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{part} are not available here: the program that runs headcount's discoverers does not offer them")]
pub struct NotAvailable {
    /// What, in the plural.
    pub part: &'static str,
}

/// Has nothing.
pub(super) struct Unavailable;

impl Http for Unavailable {
    fn client(&self, _settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        Err(NotAvailable { part: "HTTP clients" }.into())
    }
}

impl Unavailable {
    fn no_files(&self, path: impl Into<PathBuf>) -> FileError {
        FileError::Io {
            path: path.into(),
            cause: Cause::new(NotAvailable { part: "files" }),
        }
    }
}

impl Files for Unavailable {
    fn read(&self, path: &Path, _limit: u64) -> BoxFuture<'static, Result<FileContents, FileError>> {
        let error = self.no_files(path);
        Box::pin(async { Err(error) })
    }

    fn glob(&self, pattern: &str) -> BoxFuture<'static, Result<Vec<PathBuf>, FileError>> {
        let error = self.no_files(pattern);
        Box::pin(async { Err(error) })
    }

    fn list(&self, folder: &Path) -> BoxFuture<'static, Result<Vec<String>, FileError>> {
        let error = self.no_files(folder);
        Box::pin(async { Err(error) })
    }

    fn identity(&self, folder: &Path) -> BoxFuture<'static, Result<FolderIdentity, FileError>> {
        let error = self.no_files(folder);
        Box::pin(async { Err(error) })
    }

    fn read_link(&self, path: &Path) -> BoxFuture<'static, Result<PathBuf, FileError>> {
        let error = self.no_files(path);
        Box::pin(async { Err(error) })
    }

    fn watch(&self, folders: &[PathBuf]) -> Result<Box<dyn FileWatch>, FileError> {
        Err(self.no_files(folders.first().cloned().unwrap_or_default()))
    }
}

impl Dns for Unavailable {
    fn lookup(&self, question: DnsQuestion, _within: Duration) -> BoxFuture<'static, Result<DnsAnswer, DnsError>> {
        let source = NotAvailable { part: "DNS lookups" };
        Box::pin(async move { Err(DnsError::NotAvailable { question, source }) })
    }
}

impl Connections for Unavailable {
    fn connect(
        &self,
        endpoint: &Endpoint,
        _within: Duration,
    ) -> BoxFuture<'static, Result<Connection, ConnectionError>> {
        let endpoint = endpoint.clone();
        let source = NotAvailable { part: "connections" };
        Box::pin(async move { Err(ConnectionError::NotAvailable { endpoint, source }) })
    }
}

impl Variables for Unavailable {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }
}

impl Programs for Unavailable {
    fn run(&self, call: ProgramCall) -> BoxFuture<'static, Result<ProgramOutput, ProgramError>> {
        let source = NotAvailable { part: "programs" };
        Box::pin(async move {
            Err(ProgramError::NotAvailable {
                program: call.program,
                source,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;
    use crate::env::RecordType;

    #[test]
    fn what_is_not_there_says_so_and_names_what_was_asked_for() {
        let folder = Path::new("/sd");
        let errors = [
            block_on(Unavailable.read(folder, 1)).err(),
            block_on(Unavailable.glob("/sd")).err(),
            block_on(Unavailable.list(folder)).err(),
            block_on(Unavailable.read_link(folder)).err(),
            Unavailable.watch(&[folder.to_owned()]).err(),
        ];
        let expected = "/sd: files are not available here: the program that runs headcount's discoverers does not \
                        offer them";
        for error in errors {
            assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected));
        }
        let error = Unavailable.client(&HttpClientSettings::default()).err();
        assert!(error.is_some_and(|error| error.to_string().contains("HTTP clients are not available here")));
        let zookeeper = Endpoint::tcp("zk.example", 2181);
        let error = block_on(Unavailable.connect(&zookeeper, Duration::ZERO)).expect_err("not there");
        assert!(
            error
                .to_string()
                .starts_with("connecting to zk.example:2181: connections are not available")
        );
        let question = DnsQuestion::new("web", RecordType::Srv);
        let error = block_on(Unavailable.lookup(question, Duration::ZERO)).expect_err("not there");
        assert!(
            error
                .to_string()
                .starts_with("looking up web (SRV): DNS lookups are not available here")
        );
        let error = block_on(Unavailable.run(ProgramCall::new("aws"))).expect_err("not there");
        assert!(
            error
                .to_string()
                .starts_with("running aws: programs are not available here")
        );
    }
}
