//! Target groups: what discoverers find, stored compactly.
//!
//! A [`Group`] is one allocation. It holds its source, the labels that its targets share, and
//! its targets in sorted order, as bytes: strings that occur in many targets are symbols of a
//! [dictionary](dictionary), strings that occur once stand in the bytes themselves. **Two groups
//! are equal when they read the same, however they are encoded.** Groups are immutable, cloning
//! one copies a pointer, and they are made by an [`Encoder`] only.
//!
//! # The bytes of a group
//! Two targets of the source `racks.json:0`, with the shared label `rack="1"`:
//!
//! ```text
//!  Group ─▶ reference count   header: dictionary, labels_at = 56, target_count = 2   length = 60
//!       0   0c racks.json:0                  the source: its length, its text
//!      13   13                               a target: how many bytes follow
//!      14      01                            its shape: number 1 is [__address__, zone]
//!      15      1a 10.0.0.1:9100              a value that stands here: its length × 2, its text
//!      29      06 eu1                        the same; it is the first `eu1` of the batch
//!      33   10                               a target
//!      34      01                            the same shape
//!      35      1a 10.0.0.2:9100
//!      49      07                            a value that is shared: symbol 3, as 3 × 2 + 1
//!      50   …
//! ```
//!
//! Numbers take one byte up to 127, and more beyond ([codec]). A *shape* is the sorted list of a set's
//! names and has a number, so a target has no name in it, and a value that repeats costs a byte. What is
//! read most, the targets, stands in one piece, in order; a reader skips one by its length. The shared
//! labels come last, because an encoder that streams knows them last.
//!
//! The dictionary says what symbols and shapes are:
//!
//! ```text
//!  symbols   0 rack   1 __address__   2 zone   3 eu1
//!  shapes    0 []     1 [1, 2]        2 [0]
//! ```
//!
//! It is shared by all groups of a batch, and by those of later batches that add nothing to it.

mod codec;
mod dictionary;
mod encoder;
mod labels;
mod raw;

use core::cmp::Ordering;
use core::fmt;

use triomphe::{Arc, ThinArc};

use dictionary::Dictionary;

pub use encoder::{Batch, Encoder, GroupError, MAX_NAME_BYTES, MAX_SOURCE_BYTES, MAX_VALUE_BYTES, NumberedBatch};
pub use labels::{LabelSet, Labels, Targets};
pub(crate) use raw::{Lineage, RawValue};

/// Targets that share labels and come from one source: the unit of update.
///
/// ```
/// use headcount_core::Encoder;
///
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// let targets = [[("__address__", "10.0.0.2:9100")], [("__address__", "10.0.0.1:9100")]];
/// batch.group("racks.json:0", [("rack", "1")], targets)?;
/// let groups = batch.finish();
///
/// assert_eq!(groups[0].source(), "racks.json:0");
/// assert_eq!(groups[0].labels().get("rack"), Some("1"));
/// // Targets are kept sorted, so the order in which a backend lists them does not matter.
/// let first = groups[0].targets().next();
/// assert_eq!(first.and_then(|target| target.get("__address__")), Some("10.0.0.1:9100"));
/// # Ok::<(), headcount_core::GroupError>(())
/// ```
#[derive(Clone)]
pub struct Group(ThinArc<Header, u8>);

/// Bytes that are fetched at once. Where it is another number, more is looked at than needed, or less.
const CACHE_LINE: usize = 64;

/// The bytes behind it are the source, the targets, and the set of shared labels, in that order:
/// an encoder can write them as they come.
struct Header {
    dictionary: Arc<Dictionary>,
    /// Where the shared labels start.
    labels_at: u32,
    target_count: u32,
}

impl Group {
    /// A group without targets: as an update it removes its source (S04).
    pub fn empty(source: &str) -> Self {
        let mut bytes = Vec::new();
        labels::push_source(&mut bytes, encoder::within(source, MAX_SOURCE_BYTES));
        let labels_at = u32::try_from(bytes.len()).unwrap_or(0);
        labels::push_empty(&mut bytes);
        Self::new(Arc::new(Dictionary::new()), labels_at, 0, &bytes)
    }

    /// What the group came from, unique within its provider.
    pub fn source(&self) -> &str {
        labels::take_source(&mut &self.0.slice).unwrap_or_default()
    }

    /// A fixed hash of the source, the same in every process and on every platform: for who keeps many sources, and looks
    /// their groups up with [`Groups::of_hash`](crate::Groups::of_hash).
    pub fn source_hash(&self) -> u64 {
        crate::store::key_of(self)
    }

    /// The source's bytes: to compare it with another, they need not be known to be text.
    pub(crate) fn source_bytes(&self) -> &[u8] {
        labels::take_source_bytes(&mut &self.0.slice).unwrap_or_default()
    }

    /// Fetches the group's memory: who reads groups one after the other waits for each.
    pub(crate) fn touch(&self) {
        let lines = self.0.slice.iter().step_by(CACHE_LINE);
        core::hint::black_box(lines.fold(0, |sum: u8, byte| sum ^ byte));
    }

    /// The labels that all targets share, unless a target says otherwise.
    pub fn labels(&self) -> LabelSet<'_> {
        let header = &self.0.header.header;
        let mut bytes = self.0.slice.get(header.labels_at as usize..).unwrap_or_default();
        LabelSet::read(&header.dictionary, &mut bytes).unwrap_or(LabelSet::EMPTY)
    }

    /// The targets, sorted; each with its own labels only.
    pub fn targets(&self) -> Targets<'_> {
        let mut bytes = &self.0.slice;
        labels::take_source_bytes(&mut bytes);
        Targets::new(&self.0.header.header.dictionary, bytes, self.target_count())
    }

    /// How many targets there are.
    pub fn target_count(&self) -> usize {
        self.0.header.header.target_count as usize
    }

    /// Bytes that the group takes, without what it shares with others.
    pub fn size_bytes(&self) -> usize {
        size_of::<usize>()
            .saturating_mul(2)
            .saturating_add(size_of::<Header>())
            .saturating_add(self.0.slice.len())
    }

    /// Whether this very group is held by somebody else, too: for who keeps groups as long as they are of use.
    ///
    /// ```
    /// # let group = headcount_core::Group::empty("racks.json:0");
    /// assert!(!group.is_held_elsewhere());
    /// let other = group.clone();
    /// assert!(group.is_held_elsewhere());
    /// # drop(other);
    /// ```
    pub fn is_held_elsewhere(&self) -> bool {
        ThinArc::strong_count(&self.0) > 1
    }

    /// The same labels and targets, from another source; a longer one is cut to [`MAX_SOURCE_BYTES`].
    ///
    /// ```
    /// # use headcount_core::Encoder;
    /// # let mut encoder = Encoder::new();
    /// # let mut batch = encoder.batch();
    /// # batch.group("racks.json:0", [("rack", "1")], [[("__address__", "10.0.0.1:9100")]])?;
    /// # let groups = batch.finish();
    /// let moved = groups[0].with_source("racks.json:7");
    /// assert_eq!(moved.source(), "racks.json:7");
    /// assert!(moved != groups[0] && moved.same_content(&groups[0]));
    /// # Ok::<(), headcount_core::GroupError>(())
    /// ```
    pub fn with_source(&self, source: &str) -> Self {
        let header = &self.0.header.header;
        let content = self.content_bytes();
        let mut bytes = Vec::with_capacity(source.len().saturating_add(content.len()).saturating_add(4));
        labels::push_source(&mut bytes, encoder::within(source, MAX_SOURCE_BYTES));
        // Only the source is of another length; the labels stand as far from the end as before.
        let from_end = self.0.slice.len().saturating_sub(header.labels_at as usize);
        bytes.extend_from_slice(content);
        let labels_at = u32::try_from(bytes.len().saturating_sub(from_end)).unwrap_or(0);
        Self::new(header.dictionary.clone(), labels_at, header.target_count, &bytes)
    }

    /// Whether both have the same labels and targets, whatever their sources.
    pub fn same_content(&self, other: &Self) -> bool {
        if self.target_count() != other.target_count() {
            return false;
        }
        // Within a lineage the same bytes mean the same. Other bytes may, too: a string that was
        // new to the first group can be a symbol in the second.
        let from_end = |group: &Self| {
            group
                .0
                .slice
                .len()
                .saturating_sub(group.0.header.header.labels_at as usize)
        };
        let same_bytes = from_end(self) == from_end(other) && self.content_bytes() == other.content_bytes();
        if same_bytes && self.same_lineage(other) {
            return true;
        }
        self.labels() == other.labels() && self.targets().eq(other.targets())
    }

    /// What follows the source.
    fn content_bytes(&self) -> &[u8] {
        let mut bytes = &self.0.slice;
        labels::take_source_bytes(&mut bytes);
        bytes
    }

    /// Whether symbols mean the same in both groups.
    pub(crate) fn same_lineage(&self, other: &Self) -> bool {
        self.0
            .header
            .header
            .dictionary
            .same_lineage(&other.0.header.header.dictionary)
    }

    /// Gives a group that nobody else has yet a dictionary that continues its own.
    fn set_dictionary(&mut self, dictionary: &Arc<Dictionary>) {
        self.0.with_arc_mut(|group| {
            if let Some(group) = Arc::get_mut(group) {
                group.header_mut().dictionary = dictionary.clone();
            }
        });
    }

    fn new(dictionary: Arc<Dictionary>, labels_at: u32, target_count: u32, bytes: &[u8]) -> Self {
        Self(ThinArc::from_header_and_slice(
            Header {
                dictionary,
                labels_at,
                target_count,
            },
            bytes,
        ))
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        // A backend that finds nothing new gives the very groups that it gave before.
        if core::ptr::eq(self.0.ptr(), other.0.ptr()) {
            return true;
        }
        let (a, b) = (&self.0.header.header, &other.0.header.header);
        if a.labels_at == b.labels_at && self.0.slice == other.0.slice && self.same_lineage(other) {
            return true;
        }
        self.source_bytes() == other.source_bytes() && self.same_content(other)
    }
}

impl Eq for Group {}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Group {
    /// By source, then labels, then targets.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_source = self.source().cmp(other.source());
        by_source
            .then_with(|| self.labels().cmp(&other.labels()))
            .then_with(|| self.targets().cmp(other.targets()))
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Group");
        out.field("source", &self.source()).field("labels", &self.labels());
        out.field("targets", &self.targets().collect::<Vec<_>>()).finish()
    }
}
