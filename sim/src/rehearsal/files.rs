//! Files that show the fleet, and the ways in which they are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headcount_core::Instant;
use headcount_discoverer::testing::MemoryFiles;

use super::shown::hosts;
use super::{Render, RenderFolder, ShownHost};
use crate::engine::World;
use crate::engine::faults::Occasion;
use crate::world::view::Rows;
use crate::{DiscovererId, FaultKind, Span, ViewId};

/// How long a writer that needs two steps is between them.
const STEP_OF_A_WRITER: Span = Span::millis(50);

/// What stands under a path.
#[derive(Clone)]
pub(super) enum Contents {
    File(Render),
    Folder(RenderFolder),
}

/// The files of one discoverer. Each is written anew when what it shows has changed.
#[derive(Clone)]
pub(super) struct WrittenFiles {
    id: DiscovererId,
    view: ViewId,
    files: Arc<[(PathBuf, Contents)]>,
    /// The version that was written last.
    written: Option<u64>,
    /// When they are written once more.
    again: Option<Instant>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Whole,
    Half,
    Silent,
    Gone,
    /// The machine that has it can't be reached.
    Away,
}

impl WrittenFiles {
    pub(super) fn new(world: &World, id: DiscovererId, files: Arc<[(PathBuf, Contents)]>) -> Self {
        Self {
            id,
            view: world.plan.discoverers[id.place()].first_view,
            files,
            written: None,
            again: None,
        }
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.again
    }

    /// Writes what there is to write now; says whether there was anything.
    pub(super) fn turn(&mut self, world: &mut World, store: &MemoryFiles) -> bool {
        let is_due = self.again.is_some_and(|again| again <= world.now);
        let version = world.views[self.view.place()].version;
        if self.files.is_empty() || !is_due && self.written == Some(version) {
            return false;
        }
        let is_first = self.written.replace(version).is_none();
        self.again = None;
        if is_first || is_due {
            // The second step of a writer, or what comes after a wrong list: nothing is in its way.
            let (_, rows) = world.shown(self.id, self.view, None);
            self.write(store, &rows, Write::Whole);
            return true;
        }
        let met = world.meet(self.id, Occasion::Call, Some(self.view));
        let kind = met.map(|met| met.kind);
        let (_, rows) = world.shown(self.id, self.view, kind);
        let silent = world
            .meet(self.id, Occasion::Notify, Some(self.view))
            .map(|met| met.kind)
            == Some(FaultKind::LostNotify);
        let how = match kind {
            Some(FaultKind::TornWrite) => Write::Half,
            Some(FaultKind::RenameGap) => Write::Gone,
            Some(FaultKind::Partition) => Write::Away,
            _ if silent => Write::Silent,
            _ => Write::Whole,
        };
        let stays = how == Write::Away || kind.is_some_and(FaultKind::misleads);
        if stays || matches!(how, Write::Half | Write::Gone) {
            // A wrong list stays for as long as the fault does; a writer in two steps needs a moment.
            let until = met.filter(|_| stays).map_or(world.now, |met| met.until);
            self.again = Some(until.max(world.now + STEP_OF_A_WRITER.into()));
        }
        self.write(store, &rows, how);
        true
    }

    fn write(&self, store: &MemoryFiles, rows: &Rows, how: Write) {
        let hosts = hosts(rows);
        for (path, contents) in self.files.iter() {
            match contents {
                Contents::File(render) => write_file(store, path, render, &hosts, how),
                Contents::Folder(render) => write_folder(store, path, render, &hosts, how),
            }
        }
    }
}

fn write_file(store: &MemoryFiles, path: &Path, render: &Render, hosts: &[ShownHost], how: Write) {
    let mut bytes = render(hosts);
    match how {
        Write::Whole => store.write(path, bytes),
        Write::Silent => store.write_silently(path, bytes),
        Write::Gone => store.remove(path),
        Write::Away => store.make_unreadable(path, "the server does not answer"),
        Write::Half => {
            bytes.truncate(bytes.len() / 2);
            store.write(path, bytes);
        }
    }
}

/// Of a folder that is half written one half is new, and the other half as it was.
fn write_folder(store: &MemoryFiles, path: &Path, render: &RenderFolder, hosts: &[ShownHost], how: Write) {
    let mut files = render(hosts);
    match how {
        Write::Half => files.truncate(files.len() / 2),
        _ => store.remove_folder(path),
    }
    if matches!(how, Write::Gone | Write::Away) {
        return;
    }
    store.make_folder(path);
    for (name, bytes) in files {
        let path = path.join(name);
        match how {
            Write::Silent => store.write_silently(path, bytes),
            _ => store.write(path, bytes),
        }
    }
}
