//! The answer as text.

use std::borrow::Cow;
use std::fmt::Write;

use super::past::{Last, Past};
use super::report::{Did, Found, Report};
use crate::lookup::{Same, ago};
use crate::table::table;
use headcount_core::one_line;
use headcount_service::FLAGS;
use headcount_service::LabelChange;

/// The answer, for people. Writing into memory does not fail.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    for (place, found) in report.targets.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        write_found(&mut text, found, report.now);
    }
    let all: usize = report.counts.values().sum();
    if all > report.targets.len() {
        let counts: Vec<_> = report
            .counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        let shown = report.targets.len();
        writeln!(
            text,
            "\n{shown} of {all} are shown ({}); see --limit",
            counts.join(", ")
        )
        .ok();
    }
    if all == 0 {
        write_nowhere(&mut text, report);
    } else {
        write_troubles(&mut text, report, "\nWho could not be asked, and may have more:");
    }
    if let Some(hint) = &report.hint {
        writeln!(text, "\n{hint}").ok();
    }
    text
}

fn write_found(text: &mut String, found: &Found, now: f64) {
    let target = &found.target;
    let (address, job) = (target.address(), &target.scrape_pool);
    writeln!(text, "{} in job {job:?} is {}", one_line(address), target.fate.word()).ok();

    let mut rows: Vec<(&str, String)> = Vec::new();
    let (provider, source) = (&target.provider, &target.source);
    let changed = target
        .changed
        .map_or_else(String::new, |at| format!(", changed {}", ago(at, now)));
    rows.push(("found by", format!("{provider} ({})", found.provider_description)));
    rows.push(("in group", format!("{source}{changed}")));
    let labels = target.discovered_labels.iter();
    let labels = labels.filter(|(name, value)| !(FLAGS.contains(&name.as_str()) && *value == "false"));
    rows.extend(labels.map(|(name, value)| ("discovered", format!("{name}={value:?}"))));
    for step in &found.steps {
        push_step(&mut rows, step);
    }
    let idle = found.steps.iter().filter(|step| is_idle(step)).count();
    if idle > 0 {
        let rules = if idle == 1 { "1 rule" } else { &format!("{idle} rules") };
        rows.push(("relabelled", format!("{rules} changed nothing")));
    }
    if let Some(url) = &target.scrape_url {
        rows.push(("scraped at", url.clone()));
        let labels = target.labels.iter();
        rows.extend(labels.map(|(name, value)| ("with", format!("{name}={value:?}"))));
    }
    if !target.members.is_empty() {
        rows.push(("scraped by", target.members.join(", ")));
    }
    if !target.leaving_members.is_empty() {
        let members = target.leaving_members.join(", ");
        rows.push(("and until", format!("those have begun, by {members}")));
    }
    if let Some(weight) = target.weight {
        rows.push(("weighs", format!("as much as {weight}")));
    }
    if let Some(error) = &target.underscores_error {
        let list = "?relabelled=true&names=underscores";
        rows.push(("left out", format!("of the list for Prometheus 2 ({list}): {error}")));
    }
    if let Some(health) = target.health.as_ref().filter(|health| *health != "unknown") {
        let error = target.last_error.as_ref().filter(|error| !error.is_empty());
        let error = error.map_or_else(String::new, |error| format!(": {error}"));
        rows.push(("last scrape", format!("{health}{error}")));
    }
    if !target.is_scraped() {
        rows.push(("because", target.why().to_owned()));
    }
    rows.extend(target.same_labels.iter().map(|same| {
        let Same {
            provider,
            source,
            address,
            scrape_url,
        } = same;
        let text = format!("{address} of {source} ({provider}), scraped at {scrape_url}, has the same labels: samples of both end in the same series");
        ("beware", text)
    }));
    if let Some(stale) = &target.stale {
        let since = stale.since.map_or_else(
            || "it never succeeded".to_owned(),
            |at| format!("it last succeeded {}", ago(at, now)),
        );
        rows.push(("stale", format!("{provider} fails, {since}: {}", stale.error)));
    }
    if let Some(held) = &target.held {
        let since = held.since.map_or_else(String::new, |at| format!(" {}", ago(at, now)));
        rows.push((
            "held",
            format!("{provider} lost it{since}, with too many others at once; it is kept until that is confirmed"),
        ));
    }
    let mut last = "";
    for (name, value) in rows {
        let shown = if name == last { "" } else { name };
        last = name;
        writeln!(text, "  {shown:<13}{}", one_line(&value)).ok();
    }
}

fn push_step(rows: &mut Vec<(&'static str, String)>, step: &Did) {
    if is_idle(step) {
        return;
    }
    let (rule, shown) = (step.rule, &step.text);
    rows.push(("relabelled", format!("[{rule}] {shown}")));
    if !step.kept {
        let why = match (step.applies, step.value.as_deref().unwrap_or_default()) {
            (Some(false), _) => "its `if` is not true".to_owned(),
            (Some(true), "") => "its `if` is true".to_owned(),
            (_, value) => format!("looking at {value:?}"),
        };
        rows.push(("relabelled", format!("    dropped it, {why}")));
    }
    for LabelChange { label, before, after } in &step.changes {
        let shown = |value: &Option<String>| value.as_ref().map_or("absent".to_owned(), |value| format!("{value:?}"));
        rows.push((
            "relabelled",
            format!("    {label}: {} → {}", shown(before), shown(after)),
        ));
    }
}

fn is_idle(step: &Did) -> bool {
    step.kept && step.changes.is_empty()
}

fn write_nowhere(text: &mut String, report: &Report) {
    let seen = &report.looked_at;
    writeln!(text, "{} is nowhere", one_line(&report.asked)).ok();
    if let Some(past) = &report.past {
        write_past(text, past, report.now);
    }
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    writeln!(
        text,
        "  looked at    {}, {}, {}, {}",
        counted(seen.jobs, "job"),
        counted(seen.providers, "provider"),
        counted(seen.groups, "group"),
        counted(seen.targets, "target")
    )
    .ok();
    if seen.troubles.is_empty() {
        writeln!(text, "  failing      none; all providers have answered").ok();
    }
    write_troubles(text, report, "\nIt may be with those who could not be asked:");
    if !report.near.is_empty() {
        writeln!(text, "\nNear misses:").ok();
        let row = |near: &super::near::Near| {
            [&near.address, &near.job, &near.state, &near.what].map(|cell| Cow::from(cell.clone()))
        };
        let rows: Vec<_> = report.near.iter().map(row).collect();
        text.push_str(&table(["ADDRESS", "JOB", "FATE", "WHAT"], &rows));
    }
}

fn write_past(text: &mut String, past: &Past, now: f64) {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for Last { address, event } in &past.last {
        let (at, ago) = (&event.at, ago(event.time, now));
        let jobs: Vec<_> = event.jobs.iter().map(|job| format!("{job:?}")).collect();
        let jobs = format!("job{} {}", if jobs.len() == 1 { "" } else { "s" }, jobs.join(", "));
        match &event.because {
            Some(_) => rows.push(("was there", format!("until {at} ({ago}), as {address} in {jobs}"))),
            // What took it away is one of those that are not listed.
            None => rows.push((
                "was there",
                format!("at {at} ({ago}), as {address} in {jobs}: {}", event.message),
            )),
        }
        if let Some(provider) = &event.provider {
            let description = event.provider_description.as_deref().unwrap_or_default();
            rows.push(("found by", format!("{provider} ({description})")));
        }
        rows.extend(event.source.iter().map(|source| ("in group", source.clone())));
        rows.extend(event.because.iter().map(|because| ("gone because", because.clone())));
    }
    for event in &past.unlisted {
        let (at, message) = (&event.at, &event.message);
        rows.push(("may be among", format!("{message}, at {at}; not all are listed")));
    }
    if past.last.is_empty() {
        let since = &past.kept_since_at;
        rows.push(("was there", format!("not kept: nothing before {since} is known")));
    }
    for (name, value) in rows {
        writeln!(text, "  {name:<13}{}", one_line(&value)).ok();
    }
}

fn write_troubles(text: &mut String, report: &Report, heading: &str) {
    if !report.looked_at.troubles.is_empty() {
        writeln!(text, "{heading}").ok();
    }
    for trouble in &report.looked_at.troubles {
        writeln!(text, "  {}", one_line(trouble)).ok();
    }
}
