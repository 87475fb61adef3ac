//! Whether what goes wrong can go wrong.

use super::{Found, listed};
use crate::scenario::{Backend, Fault, FaultKind, Scenario};
use crate::{Ratio, Span};

impl Scenario {
    pub(super) fn check_faults(&self, found: &mut Found) {
        for (number, fault) in self.faults.iter().enumerate() {
            let at = format!("faults[{number}]");
            let end = fault.until.unwrap_or(self.storm_ends());
            found.unless(fault.from < end, &format!("{at}.from"), || {
                format!("{} is not before its end, {end}", fault.from)
            });
            found.unless(fault.rate != Ratio::NEVER, &format!("{at}.rate"), || {
                "it never happens; write for example `1%`, or remove the entry".to_owned()
            });
            found.unless(fault.every != Some(Span::ZERO), &format!("{at}.every"), || {
                "windows no time apart never end; write for example `10m`".to_owned()
            });
            check_windows(found, &at, fault);
            let covered = self.check_covered(found, &at, fault);
            let can = covered.iter().any(|backend| fault.kind.applies_to(backend.kind));
            let alone = |backend: &&Backend| backend.replicas < 2;
            if matches!(fault.kind, FaultKind::Disagree { .. }) && covered.iter().all(alone) {
                found.unless(covered.is_empty(), &format!("{at}.kind"), || {
                    "nobody is there to disagree with; give the backend `replicas: 2` or more".to_owned()
                });
            }
            if let FaultKind::Status { code, .. } = fault.kind {
                found.unless((400..=599).contains(&code), &format!("{at}.kind"), || {
                    format!("{code} is not the status of an error; those are 400 to 599")
                });
            }
            found.unless(can || covered.is_empty(), &format!("{at}.kind"), || {
                let kinds: Vec<&str> = covered.iter().map(|backend| backend.kind.word()).collect();
                format!("`{}` can't happen to {}", fault.kind.word(), listed(&kinds))
            });
        }
    }

    /// The backends that a fault is about.
    fn check_covered(&self, found: &mut Found, at: &str, fault: &Fault) -> Vec<&Backend> {
        let names: Vec<&str> = self.backends.iter().map(|backend| backend.name.as_str()).collect();
        let one = fault.backend.iter().map(|name| (name, format!("{at}.backend")));
        let several = fault.backends.iter().enumerate();
        let several = several.map(|(number, name)| (name, format!("{at}.backends[{number}]")));
        for (name, at) in one.chain(several) {
            found.unless(names.contains(&name.as_str()), &at, || {
                format!("there is no backend `{name}`; there is {}", listed(&names))
            });
        }
        let both = fault.backend.is_some() && !fault.backends.is_empty();
        found.unless(!both, &format!("{at}.backend"), || {
            "several backends stand in `backends`; write this one there, too".to_owned()
        });
        let anywhere = Fault {
            replica: None,
            ..fault.clone()
        };
        let covered: Vec<&Backend> = self.backends.iter().filter(|backend| anywhere.names(backend)).collect();
        if let Some(replica) = fault.replica {
            let at = format!("{at}.replica");
            let most = covered.iter().map(|backend| backend.replicas).max().unwrap_or(0);
            found.unless(replica < most || covered.is_empty(), &at, || {
                format!("there is no replica {replica}; there are {most}, counted from 0")
            });
            found.unless(!fault.kind.is_state(), &at, || {
                let word = fault.kind.word();
                format!("`{word}` is a state of discoverers, whichever replica answers; remove `replica`")
            });
        }
        covered
    }
}

/// Whether it is clear when the windows are.
fn check_windows(found: &mut Found, at: &str, fault: &Fault) {
    found.unless(
        !fault.together || fault.every.is_some(),
        &format!("{at}.together"),
        || "without `every` all have the same window anyway; add for example `every: 1h`, or remove it".to_owned(),
    );
    let stalls = matches!(fault.kind, FaultKind::Swizzle);
    found.unless(!(fault.together && stalls), &format!("{at}.together"), || {
        "`swizzle` is that they stall one by one; remove one of the two".to_owned()
    });
    let Some(repeats) = fault.repeats else { return };
    let at = format!("{at}.repeats");
    for (field, what) in repeats.problems() {
        found.unless(false, &format!("{at}.{field}"), || what);
    }
    found.unless(fault.every.is_none(), &at, || {
        "`every` draws windows, and `repeats` says when they are; remove one of the two".to_owned()
    });
    found.unless(!stalls, &at, || {
        "`swizzle` goes on from `from` to `until`; remove `repeats`".to_owned()
    });
}
