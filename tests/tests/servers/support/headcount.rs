//! A running `headcount`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;

use rustix::process::Signal;
use serde_json::Value;

use super::binary::headcount_binary;
use super::folder::Folder;
use super::http::{self, Answer};
use super::ports::free_port;
use super::process::Process;
use super::targets::{Labels, addresses, target_list};
use super::wait::until;

/// A daemon on a port of its own.
pub(crate) struct Headcount {
    process: Process,
    address: SocketAddr,
    launch: Launch,
}

/// How it is started.
struct Launch {
    folder: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Headcount {
    /// Starts `headcount run` with this configuration.
    pub(crate) fn with_config(folder: &Folder, config: &Path) -> Self {
        Self::with_variables(folder, config, &[])
    }

    /// The same, with these environment variables and no others.
    pub(crate) fn with_variables(folder: &Folder, config: &Path, variables: &[(&str, &str)]) -> Self {
        let config = config.to_str().expect("a path in UTF-8");
        let launch = Launch::new(folder, &["--config", config], variables);
        Self::launch(launch, "127.0.0.1:0")
    }

    /// Starts `headcount run` with these arguments, and waits until it listens.
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::launch(Launch::new(folder, arguments, &[]), "127.0.0.1:0")
    }

    /// The same, on a port that it gets again after a [restart](Self::restart).
    pub(crate) fn restartable(folder: &Folder, arguments: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        Self::launch(Launch::new(folder, arguments, &[]), &address)
    }

    /// The same at this address.
    pub(crate) fn at(folder: &Folder, arguments: &[&str], address: &str) -> Self {
        Self::launch(Launch::new(folder, arguments, &[]), address)
    }

    fn launch(launch: Launch, address: &str) -> Self {
        let (process, address) = launch.at(address);
        Self {
            process,
            address,
            launch,
        }
    }

    /// Starts `headcount run` with a configuration that it does not run with, and gives how it
    /// ended and what it logged.
    pub(crate) fn run_to_its_end(folder: &Folder, config: &Path) -> (ExitStatus, String) {
        let mut command = Process::command(headcount_binary());
        command
            .args(["run", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .env_clear();
        let mut process = Process::start("headcount", &mut command, folder.path("headcount.log"));
        (process.wait_for_end(), process.log())
    }

    /// Ends it as a service manager does. It has to end well.
    pub(crate) fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        let status = self.process.wait_for_end();
        assert!(status.success(), "headcount ended with {status}: {}", self.log());
    }

    /// Kills it, as a machine that has no memory left does.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Whether `headcount run` has this option.
    pub(crate) fn has_option(option: &str) -> bool {
        let help = Process::command(headcount_binary()).args(["run", "--help"]).output();
        let help = help.expect("running headcount").stdout;
        String::from_utf8_lossy(&help).contains(option)
    }

    /// Starts it again after it was stopped or killed, at the same address.
    pub(crate) fn restart(&mut self) {
        let (process, address) = self.launch.at(&self.address.to_string());
        (self.process, self.address) = (process, address);
    }

    /// Where it listens, as `host:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged, a JSON object a line.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Sends `SIGHUP`.
    pub(crate) fn hang_up(&self) {
        self.process.signal(Signal::HUP);
    }

    /// Does something while it stands still.
    pub(crate) fn while_paused<T>(&self, what: impl FnOnce() -> T) -> T {
        self.process.signal(Signal::STOP);
        let done = what();
        self.process.signal(Signal::CONT);
        done
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer, String> {
        http::request(self.address, "GET", path, "")
    }

    /// Asks for what is not known yet by this tag.
    pub(crate) fn get_unless(&self, path: &str, tag: &str) -> Result<Answer, String> {
        http::request(self.address, "GET", path, &format!("If-None-Match: {tag}\r\n"))
    }

    /// The text at `path`.
    pub(crate) fn text(&self, path: &str) -> String {
        self.get(path).expect("an answer").text()
    }

    /// What `/api/v1/targets` says.
    pub(crate) fn api_targets(&self) -> Result<Value, String> {
        self.get("/api/v1/targets")?.json()
    }

    /// Posts to `/-/reload`.
    pub(crate) fn reload(&self) -> Answer {
        http::request(self.address, "POST", "/-/reload", "").expect("an answer")
    }

    /// The paths of the jobs' lists, with the jobs' names.
    pub(crate) fn jobs(&self) -> Result<Vec<(String, String)>, String> {
        let index = self.get("/sd")?.json()?;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let jobs = index["jobs"].as_array().expect("jobs");
        Ok(jobs.iter().map(|job| (text(&job["job"]), text(&job["path"]))).collect())
    }

    /// A job's targets.
    ///
    /// # Errors
    /// The list is not served now.
    pub(crate) fn list(&self, job: &str) -> Result<Vec<Labels>, String> {
        let answer = self.get(&format!("/sd/{job}"))?;
        match answer.status {
            200 => target_list(&answer.json()?),
            status => Err(format!("status {status}: {}", answer.text())),
        }
    }

    /// Waits until a job has targets with exactly these addresses, in the addresses' order.
    #[track_caller]
    pub(crate) fn wait_for(&self, job: &str, expected: &[&str]) -> Vec<Labels> {
        until(&format!("{job} has {expected:?}"), || {
            let targets = self.list(job)?;
            let mut found = addresses(&targets);
            found.sort_unstable();
            if found == expected {
                Ok(targets)
            } else {
                Err(format!("it has {found:?}"))
            }
        })
    }

    /// Who reads a job's list now gets these addresses, or is told to keep what he has.
    #[track_caller]
    pub(crate) fn assert_not_less(&self, job: &str, expected: &[&str]) {
        match self.list(job) {
            Ok(targets) => assert_eq!(addresses(&targets), expected),
            Err(error) => assert!(error.starts_with("status 503"), "{error}"),
        }
    }

    /// What `/api/v1/providers` says of the one provider of this kind.
    pub(crate) fn provider(&self, kind: &str) -> Result<Value, String> {
        let answer = self.get("/api/v1/providers")?.json()?;
        let providers = answer["data"]["providers"].as_array().ok_or("no providers")?;
        let found: Vec<_> = providers.iter().filter(|provider| provider["kind"] == kind).collect();
        match found[..] {
            [provider] => Ok(provider.clone()),
            _ => Err(format!("not one provider of the kind {kind} but {}", found.len())),
        }
    }

    /// Waits until the one provider of this kind fails with an error that has all of these parts,
    /// and gives the error. On a busy machine others can come before.
    #[track_caller]
    pub(crate) fn wait_for_failure(&self, kind: &str, parts: &[&str]) -> String {
        until(&format!("{kind} fails with {parts:?}"), || {
            let health = self.provider(kind)?["health"].take();
            // With parts that are well, it is said what is missing.
            let said = match health["state"].as_str() {
                Some("failing") => &health["lastError"],
                _ => &health["missing"],
            };
            match said {
                Value::String(error) if parts.iter().all(|part| error.contains(part)) => Ok(error.clone()),
                _ => Err(health.to_string()),
            }
        })
    }

    /// Waits until the one provider of this kind does well.
    #[track_caller]
    pub(crate) fn wait_for_health(&self, kind: &str) {
        until(&format!("{kind} is ok"), || match &self.provider(kind)?["health"] {
            health if health["state"] == "ok" => Ok(()),
            health => Err(health.to_string()),
        });
    }

    /// A number that is counted about the one provider of this kind.
    pub(crate) fn counted(&self, kind: &str, name: &str) -> Result<u64, String> {
        let provider = self.provider(kind)?;
        provider["health"][name]
            .as_u64()
            .ok_or_else(|| format!("{name} is not counted: {provider}"))
    }

    /// Waits until a number that is counted about the one provider of this kind has grown.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, kind: &str, name: &str) {
        let before = self.counted(kind, name).expect("a number");
        until(&format!("{name} of {kind} are more than {before}"), || {
            match self.counted(kind, name)? {
                now if now > before => Ok(()),
                now => Err(now.to_string()),
            }
        });
    }

    /// Everything that headcount tells about itself to whoever asks.
    pub(crate) fn everything_said(&self) -> String {
        let pages = [
            "/",
            "/sd",
            "/config",
            "/metrics",
            "/api/v1/providers",
            "/api/v1/targets",
            "/-/ready",
        ];
        let said: String = pages.iter().map(|page| self.text(page)).collect();
        said + &self.log()
    }
}

impl Launch {
    fn new(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        Self {
            folder: folder.text(""),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// Starts it, and gives the address at which it listens then.
    fn at(&self, address: &str) -> (Process, SocketAddr) {
        let mut command = Process::command(headcount_binary());
        command
            .args(["run", "--listen", address, "--log-format", "json"])
            .args(&self.arguments);
        // Proxies and other settings of whoever runs the tests are not the tests'.
        command.env_clear().current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let log = Path::new(&self.folder).join("headcount.log");
        let logged_before = std::fs::metadata(&log).map_or(0, |log| log.len());
        let mut process = Process::start("headcount", &mut command, log);
        let address = process.wait_until("listens", |process| {
            let log = process.log();
            let new = log
                .get(usize::try_from(logged_before).expect("a short log")..)
                .unwrap_or_default();
            let mut lines = new.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let address = lines.find_map(|line| line["address"].as_str()?.parse().ok());
            address.ok_or_else(|| format!("no address in the log:\n{log}"))
        });
        (process, address)
    }
}
