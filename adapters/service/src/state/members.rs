//! The members' file: who they are, and what is between two of them.
//!
//! ```text
//!  head     as of a base, of the kind 'M'
//!  record   about: as of a base, of the manager `members`
//!  record   a text of JSON: what `targets/sharing/kept` says
//! ```
//!
//! The one rule: **it is whole or none.** It is small, and written anew whenever it changes, beside the one that there is.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use futures_lite::FutureExt;
use headcount_core::{Instant, planted};
use headcount_discoverer::env::Clock;
use smol::Timer;

use super::codec::{self, About, Record};
use super::folder::Folder;
use super::format::{Head, Kind, NoHead};
use super::retry::Retry;
use super::saver::in_words;
use super::{StateError, Status, image};
use crate::targets::{KeptMembers, Targets, ToKeep};

/// What the file is of.
pub(super) const MEMBERS: &str = "members";

/// The least time from one writing to the next. A handover takes longer.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is in the file.
pub(super) struct MembersImage {
    pub(super) about: About,
    /// When it was written.
    pub(super) at: Instant,
    pub(super) kept: KeptMembers,
    pub(super) length: u64,
}

pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join("members.state")
}

/// Reads the file; `None` if there is none.
pub(super) fn read(folder: &Path) -> Result<Option<MembersImage>, StateError> {
    let path = path_in(folder);
    let Some((mut file, _)) = image::open(&path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    match file.read_to_end(&mut bytes) {
        Ok(_) => decode(&path, &bytes).map(Some),
        Err(source) => Err(StateError::Read { path, source }),
    }
}

fn decode(path: &Path, bytes: &[u8]) -> Result<MembersImage, StateError> {
    let (mut rest, path) = (bytes, path.to_owned());
    let damaged = |what| StateError::Damaged {
        path: path.clone(),
        at: 0,
        what,
    };
    let (head, mut chain) = match Head::take(&mut rest) {
        Ok(head) => head,
        Err(NoHead::Foreign) => return Err(StateError::Foreign { path }),
        Err(NoHead::OtherFormat(format)) => return Err(StateError::OtherFormat { path, format }),
        Err(NoHead::Damaged) => return Err(damaged("the head")),
    };
    if head.kind != Kind::Members {
        return Err(damaged("it is no file of members"));
    }
    let about = chain.take(&mut rest).and_then(|record| codec::read(record).ok());
    let Some(Record::About(about)) = about else {
        return Err(damaged("who wrote it"));
    };
    let kept = chain.take(&mut rest).and_then(KeptMembers::read);
    match kept {
        Some(kept) if rest.is_empty() => Ok(MembersImage {
            about,
            at: Instant::ZERO + Duration::from_nanos(head.id),
            kept,
            length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }),
        _ => Err(damaged("who the members are")),
    }
}

/// Writes the file. Gives how many bytes it has.
fn write(folder: &Path, config: &str, at: Instant, kept: &KeptMembers) -> io::Result<u64> {
    let head = Head {
        kind: Kind::Members,
        id: at.as_nanos(),
    };
    let (head, mut chain) = head.write();
    let mut bytes = head.to_vec();
    let records = [About::of(MEMBERS, config).write(), kept.write()?];
    for record in &records {
        chain
            .push(&mut bytes, record)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "more than 4 GiB can't be saved"))?;
    }
    let unfinished = folder.join("members.state.unfinished");
    let mut file: File = super::store::create(&unfinished)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path_in(folder))?;
    super::store::sync_folder(folder);
    Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

/// Keeps the file.
pub(super) struct MembersSaver {
    pub(super) targets: Arc<Targets>,
    pub(super) folder: Arc<Folder>,
    pub(super) status: Arc<Status>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: Arc<str>,
    /// What is in the file.
    pub(super) written: Option<KeptMembers>,
    pub(super) retry: Retry,
}

impl MembersSaver {
    /// Runs until `stop` closes, and writes what there is then.
    pub(super) async fn run(mut self, stop: Receiver<Infallible>) {
        loop {
            let changed = self.targets.sharing.changed();
            self.save();
            let retry = self.retry.wait();
            let waited = async {
                // What could not be written is due whether or not anything changes.
                match retry {
                    Some(wait) => drop(Timer::after(wait).await),
                    None => {
                        changed.await;
                        Timer::after(INTERVAL).await;
                    }
                }
                false
            };
            let stopped = async {
                stop.recv().await.ok();
                true
            };
            if stopped.or(waited).await {
                return self.save();
            }
        }
    }

    /// Writes what there is to keep, if that is something else.
    fn save(&mut self) {
        let kept = match self.targets.sharing.to_keep() {
            ToKeep::AsItIs => return,
            ToKeep::Nothing => {
                self.written = None;
                self.retry.worked();
                // There is mostly none.
                fs::remove_file(path_in(self.folder.path())).ok();
                return;
            }
            ToKeep::Members(kept) => kept,
        };
        if planted!(
            self.written.as_ref() == Some(&kept),
            MembersAreSavedOnce,
            self.written.is_some()
        ) {
            // What could not be saved is no more.
            if self.retry.wait().is_some() {
                self.note_saved(0);
            }
            return;
        }
        let now = self.clock.now();
        let folder = self.folder.ensure().map_err(in_words);
        let saved = folder.and_then(|()| {
            let saved = write(self.folder.path(), &self.config, now, &kept);
            saved.map_err(|error| format!("writing to {}: {error}", self.folder.path().display()))
        });
        match saved {
            Ok(bytes) => {
                self.written = Some(kept);
                self.note_saved(bytes);
            }
            Err(error) => {
                self.retry.failed();
                if !self.status.failed(MEMBERS) {
                    tracing::warn!(error, "who the members are can't be saved; it is tried again");
                }
            }
        }
    }

    /// All that there is to keep is in the file, of which so many bytes were written.
    fn note_saved(&mut self, bytes: u64) {
        self.retry.worked();
        if self.status.written(MEMBERS, self.clock.now(), bytes) {
            tracing::info!("who the members are is saved again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> KeptMembers {
        let text =
            br#"{"form":1,"settled":true,"asked":[["a",30000]],"shares":{"replicas":1,"members":[{"name":"a","seat":2},
            {"name":"b","retired":true}],"handovers":[{"key":7,"from":[1],"began":5}]}}"#;
        KeptMembers::read(text).expect("it is right")
    }

    #[test]
    fn what_is_written_is_read_and_what_is_not_whole_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = Instant::ZERO + Duration::from_secs(9);
        assert!(read(folder.path()).expect("nothing is wrong").is_none());
        let length = write(folder.path(), "/p.yml", at, &kept()).expect("written");
        let image = read(folder.path()).expect("it is whole").expect("it is there");
        assert_eq!((image.kept, image.at, image.length), (kept(), at, length));
        assert_eq!(image.about, About::of(MEMBERS, "/p.yml"));

        let path = path_in(folder.path());
        let bytes = fs::read(&path).expect("read");
        for end in 0..bytes.len() {
            assert!(decode(&path, &bytes[..end]).is_err(), "{end} bytes of it");
            let mut other = bytes.clone();
            other[end] ^= 1;
            assert!(decode(&path, &other).is_err(), "another byte at {end}");
        }
        assert!(decode(&path, &[&bytes[..], b"x"].concat()).is_err());
        fs::write(&path, "{}").expect("written");
        assert!(matches!(read(folder.path()), Err(StateError::Foreign { .. })));
    }

    #[test]
    fn what_members_have_is_saved_whenever_it_is_something_else() {
        use crate::targets::sharing_tests::{members, shared};

        let folder = tempfile::tempdir().expect("a folder");
        let targets = shared(10, "{names: [a]}");
        let mut saver = MembersSaver {
            targets: targets.clone(),
            folder: Arc::new(Folder::new(folder.path().join("state"))),
            status: Arc::default(),
            clock: Arc::new(super::super::tests::Seconds::default()),
            config: "/p.yml".into(),
            written: None,
            retry: Retry::default(),
        };
        let names = |saver: &mut MembersSaver| -> Vec<String> {
            saver.save();
            let image = read(saver.folder.path()).expect("it is whole").expect("it is there");
            let members = image.kept.shares.members.iter();
            members.map(|member| member.name.to_string()).collect()
        };
        assert_eq!(names(&mut saver), ["a"]);
        targets
            .sharing
            .configure(Instant::ZERO, Some(&members("{names: [a, b]}")), &[]);
        assert_eq!(names(&mut saver), ["a", "b"]);
        let bytes = |saver: &MembersSaver| saver.status.all().get(MEMBERS).map(|written| written.bytes);
        let before = bytes(&saver);
        assert_eq!(names(&mut saver), ["a", "b"]);
        assert_eq!(bytes(&saver), before, "nothing is written where nothing changed");
    }

    #[test]
    fn what_could_not_be_saved_is_tried_again_though_nothing_changes() {
        use crate::targets::sharing_tests::shared;

        let folder = tempfile::tempdir().expect("a folder");
        let in_the_way = folder.path().join("disk");
        fs::write(&in_the_way, "").expect("written");
        let mut saver = MembersSaver {
            targets: shared(10, "{names: [a]}"),
            folder: Arc::new(Folder::new(in_the_way.join("state"))),
            status: Arc::default(),
            clock: Arc::new(super::super::tests::Seconds::default()),
            config: "/p.yml".into(),
            written: None,
            retry: Retry::default(),
        };
        let failures = |saver: &MembersSaver| saver.status.all().get(MEMBERS).map(|written| written.failures);
        let mut waits = Vec::new();
        for turn in 1..=3 {
            saver.save();
            assert_eq!(failures(&saver), Some(turn));
            waits.push(saver.retry.wait().expect("it is tried again").as_secs());
        }
        assert_eq!(waits, [5, 10, 20]);
        fs::remove_file(&in_the_way).expect("removed");
        saver.save();
        assert_eq!(saver.retry.wait(), None);
        assert!(read(saver.folder.path()).expect("it is whole").is_some());
    }

    #[test]
    fn what_another_version_or_nobody_wrote_is_nothing() {
        let written = String::from_utf8(kept().write().expect("written")).expect("a text");
        assert!(KeptMembers::read(written.as_bytes()).is_some());
        for (from, to) in [
            ("\"form\":1", "\"form\":2"),
            ("\"a\",\"seat\"", "\"\",\"seat\""),
            ("\"shares\"", "\"share\""),
        ] {
            assert!(written.contains(from), "{written}");
            assert!(
                KeptMembers::read(written.replace(from, to).as_bytes()).is_none(),
                "{from}"
            );
        }
    }
}
