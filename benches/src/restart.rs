//! A service that saves what it has found, and another one that begins with that.
//!
//! **What it begins with is all that it has**: the lists from which everything was found are gone meanwhile, so nothing is
//! read twice, and nothing that is there can be of anywhere but the state.

use std::fs;
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use headcount_core::Throttle;
use headcount_service::{Service, Source, target_list};

use crate::fleet::Host;
use crate::manager::differences;
use crate::serving::{head, request};

/// How long a service may take to find, to save or to restore a million groups.
const WITHIN: Duration = Duration::from_secs(120);

/// How often a client looks whether something is there: seldom, as looking takes time of the processor, too.
const PAUSE: Duration = Duration::from_millis(20);

/// How much there is, and how it is parted.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// file_sd files.
    pub files: usize,
    /// Groups in each of them.
    pub groups: usize,
    /// Targets in each group.
    pub targets: usize,
}

/// Lists, a configuration and a place for state.
#[derive(Debug)]
pub struct Site {
    size: Size,
    folder: PathBuf,
    config: String,
    generation: usize,
}

/// A service of such a site.
#[derive(Debug)]
pub struct Running {
    service: Service,
    address: SocketAddr,
}

/// What of a state is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the base.
    pub base: u64,
    /// Bytes of the log of what changed since.
    pub log: u64,
}

impl Size {
    /// Groups in all files.
    pub fn group_count(&self) -> usize {
        self.files * self.groups
    }

    /// Targets in all groups.
    pub fn target_count(&self) -> usize {
        self.group_count() * self.targets
    }
}

impl Site {
    /// A site with these lists and no state yet. `rules` are the job's, as in a configuration.
    ///
    /// # Errors
    /// Files can't be written.
    pub fn new(size: Size, rules: &str) -> io::Result<Self> {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("headcount-restart-{}-{number}", std::process::id()));
        let config = format!(
            "scrape_configs: [{{job_name: node, relabel_configs: {rules}, file_sd_configs: [{{files: ['{}/*.json']}}]}}]",
            folder.join("lists").display()
        );
        let site = Self {
            size,
            folder,
            config,
            generation: 0,
        };
        fs::create_dir_all(site.lists())?;
        site.write_lists(size.files)?;
        Ok(site)
    }

    /// Starts a service, which begins with what there is of state.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self) -> io::Result<Running> {
        let at_once = Throttle::Ticker {
            interval: Duration::ZERO,
        };
        let builder = Service::builder().listen("127.0.0.1:0").throttle(at_once);
        let builder = builder.state(self.state());
        let service = block_on(builder.start(Source::text(self.config.clone()))).map_err(io::Error::other)?;
        let address = service.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Running { service, address })
    }

    /// Waits until the manager has all groups, and the job's pool all targets.
    ///
    /// # Errors
    /// That does not come to be.
    pub fn wait_for_all(&self, running: &Running) -> io::Result<()> {
        until("all that there is", || {
            Ok(running.groups() == self.size.group_count() && running.active()? == self.size.target_count())
        })
    }

    /// Changes so many of the lists, each group of them, and waits until the manager has that.
    ///
    /// # Errors
    /// They can't be written, or nothing comes of it.
    pub fn change(&mut self, running: &Running, files: usize) -> io::Result<()> {
        let before = running.service.snapshot();
        self.generation += 1;
        self.write_lists(files)?;
        until("what changed", || {
            Ok(differences(&running.service.snapshot(), &before) == files * self.size.groups)
        })
    }

    /// Takes the lists away, so that nothing is known but what is saved, or puts them back.
    ///
    /// # Errors
    /// They can't be moved.
    pub fn set_lists(&self, are_there: bool) -> io::Result<()> {
        let away = self.folder.join("lists.away");
        match are_there {
            true => fs::rename(away, self.lists()),
            false => fs::rename(self.lists(), away),
        }
    }

    /// Waits until there is a base of the jobs' manager.
    ///
    /// # Errors
    /// There is none for too long.
    pub fn wait_for_base(&self) -> io::Result<()> {
        until("a base", || Ok(self.has_base()))
    }

    /// What is on the disk of the jobs' manager.
    ///
    /// # Errors
    /// There is nothing.
    pub fn written(&self) -> io::Result<Written> {
        Ok(Written {
            base: fs::metadata(self.base())?.len(),
            log: fs::metadata(self.base().with_extension("log"))?.len(),
        })
    }

    /// The longest time that a client waits for an answer which takes no work, while a base of everything is written; and
    /// when nothing is, over as many requests.
    ///
    /// # Errors
    /// No answer comes, or no base.
    pub fn longest_answers(&mut self, running: &Running) -> io::Result<[Duration; 2]> {
        self.wait_for_base()?;
        // Without it, it is written anew with the next change.
        fs::remove_file(self.base())?;
        let mut client = BufReader::new(TcpStream::connect(running.address)?);
        client.get_mut().set_nodelay(true)?;
        let mut ask = || -> io::Result<Duration> {
            let asked = Instant::now();
            request(client.get_mut(), "HEAD", "/-/healthy", "")?;
            match head(&mut client)?.status {
                200 => Ok(asked.elapsed()),
                status => Err(io::Error::other(format!("{status} for /-/healthy"))),
            }
        };
        self.change(running, 1)?;
        let unfinished = self.base().with_extension("base.unfinished");
        // A small one is written before anybody sees it.
        until("a base that is being written", || {
            Ok(unfinished.exists() || self.has_base())
        })?;
        let (mut asked, mut longest) = (0, Duration::ZERO);
        while !self.has_base() {
            longest = longest.max(ask()?);
            asked += 1;
        }
        let mut without = Duration::ZERO;
        for _ in 0..asked {
            without = without.max(ask()?);
        }
        Ok([longest, without])
    }

    fn lists(&self) -> PathBuf {
        self.folder.join("lists")
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn base(&self) -> PathBuf {
        self.state().join("scrape.base")
    }

    fn has_base(&self) -> bool {
        self.base().exists()
    }

    fn write_lists(&self, files: usize) -> io::Result<()> {
        for file in 0..files {
            let next = self.folder.join("next");
            write_list(&next, file * self.size.groups, self.size, self.generation)?;
            fs::rename(next, self.lists().join(format!("{file}.json")))?;
        }
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // There is nobody left to tell of a failure here.
        fs::remove_dir_all(&self.folder).ok();
    }
}

impl Running {
    /// The job's list, to compare it with that of another service.
    pub fn list(&self) -> Vec<u8> {
        let snapshot = self.service.snapshot();
        snapshot.set("node").map(target_list).unwrap_or_default()
    }

    /// Ends it, which saves what is not saved yet.
    pub fn stop(self) {
        block_on(self.service.stop());
    }

    fn groups(&self) -> usize {
        let snapshot = self.service.snapshot();
        snapshot.set("node").map_or(0, |set| set.group_count())
    }

    /// How many targets the job's pool has.
    fn active(&self) -> io::Result<usize> {
        let answer = block_on(self.service.get("/api/v1/scrape_pools"));
        let answer: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let active = answer
            .pointer("/data/pools/0/active")
            .and_then(serde_json::Value::as_u64);
        Ok(active.unwrap_or(0) as usize)
    }
}

fn until(what: &str, is_so: impl Fn() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + WITHIN;
    while !is_so()? {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what}: not in time")));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// A list of groups from `first` on. The targets of one share all labels but their addresses.
fn write_list(path: &Path, first: usize, size: Size, generation: usize) -> io::Result<()> {
    let (mut host, mut list) = (Host::default(), b"[".to_vec());
    for group in first..first + size.groups {
        let mut addresses = Vec::new();
        let mut labels = std::collections::BTreeMap::new();
        for number in (group * size.targets..(group + 1) * size.targets).rev() {
            host.set(number, generation);
            for (name, value) in host.labels() {
                if name == "__address__" {
                    addresses.push(value.to_owned());
                } else if number == group * size.targets {
                    labels.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        let entry = serde_json::json!({"targets": addresses, "labels": labels});
        list.extend_from_slice(if group == first { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut list, &entry)?;
    }
    list.extend_from_slice(b"\n]");
    fs::write(path, list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_is_restored() {
        let size = Size {
            files: 3,
            groups: 20,
            targets: 2,
        };
        let mut site = Site::new(size, "[]").expect("written");
        let first = site.start().expect("started");
        site.wait_for_all(&first).expect("found");
        let [_, _] = site.longest_answers(&first).expect("answers");
        site.change(&first, 1).expect("changed");
        let list = first.list();
        first.stop();
        let written = site.written().expect("a state");
        assert!(written.log > 0 && written.base > written.log, "{written:?}");
        site.set_lists(false).expect("moved");
        let second = site.start().expect("started");
        site.wait_for_all(&second).expect("restored");
        assert!(second.list() == list, "it is what was found");
        second.stop();
    }
}
