//! A fleet of hosts with labels as a CMDB has them.
//!
//! Eleven labels a target, 237 bytes of values, half of them in strings that many hosts share.
//! Everything about a host follows from its number and its generation, so any two runs agree.

use headcount_core::{Batch, Encoder, Group, GroupError};

/// One host's labels, sorted by name; the buffer is used again for the next host.
#[derive(Debug, Default)]
pub struct Host {
    values: [String; 11],
}

/// The label names of every host, sorted.
pub const NAMES: [&str; 11] = [
    "__address__",
    "__meta_cmdb_id",
    "__meta_cmdb_serial",
    "datacenter",
    "environment",
    "hostname",
    "image",
    "kernel",
    "rack",
    "service",
    "team",
];

impl Host {
    /// The host `number`, as it is first.
    pub fn numbered(number: usize) -> Self {
        let mut host = Self::default();
        host.set(number, 0);
        host
    }

    /// Makes this the host `number`; another `generation` is another serial and the same host.
    pub fn set(&mut self, number: usize, generation: usize) {
        use std::fmt::Write;
        let mut write = |place: usize, text: std::fmt::Arguments<'_>| {
            if let Some(value) = self.values.get_mut(place) {
                value.clear();
                // Writing to a string does not fail.
                let _ = value.write_fmt(text);
            }
        };
        let (a, b, c) = (number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff);
        let rack = number / 40 % 200;
        write(0, format_args!("10.{a}.{b}.{c}:9100"));
        write(
            1,
            format_args!(
                "{:08x}-5a1c-4e0b-9d77-{:012x}",
                number.wrapping_mul(0x9e37_79b1) as u32,
                number
            ),
        );
        write(2, format_args!("SN-{number:012}-{generation:014}"));
        write(3, format_args!("datacenter-{}", number / 8_000 % 3));
        write(
            4,
            format_args!(
                "{}",
                ["production-west", "production-east", "staging-central"][number % 3]
            ),
        );
        write(5, format_args!("host-{number:08}.r{rack:03}.example.internal"));
        write(6, format_args!("debian-12-base-2026.{:02}", number / 7 % 20));
        write(7, format_args!("6.1.0-{:02}-cloud-amd64", number % 12));
        write(8, format_args!("rack-{rack:03}.b{:02}", rack % 12));
        write(9, format_args!("service-{:03}-frontend", number / 3 % 50));
        write(10, format_args!("team-{:03}-operations", number / 5 % 40));
    }

    /// Names and values, sorted by name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        NAMES.iter().copied().zip(self.values.iter().map(String::as_str))
    }

    /// Bytes of all values.
    pub fn value_bytes(&self) -> usize {
        self.values.iter().map(String::len).sum()
    }
}

/// Groups `from..to` of a fleet with `per_group` hosts in each, through `encoder`.
///
/// # Panics
/// Never: the labels are valid.
pub fn groups(encoder: &mut Encoder, from: usize, to: usize, per_group: usize, generation: usize) -> Vec<Group> {
    let mut batch = encoder.batch();
    let mut host = Host::default();
    let mut source = String::new();
    for group in from..to {
        let added = add_group(&mut batch, &mut host, &mut source, group, per_group, generation);
        assert_eq!(added, Ok(()), "the labels are valid");
    }
    batch.finish()
}

fn add_group(
    batch: &mut Batch<'_>,
    host: &mut Host,
    source: &mut String,
    group: usize,
    per_group: usize,
    generation: usize,
) -> Result<(), GroupError> {
    use std::fmt::Write;
    source.clear();
    let _ = write!(source, "http://cmdb.example/sd:{group}");
    batch.begin(source)?;
    for place in 0..per_group {
        host.set(group * per_group + place, generation);
        batch.begin_target()?;
        for (name, value) in host.labels() {
            batch.label(name, value)?;
        }
    }
    batch.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_237_bytes_of_values() {
        let mut host = Host::default();
        for number in [100_000, 123_456, 999_999] {
            host.set(number, 0);
            assert!(
                (230..=240).contains(&host.value_bytes()),
                "{} bytes",
                host.value_bytes()
            );
        }
    }
}
