//! Hosts as target groups, and back.
//!
//! Each target carries a stamp, the label [`STAMP`], that says which host it shows as of which
//! version, so that what the receiver has can be held against the truth.

use headcount_core::{Batch, Encoder, Group, GroupError, LabelSet};

use crate::plan::Sees;
use crate::world::truth::Row;
use crate::{BackendKind, HostId, Looks, ServiceId};

/// The label by which a target says which host it shows, as of which version: `12.3` is host 12
/// after its third change.
pub const STAMP: &str = "__meta_sim_stamp";

/// An encoder of one discoverer's groups. A copy of a run starts a lineage of its own.
#[derive(Debug, Default)]
pub(crate) struct OwnEncoder(Encoder);

impl Clone for OwnEncoder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Which of a discoverer's groups a host is in. Lists have a group a zone, what notifies of single
/// objects has a group an object.
pub(crate) fn source_of(kind: BackendKind, host: HostId, row: &Row) -> u32 {
    match kind {
        BackendKind::Static | BackendKind::File | BackendKind::Dns => 0,
        BackendKind::Http | BackendKind::Consul => row.looks.zone,
        BackendKind::Kubernetes | BackendKind::Zookeeper | BackendKind::Push => host.0,
    }
}

/// Whether each host is in a group of its own, whose source is the host's number.
pub(crate) const fn is_per_object(kind: BackendKind) -> bool {
    matches!(
        kind,
        BackendKind::Kubernetes | BackendKind::Zookeeper | BackendKind::Push
    )
}

/// The address at which a host is scraped.
pub(crate) fn address(looks: &Looks) -> String {
    let [a, b, c, d] = looks.address.to_be_bytes();
    format!("{a}.{b}.{c}.{d}:9100")
}

/// The name of a source.
pub(crate) fn source_name(kind: BackendKind, service: ServiceId, source: u32) -> String {
    format!("{}/{}/{source}", kind.word(), service.0)
}

/// The version of the host that a target shows: who sees only addresses sees no change of labels.
pub(crate) fn visible_version(sees: Sees, row: &Row) -> u32 {
    match sees {
        Sees::Addresses => row.incarnation,
        Sees::Labels => row.version,
    }
}

impl OwnEncoder {
    /// Makes one group of the hosts that are in it, and says how many bytes its labels have.
    pub(crate) fn group<'a>(
        &mut self,
        kind: BackendKind,
        service: ServiceId,
        source: u32,
        rows: impl IntoIterator<Item = (&'a HostId, &'a Row)>,
    ) -> (Group, u64) {
        let name = source_name(kind, service, source);
        let mut batch = self.0.batch();
        // Names and values are short, so nothing is ever left out.
        let bytes = write(&mut batch, kind, service, &name, rows).unwrap_or(0);
        (batch.finish().pop().unwrap_or_else(|| Group::empty(&name)), bytes)
    }
}

fn write<'a>(
    batch: &mut Batch<'_>,
    kind: BackendKind,
    service: ServiceId,
    name: &str,
    rows: impl IntoIterator<Item = (&'a HostId, &'a Row)>,
) -> Result<u64, GroupError> {
    let (mut value, mut bytes) = (Text(String::with_capacity(64)), 0);
    batch.begin(name)?;
    if kind != BackendKind::Dns {
        batch.group_label("__meta_sim_service", value.of("service-").number(service.0).as_str())?;
    }
    for (host, row) in rows {
        let looks = &row.looks;
        batch.begin_target()?;
        let mut label = |name: &str, value: &Text| {
            bytes += (name.len() + value.as_str().len()) as u64;
            batch.label(name, value.as_str())
        };
        let [a, b, c, d] = looks.address.to_be_bytes().map(u32::from);
        value.of("").number(a).text(".").number(b).text(".").number(c).text(".");
        label("__address__", value.number(d).text(":9100"))?;
        if kind != BackendKind::Dns {
            for number in 0..looks.labels {
                label(&format!("__meta_sim_label_{number}"), value.of("on"))?;
            }
            label("__meta_sim_name", value.of("host-").number(looks.name))?;
            label("__meta_sim_release", value.of("r").number(looks.release))?;
        }
        let version = visible_version(Sees::of(kind), row);
        label(STAMP, value.of("").number(host.0).text(".").number(version))?;
        if kind != BackendKind::Dns {
            label("__meta_sim_zone", value.of("zone-").number(looks.zone))?;
        }
    }
    batch.end()?;
    Ok(bytes)
}

/// A value in the making. Values are most of what a run writes, and formatting them costs more
/// than encoding them.
#[derive(Debug)]
struct Text(String);

impl Text {
    /// Starts again with this.
    fn of(&mut self, start: &str) -> &mut Self {
        self.0.clear();
        self.text(start)
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        let mut digits = [b'0'; 10];
        let (mut rest, mut first) = (number, digits.len());
        while rest > 0 || first == digits.len() {
            first -= 1;
            digits[first] += (rest % 10) as u8;
            rest /= 10;
        }
        for digit in &digits[first..] {
            self.0.push(char::from(*digit));
        }
        self
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host and its version that a target shows, if it carries a stamp, and how many bytes its
/// labels have.
pub(crate) fn read_target(target: LabelSet<'_>) -> (Option<(HostId, u32)>, u64) {
    (target.get(STAMP).and_then(read_stamp), target.text_bytes() as u64)
}

/// The host and its version that a stamp names.
pub(crate) fn read_stamp(value: &str) -> Option<(HostId, u32)> {
    let (host, version) = value.split_once('.')?;
    Some((HostId(host.parse().ok()?), version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ever() {
        let mut text = Text(String::new());
        for number in [0, 7, 10, 99, 100, 4_096, 1_000_000_000, u32::MAX] {
            assert_eq!(text.of("n-").number(number).text(".").as_str(), format!("n-{number}."));
        }
    }
}
