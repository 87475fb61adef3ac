//! A list in which fields are there more than once: **the last of equal fields counts**, as in Go, so each entry is held
//! until it ends.

use serde::de::Error;

use super::Counts;
use super::sink::{Receiver, Sink};

/// Reads a list once more for a sink that refused a field which an entry has twice.
pub(super) struct LastOfEqual<'l, 's, 'e> {
    sink: &'l mut Sink<'s, 'e>,
    /// What the batch has of the list's beginning, and is not written again.
    written: Counts,
    labels: Vec<(String, String)>,
    /// The addresses of the last `targets`, and behind them what is left of those before.
    addresses: Vec<String>,
    count: usize,
}

impl<'l, 's, 'e> LastOfEqual<'l, 's, 'e> {
    pub(super) fn new(sink: &'l mut Sink<'s, 'e>) -> Self {
        Self {
            written: sink.restart(),
            sink,
            labels: Vec::new(),
            addresses: Vec::new(),
            count: 0,
        }
    }
}

impl Receiver for LastOfEqual<'_, '_, '_> {
    fn expect_entry(&mut self) {
        self.sink.expect_entry();
    }

    fn begin<E: Error>(&mut self) -> Result<(), E> {
        self.labels.clear();
        self.no_targets();
        Ok(())
    }

    /// Forgets what the field was before.
    fn field<E: Error>(&mut self, name: &'static str, _: bool) -> Result<(), E> {
        match name {
            "labels" => self.labels.clear(),
            _ => self.count = 0,
        }
        Ok(())
    }

    /// **`null` leaves what stood in its place**: Go decodes a list into the memory of the one before.
    fn target<E: Error>(&mut self, address: Option<&str>) -> Result<(), E> {
        match (self.addresses.get_mut(self.count), address) {
            (Some(_), None) => {}
            (Some(place), Some(address)) => address.clone_into(place),
            (None, address) => self.addresses.push(address.unwrap_or_default().to_owned()),
        }
        self.count += 1;
        Ok(())
    }

    fn no_targets(&mut self) {
        self.addresses.clear();
        self.count = 0;
    }

    fn label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        self.labels.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn end<E: Error>(&mut self) -> Result<(), E> {
        if self.sink.done().groups < self.written.groups {
            self.sink.pass_over(self.count);
            return Ok(());
        }
        self.sink.begin()?;
        for address in self.addresses.iter().take(self.count) {
            self.sink.target(Some(address))?;
        }
        for (name, value) in &self.labels {
            self.sink.label(name, value)?;
        }
        self.sink.end()
    }
}
