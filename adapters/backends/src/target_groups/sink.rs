//! Where a list goes while it is decoded: straight into a batch.

use std::fmt;

use headcount_core::{Batch, GroupError};
use serde::de::Error;

use super::{Counts, Origin};

/// Who takes a list while it is decoded. Two do: [`Sink`], and [`LastOfEqual`](super::collected::LastOfEqual) where that had
/// to refuse a field that is there twice. What is decoded is compiled for each, so that the first pays nothing for the second.
pub(super) trait Receiver {
    /// An entry is to come, or something that is none.
    fn expect_entry(&mut self);

    fn begin<E: Error>(&mut self) -> Result<(), E>;

    /// The entry has a field of this name, which it may have had before.
    fn field<E: Error>(&mut self, name: &'static str, was_given: bool) -> Result<(), E>;

    /// Nothing is the empty text.
    fn target<E: Error>(&mut self, address: Option<&str>) -> Result<(), E>;

    /// The list of targets is empty, or nothing.
    fn no_targets(&mut self);

    fn label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E>;

    fn end<E: Error>(&mut self) -> Result<(), E>;
}

/// Where entries go while a list is decoded.
pub(super) struct Sink<'s, 'e> {
    batch: &'s mut Batch<'e>,
    origin: Origin<'s>,
    source: String,
    /// What was decoded.
    done: Counts,
    in_entry: bool,
    /// Bytes of text that the list may still expand to.
    text_left: usize,
    /// Why the batch refused, when the format reports an error of its own for it.
    pub(super) refused: Option<GroupError>,
    /// Whether an entry was refused for a field that it has twice.
    pub(super) has_repeated: bool,
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
        }
    }

    /// Begins with the list once more. What of it is in the batch stays there: so much is what this gives.
    pub(super) fn restart(&mut self) -> Counts {
        self.batch.abandon();
        self.in_entry = false;
        std::mem::take(&mut self.done)
    }

    /// Passes over an entry of so many targets that is in the batch.
    pub(super) fn pass_over(&mut self, targets: usize) {
        self.in_entry = false;
        self.done.groups = self.done.groups.saturating_add(1);
        self.done.targets = self.done.targets.saturating_add(targets);
        // They have what they had before, so it is nothing that is suddenly less.
        self.done.addresses = self.done.addresses.saturating_add(targets);
    }

    /// What was decoded.
    pub(super) fn done(&self) -> Counts {
        self.done
    }

    /// The entry that is being decoded.
    pub(super) fn open_entry(&self) -> Option<usize> {
        self.in_entry.then_some(self.done.groups)
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

impl Receiver for Sink<'_, '_> {
    fn expect_entry(&mut self) {
        self.in_entry = true;
    }

    fn begin<E: Error>(&mut self) -> Result<(), E> {
        self.source.clear();
        self.source.push_str(self.origin.name);
        self.source.push(':');
        push_number(&mut self.source, self.done.groups);
        let begun = self.batch.begin(&self.source);
        self.accept(begun)
    }

    fn field<E: Error>(&mut self, name: &'static str, was_given: bool) -> Result<(), E> {
        if was_given {
            self.has_repeated = true;
            return Err(E::duplicate_field(name));
        }
        Ok(())
    }

    fn target<E: Error>(&mut self, address: Option<&str>) -> Result<(), E> {
        let address = address.unwrap_or_default();
        self.spend(address.len())?;
        self.done.targets = self.done.targets.saturating_add(1);
        self.done.addresses = self.done.addresses.saturating_add(usize::from(!address.is_empty()));
        let added = self
            .batch
            .begin_target()
            .and_then(|()| self.batch.label("__address__", address));
        self.accept(added)
    }

    fn no_targets(&mut self) {}

    fn label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        self.spend(name.len().saturating_add(value.len()))?;
        let added = self.batch.group_label(name, value);
        self.accept(added)
    }

    fn end<E: Error>(&mut self) -> Result<(), E> {
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
}

fn push_number(text: &mut String, number: usize) {
    use fmt::Write;
    // Writing to a `String` does not fail.
    write!(text, "{number}").ok();
}
