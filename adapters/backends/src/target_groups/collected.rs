//! One entry, held until it ends: which of its fields count is known then only.

use super::Counts;

/// What an entry has so far.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// What the batch has of the list's beginning.
    pub(super) written: Counts,
    pub(super) labels: Vec<(String, String)>,
    /// The addresses of the last `targets`, and behind them what is left of those before.
    addresses: Vec<String>,
    count: usize,
}

impl Collected {
    /// For a list of which the batch has this much.
    pub(super) fn after(written: Counts) -> Self {
        Self {
            written,
            ..Self::default()
        }
    }

    pub(super) fn begin(&mut self) {
        self.labels.clear();
        self.no_targets();
    }

    /// Forgets what the field of this name was before.
    pub(super) fn field(&mut self, name: &str) {
        match name {
            "labels" => self.labels.clear(),
            _ => self.count = 0,
        }
    }

    /// Adds an address. **`null` leaves what stood in its place**: Go decodes a list into the memory of the one before.
    pub(super) fn target(&mut self, address: Option<&str>) {
        match (self.addresses.get_mut(self.count), address) {
            (Some(_), None) => {}
            (Some(place), Some(address)) => address.clone_into(place),
            (None, address) => self.addresses.push(address.unwrap_or_default().to_owned()),
        }
        self.count += 1;
    }

    /// `[]` and `null` leave nothing.
    pub(super) fn no_targets(&mut self) {
        self.addresses.clear();
        self.count = 0;
    }

    pub(super) fn targets(&self) -> &[String] {
        self.addresses.get(..self.count).unwrap_or_default()
    }
}
