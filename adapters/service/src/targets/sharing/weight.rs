//! What a target weighs, by its label that says so.
//!
//! It is read after relabelling, so that a rule can give it to the targets of a job. **What is no whole number says nothing**: the
//! target counts as a typical one of its job, as does one without the label.

use headcount_config::MemberStrategy;
use headcount_core::TargetPool;
use headcount_core::allocation::{TargetKey, WeightClass};

use super::Shared;
use super::ids::JobTargets;

impl Shared {
    pub(super) fn is_weighted(&self) -> bool {
        matches!(self.settings.strategy, MemberStrategy::Weighted { .. })
    }

    /// What a target counts as, where targets have weights.
    pub(super) fn weight_of(&self, key: TargetKey) -> Option<u64> {
        let class = self.is_weighted().then(|| self.shares.class(key))?;
        class.map(WeightClass::weight)
    }

    /// What targets of a job weigh, as they are in `targets`; of several with one key, the heaviest. Nothing where targets have no
    /// weights.
    pub(super) fn weights(
        &self,
        pool: &TargetPool,
        targets: &JobTargets,
        keys: impl Iterator<Item = TargetKey>,
    ) -> Vec<(TargetKey, Option<WeightClass>)> {
        let MemberStrategy::Weighted { label } = &self.settings.strategy else {
            return Vec::new();
        };
        let mut reader = pool.reader();
        let mut weight = |key: TargetKey| {
            let views = pool.find(targets.ids(key).iter().copied());
            let weights = views.filter_map(|view| reader.read(&view, |labels| weight_in(labels.get(label)?))?);
            weights.max().map(WeightClass::of)
        };
        keys.map(|key| (key, weight(key))).collect()
    }
}

/// The weight that a text says.
fn weight_in(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
