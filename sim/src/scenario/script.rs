//! Inputs of a script that say nothing: what they bring about is so already.
//!
//! A script that says them reads as if they mattered. So they are refused, and whoever writes a script from a run leaves
//! them out.

use std::collections::BTreeMap;

use super::Scenario;
use crate::{Happening, HostId, Input, Looks};

impl Scenario {
    /// The inputs of the script that change nothing, by their place, and why. None, if churn is drawn besides, because then
    /// nobody knows before the run.
    pub(crate) fn idle_inputs(&self) -> Vec<(usize, String)> {
        if !self.churn.is_empty() {
            return Vec::new();
        }
        let mut changed: BTreeMap<HostId, Option<Looks>> = BTreeMap::new();
        let mut inputs: Vec<(usize, &Input)> = self.script.iter().enumerate().collect();
        inputs.sort_by_key(|(_, input)| input.order());
        let mut idle = Vec::new();
        for (place, input) in inputs {
            let (host, looks) = match &input.what {
                Happening::Up { host, looks } => (*host, Some(*looks)),
                Happening::Down { host } => (*host, None),
                _ => continue,
            };
            let at_start = || (host.0 < self.hosts.count).then(|| self.hosts.looks(host.0));
            let now = changed.entry(host).or_insert_with(at_start);
            if *now == looks {
                let how = if looks.is_some() {
                    "up already, and looks like this"
                } else {
                    "down already"
                };
                idle.push((place, format!("{host} is {how}; leave this out, or say what changes")));
            }
            *now = looks;
        }
        idle
    }

    /// Leaves out the inputs of the script that change nothing, such as a host that comes up as it is already. They are refused;
    /// who draws scripts at random has them left out by this.
    #[must_use]
    pub fn without_idle_inputs(mut self) -> Self {
        let idle: Vec<usize> = self.idle_inputs().into_iter().map(|(place, _)| place).collect();
        let mut place = 0;
        self.script.retain(|_| {
            place += 1;
            !idle.contains(&(place - 1))
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend, BackendKind, Churn, Discoverers, Hosts, Ratio, Span};

    fn world() -> Scenario {
        Scenario::new("scripted")
            .hosts(Hosts::new(2))
            .backend(Backend::new("cmdb", BackendKind::Http))
            .discoverers(Discoverers::of("cmdb"))
    }

    #[test]
    fn what_changes_nothing_is_refused() {
        let looks = Hosts::new(2).looks(1);
        let up = Happening::Up { host: HostId(1), looks };
        let down = || Happening::Down { host: HostId(1) };
        let (early, late) = (Span::secs(1), Span::secs(2));
        let fine = world().happens(early, down()).happens(late, up.clone());
        assert_eq!(fine.check(), Ok(()));
        // The order in which they are written is not that in which they happen.
        assert_eq!(world().happens(late, up.clone()).happens(early, down()).check(), Ok(()));
        for wrong in [
            world().happens(early, up.clone()),
            world().happens(early, down()).happens(late, down()),
            fine.clone().happens(Span::secs(3), up.clone()),
        ] {
            let problems = wrong.check().expect_err("one input changes nothing");
            assert!(problems.to_string().contains("already"), "{problems}");
            assert_eq!(problems.iter().len(), 1, "{problems}");
            assert_eq!(wrong.without_idle_inputs().check(), Ok(()));
        }
        // What is drawn besides may have taken it down meanwhile.
        let churning = world()
            .happens(early, up)
            .churn(Churn::steady(Ratio::ALWAYS, Span::secs(1)));
        assert_eq!(churning.check(), Ok(()));
    }
}
