//! The answer as text, with a mark at the beginning of what differs; `--help` says what each means.

use std::collections::BTreeMap;
use std::fmt::Write;

use headcount_core::one_line;

use super::own_settings::OwnSetting;
use super::providers::{Provider, ProviderState};
use super::report::{JobDiff, JobState, Report, State, Target, Trouble};
use super::shapes::shapes;
use super::sides::Side;

/// The answer, for people; of each list `limit` entries at most. Writing into memory does not fail.
pub(super) fn text(report: &Report, limit: usize) -> String {
    let mut text = String::new();
    write_summary(&mut text, report);
    let changed = report.jobs.iter().filter(|job| job.state != JobState::Unchanged);
    changed.for_each(|job| write_job(&mut text, job, limit));
    write_providers(&mut text, &report.providers.changed);
    write_alertmanagers(&mut text, report);
    write_settings(&mut text, &report.settings);
    if !report.troubles.is_empty() {
        text.push_str("\nThis is not certain, because these could not be asked:\n");
        report
            .troubles
            .iter()
            .for_each(|trouble| write_trouble(&mut text, trouble));
    }
    text
}

fn write_summary(text: &mut String, report: &Report) {
    let jobs = [
        (report.count(JobState::Added), "added"),
        (report.count(JobState::Removed), "removed"),
        (report.count(JobState::Changed), "changed"),
        (report.count(JobState::Unchanged), "unchanged"),
    ];
    let targets = target_counts(&report.jobs);
    let providers = &report.providers;
    let kept = providers.kept;
    let providers = [
        (providers.count(ProviderState::Started), "started"),
        (providers.count(ProviderState::Stopped), "stopped"),
        (providers.count(ProviderState::Replaced), "started anew"),
        (kept, "kept"),
    ];
    let verdict = match (report.differs(), report.troubles.is_empty()) {
        (true, true) => "would do this:",
        (true, false) => "would do this, as far as can be told:",
        (false, true) => "would change nothing:",
        (false, false) => "would change nothing, as far as can be told:",
    };
    writeln!(text, "A reload from {} to {} {verdict}", report.old, report.new).ok();
    for (what, counts) in [
        ("jobs", &jobs[..]),
        ("targets", &targets[..]),
        ("providers", &providers[..]),
    ] {
        writeln!(text, "  {what:<11}{}", counted(counts)).ok();
    }
}

/// How many targets of these jobs go which way.
fn target_counts(jobs: &[JobDiff]) -> [(usize, &'static str); 8] {
    let sum = |count: fn(&JobDiff) -> usize| jobs.iter().map(count).sum::<usize>();
    let unsure = |targets: &[Target]| targets.iter().filter(|target| target.uncertain).count();
    let (started, stopped) = (sum(|job| job.started.len()), sum(|job| job.stopped.len()));
    let unsure_started = jobs.iter().map(|job| unsure(&job.started)).sum::<usize>();
    let unsure_stopped = jobs.iter().map(|job| unsure(&job.stopped)).sum::<usize>();
    [
        (started - unsure_started, "started"),
        (unsure_started, "perhaps started"),
        (stopped - unsure_stopped, "stopped"),
        (unsure_stopped, "perhaps stopped"),
        (sum(|job| job.relabelled.len()), "relabelled"),
        (sum(|job| job.moved.len()), "moved"),
        (sum(|job| job.kept), "kept"),
        (sum(JobDiff::newly_over_limit), "newly over a limit"),
    ]
}

/// `2 started, 7 kept`: what there is, or that there is nothing.
fn counted(counts: &[(usize, &str)]) -> String {
    let there = counts.iter().filter(|(count, _)| *count > 0);
    let there: Vec<_> = there.map(|(count, what)| format!("{count} {what}")).collect();
    if there.is_empty() {
        "none".to_owned()
    } else {
        there.join(", ")
    }
}

fn write_job(text: &mut String, job: &JobDiff, limit: usize) {
    let (mark, word) = match job.state {
        JobState::Added => ('+', " is added"),
        JobState::Removed => ('-', " is removed"),
        JobState::Changed | JobState::Unchanged => ('~', ""),
    };
    let counts = counted(&target_counts(std::slice::from_ref(job)));
    writeln!(text, "\n{mark} job {:?}{word}: {counts}", job.job).ok();
    for setting in &job.settings {
        let values = match (&setting.before, &setting.after) {
            (Some(before), Some(after)) => format!(": {before} → {after}"),
            _ => " differs".to_owned(),
        };
        writeln!(text, "    ~ {}{values}", setting.name).ok();
    }
    write_targets(text, '+', &job.started, limit, why_started);
    write_targets(text, '-', &job.stopped, limit, why_stopped);
    shapes(&job.relabelled, "relabelled").write(text, '~', limit);
    shapes(&job.moved, "moved to another URL").write(text, '>', limit);
    write_others(text, &job.others);
}

/// A line for each target, with what is remarkable about it.
fn write_targets(text: &mut String, mark: char, targets: &[Target], limit: usize, why: fn(&Target) -> String) {
    let shown = targets.get(..limit).unwrap_or(targets);
    let width = shown.iter().map(|target| target.address.chars().count()).max();
    let width = width.unwrap_or_default();
    for target in shown {
        let mark = if target.uncertain { '?' } else { mark };
        let line = format!("    {mark} {:<width$}  {}", target.address, why(target));
        writeln!(text, "{}", one_line(line.trim_end())).ok();
    }
    write_rest(text, targets.len() - shown.len());
}

/// What became of it before, or why it is started in vain.
fn why_started(target: &Target) -> String {
    if target.uncertain {
        return "was not found before, as far as can be told".to_owned();
    }
    match (target.after.state, target.before.state) {
        ("active", "notFound" | "noJob") => String::new(),
        ("active", _) => format!("before: {}", reason(&target.before)),
        _ => reason(&target.after),
    }
}

fn why_stopped(target: &Target) -> String {
    match target.after.state {
        _ if target.uncertain => "is not found any more, as far as can be told".to_owned(),
        "notFound" => "is not found any more".to_owned(),
        "noJob" => String::new(),
        _ => reason(&target.after),
    }
}

fn reason(state: &State) -> String {
    let message = state.message.as_deref().unwrap_or_default();
    match state.state {
        // The message says so itself.
        "dropped" | "overLimit" => message.to_owned(),
        state => format!("{}: {message}", phrase(state)),
    }
}

/// A fate in the words of a sentence.
fn phrase(state: &str) -> &str {
    match state {
        "notFound" | "noJob" => "not found",
        "overLimit" => "over a limit",
        "duplicate" => "a duplicate",
        state => state,
    }
}

/// One line for all that go the same way.
fn write_others(text: &mut String, others: &[Target]) {
    let mut ways: BTreeMap<(&str, &str, bool), Vec<&Target>> = BTreeMap::new();
    for target in others {
        let way = (target.before.state, target.after.state, target.uncertain);
        ways.entry(way).or_default().push(target);
    }
    for ((before, after, is_uncertain), targets) in ways {
        let Some(first) = targets.first() else { continue };
        let (mark, count) = (if is_uncertain { '?' } else { '!' }, targets.len());
        let such_as = if count == 1 { "" } else { "such as " };
        let message = first.after.message.as_ref().or(first.before.message.as_ref());
        let message = message.map_or_else(String::new, |message| format!(": {message}"));
        let (before, after, address) = (phrase(before), phrase(after), &first.address);
        let line = format!("    {mark} {count} {before} → {after}, {such_as}{address}{message}");
        writeln!(text, "{}", one_line(&line)).ok();
    }
}

pub(super) fn write_rest(text: &mut String, rest: usize) {
    if rest > 0 {
        writeln!(text, "      … and {rest} more; see --limit").ok();
    }
}

fn write_providers(text: &mut String, providers: &[Provider]) {
    if !providers.is_empty() {
        text.push_str("\nProviders\n");
    }
    for provider in providers {
        let (mark, word) = match provider.state {
            ProviderState::Started => ('+', ""),
            ProviderState::Stopped => ('-', ""),
            ProviderState::Replaced => ('~', " has other settings, and is started anew"),
        };
        let (mechanism, description) = (&provider.mechanism, &provider.description);
        let readers = provider.readers.join(", ");
        let line = format!("    {mark} {mechanism} ({description}){word}: {readers}");
        writeln!(text, "{}", one_line(&line)).ok();
    }
}

fn write_alertmanagers(text: &mut String, report: &Report) {
    let alertmanagers = &report.alertmanagers;
    let (started, stopped) = (&alertmanagers.started, &alertmanagers.stopped);
    if started.is_empty() && stopped.is_empty() {
        return;
    }
    text.push_str("\nAlertmanagers\n");
    for (mark, word, urls, is_uncertain) in [
        ('+', "started", started, alertmanagers.uncertain_started),
        ('-', "stopped", stopped, alertmanagers.uncertain_stopped),
    ] {
        for url in urls.iter().map(|url| one_line(url)) {
            if is_uncertain {
                writeln!(text, "    ? {url} is {word}, as far as can be told").ok();
            } else {
                writeln!(text, "    {mark} {url}").ok();
            }
        }
    }
}

fn write_settings(text: &mut String, settings: &[OwnSetting]) {
    if !settings.is_empty() {
        text.push_str("\nSettings\n");
    }
    for setting in settings {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        let (before, after) = (shown(&setting.before), shown(&setting.after));
        let note = if setting.needs_restart {
            ", after a restart only"
        } else {
            ""
        };
        writeln!(text, "    ~ {}: {before} → {after}{note}", setting.name).ok();
    }
}

fn write_trouble(text: &mut String, trouble: &Trouble) {
    let sides: Vec<_> = trouble.sides.iter().copied().map(Side::word).collect();
    let (sides, readers, reason) = (sides.join(" and "), trouble.readers.join(", "), &trouble.reason);
    writeln!(text, "    {}", one_line(&format!("{sides}, {readers}: {reason}"))).ok();
}
