//! `process`, which reads `/proc`: under everything that can happen to a folder, and to whoever reads it.

use std::path::PathBuf;

use headcount_sim::{BackendKind, Fault, FaultKind, Ratio, Rehearsal, ShownHost, Span, SpanRange};

use super::{configured, scenario};

/// Without the facts that are links. Nobody is told of processes, so what lasts for moments is met by who reads often.
fn entry(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::TornWrite | FaultKind::RenameGap => {
            "{refresh_interval: 500ms, discover_config: {exe: false, cwd: false, uid: true}}"
        }
        _ => "{refresh_interval: 10s, discover_config: {exe: false, cwd: false, uid: true}}",
    }
}

/// A process for each host.
fn processes(hosts: &[ShownHost]) -> Vec<(PathBuf, Vec<u8>)> {
    let of_host = |host: &ShownHost| {
        let file = |name: &str, text: &str| (format!("{}/{name}", host.host.0 + 1).into(), text.into());
        [
            file("cmdline", &format!("{}\0", host.stamp)),
            file("status", "Name:\tapp\nUid:\t0\t0\t0\t0\n"),
            file("cgroup", "0::/\n"),
        ]
    };
    hosts.iter().flat_map(of_host).collect()
}

#[test]
fn processes_stay_while_they_cannot_be_read() {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(3));
    for kind in FaultKind::EXAMPLES {
        if !kind.applies_to(BackendKind::File) || matches!(kind, FaultKind::Disagree { .. }) {
            continue;
        }
        let single = Fault::new(kind).rate(Ratio::percent(50));
        let minutes = Fault::new(kind).every(Span::mins(7)).lasts(lasts);
        for fault in [single, minutes] {
            let outcome = Rehearsal::new(&scenario(BackendKind::File).fault(fault.clone()), 1)
                .expect("it makes sense")
                .folder("/proc", processes)
                .discoverer("cmdb", move |_| configured("process", entry(kind)))
                .expect("they are in the scenario")
                .stamped_by("cmdb", "__meta_process_commandline")
                .expect("they are real")
                .within(Span::mins(2))
                .run();
            assert!(outcome.is_clean(), "{fault:?}: {:?}", outcome.violations);
            assert!(outcome.metrics.changes_learned > 20, "{fault:?}: {:?}", outcome.metrics);
        }
    }
}
