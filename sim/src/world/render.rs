//! Hosts as target groups, and back.
//!
//! Each target carries a stamp, the label [`STAMP`], that says which host it shows as of which
//! version, so that what the receiver has can be held against the truth.

use core::fmt::Write as _;

use headcount_core::{Batch, Encoder, Group, GroupError, LabelSet};

use crate::world::truth::Row;
use crate::{BackendKind, HostId, ServiceId};

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

/// Which of a discoverer's groups a host is in. Lists have a group a zone, what tells of single
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

/// The name of a source.
pub(crate) fn source_name(kind: BackendKind, service: ServiceId, source: u32) -> String {
    format!("{}/{}/{source}", kind.word(), service.0)
}

/// The version of the host that a target of this kind of backend shows. DNS knows names and
/// addresses only.
pub(crate) fn visible_version(kind: BackendKind, row: &Row) -> u32 {
    match kind {
        BackendKind::Dns => row.incarnation,
        _ => row.version,
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
    let (mut text, mut bytes) = (String::new(), 0);
    batch.begin(name)?;
    if kind != BackendKind::Dns {
        put(&mut text, format_args!("service-{}", service.0));
        batch.group_label("__meta_sim_service", &text)?;
    }
    for (host, row) in rows {
        let looks = &row.looks;
        let [a, b, c, d] = looks.address.to_be_bytes();
        batch.begin_target()?;
        let mut label = |name: &str, value: core::fmt::Arguments<'_>| {
            put(&mut text, value);
            bytes += (name.len() + text.len()) as u64;
            batch.label(name, &text)
        };
        label("__address__", format_args!("{a}.{b}.{c}.{d}:9100"))?;
        if kind != BackendKind::Dns {
            for number in 0..looks.labels {
                label(&format!("__meta_sim_label_{number}"), format_args!("on"))?;
            }
            label("__meta_sim_name", format_args!("host-{}", looks.name))?;
            label("__meta_sim_release", format_args!("r{}", looks.release))?;
        }
        label(STAMP, format_args!("{}.{}", host.0, visible_version(kind, row)))?;
        if kind != BackendKind::Dns {
            label("__meta_sim_zone", format_args!("zone-{}", looks.zone))?;
        }
    }
    batch.end()?;
    Ok(bytes)
}

fn put(text: &mut String, value: core::fmt::Arguments<'_>) {
    text.clear();
    // Writing to a string can't fail.
    let _ = text.write_fmt(value);
}

/// The host and its version that a target shows, if it carries a stamp, and how many bytes its
/// labels have.
pub(crate) fn read_target(target: LabelSet<'_>) -> (Option<(HostId, u32)>, u64) {
    let (mut stamp, mut bytes) = (None, 0);
    for (name, value) in target.iter() {
        if name == STAMP {
            stamp = read_stamp(value);
        }
        bytes += (name.len() + value.len()) as u64;
    }
    (stamp, bytes)
}

fn read_stamp(value: &str) -> Option<(HostId, u32)> {
    let (host, version) = value.split_once('.')?;
    Some((HostId(host.parse().ok()?), version.parse().ok()?))
}
