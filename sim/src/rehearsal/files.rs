//! Files that show the fleet, and the ways in which they are written.

use std::path::PathBuf;
use std::sync::Arc;

use headcount_core::Instant;
use headcount_discoverer::testing::MemoryFiles;

use super::Render;
use super::shown::hosts;
use crate::engine::World;
use crate::engine::faults::Occasion;
use crate::world::view::Rows;
use crate::{DiscovererId, FaultKind, Span, ViewId};

/// How long a writer that needs two steps is between them.
const STEP_OF_A_WRITER: Span = Span::millis(50);

/// The files of one discoverer. Each is written anew when what it shows has changed.
#[derive(Clone)]
pub(super) struct WrittenFiles {
    id: DiscovererId,
    view: ViewId,
    files: Arc<[(PathBuf, Render)]>,
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
}

impl WrittenFiles {
    pub(super) fn new(world: &World, id: DiscovererId, files: Arc<[(PathBuf, Render)]>) -> Self {
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
        let met = world.meet(self.id, Occasion::Call);
        let kind = met.map(|met| met.kind);
        let (_, rows) = world.shown(self.id, self.view, kind);
        let silent = world.meet(self.id, Occasion::Notify).map(|met| met.kind) == Some(FaultKind::LostNotify);
        let how = match kind {
            Some(FaultKind::TornWrite) => Write::Half,
            Some(FaultKind::RenameGap) => Write::Gone,
            _ if silent => Write::Silent,
            _ => Write::Whole,
        };
        if matches!(how, Write::Half | Write::Gone) || kind.is_some_and(FaultKind::misleads) {
            // A wrong list stays for as long as the fault does; a writer in two steps needs a moment.
            let misled = met.filter(|met| met.kind.misleads()).map_or(world.now, |met| met.until);
            self.again = Some(misled.max(world.now + STEP_OF_A_WRITER.into()));
        }
        self.write(store, &rows, how);
        true
    }

    fn write(&self, store: &MemoryFiles, rows: &Rows, how: Write) {
        let hosts = hosts(rows);
        for (path, render) in self.files.iter() {
            let mut bytes = render(&hosts);
            match how {
                Write::Whole => store.write(path, bytes),
                Write::Silent => store.write_silently(path, bytes),
                Write::Gone => store.remove(path),
                Write::Half => {
                    bytes.truncate(bytes.len() / 2);
                    store.write(path, bytes);
                }
            }
        }
    }
}
