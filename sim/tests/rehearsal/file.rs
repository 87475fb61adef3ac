//! `file`.

use std::time::Duration;

use headcount_backends::file::FileSd;
use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::SdConfig;
use headcount_sim::{BackendKind, Fault, FaultKind, Ratio, Rehearsal, Span, target_groups};

use super::{built, scenario};

fn file() -> Box<dyn Discoverer> {
    let settings = FileSd::new(["/sd/*.json"], Duration::from_secs(60));
    built(SdConfig::new(settings.expect("a good pattern")))
}

#[test]
fn file_sd_keeps_the_rules_while_its_file_is_torn_moved_and_silent() {
    for kind in [FaultKind::TornWrite, FaultKind::RenameGap, FaultKind::LostNotify] {
        let scenario = scenario(BackendKind::File).fault(Fault::new(kind).rate(Ratio::percent(50)));
        for seed in 0..3 {
            let outcome = Rehearsal::new(&scenario, seed)
                .expect("it makes sense")
                .file("/sd/targets.json", target_groups)
                .discoverer("cmdb", |_| file())
                .expect("they are in the scenario")
                .within(Span::mins(2))
                .run();
            assert!(outcome.is_clean(), "{kind:?}, seed {seed}: {:?}", outcome.violations);
            assert!(outcome.metrics.changes_learned > 20, "{:?}", outcome.metrics);
        }
    }
}
