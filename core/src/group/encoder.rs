//! Making groups: what repeats within a batch is written once.
//!
//! A discoverer keeps one [`Encoder`] and makes one [`Batch`] for each update. **A value that
//! occurs at least twice in a batch, or that an earlier batch shared, becomes a symbol; all
//! others stand in their group.** So a poll that lists everything shares everything worth
//! sharing, and a watch that sends one object uses what the first list shared.
//!
//! Symbols that are no longer used are given back: when fewer than half of them occurred over a
//! window of batches, the encoder starts a new lineage with those that did. Groups that were
//! written before keep their dictionary for as long as they live.

use super::Group;
use super::labels::push_source;

mod numbered;
mod order;
mod set;
mod strings;
mod values;

pub use numbered::NumberedBatch;
use numbered::Room;
use set::{Plain, SetWriter, Value};
use strings::{Seen, Strings};

/// Longest label name, in bytes.
pub const MAX_NAME_BYTES: usize = 1 << 16;
/// Longest label value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// Longest source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 1 << 16;

/// Why a group could not be made. The batch goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// A label has no name.
    #[error("a label has an empty name (its value starts with {value:?}); give it a name or remove it")]
    EmptyName {
        /// The start of the label's value.
        value: String,
    },
    /// A label's name is longer than [`MAX_NAME_BYTES`].
    #[error("the label name that starts with {start:?} has {length} bytes; at most {MAX_NAME_BYTES} are possible")]
    NameTooLong {
        /// The start of the name.
        start: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A label's value is longer than [`MAX_VALUE_BYTES`].
    #[error("the value of label {name:?} has {length} bytes; at most {MAX_VALUE_BYTES} are possible")]
    ValueTooLong {
        /// The label.
        name: String,
        /// The value's length in bytes.
        length: usize,
    },
    /// The source is longer than [`MAX_SOURCE_BYTES`].
    #[error("the source that starts with {start:?} has {length} bytes; at most {MAX_SOURCE_BYTES} are possible")]
    SourceTooLong {
        /// The start of the source.
        start: String,
        /// Its length in bytes.
        length: usize,
    },
    /// One group, or the strings of one batch, would take 4 GiB or more.
    #[error("the group is too large: one group can hold 4 GiB; split it over several sources")]
    TooLarge,
    /// A label was given by the number of a text, and there is none.
    #[error("there is no text with the number {number}: add it first")]
    UnknownText {
        /// The number.
        number: usize,
    },
    /// Labels or targets were given before [`Batch::begin`].
    #[error("no group is open: call `begin` with the group's source first")]
    NotOpen,
}

/// Makes a discoverer's groups, and remembers what they share.
#[derive(Debug, Default)]
pub struct Encoder {
    strings: Strings,
    /// They remember which names sets have: the next batch's are mostly the same.
    group_set: SetWriter,
    target_set: SetWriter,
    room: Room,
}

impl Encoder {
    /// An encoder that has shared nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the groups of one update.
    pub fn batch(&mut self) -> Batch<'_> {
        self.begin().0
    }

    /// Starts the groups of one update, which are read from where texts are numbered.
    pub fn numbered_batch<'a>(&mut self) -> NumberedBatch<'_, 'a> {
        let (batch, room) = self.begin();
        NumberedBatch::new(batch, room)
    }

    fn begin(&mut self) -> (Batch<'_>, &mut Room) {
        self.group_set.begin_batch();
        self.target_set.begin_batch();
        let batch = Batch {
            strings: &mut self.strings,
            seen: Seen::default(),
            // Enough for what a watch says of one object, which is most batches that there are.
            bytes: Vec::with_capacity(512),
            in_order: Vec::new(),
            groups: Vec::new(),
            unsorted: Vec::new(),
            open: None,
            group_labels: Vec::new(),
            group_set: &mut self.group_set,
            target_set: &mut self.target_set,
        };
        (batch, &mut self.room)
    }
}

/// The groups of one update in the making.
///
/// Either a whole group at a time with [`group`](Batch::group), or streamed: [`begin`](Batch::begin),
/// then group labels and targets in any order, then [`end`](Batch::end). A label that is given
/// twice in one set has the value that was given last, as in a JSON object.
#[derive(Debug)]
pub struct Batch<'e> {
    strings: &'e mut Strings,
    seen: Seen,
    /// The open group's bytes. A group gets its own allocation when it ends, while what it is made of
    /// is still in the processor's cache, and no batch needs memory for two copies of its groups.
    bytes: Vec<u8>,
    /// The same with its targets in order, if they did not come so.
    in_order: Vec<u8>,
    /// The finished groups, with the dictionary as it was before this batch.
    groups: Vec<Group>,
    unsorted: Vec<Unsorted>,
    open: Option<Open>,
    /// The open group's shared labels, which may come between its targets.
    group_labels: Vec<u8>,
    group_set: &'e mut SetWriter,
    target_set: &'e mut SetWriter,
}

/// A finished group whose targets are not in order yet: that takes the texts of its symbols.
#[derive(Debug)]
struct Unsorted {
    /// Which group.
    place: usize,
    /// Where its targets start.
    targets_at: u32,
}

/// What is known of the group between `begin` and `end`.
#[derive(Debug)]
struct Open {
    targets_at: u32,
    target_count: u32,
    target_open: bool,
    sorted: bool,
}

impl Batch<'_> {
    /// Adds a whole group.
    ///
    /// # Errors
    /// The group is left out, the others stay.
    pub fn group<L, T, N, V>(
        &mut self,
        source: &str,
        labels: L,
        targets: impl IntoIterator<Item = T>,
    ) -> Result<(), GroupError>
    where
        L: IntoIterator<Item = (N, V)>,
        T: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let added = self.add(source, labels, targets);
        if added.is_err() {
            self.abandon();
        }
        added
    }

    fn add<L, T, N, V>(
        &mut self,
        source: &str,
        labels: L,
        targets: impl IntoIterator<Item = T>,
    ) -> Result<(), GroupError>
    where
        L: IntoIterator<Item = (N, V)>,
        T: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.begin(source)?;
        for (name, value) in labels {
            self.group_label(name.as_ref(), value.as_ref())?;
        }
        for target in targets {
            self.begin_target()?;
            self.labels(target)?;
        }
        self.end()
    }

    /// Opens a group. One that was open is dropped.
    ///
    /// # Errors
    /// [`GroupError::SourceTooLong`]; no group is open then.
    pub fn begin(&mut self, source: &str) -> Result<(), GroupError> {
        self.abandon();
        if source.len() > MAX_SOURCE_BYTES {
            return Err(GroupError::SourceTooLong {
                start: within(source, 64).to_owned(),
                length: source.len(),
            });
        }
        self.target_set.begin_group();
        push_source(&mut self.bytes, source);
        let targets_at = self.length()?;
        self.open = Some(Open {
            targets_at,
            target_count: 0,
            target_open: false,
            sorted: true,
        });
        Ok(())
    }

    /// Adds a label that all targets of the open group share.
    ///
    /// # Errors
    /// The label can't be stored, or no group is open.
    pub fn group_label(&mut self, name: &str, value: &str) -> Result<(), GroupError> {
        if self.open.is_none() {
            return Err(GroupError::NotOpen);
        }
        self.group_set
            .add(self.strings, &mut self.seen, &mut self.group_labels, name, value)
    }

    /// Adds labels that all targets of the open group share: what [`group_label`](Self::group_label) does for each, at less
    /// cost.
    ///
    /// # Errors
    /// A label can't be stored, or no group is open.
    pub fn group_labels<N, V>(&mut self, labels: impl IntoIterator<Item = (N, V)>) -> Result<(), GroupError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.group_values(plain(labels))
    }

    fn group_values<N, V>(&mut self, labels: impl Iterator<Item = (N, V)>) -> Result<(), GroupError>
    where
        N: AsRef<str>,
        V: Value,
    {
        if self.open.is_none() {
            return Err(GroupError::NotOpen);
        }
        self.group_set
            .add_all(self.strings, &mut self.seen, &mut self.group_labels, labels)
    }

    /// Starts the open group's next target.
    ///
    /// # Errors
    /// [`GroupError::NotOpen`], or [`GroupError::TooLarge`].
    pub fn begin_target(&mut self) -> Result<(), GroupError> {
        self.end_target()?;
        let open = self.open.as_mut().ok_or(GroupError::NotOpen)?;
        open.target_open = true;
        open.target_count = open.target_count.checked_add(1).ok_or(GroupError::TooLarge)?;
        Ok(())
    }

    /// Adds a label of the target that was started last.
    ///
    /// # Errors
    /// The label can't be stored, or no target was started.
    pub fn label(&mut self, name: &str, value: &str) -> Result<(), GroupError> {
        if !self.open.as_ref().is_some_and(|open| open.target_open) {
            return Err(GroupError::NotOpen);
        }
        self.target_set
            .add(self.strings, &mut self.seen, &mut self.bytes, name, value)
    }

    /// Adds labels of the target that was started last: what [`label`](Self::label) does for each, at less cost.
    ///
    /// # Errors
    /// A label can't be stored, or no target was started.
    pub fn labels<N, V>(&mut self, labels: impl IntoIterator<Item = (N, V)>) -> Result<(), GroupError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.values(plain(labels))
    }

    fn values<N, V>(&mut self, labels: impl Iterator<Item = (N, V)>) -> Result<(), GroupError>
    where
        N: AsRef<str>,
        V: Value,
    {
        if !self.open.as_ref().is_some_and(|open| open.target_open) {
            return Err(GroupError::NotOpen);
        }
        self.target_set
            .add_all(self.strings, &mut self.seen, &mut self.bytes, labels)
    }

    /// Closes the open group.
    ///
    /// # Errors
    /// [`GroupError::NotOpen`], or [`GroupError::TooLarge`], which drops the group.
    pub fn end(&mut self) -> Result<(), GroupError> {
        let closed = self.close();
        if closed.is_err() {
            self.abandon();
        }
        closed
    }

    fn close(&mut self) -> Result<(), GroupError> {
        self.end_target()?;
        if self.open.is_none() {
            return Err(GroupError::NotOpen);
        }
        let labels_at = self.length()?;
        self.group_set
            .finish(self.strings, &mut self.seen, &mut self.group_labels)?;
        self.bytes.append(&mut self.group_labels);
        self.group_set.clear();
        self.length()?;
        if let Some(open) = self.open.take() {
            let mut bytes = &self.bytes;
            if !open.sorted {
                if order::by_first_value(bytes, open.targets_at, labels_at, &mut self.in_order) {
                    bytes = &self.in_order;
                } else {
                    self.unsorted.push(Unsorted {
                        place: self.groups.len(),
                        targets_at: open.targets_at,
                    });
                }
            }
            let dictionary = self.strings.dictionary().clone();
            self.groups
                .push(Group::new(dictionary, labels_at, open.target_count, bytes));
        }
        self.bytes.clear();
        Ok(())
    }

    /// Drops the open group, if there is one.
    pub fn abandon(&mut self) {
        self.open = None;
        self.bytes.clear();
        self.group_labels.clear();
        self.group_set.clear();
        self.target_set.clear();
    }

    /// How many groups were added.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups, in the order in which they were added. A group that is still open is dropped.
    pub fn finish(mut self) -> Vec<Group> {
        self.abandon();
        // Groups that name nothing new keep their dictionary.
        if let Some(dictionary) = self.strings.freeze() {
            for group in &mut self.groups {
                group.set_dictionary(&dictionary);
            }
        }
        for unsorted in &self.unsorted {
            if let Some(group) = self.groups.get_mut(unsorted.place) {
                *group = order::sorted(group, unsorted.targets_at);
            }
        }
        if self.strings.end_batch() {
            self.group_set.forget();
            self.target_set.forget();
        }
        self.groups
    }

    /// The length of what was written of the open group.
    fn length(&self) -> Result<u32, GroupError> {
        u32::try_from(self.bytes.len()).map_err(|_| GroupError::TooLarge)
    }

    fn end_target(&mut self) -> Result<(), GroupError> {
        let Some(open) = self.open.as_mut().filter(|open| open.target_open) else {
            return Ok(());
        };
        open.target_open = false;
        let in_order = self.target_set.finish(self.strings, &mut self.seen, &mut self.bytes)?;
        // The first target has none before it; what the writer compared it with is of another group.
        open.sorted &= in_order || open.target_count == 1;
        Ok(())
    }
}

fn plain<N, V>(labels: impl IntoIterator<Item = (N, V)>) -> impl Iterator<Item = (N, Plain<V>)> {
    labels.into_iter().map(|(name, value)| (name, Plain(value)))
}

/// As much of the start of `text` as fits into `limit` bytes.
pub(super) fn within(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[inline]
fn check_value(name: &str, value: &str) -> Result<(), GroupError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(GroupError::ValueTooLong {
            name: within(name, 256).to_owned(),
            length: value.len(),
        });
    }
    Ok(())
}

fn check_name(name: &str, value: &str) -> Result<(), GroupError> {
    if name.is_empty() {
        return Err(GroupError::EmptyName {
            value: within(value, 64).to_owned(),
        });
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(GroupError::NameTooLong {
            start: within(name, 64).to_owned(),
            length: name.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
