//! Labels, URLs and fates of one side's targets, in words.

use headcount_core::{Snapshot, TargetPool, TargetReader, TargetView};

use super::report::State;
use headcount_service::{fate_in_words, scrape_url, shown_labels};

/// Sorted by name.
pub(super) type Labels = Vec<(String, String)>;

/// Puts the targets of one pool into words.
pub(super) struct TargetFormatter<'a> {
    pool: &'a TargetPool,
    reader: TargetReader,
    snapshot: &'a Snapshot,
    job: &'a str,
    /// Whether this side has the job.
    has_job: bool,
}

impl<'a> TargetFormatter<'a> {
    pub(super) fn new(pool: &'a TargetPool, snapshot: &'a Snapshot, job: &'a str, has_job: bool) -> Self {
        Self {
            pool,
            reader: pool.reader(),
            snapshot,
            job,
            has_job,
        }
    }

    pub(super) fn has_job(&self) -> bool {
        self.has_job
    }

    /// What became of a target, and why.
    pub(super) fn fate(&mut self, view: Option<&TargetView<'_>>) -> State {
        let Some(view) = view else {
            return if self.has_job { State::NOT_FOUND } else { State::NO_JOB };
        };
        let (state, message) = fate_in_words(self.snapshot, self.job, self.pool, &mut self.reader, view);
        State { state, message }
    }

    /// What became of it, in one word.
    pub(super) fn state(view: &TargetView<'_>) -> &'static str {
        headcount_service::state_name(&view.fate)
    }

    /// The labels in the end as they may be shown, sorted by name; none if it has none.
    pub(super) fn labels(&mut self, view: &TargetView<'_>) -> Labels {
        shown_labels(self.reader.labels(view).unwrap_or_default())
    }

    /// Where a target with these labels is scraped.
    pub(super) fn url(&self, labels: &Labels) -> String {
        scrape_url(self.pool.options(), labels)
    }
}
