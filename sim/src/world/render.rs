//! Hosts as target groups, and back.
//!
//! Each target carries a stamp, the label [`STAMP`], that says which host it shows as of which
//! version, so that what the receiver has can be held against the truth.

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
    /// Makes one group of the hosts that are in it.
    pub(crate) fn group<'a>(
        &mut self,
        kind: BackendKind,
        service: ServiceId,
        source: u32,
        rows: impl IntoIterator<Item = (&'a HostId, &'a Row)>,
    ) -> Group {
        let name = source_name(kind, service, source);
        let mut batch = self.0.batch();
        // Names and values are short, so nothing is ever left out.
        match write(&mut batch, kind, service, &name, rows) {
            Ok(()) => batch.finish().pop().unwrap_or_else(|| Group::empty(&name)),
            Err(_) => Group::empty(&name),
        }
    }
}

fn write<'a>(
    batch: &mut Batch<'_>,
    kind: BackendKind,
    service: ServiceId,
    name: &str,
    rows: impl IntoIterator<Item = (&'a HostId, &'a Row)>,
) -> Result<(), GroupError> {
    use core::fmt::Write as _;
    let mut text = String::new();
    let mut formatted = |arguments: core::fmt::Arguments<'_>| {
        text.clear();
        // Writing to a string can't fail.
        let _ = text.write_fmt(arguments);
        text.clone()
    };
    batch.begin(name)?;
    if kind != BackendKind::Dns {
        batch.group_label("__meta_sim_service", &formatted(format_args!("service-{}", service.0)))?;
    }
    for (host, row) in rows {
        let [a, b, c, d] = row.looks.address.to_be_bytes();
        batch.begin_target()?;
        batch.label("__address__", &formatted(format_args!("{a}.{b}.{c}.{d}:9100")))?;
        batch.label(
            STAMP,
            &formatted(format_args!("{}.{}", host.0, visible_version(kind, row))),
        )?;
        if kind != BackendKind::Dns {
            batch.label("__meta_sim_name", &formatted(format_args!("host-{}", row.looks.name)))?;
            batch.label("__meta_sim_zone", &formatted(format_args!("zone-{}", row.looks.zone)))?;
            batch.label("__meta_sim_release", &formatted(format_args!("r{}", row.looks.release)))?;
            for number in 0..row.looks.labels {
                batch.label(&formatted(format_args!("__meta_sim_label_{number}")), "on")?;
            }
        }
    }
    batch.end()
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
