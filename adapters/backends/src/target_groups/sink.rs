//! Where a list goes while it is decoded: into a batch, or, where fields may be there again, into memory first.

use std::fmt;

use headcount_core::{Batch, GroupError};
use serde::de::Error;

use super::collected::Collected;
use super::{Counts, Origin};

/// Where entries go while a list is decoded.
pub(super) struct Sink<'s, 'e> {
    batch: &'s mut Batch<'e>,
    origin: Origin<'s>,
    source: String,
    /// What was decoded.
    done: Counts,
    pub(super) in_entry: bool,
    /// Bytes of text that the list may still expand to.
    text_left: usize,
    /// Why the batch refused, when the format reports an error of its own for it.
    pub(super) refused: Option<GroupError>,
    /// Whether an entry was refused for a field that it has twice.
    pub(super) has_repeated: bool,
    /// In a list that is read once more: what the entry has, as the last of equal fields says it.
    collected: Option<Collected>,
}

impl<'s, 'e> Sink<'s, 'e> {
    pub(super) fn new(batch: &'s mut Batch<'e>, origin: Origin<'s>, text_limit: usize) -> Self {
        let source = String::with_capacity(origin.name.len().saturating_add(12));
        Self {
            batch,
            origin,
            source,
            done: Counts::default(),
            in_entry: false,
            text_left: text_limit,
            refused: None,
            has_repeated: false,
            collected: None,
        }
    }

    /// Goes on with the list from its beginning, in which **the last of equal fields counts**, as in Go. What of it is in
    /// the batch is not written again.
    pub(super) fn read_again(&mut self) {
        self.batch.abandon();
        self.collected = Some(Collected::after(self.done));
        self.done = Counts::default();
        self.in_entry = false;
        self.has_repeated = false;
    }

    /// What was decoded.
    pub(super) fn done(&self) -> Counts {
        self.done
    }

    /// The entry that is being decoded.
    pub(super) fn open_entry(&self) -> Option<usize> {
        self.in_entry.then_some(self.done.groups)
    }

    pub(super) fn begin<E: Error>(&mut self) -> Result<(), E> {
        if let Some(collected) = &mut self.collected {
            collected.begin();
            return Ok(());
        }
        self.begin_group()
    }

    fn begin_group<E: Error>(&mut self) -> Result<(), E> {
        self.source.clear();
        self.source.push_str(self.origin.name);
        self.source.push(':');
        push_number(&mut self.source, self.done.groups);
        let begun = self.batch.begin(&self.source);
        self.accept(begun)
    }

    pub(super) fn end<E: Error>(&mut self) -> Result<(), E> {
        if let Some(collected) = self.collected.take() {
            let written = self.write(&collected);
            self.collected = Some(collected);
            return written;
        }
        self.end_group()
    }

    /// Writes what was collected of an entry, unless it is in the batch.
    fn write<E: Error>(&mut self, entry: &Collected) -> Result<(), E> {
        if self.done.groups < entry.written.groups {
            self.in_entry = false;
            self.done.groups = self.done.groups.saturating_add(1);
            self.done.targets = self.done.targets.saturating_add(entry.targets().len());
            return Ok(());
        }
        self.begin_group()?;
        for address in entry.targets() {
            self.add_target(address)?;
        }
        for (name, value) in &entry.labels {
            self.add_label(name, value)?;
        }
        self.end_group()
    }

    fn end_group<E: Error>(&mut self) -> Result<(), E> {
        // Last, so that it wins over a label of that name in the list.
        let ended = self
            .batch
            .group_label(self.origin.label, self.origin.name)
            .and_then(|()| self.batch.end());
        self.accept(ended)?;
        self.in_entry = false;
        self.done.groups = self.done.groups.saturating_add(1);
        Ok(())
    }

    /// Notes that the entry has a field, the last time if it may be there again.
    pub(super) fn field<E: Error>(&mut self, name: &'static str, was_given: bool) -> Result<(), E> {
        match &mut self.collected {
            Some(collected) => collected.field(name),
            None if was_given => {
                self.has_repeated = true;
                return Err(E::duplicate_field(name));
            }
            None => {}
        }
        Ok(())
    }

    /// Nothing is the empty text.
    pub(super) fn target<E: Error>(&mut self, address: Option<&str>) -> Result<(), E> {
        if let Some(collected) = &mut self.collected {
            collected.target(address);
            return Ok(());
        }
        self.add_target(address.unwrap_or_default())
    }

    pub(super) fn no_targets(&mut self) {
        if let Some(collected) = &mut self.collected {
            collected.no_targets();
        }
    }

    pub(super) fn label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        if let Some(collected) = &mut self.collected {
            collected.labels.push((name.to_owned(), value.to_owned()));
            return Ok(());
        }
        self.add_label(name, value)
    }

    fn add_target<E: Error>(&mut self, address: &str) -> Result<(), E> {
        self.spend(address.len())?;
        self.done.targets = self.done.targets.saturating_add(1);
        let added = self
            .batch
            .begin_target()
            .and_then(|()| self.batch.label("__address__", address));
        self.accept(added)
    }

    fn add_label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        self.spend(name.len().saturating_add(value.len()))?;
        let added = self.batch.group_label(name, value);
        self.accept(added)
    }

    /// Aliases can make a short document expand to a long one.
    fn spend<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = self.text_left.checked_sub(bytes.saturating_add(1));
        self.text_left =
            left.ok_or_else(|| E::custom("the list's aliases expand to too much text; write it out, or split it"))?;
        Ok(())
    }

    fn accept<E: Error>(&mut self, result: Result<(), GroupError>) -> Result<(), E> {
        result.map_err(|error| {
            let reported = E::custom(&error);
            self.refused = Some(error);
            reported
        })
    }
}

fn push_number(text: &mut String, number: usize) {
    use fmt::Write;
    // Writing to a `String` does not fail.
    write!(text, "{number}").ok();
}
