//! Where jobs stand in the text of a prometheus.yml, and what of each is to be replaced.

use std::ops::Range;

use headcount_reader::{Cursor, Position};

use super::lines::Lines;

/// Where a job stands.
pub(super) enum JobText {
    /// Its fields on lines of their own.
    Block(Block),
    /// In braces.
    Flow(Flow),
}

/// A job whose fields stand on lines of their own.
pub(super) struct Block {
    position: Position,
    /// Its fields, in their order; what is merged into it stands elsewhere.
    fields: Vec<Field>,
    /// The first line, counted from 0, that is not its own.
    end: usize,
}

/// A job in braces.
pub(super) struct Flow {
    position: Position,
    fields: Vec<Field>,
    /// Where its brace stands, in bytes.
    pub(super) start: usize,
}

/// A field: its name, and where that stands.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    /// Counted from 0.
    pub(super) line: usize,
    /// In characters, counted from 0.
    pub(super) column: usize,
    /// In bytes of the text.
    pub(super) offset: usize,
}

/// What of a job is to be replaced.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// Its own fields.
    pub(super) own: Vec<Field>,
    /// The names of fields that are merged into it, and so have to be written empty.
    merged: Vec<String>,
    has_discovery: bool,
}

impl Replaced {
    /// Whether headcount would discover anything.
    pub(super) fn has_discovery(&self) -> bool {
        self.has_discovery
    }

    /// The names of fields that are merged into it and are not overwritten by what it is given.
    pub(super) fn emptied(&self) -> impl Iterator<Item = &String> {
        self.merged.iter().filter(|name| *name != "http_sd_configs")
    }

    pub(super) fn is(&self, field: &Field) -> bool {
        self.own.iter().any(|own| own.offset == field.offset)
    }
}

/// Where each job of `scrape_configs` stands, in the order of the file.
pub(super) fn places(root: &Cursor<'_>, lines: &Lines<'_>) -> Vec<JobText> {
    let top = root.entries_with_places().unwrap_or_default();
    let Some((_, at, jobs)) = top.iter().find(|(name, ..)| name == "scrape_configs") else {
        return Vec::new();
    };
    // What follows the end of the document is nobody's.
    let is_end = |line: &str| line.starts_with("---") || line.starts_with("...");
    let end = (at.line..lines.len()).find(|line| is_end(lines.line(*line)));
    let end = end.unwrap_or(lines.len());
    let next = top
        .iter()
        .map(|(_, at, _)| at.line)
        .filter(|line| *line > at.line)
        .min();
    let after = next.map_or(end, |line| end.min(line - 1));
    let jobs = jobs.list().unwrap_or_default();
    let mut ends: Vec<usize> = jobs.iter().skip(1).map(|job| job.position().line - 1).collect();
    ends.push(after);
    let places = jobs.iter().zip(ends).map(|(job, end)| place(job, end, lines));
    places.collect()
}

impl JobText {
    pub(super) fn position(&self) -> Position {
        match self {
            Self::Block(block) => block.position,
            Self::Flow(flow) => flow.position,
        }
    }

    /// What of it is to be replaced: what discovers, and its rules if headcount is to carry them out.
    pub(super) fn replaced(&self, relabels: bool) -> Replaced {
        let fields = match self {
            Self::Block(block) => &block.fields,
            Self::Flow(flow) => &flow.fields,
        };
        let is_meant = |name: &str| discovers(name) || relabels && name == "relabel_configs";
        let (own, merged): (Vec<Field>, Vec<Field>) = fields
            .iter()
            .filter(|field| is_meant(&field.name))
            .cloned()
            .partition(|field| self.has(field));
        let merged = merged.into_iter().map(|field| field.name);
        let mut merged: Vec<String> = merged.filter(|name| !own.iter().any(|own| own.name == *name)).collect();
        merged.dedup();
        let mut names = own.iter().map(|field| &field.name).chain(&merged);
        Replaced {
            has_discovery: names.any(|name| discovers(name)),
            own,
            merged,
        }
    }

    /// Whether a field stands in the job itself.
    fn has(&self, field: &Field) -> bool {
        match self {
            Self::Block(block) => block.lines().contains(&field.line),
            Self::Flow(flow) => field.offset > flow.start,
        }
    }
}

impl Block {
    /// The lines of the job; behind them may be comments and empty lines.
    pub(super) fn lines(&self) -> Range<usize> {
        self.position.line - 1..self.end
    }

    /// Its own fields, in their order.
    pub(super) fn own(&self) -> impl Iterator<Item = &Field> {
        let lines = self.lines();
        self.fields.iter().filter(move |field| lines.contains(&field.line))
    }
}

fn place(job: &Cursor<'_>, end: usize, lines: &Lines<'_>) -> JobText {
    let position = job.position();
    let keys = job.keys().into_iter();
    let mut fields: Vec<Field> = keys
        .map(|(name, at)| Field {
            name,
            line: at.line - 1,
            column: at.column - 1,
            offset: lines.offset(at),
        })
        .collect();
    fields.sort_by_key(|field| field.offset);
    let start = lines.offset(position);
    if lines.text().get(start..).is_some_and(|rest| rest.starts_with('{')) {
        return JobText::Flow(Flow {
            position,
            fields,
            start,
        });
    }
    JobText::Block(Block { position, fields, end })
}

fn discovers(name: &str) -> bool {
    name == "static_configs" || name.ends_with("_sd_configs")
}
