//! The folders that are named: whether they are there, and whether they are the ones in which lists were found.
//!
//! An unmounted mount point is an empty folder, and so is one that is made anew before it is filled. **Lists that are gone
//! with their folder were not taken out by who writes lists**, so they stay, and that they are not there is said:
//!
//! | the folder | has lists | what was found in it and is not there |
//! |---|---|---|
//! | is not there | | stays, until the folder comes |
//! | is another one | no | stays, until lists come, be they empty ones, or the one that was there |
//! | is another one | yes | is gone, when no more lists have come for a while ([`SETTLE_LESS`](super::SETTLE_LESS)) |
//! | is the same | | is gone, at the second look |
//!
//! After a restart nobody knows which folder it was: then it counts as another one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use headcount_discoverer::Env;
use headcount_discoverer::env::{FileError, FolderIdentity};

use super::patterns::Patterns;
use super::trouble::Trouble;

/// What is known of the folders that are named outright. Those that a pattern means may come and go.
pub(super) struct Folders {
    named: BTreeSet<PathBuf>,
    /// Of those, the ones whose files are found by listing them.
    listed: BTreeSet<PathBuf>,
    /// Which ones they were when lists were found in them, or when there were none to be lost.
    identities: BTreeMap<PathBuf, FolderIdentity>,
    lost: BTreeMap<PathBuf, Loss>,
    /// Those that took the place of one that was there, with how many lists have come in them since.
    anew: BTreeMap<PathBuf, u64>,
    /// Those that were lost until a list was read in them just now.
    found_again: BTreeSet<PathBuf>,
}

/// How what was in a folder was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// It is not there.
    Missing,
    /// There is another one, without lists.
    Other,
}

/// What a look at a folder found.
enum Seen {
    Lost(Loss),
    /// It is there, and another than it was; this one.
    Anew(FolderIdentity),
    /// It is the one that it was.
    Same,
    /// It can't be looked at.
    Unclear,
}

impl Folders {
    pub(super) fn new(patterns: &Patterns) -> Self {
        Self {
            named: patterns.named_folders().collect(),
            listed: patterns.listed_folders(),
            identities: BTreeMap::new(),
            lost: BTreeMap::new(),
            anew: BTreeMap::new(),
            found_again: BTreeSet::new(),
        }
    }

    /// Looks at all of them, when `found` are the lists that are there and `known` are those that were. Adds to
    /// `unlisted` what can't be listed.
    pub(super) async fn look_at_all(
        &mut self,
        env: &Env,
        found: &BTreeSet<PathBuf>,
        known: impl Iterator<Item = &Path>,
        unlisted: &mut Vec<Trouble>,
    ) {
        let with_lists: BTreeSet<_> = found.iter().map(|path| folder_of(path)).collect();
        let were_known: BTreeSet<_> = known.map(folder_of).collect();
        let mut lost = BTreeMap::new();
        for folder in self.named.clone() {
            let has_lists = with_lists.contains(folder.as_path());
            let had_lists = were_known.contains(folder.as_path());
            if has_lists {
                self.note_identity(env, &folder, had_lists).await;
                continue;
            }
            match env.files.list(&folder).await {
                Err(FileError::NotFound { .. }) => drop(lost.insert(folder, Loss::Missing)),
                // Files that are named can be readable all the same.
                Err(error) if self.listed.contains(&folder) => {
                    unlisted.push(Trouble::listing(folder.display().to_string(), error.reason()));
                }
                Err(_) => {}
                Ok(_) if !had_lists => self.note_identity(env, &folder, false).await,
                Ok(_) if self.is_another(env, &folder).await.is_some() => {
                    lost.insert(folder, Loss::Other);
                }
                Ok(_) => {}
            }
        }
        self.lost = lost;
    }

    /// A list that was known is not there: looks at its folder. Whether that is news.
    pub(super) async fn look_at(&mut self, env: &Env, patterns: &Patterns, folder: &Path) -> bool {
        if !self.named.contains(folder) {
            return false;
        }
        match self.see(env, patterns, folder).await {
            Seen::Lost(loss) => self.lost.insert(folder.to_owned(), loss) != Some(loss),
            Seen::Anew(identity) => {
                self.identities.insert(folder.to_owned(), identity);
                self.anew.entry(folder.to_owned()).or_default();
                false
            }
            Seen::Same | Seen::Unclear => false,
        }
    }

    /// A list was read in this folder: it is there.
    pub(super) fn has_list(&mut self, folder: &Path) {
        if self.lost.remove(folder).is_some() {
            self.anew.entry(folder.to_owned()).or_default();
            self.found_again.insert(folder.to_owned());
        }
    }

    /// The folders that are there again: what was found in them has to be looked at.
    pub(super) fn take_found_again(&mut self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.found_again)
    }

    /// A list that was not known came in this folder.
    pub(super) fn list_came(&mut self, folder: &Path) {
        if let Some(lists) = self.anew.get_mut(folder) {
            *lists = lists.saturating_add(1);
        }
    }

    /// Whether what was found in a folder stays, because it was lost with it.
    pub(super) fn is_lost(&self, folder: &Path) -> bool {
        self.lost.contains_key(folder)
    }

    /// How many lists have come in a folder that took the place of another one, if it did.
    pub(super) fn anew(&self, folder: &Path) -> Option<u64> {
        self.anew.get(folder).copied()
    }

    /// Whether any is lost.
    pub(super) fn any_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Whether one of those may be there now, with what was in it or with something else.
    pub(super) async fn any_may_have_come(&self, env: &Env, patterns: &Patterns) -> bool {
        for (folder, before) in &self.lost {
            match self.see(env, patterns, folder).await {
                Seen::Lost(loss) if loss == *before => {}
                _ => return true,
            }
        }
        false
    }

    /// What is to be said of those that are lost.
    pub(super) fn troubles(&self) -> impl Iterator<Item = Trouble> {
        self.lost.iter().map(|(folder, loss)| {
            let why = match loss {
                Loss::Missing => "is not there",
                Loss::Other => {
                    "has none of the lists that were found in it, and is not known to be the one that they were in: mount \
                     what belongs there, or put a list into it, be it an empty one"
                }
            };
            Trouble::of_folder(folder, why)
        })
    }

    async fn see(&self, env: &Env, patterns: &Patterns, folder: &Path) -> Seen {
        let names = match env.files.list(folder).await {
            Ok(names) => names,
            Err(FileError::NotFound { .. }) => return Seen::Lost(Loss::Missing),
            Err(_) => return Seen::Unclear,
        };
        let Some(identity) = self.is_another(env, folder).await else {
            return Seen::Same;
        };
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        match patterns.files_meant_by(&paths).is_empty() {
            true => Seen::Lost(Loss::Other),
            false => Seen::Anew(identity),
        }
    }

    /// Which one a folder is, if it is another than the one in which lists were found.
    async fn is_another(&self, env: &Env, folder: &Path) -> Option<FolderIdentity> {
        let identity = env.files.identity(folder).await.ok()?;
        (self.identities.get(folder) != Some(&identity)).then_some(identity)
    }

    /// Notes which one a folder is, with lists or with none that could be lost.
    async fn note_identity(&mut self, env: &Env, folder: &Path, had_lists: bool) {
        match self.is_another(env, folder).await {
            Some(identity) => {
                self.identities.insert(folder.to_owned(), identity);
                if had_lists {
                    self.anew.insert(folder.to_owned(), 0);
                }
            }
            // It was the same a whole refresh ago: what goes now goes by itself.
            None => drop(self.anew.remove(folder)),
        }
    }
}

/// The folder that a file is in, as [`Patterns::folders`] calls it.
pub(super) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
