//! What is kept over a restart.

use super::exposition::{Exposition, Kind, count};
use crate::app::App;
use crate::state::Written;

/// How writing it fares, if it is written.
pub(super) fn state(out: &mut Exposition, app: &App) {
    let Some(status) = &app.state else { return };
    let (clock, all) = (app.wall_clock(), status.all());
    let each = |out: &mut Exposition, name: &str, kind, help: &str, value: &dyn Fn(&Written) -> Option<f64>| {
        let mut family = out.family(name, kind, help);
        for (manager, written) in &all {
            if let Some(value) = value(written) {
                family.sample(&[("name", manager)], value);
            }
        }
    };
    each(
        out,
        "headcount_state_failing",
        Kind::Gauge,
        "Whether what is found could not be saved the last time.",
        &|written| Some(f64::from(u8::from(written.is_failing))),
    );
    each(
        out,
        "headcount_state_last_write_timestamp_seconds",
        Kind::Gauge,
        "When all that had been found was saved, as a Unix timestamp; absent until then.",
        &|written| written.last.map(|at| clock.unix_seconds(at)),
    );
    each(
        out,
        "headcount_state_written_bytes_total",
        Kind::Counter,
        "Bytes that were written to save what is found.",
        &|written| Some(count(written.bytes)),
    );
    each(
        out,
        "headcount_state_failures_total",
        Kind::Counter,
        "Times that what is found could not be saved.",
        &|written| Some(count(written.failures)),
    );
}
