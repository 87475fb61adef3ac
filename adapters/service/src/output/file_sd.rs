//! Keeps a file_sd file for each job in a folder.
//!
//! A file is written when its job is complete, so that no restart takes targets from a reader;
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
use crate::discovery::{Managed, Offer};
use crate::targets::Targets;

/// When what could not be written is tried again, if nothing else happens before.
const RETRY: Duration = Duration::from_secs(10);

/// Which lists are written.
pub(crate) enum Lists {
    /// Those of the targets as they are discovered.
    Discovered(Arc<Managed>),
    /// Those of the targets after relabelling.
    Relabelled(Arc<Targets>),
}

impl Lists {
    /// Completes when there may be others.
    fn news(&self) -> EventListener {
        match self {
            Self::Discovered(managed) => managed.published(),
            Self::Relabelled(targets) => targets.news(),
        }
    }

    /// Those of all jobs; `None` before the jobs are known.
    fn offers(&self) -> Option<BTreeMap<Arc<str>, Offer>> {
        match self {
            Self::Discovered(managed) => managed.view().offers(),
            Self::Relabelled(targets) => targets.offers(),
        }
    }
}

/// Writes a folder of file_sd files.
pub(crate) struct FileSd {
    path: PathBuf,
    folder: Option<Folder>,
    /// The generation of each job's list that is in its file.
    written: BTreeMap<Arc<str>, u64>,
    /// What is wrong, by job; the empty name stands for the folder.
    trouble: BTreeMap<Arc<str>, String>,
}

impl FileSd {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            folder: None,
            written: BTreeMap::new(),
            trouble: BTreeMap::new(),
        }
    }

    /// Runs for ever.
    pub(crate) async fn run(mut self, lists: Lists) {
        loop {
            let news = lists.news();
            if let Some(offers) = lists.offers() {
                self.write(&offers).await;
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

    async fn write(&mut self, offers: &BTreeMap<Arc<str>, Offer>) {
        let mut trouble = BTreeMap::new();
        if let Err(error) = self.write_all(offers, &mut trouble).await {
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

    async fn write_all(
        &mut self,
        offers: &BTreeMap<Arc<str>, Offer>,
        trouble: &mut BTreeMap<Arc<str>, String>,
    ) -> io::Result<()> {
        let (path, before) = (self.path.clone(), self.folder.take());
        let (mut folder, is_new) = unblock(move || match before {
            Some(folder) if folder.is_there() => Ok((folder, false)),
            _ => Folder::open(path).map(|folder| (folder, true)),
        })
        .await?;
        if is_new {
            // Whoever removed the folder removed the files. Those that are as they should be are not
            // written again.
            self.written.clear();
        }
        let mut kept = BTreeSet::new();
        let mut due = Vec::new();
        for (name, offer) in offers {
            let Some(file) = file_name(name) else {
                trouble.insert(
                    name.clone(),
                    "the job's name is too long for a file name; shorten it".to_owned(),
                );
                continue;
            };
            if self.is_due(name, offer) {
                due.push((name, offer, file.clone()));
            }
            kept.insert(file);
        }
        let files: Vec<_> = due.iter().map(|(_, _, file)| file.clone()).collect();
        let (folder_back, noted) = unblock(move || {
            let noted = folder.note(files);
            (folder, noted)
        })
        .await;
        // On an error the folder is opened anew the next time.
        noted?;
        folder = folder_back;
        for (name, offer, file) in due {
            let list = offer.json().await;
            let (folder_back, written) = unblock(move || {
                let written = folder.write(&file, &list.bytes);
                (folder, written)
            })
            .await;
            folder = folder_back;
            match written {
                Ok(()) => {
                    self.written.insert(name.clone(), offer.list.generation());
                }
                Err(error) => {
                    trouble.insert(name.clone(), error.to_string());
                }
            }
        }
        self.written.retain(|name, _| offers.contains_key(name));
        let (folder, removed) = unblock(move || {
            let removed = folder.remove_all_but(&kept);
            (folder, removed)
        })
        .await;
        self.folder = Some(folder);
        removed
    }

    fn is_due(&self, name: &Arc<str>, offer: &Offer) -> bool {
        offer.is_complete() && self.written.get(name) != Some(&offer.list.generation())
    }
}
