//! What one replica of a backend shows of one service.
//!
//! Rows are in a persistent map: an answer, a cache and a point in history are clones that cost
//! nothing, and what changed between two of them costs what changed. **A view's version moves if
//! and only if its rows do**, so whoever has seen a version knows without looking that nothing
//! is new.

use imbl::OrdMap;

use crate::HostId;
use crate::world::truth::Row;

pub(crate) type Rows = OrdMap<HostId, Row>;

/// One service as one replica shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) version: u64,
    pub(crate) rows: Rows,
}

impl View {
    /// Shows a host as of `version`; says whether that is news.
    pub(crate) fn show(&mut self, host: HostId, row: Option<Row>) -> bool {
        let news = match row {
            Some(row) => self.rows.insert(host, row) != Some(row),
            None => self.rows.remove(&host).is_some(),
        };
        self.version += u64::from(news);
        news
    }
}
