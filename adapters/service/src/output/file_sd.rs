//! Keeps a file_sd file for each job in a folder.
//!
//! A file is written when its job's list is handed out, so that no restart takes targets from a reader;
//! and when its content changes, so that no reader reads in vain. Trouble is logged once, tried
//! again, and stops nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use blocking::unblock;
use event_listener::EventListener;
use futures_lite::FutureExt;
use smol::Timer;

use super::file_name::file_name;
use super::folder::Folder;
use crate::discovery::{Follower, Jobs, ListHandle, Managed};
use crate::overwritten::{Overwritten, Way};
use crate::targets::{Names, Targets};

/// When what could not be written is tried again, if nothing else happens before.
const RETRY: Duration = Duration::from_secs(10);

/// Which lists are written, and where it is heard that there are others.
pub(crate) struct Lists {
    source: Source,
    follower: Follower<Jobs>,
}

enum Source {
    /// The targets as they are discovered.
    Discovered(Arc<Managed>, Arc<Overwritten>),
    /// The targets after relabelling.
    Relabelled(Arc<Targets>, Names),
}

impl Lists {
    /// Those that `managed` discovers.
    pub(crate) fn discovered(managed: &Arc<Managed>, overwritten: &Arc<Overwritten>) -> Self {
        Self {
            source: Source::Discovered(managed.clone(), overwritten.clone()),
            follower: managed.follow_jobs(),
        }
    }

    /// Those of `targets`.
    pub(crate) fn relabelled(targets: &Arc<Targets>, names: Names) -> Self {
        Self {
            source: Source::Relabelled(targets.clone(), names),
            follower: targets.follow(),
        }
    }

    /// Completes when there may be others.
    fn news(&self) -> EventListener {
        self.follower.news()
    }

    /// The jobs that came or went or may have another list since it was asked last.
    fn changed(&self) -> Arc<BTreeSet<Arc<str>>> {
        self.follower.take().map(|Jobs(jobs)| jobs).unwrap_or_default()
    }

    /// All jobs that have a list.
    fn jobs(&self) -> BTreeSet<Arc<str>> {
        match &self.source {
            Source::Discovered(managed, _) => managed.view().jobs.keys().cloned().collect(),
            Source::Relabelled(targets, _) => targets.jobs(),
        }
    }

    /// Whether the jobs are known.
    fn is_known(&self) -> bool {
        match &self.source {
            Source::Discovered(managed, _) => managed.view().is_started(),
            Source::Relabelled(targets, _) => targets.is_known(),
        }
    }

    fn was_written(&self, job: &str) {
        if let Source::Discovered(_, overwritten) = &self.source {
            overwritten.was_read(job, Way::File);
        }
    }

    /// That of a job; `None` when there is no such job.
    fn handle(&self, job: &str) -> Option<ListHandle> {
        match &self.source {
            Source::Discovered(managed, _) => managed.view().handle(job),
            Source::Relabelled(targets, names) => targets.handle(job, *names),
        }
    }
}

/// Writes a folder of file_sd files.
pub(crate) struct FileSd {
    path: PathBuf,
    lists: Lists,
    folder: Option<Folder>,
    /// The files of all jobs that there are.
    jobs: BTreeMap<Arc<str>, JobFile>,
    /// The jobs that have to be seen to.
    due: BTreeSet<Arc<str>>,
    /// What is wrong, by job; the empty name stands for the folder.
    trouble: BTreeMap<Arc<str>, String>,
}

/// The file of a job.
#[derive(Debug, Default)]
struct JobFile {
    /// Its name; `None` when the job's is too long.
    name: Option<String>,
    /// The generation of the list that is in it.
    written: Option<u64>,
}

impl FileSd {
    pub(crate) fn new(path: PathBuf, lists: Lists) -> Self {
        Self {
            path,
            lists,
            folder: None,
            jobs: BTreeMap::new(),
            due: BTreeSet::new(),
            trouble: BTreeMap::new(),
        }
    }

    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let news = self.lists.news();
            self.due.extend(self.lists.changed().iter().cloned());
            if self.lists.is_known() {
                self.write().await;
            }
            if self.trouble.is_empty() {
                news.await;
            } else {
                let retry = async {
                    Timer::after(RETRY).await;
                };
                news.or(retry).await;
            }
        }
    }

    async fn write(&mut self) {
        let mut trouble = BTreeMap::new();
        if let Err(error) = self.write_all(&mut trouble).await {
            trouble.insert(Arc::from(""), error.to_string());
        }
        for (job, error) in &trouble {
            if self.trouble.get(job) != Some(error) {
                let folder = self.path.display();
                tracing::error!(job = &**job, %folder, error, "writing file_sd files failed; it is tried again");
            }
        }
        if trouble.is_empty() && !self.trouble.is_empty() {
            tracing::info!(folder = %self.path.display(), "writing file_sd files works again");
        }
        self.trouble = trouble;
    }

    /// Writes what is due; what could not be written is so afterwards, too.
    async fn write_all(&mut self, trouble: &mut BTreeMap<Arc<str>, String>) -> io::Result<()> {
        // On an error the folder is opened anew the next time.
        let (mut folder, is_new) = self.open().await?;
        if is_new {
            // Whoever removed the folder removed the files. Those that are as they should be are not
            // written again.
            self.jobs.values_mut().for_each(|file| file.written = None);
            self.due.extend(self.jobs.keys().cloned());
            // Jobs can be known before it is told that they came, and files of jobs that are not known are removed.
            self.due.extend(self.lists.jobs());
        }
        let has_gone = self.forget_gone();
        let mut due = Vec::new();
        for job in std::mem::take(&mut self.due) {
            let Some(handle) = self.lists.handle(&job) else {
                continue;
            };
            let file = self.jobs.entry(job.clone()).or_insert_with(|| JobFile {
                name: file_name(&job),
                written: None,
            });
            match &file.name {
                None => {
                    let text = "the job's name is too long for a file name; shorten it";
                    trouble.insert(job.clone(), text.to_owned());
                    self.due.insert(job);
                }
                Some(name) if handle.delivery.is_delivered() && file.written != Some(handle.list.generation()) => {
                    due.push((job, name.clone()));
                }
                Some(_) => {}
            }
        }
        // Until they are written: whatever fails leaves them due.
        self.due.extend(due.iter().map(|(job, ..)| job.clone()));
        let names: Vec<_> = due.iter().map(|(.., name)| name.clone()).collect();
        folder = in_background(folder, move |folder| folder.note(names)).await?;
        for (job, name) in due {
            // Not the one of above: writing takes its time. What is not complete any more stays due.
            let Some(handle) = self.lists.handle(&job).filter(|handle| handle.delivery.is_delivered()) else {
                continue;
            };
            let Some(list) = handle.json().await else {
                continue;
            };
            let written;
            (folder, written) = unblock(move || {
                let written = folder.write(&name, list.bytes());
                (folder, written)
            })
            .await;
            match written {
                Ok(()) => {
                    self.lists.was_written(&job);
                    self.due.remove(&job);
                    if let Some(file) = self.jobs.get_mut(&job) {
                        file.written = Some(handle.list.generation());
                    }
                }
                Err(error) => drop(trouble.insert(job, error.to_string())),
            }
        }
        if is_new || has_gone {
            let kept: BTreeSet<_> = self.jobs.values().filter_map(|file| file.name.clone()).collect();
            folder = in_background(folder, move |folder| folder.remove_all_but(&kept)).await?;
        }
        self.folder = Some(folder);
        Ok(())
    }

    /// The folder, and whether it is not the one of before.
    async fn open(&mut self) -> io::Result<(Folder, bool)> {
        let (path, before) = (self.path.clone(), self.folder.take());
        unblock(move || match before {
            Some(folder) if folder.is_there() => Ok((folder, false)),
            _ => Folder::open(path).map(|folder| (folder, true)),
        })
        .await
    }

    /// Forgets jobs that are not there any more, and says whether there were any.
    fn forget_gone(&mut self) -> bool {
        let mut has_gone = false;
        for job in &self.due {
            if self.lists.handle(job).is_none() {
                has_gone |= self.jobs.remove(job).is_some();
            }
        }
        has_gone
    }
}

/// Changes a folder where that may take its time.
async fn in_background(
    mut folder: Folder,
    change: impl FnOnce(&mut Folder) -> io::Result<()> + Send + 'static,
) -> io::Result<Folder> {
    unblock(move || change(&mut folder).map(|()| folder)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workers;
    use crate::discovery::{Beginning, Sets, start};
    use crate::targets::targets_of;
    use headcount_backends::r#static::{StaticGroup, StaticSd};
    use headcount_core::{JobOptions, ManagerOptions};
    use headcount_discoverer::mechanism::SdConfig;
    use std::fs;

    const MANIFEST: &str = ".headcount-files";

    /// A folder in which an earlier run wrote these files.
    fn left(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            fs::write(folder.path().join(file), "[]").expect("written");
        }
        fs::write(folder.path().join(MANIFEST), files.join("\n")).expect("written");
        folder
    }

    /// What is in the folder after files were written once, without any news.
    fn written(folder: &tempfile::TempDir, lists: Lists) -> BTreeMap<String, String> {
        let mut files = FileSd::new(folder.path().to_owned(), lists);
        assert!(files.lists.changed().is_empty() && files.lists.is_known());
        smol::block_on(files.write());
        let entries = fs::read_dir(folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry"));
        let texts = entries.map(|entry| {
            let name = entry.file_name().into_string().expect("UTF-8");
            (name, fs::read_to_string(entry.path()).expect("a file"))
        });
        texts.filter(|(name, _)| name != MANIFEST).collect()
    }

    /// A view is there before it is told that it is.
    #[test]
    fn files_of_an_earlier_run_stay_though_nobody_has_told_of_their_jobs_yet() {
        let mut sets = Sets::new(&["done", "waiting"]);
        sets.update(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        let jobs = ["done", "waiting"].map(JobOptions::new);
        let targets = targets_of(jobs.to_vec(), sets.view());
        let folder = left(&["done.json", "gone.json", "waiting.json"]);
        let found = written(&folder, Lists::relabelled(&targets, Names::AsTheyAre));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["done.json", "waiting.json"]);
        assert!(found["done.json"].contains("h:1"));
        assert_eq!(found["waiting.json"], "[]", "it is not complete");

        let workers = Workers::start().expect("threads");
        let managed = start(&workers, "scrape", ManagerOptions::default(), Beginning::Nothing);
        workers.block_on(async {
            let group = StaticGroup {
                targets: vec!["h:1".to_owned()],
                labels: Vec::new(),
            };
            let sets = vec![("done".to_owned(), vec![SdConfig::new(StaticSd::new(vec![group]))])];
            managed.apply(sets).await.expect("running");
            loop {
                let news = managed.published();
                if managed
                    .view()
                    .handle("done")
                    .is_some_and(|handle| handle.delivery.is_delivered())
                {
                    break;
                }
                news.await;
            }
        });
        let found = written(
            &left(&["done.json", "gone.json"]),
            Lists::discovered(&managed, &Arc::default()),
        );
        assert_eq!(found.keys().collect::<Vec<_>>(), ["done.json"]);
        assert!(found["done.json"].contains("h:1"));
    }
}
