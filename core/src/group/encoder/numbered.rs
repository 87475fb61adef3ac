//! Groups that are read from where a text stands once, and is meant by its number from then on.
//!
//! What such a text is in the batch is looked up once, too: for a label whose value was met before, neither a hash nor
//! a comparison is needed. **A number means what it means in its batch only**, so the batch has the texts itself.

use core::cell::Cell;

use super::set::Value;
use super::{Batch, GroupError};
use crate::Group;
use crate::group::dictionary::Symbol;

/// The groups of one update in the making, of texts that are numbered.
///
/// ```
/// use headcount_core::Encoder;
///
/// # fn main() -> Result<(), headcount_core::GroupError> {
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.numbered_batch();
/// let [address, zone] = ["__address__", "zone"].map(|name| batch.add_text(name));
/// let a = batch.add_text("a");
/// for source in ["hosts:0", "hosts:1"] {
///     batch.begin(source)?;
///     batch.group_labels(&[(zone, a)])?;
///     batch.begin_target()?;
///     let host = batch.add_text(source);
///     batch.labels(&[(address, host)])?;
///     batch.end()?;
/// }
/// let groups = batch.finish();
/// assert_eq!(groups.len(), 2);
/// assert_eq!(groups[1].labels().get("zone"), Some("a"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NumberedBatch<'e, 'a> {
    batch: Batch<'e>,
    texts: Vec<Text<'a>>,
    room: &'e mut Room,
}

/// A text, and what it is as a value in this batch, once that is known.
#[derive(Debug)]
pub(super) struct Text<'a> {
    text: &'a str,
    symbol: Cell<Option<Symbol>>,
}

/// Room for the texts of a batch. That of one serves the next: there may be thousands in each of hundreds of batches, and
/// making room for them anew takes a tenth of the time of reading them.
#[derive(Debug, Default)]
pub(super) struct Room(Vec<Place>);

/// The place of a [`Text`], and of its size, so that the memory of a list of one kind serves the other. An encoder goes from
/// thread to thread, which a cell would forbid.
#[derive(Debug)]
struct Place {
    text: &'static str,
    symbol: Option<Symbol>,
}

impl<'e, 'a> NumberedBatch<'e, 'a> {
    pub(super) fn new(batch: Batch<'e>, room: &'e mut Room) -> Self {
        Self {
            batch,
            texts: core::mem::take(room).into_texts(),
            room,
        }
    }

    /// Adds a text, and gives its number: the first one's is 0, and each next one's one more.
    pub fn add_text(&mut self, text: &'a str) -> usize {
        self.texts.push(Text {
            text,
            symbol: Cell::default(),
        });
        self.texts.len().saturating_sub(1)
    }

    /// Whether there is a text of this number.
    pub fn has_text(&self, number: usize) -> bool {
        number < self.texts.len()
    }

    /// Opens a group: see [`Batch::begin`].
    ///
    /// # Errors
    /// [`GroupError::SourceTooLong`]; no group is open then.
    pub fn begin(&mut self, source: &str) -> Result<(), GroupError> {
        self.batch.begin(source)
    }

    /// Adds labels that all targets of the open group share: names and values, by number.
    ///
    /// # Errors
    /// A label can't be stored, no group is open, or there is no text of a number.
    pub fn group_labels(&mut self, labels: &[(usize, usize)]) -> Result<(), GroupError> {
        let labels = labels_of(&self.texts, labels)?;
        self.batch.group_values(labels)
    }

    /// Starts the open group's next target.
    ///
    /// # Errors
    /// [`GroupError::NotOpen`], or [`GroupError::TooLarge`].
    pub fn begin_target(&mut self) -> Result<(), GroupError> {
        self.batch.begin_target()
    }

    /// Adds labels of the target that was started last: names and values, by number.
    ///
    /// # Errors
    /// A label can't be stored, no target was started, or there is no text of a number.
    pub fn labels(&mut self, labels: &[(usize, usize)]) -> Result<(), GroupError> {
        let labels = labels_of(&self.texts, labels)?;
        self.batch.values(labels)
    }

    /// Closes the open group.
    ///
    /// # Errors
    /// [`GroupError::NotOpen`], or [`GroupError::TooLarge`], which drops the group.
    pub fn end(&mut self) -> Result<(), GroupError> {
        self.batch.end()
    }

    /// The groups, in the order in which they were added. A group that is still open is dropped.
    pub fn finish(self) -> Vec<Group> {
        *self.room = Room::of(self.texts);
        self.batch.finish()
    }
}

impl Value for &Text<'_> {
    fn text(&self) -> &str {
        self.text
    }

    fn symbol(&self) -> Option<Symbol> {
        self.symbol.get()
    }

    fn learn(&self, symbol: Symbol) {
        self.symbol.set(Some(symbol));
    }
}

/// The labels of these numbers.
fn labels_of<'t, 'a>(
    texts: &'t [Text<'a>],
    labels: &[(usize, usize)],
) -> Result<impl Iterator<Item = (&'a str, &'t Text<'a>)>, GroupError> {
    let mut numbers = labels.iter().flat_map(|&(name, value)| [name, value]);
    match numbers.find(|number| *number >= texts.len()) {
        Some(number) => Err(GroupError::UnknownText { number }),
        None => Ok(labels
            .iter()
            .filter_map(|&(name, value)| Some((texts.get(name)?.text, texts.get(value)?)))),
    }
}

/// A list that is collected from what another one was is written over it.
impl Room {
    fn of(mut texts: Vec<Text<'_>>) -> Self {
        texts.clear();
        let place = |text: Text<'_>| Place {
            text: "",
            symbol: text.symbol.get(),
        };
        Self(texts.into_iter().map(place).collect())
    }

    fn into_texts<'a>(self) -> Vec<Text<'a>> {
        let text = |place: Place| Text {
            text: place.text,
            symbol: Cell::new(place.symbol),
        };
        self.0.into_iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Encoder;

    /// A group: its labels, and those of its targets, as numbers of texts.
    type Numbers = (Vec<(usize, usize)>, Vec<Vec<(usize, usize)>>);

    const TEXTS: [&str; 8] = [
        "__address__",
        "zone",
        "a",
        "",
        "long enough to be shared",
        "b:9100",
        "rack",
        "c",
    ];

    fn labels() -> impl Strategy<Value = Vec<(usize, usize)>> {
        // A label has a name.
        let name = (0..TEXTS.len()).prop_filter("no name", |name| !TEXTS[*name].is_empty());
        prop::collection::vec((name, 0..TEXTS.len()), 0..4)
    }

    fn batches() -> impl Strategy<Value = Vec<Vec<Numbers>>> {
        let group = (labels(), prop::collection::vec(labels(), 0..4));
        prop::collection::vec(prop::collection::vec(group, 0..40), 1..4)
    }

    proptest! {
        /// By number or as they stand: the groups are the same, and so is what the batches after them share.
        #[test]
        fn groups_are_those_of_the_texts(batches in batches()) {
            let (mut numbered, mut plain) = (Encoder::new(), Encoder::new());
            for groups in batches {
                let mut by_number = numbered.numbered_batch();
                for text in TEXTS {
                    by_number.add_text(text);
                }
                let mut as_text = plain.batch();
                for (at, (shared, targets)) in groups.iter().enumerate() {
                    let source = format!("hosts:{at}");
                    by_number.begin(&source).expect("it fits");
                    by_number.group_labels(shared).expect("it fits");
                    for target in targets {
                        by_number.begin_target().expect("it fits");
                        by_number.labels(target).expect("it fits");
                    }
                    by_number.end().expect("it fits");
                    let texts = |labels: &[(usize, usize)]| -> Vec<(&str, &str)> {
                        labels.iter().map(|&(name, value)| (TEXTS[name], TEXTS[value])).collect()
                    };
                    as_text
                        .group(&source, texts(shared), targets.iter().map(|target| texts(target)))
                        .expect("it fits");
                }
                prop_assert_eq!(by_number.finish(), as_text.finish());
            }
        }
    }

    #[test]
    fn a_number_without_a_text_is_an_error() {
        let mut encoder = Encoder::new();
        let mut batch = encoder.numbered_batch();
        let name = batch.add_text("zone");
        assert!(batch.has_text(name) && !batch.has_text(1));
        batch.begin("a").expect("it fits");
        assert_eq!(
            batch.group_labels(&[(name, 1)]),
            Err(GroupError::UnknownText { number: 1 })
        );
        batch.begin_target().expect("it fits");
        assert_eq!(batch.labels(&[(7, name)]), Err(GroupError::UnknownText { number: 7 }));
        // Its room is the next one's, and has nothing in it.
        batch.finish();
        assert!(!encoder.numbered_batch().has_text(0));
    }

    #[test]
    fn room_serves_again() {
        let text = |text| Text {
            text,
            symbol: Cell::new(Some(1)),
        };
        let texts: Vec<_> = core::iter::repeat_n("a", 100).map(text).collect();
        let before = texts.capacity();
        let room = Room::of(texts);
        assert_eq!((room.0.len(), room.0.capacity()), (0, before));
        assert_eq!(room.into_texts().capacity(), before);
    }
}
