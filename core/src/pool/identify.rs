//! What the labels of a target say about it in the end: whether it can be scraped, what it is,
//! and which limits it exceeds.
//!
//! **What depends on names alone is worked out once for each layout that rules end with.**
//!
//! A target's identity is a sum over its labels, modulo 2¹²⁸, of the product of two 64-bit hashes
//! of the value, each mixed with one of the name:
//!
//! ```text
//!  identity = spread(  (a(value₁) ⊕ a(name₁)) × (b(value₁) ⊕ b(name₁))
//!                    + (a(value₂) ⊕ a(name₂)) × (b(value₂) ⊕ b(name₂))  + …  mod 2¹²⁸ )
//! ```
//!
//! The same with hashes of 4 bits, and a sum modulo 2⁸. Of `a:1` they are 3 and 5, of `node` 7 and 2,
//! of the name `instance` 9 and 4, of `job` 1 and 12:
//!
//! ```text
//!  instance="a:1", job="node"    (3⊕9)×(5⊕4) + (7⊕1)×(2⊕12) = 10×1 + 6×14 =  94
//!  job="node", instance="a:1"    the same: a sum has no order
//!  instance="node", job="a:1"    (7⊕9)×(2⊕4) + (3⊕1)×(5⊕12) = 14×6 + 2×9  = 102
//! ```
//!
//! So it has what relabelling needs:
//!
//! - The order of labels does not matter, and they need not be sorted.
//! - A value is hashed once, however many targets have it, and a name once for each layout; a label
//!   costs two ⊕ and a product.
//! - What mostly stays the same (the labels that a job gives all its targets) is one number that is
//!   added ([`Terms::usual_sum`]).
//! - Which value stands with which name counts, because both go into the product before the sum.
//!
//! The sum is spread at the end, so that each half of it depends on all of it: tables find an identity
//! by one half.

use super::alike::SeriesKey;
use super::fate::{InvalidTarget, TargetId, TargetLimit};
use super::job::{FLAGS, Job};
use crate::hash;
use crate::relabel::{Draft, LayoutId, Layouts, TextId, Texts};

/// The numbers of the texts that a job gives its targets: most targets have those, and they are
/// known to be fit.
#[derive(Debug, Default)]
pub(super) struct Usual {
    texts: Vec<(String, TextId)>,
    interval: Option<TextId>,
    timeout: Option<TextId>,
    flags: [Option<TextId>; 3],
    /// What the labels that do not reach the samples add to an identity.
    hidden_sum: u128,
}

impl Usual {
    pub(super) fn new(job: &Job, texts: &mut Texts) -> Self {
        let defaults = job.defaults.iter();
        let numbered = defaults.filter_map(|(name, value)| Some((name.clone(), texts.number(value)?)));
        let mut usual = Self {
            texts: numbered.collect(),
            ..Self::default()
        };
        usual.interval = usual.text("__scrape_interval__");
        usual.timeout = usual.text("__scrape_timeout__");
        usual.flags = FLAGS.map(|name| usual.text(name));
        let hidden = job.defaults.iter().filter(|(name, _)| name.starts_with("__"));
        let terms = hidden.map(|(name, value)| term(hash::wide(value.as_bytes()), keys(name)));
        usual.hidden_sum = terms.fold(0, u128::wrapping_add);
        usual
    }

    /// The text of the label `name`, if the job gives it one.
    pub(super) fn text(&self, name: &str) -> Option<TextId> {
        let mut texts = self.texts.iter();
        texts.find(|(other, _)| other == name).map(|(_, text)| *text)
    }
}

/// What there is to know about the targets of one layout.
#[derive(Debug)]
pub(super) struct End {
    address: Option<u32>,
    interval: Option<u32>,
    timeout: Option<u32>,
    flags: [Option<u32>; 3],
    /// The labels besides the address that say where a target is scraped.
    endpoint: Terms,
    /// The labels that reach the samples.
    samples: Terms,
    /// The other labels that stay.
    others: Terms,
    instance: Option<u32>,
    address_keys: [u64; 2],
    /// If there is no `instance`: it will be the address.
    instance_keys: Option<[u64; 2]>,
    /// Where the labels stand that reach the samples.
    public: Box<[u32]>,
    public_count: u64,
    longest_name: u64,
}

/// Labels that stay, and what they add to an identity.
#[derive(Debug)]
struct Terms {
    labels: Box<[Kept]>,
    /// Those that mostly have the value that their job gives them, and that value.
    usual: Box<[(Kept, TextId)]>,
    /// What they add then.
    usual_sum: u128,
}

/// A label that stays.
#[derive(Debug, Clone, Copy)]
struct Kept {
    slot: u32,
    /// Of the name.
    keys: [u64; 2],
}

impl Terms {
    fn of<'n>(texts: &Texts, usual: &Usual, labels: impl Iterator<Item = (&'n str, u32)>) -> Self {
        let (mut others, mut known) = (Vec::new(), Vec::new());
        for (name, slot) in labels {
            let kept = Kept { slot, keys: keys(name) };
            match usual.text(name) {
                Some(text) => known.push((kept, text)),
                None => others.push(kept),
            }
        }
        let terms = known.iter().map(|(kept, text)| term(texts.hash(*text), kept.keys));
        Self {
            usual_sum: terms.fold(0, u128::wrapping_add),
            labels: others.into(),
            usual: known.into(),
        }
    }

    #[inline]
    fn sum(&self, texts: &Texts, draft: &Draft<'_>) -> u128 {
        let term_of = |sum: u128, kept: &Kept| sum.wrapping_add(term(draft.hash(texts, kept.slot), kept.keys));
        let is_usual = |(kept, text): &(Kept, TextId)| draft.number(kept.slot) == Some(*text);
        let usual = if self.usual.iter().all(is_usual) {
            self.usual_sum
        } else {
            self.usual.iter().map(|(kept, _)| kept).fold(0, term_of)
        };
        self.labels.iter().fold(usual, term_of)
    }
}

impl End {
    pub(super) fn of(layouts: &Layouts, texts: &Texts, usual: &Usual, layout: LayoutId) -> Self {
        let slot = |name: &str| layouts.slot(layout, name);
        let kept = || {
            let labels = layouts.labels(layout).iter();
            let names = labels.map(|label| (layouts.text(label.name), label.slot));
            names.filter(|(name, _)| !name.starts_with("__meta_") && *name != "__address__")
        };
        let is_endpoint =
            |name: &str| matches!(name, "__scheme__" | "__metrics_path__") || name.starts_with("__param_");
        let public = || kept().filter(|(name, _)| !name.starts_with("__"));
        let hidden = || kept().filter(|(name, _)| name.starts_with("__"));
        let implied = slot("instance").is_none().then_some("instance");
        let public_names = || public().map(|(name, _)| name).chain(implied);
        Self {
            address: slot("__address__"),
            interval: slot("__scrape_interval__"),
            timeout: slot("__scrape_timeout__"),
            flags: FLAGS.map(slot),
            endpoint: Terms::of(texts, usual, kept().filter(|(name, _)| is_endpoint(name))),
            samples: Terms::of(texts, usual, public()),
            others: Terms::of(texts, usual, hidden().filter(|(name, _)| !is_endpoint(name))),
            instance: slot("instance"),
            address_keys: keys("__address__"),
            instance_keys: implied.map(keys),
            public_count: public_names().count() as u64,
            longest_name: public_names().map(str::len).max().unwrap_or(0) as u64,
            public: public()
                .map(|(_, slot)| slot)
                .chain(implied.and(slot("__address__")))
                .collect(),
        }
    }

    /// Whether the target can be scraped.
    pub(super) fn check(
        &self,
        job: &Job,
        usual: &Usual,
        texts: &Texts,
        draft: &Draft<'_>,
    ) -> Result<(), InvalidTarget> {
        let value = |slot: Option<u32>| slot.map_or("", |slot| draft.value(texts, slot));
        let is = |slot: Option<u32>, text: Option<TextId>| {
            text.is_some() && slot.and_then(|slot| draft.number(slot)) == text
        };
        // What is there is not empty.
        let Some(address) = self.address else {
            return Err(InvalidTarget::NoAddress);
        };
        if draft.has_byte(texts, address, b'/') {
            return Err(InvalidTarget::AddressWithPath);
        }
        if is(self.interval, usual.interval) && is(self.timeout, usual.timeout) {
            job.pace?;
        } else {
            job.check_pace(value(self.interval), value(self.timeout))?;
        }
        for ((&slot, text), name) in self.flags.iter().zip(usual.flags).zip(FLAGS) {
            if !is(slot, text) && !is_flag(value(slot)) {
                return Err(InvalidTarget::Flag(name));
            }
        }
        Ok(())
    }

    /// The target's identity, a hash of where it is scraped, and what its series are known by.
    #[inline]
    pub(super) fn identify(
        &self,
        job: &Job,
        usual: &Usual,
        texts: &Texts,
        draft: &Draft<'_>,
    ) -> (TargetId, u64, SeriesKey) {
        let address = self.address.map_or([0; 2], |slot| draft.hash(texts, slot));
        let (of_endpoint, others) = (self.endpoint.sum(texts, draft), self.others.sum(texts, draft));
        let endpoint = job
            .params
            .wrapping_add(term(address, self.address_keys))
            .wrapping_add(of_endpoint);
        let instance = self.instance_keys.map_or(0, |keys| term(address, keys));
        let samples = instance.wrapping_add(self.samples.sum(texts, draft));
        let all = endpoint.wrapping_add(samples).wrapping_add(others);
        let [endpoint, _] = spread(endpoint);
        // 47 bits of it: who tells of two targets that look alike compares their labels.
        let labels = ((samples >> 64) as u64 ^ samples as u64) >> 17;
        // By values alone: the same target can come with its `instance` and without.
        let is_by_address = self.instance.is_none_or(|slot| draft.hash(texts, slot) == address);
        let is_plain = is_by_address && of_endpoint.wrapping_add(others) == usual.hidden_sum;
        (TargetId(spread(all)), endpoint, SeriesKey::new(labels, is_plain))
    }

    /// The limit of labels that the target exceeds.
    pub(super) fn over(&self, job: &Job, texts: &Texts, draft: &Draft<'_>) -> Option<TargetLimit> {
        let limits = &job.options.limits;
        if limits.labels.is_some_and(|limit| self.public_count > limit.get()) {
            return Some(TargetLimit::Labels);
        }
        if limits
            .label_name_length
            .is_some_and(|limit| self.longest_name > limit.get())
        {
            return Some(TargetLimit::LabelNameLength);
        }
        let limit = limits.label_value_length?.get();
        let is_over = |slot: &u32| draft.value(texts, *slot).len() as u64 > limit;
        self.public.iter().any(is_over).then_some(TargetLimit::LabelValueLength)
    }
}

/// What a label adds to an identity.
#[inline]
pub(super) fn term([a, b]: [u64; 2], [key_a, key_b]: [u64; 2]) -> u128 {
    u128::from(a ^ key_a).wrapping_mul(u128::from(b ^ key_b))
}

fn keys(name: &str) -> [u64; 2] {
    hash::wide(name.as_bytes())
}

/// Spreads a sum over both halves. No two sums become one.
fn spread(sum: u128) -> [u64; 2] {
    let mix = |x: u64| {
        let product = u128::from(x ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xf39c_c060_5ced_c835);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (mut low, mut high) = (sum as u64, (sum >> 64) as u64);
    for _ in 0..2 {
        low ^= mix(high);
        high ^= mix(low);
    }
    [low, high]
}

/// Absent, or a boolean as Go reads it.
fn is_flag(text: &str) -> bool {
    matches!(
        text,
        "" | "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"
    )
}
