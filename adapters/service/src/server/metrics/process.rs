//! The process's own numbers, under the names that every Prometheus client gives them.

use super::exposition::Exposition;

/// Adds what the system tells of this process; nothing where it does not tell.
#[cfg(target_os = "linux")]
pub(super) fn process(out: &mut Exposition) {
    linux::process(out);
}

/// Adds nothing: only Linux is known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn process(_: &mut Exposition) {}

/// What the system tells of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::server) struct Process {
    /// Bytes that are resident.
    pub(in crate::server) resident: f64,
    /// When it started, as a Unix timestamp.
    pub(in crate::server) started: Option<f64>,
}

/// This process, where the system tells.
#[cfg(target_os = "linux")]
pub(in crate::server) fn this() -> Option<Process> {
    linux::this()
}

/// Only Linux is known here.
#[cfg(not(target_os = "linux"))]
pub(in crate::server) fn this() -> Option<Process> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::super::exposition::{Exposition, Kind, count};
    use super::Process;

    pub(super) fn this() -> Option<Process> {
        let stat = Stat::read()?;
        Some(Process {
            resident: stat.resident_bytes(),
            started: stat.started(),
        })
    }

    pub(super) fn process(out: &mut Exposition) {
        if let Some(stat) = Stat::read() {
            let mut gauge = |name, help, value| out.family(name, Kind::Gauge, help).sample(&[], value);
            gauge(
                "process_resident_memory_bytes",
                "Memory that is resident.",
                stat.resident_bytes(),
            );
            gauge(
                "process_virtual_memory_bytes",
                "Memory that is mapped.",
                count(stat.virtual_bytes),
            );
            if let Some(started) = stat.started() {
                gauge(
                    "process_start_time_seconds",
                    "When the process started, as a Unix timestamp.",
                    started,
                );
            }
            out.family(
                "process_cpu_seconds_total",
                Kind::Counter,
                "CPU time spent, in user and system mode.",
            )
            .sample(&[], count(stat.cpu_ticks) / ticks());
        }
        let mut gauge = |name, help, value| out.family(name, Kind::Gauge, help).sample(&[], value);
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The listing has a descriptor of its own.
            gauge(
                "process_open_fds",
                "File descriptors that are open.",
                count(open.count().saturating_sub(1)),
            );
        }
        if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
            gauge("process_max_fds", "File descriptors that may be open.", count(most));
        }
    }

    /// Fields of `/proc/self/stat`.
    #[derive(Debug, PartialEq, Eq)]
    struct Stat {
        cpu_ticks: u64,
        start_ticks: u64,
        virtual_bytes: u64,
        resident_pages: u64,
    }

    impl Stat {
        fn read() -> Option<Self> {
            Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
        }

        fn resident_bytes(&self) -> f64 {
            count(self.resident_pages) * count(rustix::param::page_size())
        }

        fn started(&self) -> Option<f64> {
            Some(boot_time()? + count(self.start_ticks) / ticks())
        }

        fn parse(text: &str) -> Option<Self> {
            // The name, in parentheses, may hold anything; numbers follow the last one.
            let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
            // proc(5) counts from 1, and two fields stand before.
            let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
            Some(Self {
                cpu_ticks: field(14)?.checked_add(field(15)?)?,
                start_ticks: field(22)?,
                virtual_bytes: field(23)?,
                resident_pages: field(24)?,
            })
        }
    }

    fn ticks() -> f64 {
        count(rustix::param::clock_ticks_per_second())
    }

    fn boot_time() -> Option<f64> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        stat.lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse()
            .ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn reads_the_fields_behind_a_name_with_parentheses() {
            let text =
                "7 (a) b) S 1 7 7 0 -1 4194560 500 0 1 0 20 3 0 0 20 0 5 0 1000 2048000 250 18446744073709551615";
            let stat = Stat {
                cpu_ticks: 23,
                start_ticks: 1000,
                virtual_bytes: 2_048_000,
                resident_pages: 250,
            };
            assert_eq!(Stat::parse(text), Some(stat));
            assert_eq!(Stat::parse("7 (a) S 1"), None);
            assert_eq!(Stat::parse(""), None);
        }

        #[test]
        fn this_process_has_all_numbers() {
            let mut out = Exposition::default();
            process(&mut out);
            let text = out.finish();
            let names: Vec<_> = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split(' ').next())
                .collect();
            assert_eq!(names.len(), 6, "{text}");
        }
    }
}
