//! Writes the lists of targets, a bounded bit at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{Fate, TargetCursor, TargetPool, TargetPools, TargetReader, TargetView};

use super::PIECE;
use super::matching::is_wanted;
use super::order::{self, Key, Page};
use super::query::{Query, Section, State, Token};
use crate::targets::{self, Describer, GlobalUrls, Healths, Stale, Targets};

/// Targets that are looked at in one step, wanted or not.
const A_STEP: usize = 1_000;

/// An answer that is being written.
pub(super) struct Walk {
    targets: Arc<Targets>,
    query: Query,
    stale: Stale,
    healths: Healths,
    global: Option<GlobalUrls>,
    /// The jobs that were there when it began, sorted by name, of which some may go.
    jobs: Vec<Arc<str>>,
    /// Where it goes on; `None` when all lists are written.
    place: Option<Place>,
    /// Targets that may still be written.
    left: u64,
    /// Remembers what it worked out for the job and the configuration.
    reader: Option<(Arc<str>, u64, TargetReader)>,
    /// Targets that match so far, if all are counted.
    matched: u64,
    /// Where the next answer goes on, once this one may have no more targets and only counts.
    beyond: Option<Token>,
    is_begun: bool,
    /// Whether nothing stands in the list that is being written.
    is_first: bool,
    /// The targets of the job that is being read, where they are sorted.
    page: Option<Page>,
    /// Where the page before ended, until its list and job are gone on with.
    after: Option<Key>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    section: Section,
    /// A place in the list of jobs.
    job: usize,
    cursor: TargetCursor,
    /// Targets of this list and job that were written.
    written: u64,
}

/// Whether there is more to look at in a job.
enum Progress {
    /// It ended where the next step goes on.
    Enough,
    /// All of the job was looked at.
    All,
    /// A target is wanted that may not be written any more.
    OverLimit,
}

impl Walk {
    pub(super) fn new(
        targets: Arc<Targets>,
        query: Query,
        stale: Stale,
        healths: Healths,
        global: Option<GlobalUrls>,
    ) -> Self {
        let jobs = targets.read(|state| {
            let names = state.pools.pools().map(|(name, _)| name);
            let names = names.filter(|name| query.pool.as_ref().is_none_or(|pool| *pool == ***name));
            names.cloned().collect::<Vec<_>>()
        });
        let start = Place {
            section: Section::Active,
            job: 0,
            cursor: TargetCursor::default(),
            written: 0,
        };
        let place = query.from.as_ref().map_or(start, |token| {
            let job = jobs.binary_search_by(|job| (**job).cmp(token.job.as_str()));
            match job {
                // Sorted targets are all looked at anew.
                Ok(job) if query.is_sorted => Place {
                    section: token.section,
                    job,
                    ..start
                },
                Ok(job) => Place {
                    section: token.section,
                    job,
                    cursor: token.cursor,
                    written: token.written,
                },
                // The job is gone: the next one from its beginning.
                Err(job) => Place {
                    section: token.section,
                    job,
                    ..start
                },
            }
        });
        let is_there = |token: &&Token| jobs.binary_search_by(|job| (**job).cmp(token.job.as_str())).is_ok();
        let after = query.from.as_ref().filter(is_there).and_then(Token::key);
        Self {
            matched: 0,
            beyond: None,
            page: None,
            after,
            left: query.limit.unwrap_or(u64::MAX),
            targets,
            query,
            stale,
            healths,
            global,
            jobs,
            place: Some(place),
            reader: None,
            is_begun: false,
            is_first: true,
        }
    }

    /// Writes a bit of the answer. `false`: that was the last one.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> bool {
        let targets = self.targets.clone();
        targets.read(|state| {
            if !self.is_begun {
                self.begin(state, out);
            }
            self.write_more(state, out)
        })
    }

    fn begin(&mut self, state: &targets::State, out: &mut Vec<u8>) {
        self.is_begun = true;
        out.extend_from_slice(br#"{"status":"success","data":{"activeTargets":["#);
        for section in Section::ALL {
            // What stands before where it goes on is written already.
            if self.place.is_some_and(|place| section < place.section) {
                self.end_section(state, section, out);
            }
        }
    }

    fn write_more(&mut self, state: &targets::State, out: &mut Vec<u8>) -> bool {
        let mut budget = A_STEP;
        while let Some(mut place) = self.place {
            if !self.query.state.wants(place.section) || place.job >= self.jobs.len() {
                self.end_section(state, place.section, out);
                self.place = place.section.next().map(|section| Place {
                    section,
                    job: 0,
                    cursor: TargetCursor::default(),
                    written: 0,
                });
                continue;
            }
            let progress = self.write_job(state, &mut place, &mut budget, out);
            self.place = Some(place);
            match progress {
                Progress::Enough => return true,
                Progress::All => {
                    self.place = Some(Place {
                        job: place.job + 1,
                        cursor: TargetCursor::default(),
                        written: 0,
                        ..place
                    });
                }
                Progress::OverLimit => {
                    self.end_early(state, place, out);
                    return false;
                }
            }
        }
        self.end(out);
        false
    }

    fn write_job(
        &mut self,
        state: &targets::State,
        place: &mut Place,
        budget: &mut usize,
        out: &mut Vec<u8>,
    ) -> Progress {
        let Some(job) = self.jobs.get(place.job).cloned() else {
            return Progress::All;
        };
        let Some(pool) = state.pools.pool(&job) else {
            return Progress::All;
        };
        let mut reader = self.reader_of(&job, state.configuration, pool);
        let mut progress = Progress::All;
        for (cursor, view) in pool.targets_from(place.cursor) {
            place.cursor = cursor;
            if *budget == 0 || out.len() >= PIECE {
                progress = Progress::Enough;
                break;
            }
            *budget -= 1;
            if section_of(&view) != place.section {
                continue;
            }
            if place.section == Section::Dropped && is_enough(pool, place.written) {
                break;
            }
            if self.query.state == State::SameLabels && pool.same_labels(&mut reader, &view, 1).is_empty() {
                continue;
            }
            if !self.is_wanted(&job, &view) || !is_wanted(&self.query, &job, &mut reader, &view) {
                continue;
            }
            if self.query.is_sorted {
                if self.left == 0 && !self.query.total && self.page.is_none() {
                    // The next page begins with this list.
                    place.cursor = TargetCursor::default();
                    progress = Progress::OverLimit;
                    break;
                }
                place.written += 1;
                let (left, after) = (self.left, &mut self.after);
                let page = self.page.get_or_insert_with(|| Page::new(left, after.take()));
                page.add(Key::of(cursor, &mut reader, &view));
                continue;
            }
            self.matched = self.matched.saturating_add(1);
            if self.left == 0 && !self.query.total {
                progress = Progress::OverLimit;
                break;
            }
            if self.left == 0 {
                self.beyond.get_or_insert_with(|| Token {
                    section: place.section,
                    cursor,
                    written: place.written,
                    name: None,
                    job: (*job).to_owned(),
                });
                place.written += 1;
                continue;
            }
            self.separate(out);
            self.left -= 1;
            place.written += 1;
            self.describer(state, &job, pool, &mut reader).write(out, &view);
        }
        if matches!(progress, Progress::All) {
            // Where the page before ended is in this list of this job, and in no other.
            self.after = None;
            if let Some(page) = self.page.take() {
                progress = self.write_page(state, &job, pool, &mut reader, place, page, out);
            }
        }
        self.reader = Some((job, state.configuration, reader));
        progress
    }

    /// Writes the targets of a page in order, once all of the job's were looked at.
    #[allow(clippy::too_many_arguments, reason = "it is a part of writing a job")]
    fn write_page(
        &mut self,
        state: &targets::State,
        job: &Arc<str>,
        pool: &TargetPool,
        reader: &mut TargetReader,
        place: &mut Place,
        page: Page,
        out: &mut Vec<u8>,
    ) -> Progress {
        let behind = page.matched;
        self.matched = self.matched.saturating_add(behind);
        let keys = page.into_sorted();
        let mut texts: Vec<Vec<u8>> = vec![Vec::new(); keys.len()];
        let mut describer = self.describer(state, job, pool, reader);
        order::visit(pool, &keys, |number, view| {
            if section_of(view) == place.section
                && let Some(text) = texts.get_mut(number)
            {
                describer.write(text, view);
            }
        });
        for text in texts.iter().filter(|text| !text.is_empty()) {
            self.separate(out);
            out.extend_from_slice(text);
        }
        let written = keys.len() as u64;
        self.left = self.left.saturating_sub(written);
        if written == behind || self.beyond.is_some() {
            return Progress::All;
        }
        // With no place at all, the next page begins with this list.
        let last = keys.into_iter().next_back();
        self.beyond = Some(Token {
            section: place.section,
            cursor: last.as_ref().map_or(TargetCursor::default(), |key| key.cursor),
            written,
            name: Some(last.map_or_else(String::new, |key| key.name)),
            job: (**job).to_owned(),
        });
        match self.query.total {
            true => Progress::All,
            false => Progress::OverLimit,
        }
    }

    fn separate(&mut self, out: &mut Vec<u8>) {
        if !self.is_first {
            out.push(b',');
        }
        self.is_first = false;
    }

    fn describer<'d>(
        &'d self,
        state: &'d targets::State,
        job: &'d str,
        pool: &'d TargetPool,
        reader: &'d mut TargetReader,
    ) -> Describer<'d> {
        Describer {
            snapshot: &state.view.snapshot,
            job,
            pool,
            reader,
            stale: &self.stale,
            healths: &self.healths,
            global: self.global.as_ref(),
            sharing: Some(&self.targets.sharing),
        }
    }

    /// By all but its labels.
    fn is_wanted(&self, job: &str, view: &TargetView<'_>) -> bool {
        match self.query.state {
            State::Down => view.fate.scraped().is_some_and(|id| self.healths.is_down(job, id)),
            State::OverLimit => matches!(view.fate, Fate::OverLimit { .. }),
            State::Held => self.stale.is_held(view),
            State::Stale => self.stale.is_stale(view.provider),
            State::Any | State::Only(_) | State::SameLabels => true,
            State::Unknown => false,
        }
    }

    fn reader_of(&mut self, job: &Arc<str>, configuration: u64, pool: &TargetPool) -> TargetReader {
        match self.reader.take() {
            Some((its_job, its_configuration, reader)) if its_job == *job && its_configuration == configuration => {
                reader
            }
            _ => pool.reader(),
        }
    }

    /// Ends the list that is written, and begins the next.
    fn end_section(&mut self, state: &targets::State, section: Section, out: &mut Vec<u8>) {
        out.push(b']');
        if section == Section::Dropped {
            let is_wanted = self.query.state.wants(Section::Dropped);
            write_dropped_counts(out, is_wanted.then_some(&state.pools));
        }
        out.extend_from_slice(match section {
            Section::Active => br#","droppedTargets":["#,
            Section::Dropped => br#","duplicateTargets":["#,
            Section::Duplicate => br#","invalidTargets":["#,
            Section::Invalid => b"",
        });
        self.is_first = true;
    }

    fn end_early(&mut self, state: &targets::State, place: Place, out: &mut Vec<u8>) {
        for section in Section::ALL {
            if section >= place.section {
                self.end_section(state, section, out);
            }
        }
        let job = self.jobs.get(place.job).map_or("", |job| job);
        self.beyond.get_or_insert_with(|| Token {
            section: place.section,
            cursor: place.cursor,
            written: place.written,
            name: self.query.is_sorted.then(String::new),
            job: job.to_owned(),
        });
        self.end(out);
        self.place = None;
    }

    /// Ends the answer.
    fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","nextToken":"#);
        match &self.beyond {
            Some(token) => crate::discovery::write_string(out, &token.to_string()),
            None => out.extend_from_slice(b"null"),
        }
        if self.query.total {
            out.extend_from_slice(format!(r#","total":{}"#, self.matched).as_bytes());
        }
        out.extend_from_slice(b"}}");
    }
}

fn section_of(view: &TargetView<'_>) -> Section {
    match view.fate {
        Fate::Active { .. } | Fate::OverLimit { .. } => Section::Active,
        Fate::Dropped { .. } => Section::Dropped,
        Fate::Duplicate { .. } => Section::Duplicate,
        // Fates that are not known here would be those of targets that are not scraped.
        _ => Section::Invalid,
    }
}

/// Whether as many dropped targets were written as `keep_dropped_targets` wants.
fn is_enough(pool: &TargetPool, written: u64) -> bool {
    let most = pool.options().limits.kept_dropped_targets;
    most.is_some_and(|most| written >= most.get())
}

/// Writes `droppedTargetCounts`; `null` when dropped targets are not asked for.
fn write_dropped_counts(out: &mut Vec<u8>, pools: Option<&TargetPools>) {
    out.extend_from_slice(br#","droppedTargetCounts":"#);
    let counts: Option<BTreeMap<&str, usize>> = pools.map(|pools| {
        let counts = pools.pools().map(|(job, pool)| (&**job, pool.counts().dropped));
        counts.collect()
    });
    // Writing into memory does not fail.
    serde_json::to_writer(out, &counts).ok();
}
