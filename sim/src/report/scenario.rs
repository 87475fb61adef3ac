//! What a run is about, before it starts.

use super::rows::{count, facts};
use crate::{Backend, Churn, Disk, Fault, Members, ProcessEvent, Repeats, Scenario, Span, SpanRange};

impl Scenario {
    /// The first block of a report: what runs, with which settings, and what may go wrong.
    pub fn opening(&self, seed: u64) -> String {
        let hosts = &self.hosts;
        let mut lines = vec![
            ("scenario", self.name.clone()),
            ("seed", seed.to_string()),
            ("time", self.time()),
            (
                "fleet",
                format!(
                    "{}, {}, {}",
                    counted(hosts.count, "host"),
                    counted(hosts.services, "service"),
                    counted(hosts.zones, "zone")
                ),
            ),
        ];
        for discoverers in &self.discoverers {
            let backend = self.backends.iter().find(|backend| backend.name == discoverers.backend);
            let number = if discoverers.count == 0 {
                hosts.services
            } else {
                discoverers.count
            };
            let polls = backend.is_some_and(|backend| backend.kind.polls());
            lines.push((
                "discovery",
                format!(
                    "{} of {}{}",
                    counted(number, "discoverer"),
                    backend.map_or_else(String::new, described),
                    if polls {
                        format!(", each {}", discoverers.refresh)
                    } else {
                        String::new()
                    }
                ),
            ));
        }
        let each = if self.manager.per_set { ", for each job" } else { "" };
        lines.push(("throttle", format!("{}{each}", self.manager.throttle)));
        if let Some(guard) = self.manager.guard {
            let held = format!("drops of more than {} are held for {}", guard.max_drop, guard.hold);
            lines.push(("guard", held));
        }
        if let Some(after) = self.manager.incomplete_after {
            lines.push(("lists", format!("who was never read is waited for {after}")));
        }
        if let Some(disk) = self.manager.disk {
            let Disk { every, writes, reads } = disk;
            lines.push(("state", format!("each {every}: {writes} to write, {reads} to read")));
        }
        if self.receiver.takes != SpanRange::ZERO {
            lines.push(("receiver", format!("takes {} for a snapshot", self.receiver.takes)));
        }
        if let Some(members) = &self.members {
            let Members {
                count,
                refresh,
                interval,
                ..
            } = members;
            let what = format!("{count}, each asks every {refresh} and scrapes every {interval}");
            lines.push(("members", what));
        }
        lines.push(("churn", listed(self.churn.iter().map(churn))));
        lines.push(("faults", listed(self.faults.iter().map(fault))));
        if !self.events.is_empty() {
            lines.push(("events", listed(self.events.iter().map(event))));
        }
        facts(&lines)
    }

    fn time(&self) -> String {
        if self.calm == Span::ZERO {
            return self.until.to_string();
        }
        format!("{}, the last {} of it calm", self.until, self.calm)
    }
}

fn described(backend: &Backend) -> String {
    let name = if backend.name == backend.kind.word() {
        String::new()
    } else {
        format!(" `{}`", backend.name)
    };
    format!("{}{name}", backend.kind.word())
}

fn counted(number: u32, what: &str) -> String {
    format!("{} {what}{}", count(number.into()), if number == 1 { "" } else { "s" })
}

fn listed(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        "none".to_owned()
    } else {
        entries.join("; ")
    }
}

fn churn(churn: &Churn) -> String {
    match churn {
        Churn::Steady { rate, every, .. } => format!("{rate} of the hosts each {every}"),
        Churn::Daily { low, busiest, .. } => format!("{low} to all of the hosts, most at {busiest} of the day"),
        other => other.word().replace('_', " "),
    }
}

fn fault(fault: &Fault) -> String {
    let mut text = fault.kind.word().replace('_', " ");
    if !fault.rate.is_always() {
        text.push_str(&format!(" {}", fault.rate));
    }
    if let Some(replica) = fault.replica {
        text.push_str(&format!(" at replica {replica}"));
    }
    if let Some(Repeats { every, at, lasts }) = fault.repeats {
        text.push_str(&format!(" for {lasts} at {at} of each {every}"));
    } else if let Some(every) = fault.every {
        text.push_str(&format!(" for {} each {every}", fault.lasts));
        if fault.together {
            text.push_str(", all at once");
        }
    } else if fault.from != Span::ZERO || fault.until.is_some() {
        text.push_str(&format!(" from {}", fault.from));
        if let Some(until) = fault.until {
            text.push_str(&format!(" to {until}"));
        }
    }
    if !fault.share.is_always() {
        text.push_str(&format!(" at {} of the discoverers", fault.share));
    }
    text
}

fn event(event: &ProcessEvent) -> String {
    match event {
        ProcessEvent::Reload { at, times, .. } => format!("{} at {at}", counted(*times, "reload")),
        ProcessEvent::ChangeConfig { at, share } => format!("{share} of the discoverers reconfigured at {at}"),
        ProcessEvent::RemoveJobs { at, share, .. } => format!("{share} of the jobs removed at {at}"),
        ProcessEvent::Restart { at, saved, version, .. } => {
            let other = if version.is_some() { " as another version" } else { "" };
            let with = if *saved { " with what was saved" } else { "" };
            format!("restart{other}{with} at {at}")
        }
        ProcessEvent::Suspend { at, lasts } => format!("everything stands still at {at} for {lasts}"),
        ProcessEvent::PauseReceiver { at, lasts } => format!("receiver paused at {at} for {lasts}"),
        ProcessEvent::Confirm { at, share } => format!("drops of {share} of the discoverers confirmed at {at}"),
    }
}
