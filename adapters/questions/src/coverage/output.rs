//! The answer as text: in short, then host by host.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use headcount_core::one_line;

use super::report::{Report, Uncovered};
use crate::table::table;

/// The answer, for people; of each list `limit` entries at most. Writing into memory does not fail.
pub(super) fn text(report: &Report, limit: usize) -> String {
    let mut text = String::new();
    write_summary(&mut text, report);
    write_uncovered(&mut text, report, limit);
    write_repeated(&mut text, report, limit);
    write_unknown(&mut text, report, limit);
    write_jobs(&mut text, report, limit);
    for (place, note) in report.notes.iter().enumerate() {
        let gap = if place == 0 { "\n" } else { "" };
        writeln!(text, "{gap}{}", one_line(note)).ok();
    }
    if !report.troubles.is_empty() {
        text.push_str("\nThis is not certain, because these could not be asked:\n");
        for trouble in &report.troubles {
            writeln!(text, "  {}", one_line(trouble)).ok();
        }
    }
    text
}

fn write_summary(text: &mut String, report: &Report) {
    let (source, hosts, once) = (&report.inventory, &report.hosts, report.once);
    let field = source.field.as_ref().map(|field| format!(" (field {field})"));
    let (covered, all, from) = (hosts.covered, source.hosts, &source.from);
    let field = field.unwrap_or_default();
    writeln!(text, "{covered} of the {all} hosts in {from}{field} are covered").ok();
    writeln!(text, "  uncovered  {}", hosts.uncovered.len()).ok();
    write_reasons(text, &hosts.uncovered);
    let within = if once { "in all" } else { "within a job" };
    let several = match hosts.in_several_jobs {
        _ if once => String::new(),
        0 => String::new(),
        count => format!("; {count} by several jobs"),
    };
    let repeated = hosts.repeated.len();
    writeln!(text, "  repeated   {repeated} scraped more than once {within}{several}").ok();
    let unknown = hosts.unknown.len();
    writeln!(
        text,
        "  unknown    {unknown} {} of hosts that the inventory does not have",
        if unknown == 1 { "target" } else { "targets" }
    )
    .ok();
}

/// How many are uncovered for which reason, the most first.
fn write_reasons(text: &mut String, uncovered: &[Uncovered]) {
    const MOST: usize = 10;
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for host in uncovered {
        *reasons.entry(host.reason()).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| Reverse(*count));
    for (reason, count) in reasons.iter().take(MOST) {
        writeln!(text, "  {count:>13} {reason}").ok();
    }
    let rest: usize = reasons.iter().skip(MOST).map(|(_, count)| *count).sum();
    if rest > 0 {
        writeln!(text, "  {rest:>13} for other reasons").ok();
    }
}

fn write_uncovered(text: &mut String, report: &Report, limit: usize) {
    let rows = report.hosts.uncovered.iter().map(|host| {
        let because = Cow::from(host.because.word());
        let (job, why) = why(host);
        [Cow::from(&host.host), because, job, why]
    });
    write_table(text, ["UNCOVERED", "BECAUSE", "JOB", "WHY"], rows, limit);
}

/// The job that came nearest, and what it says.
fn why(host: &Uncovered) -> (Cow<'_, str>, Cow<'_, str>) {
    let Some(nearest) = host.seen.first() else {
        let near = host.near.as_ref().map(|near| format!("perhaps it is {near}"));
        return (Cow::from(""), near.unwrap_or_default().into());
    };
    let others: BTreeSet<&String> = host.seen.iter().map(|seen| &seen.job).collect();
    let others = match others.len() {
        0 | 1 => String::new(),
        2 => " (and 1 other job)".to_owned(),
        jobs => format!(" (and {} other jobs)", jobs - 1),
    };
    let is_plain = nearest.address.to_lowercase().starts_with(&host.host.to_lowercase());
    let address = if is_plain {
        String::new()
    } else {
        format!("{}: ", nearest.address)
    };
    (
        Cow::from(&nearest.job),
        format!("{address}{}{others}", nearest.why).into(),
    )
}

fn write_repeated(text: &mut String, report: &Report, limit: usize) {
    let rows = report.hosts.repeated.iter().flat_map(|host| {
        host.jobs
            .iter()
            .map(|(job, targets)| [Cow::from(&host.host), Cow::from(job), Cow::from(shortened(targets))])
    });
    write_table(text, ["REPEATED", "JOB", "TARGETS"], rows, limit);
}

/// The first few.
fn shortened(targets: &[String]) -> String {
    const MOST: usize = 5;
    let shown = targets.get(..MOST).unwrap_or(targets);
    let rest = targets.len() - shown.len();
    let rest = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    format!("{}{rest}", shown.join(", "))
}

fn write_unknown(text: &mut String, report: &Report, limit: usize) {
    let rows = report.hosts.unknown.iter().map(|target| {
        let instance = target.instance.as_deref().filter(|name| *name != target.address);
        [
            Cow::from(&target.address),
            Cow::from(&target.job),
            Cow::from(instance.unwrap_or_default()),
        ]
    });
    write_table(text, ["UNKNOWN", "JOB", "INSTANCE"], rows, limit);
}

fn write_jobs(text: &mut String, report: &Report, limit: usize) {
    let rows = report.hosts.jobs.iter().map(|(job, counts)| {
        [
            Cow::from(job),
            counts.targets.to_string().into(),
            counts.hosts.to_string().into(),
            counts.repeated.to_string().into(),
            counts.unknown.to_string().into(),
        ]
    });
    write_table(text, ["JOB", "TARGETS", "HOSTS", "REPEATED", "UNKNOWN"], rows, limit);
}

/// A table of the first rows, unless there are none.
fn write_table<'a, const N: usize>(
    text: &mut String,
    header: [&str; N],
    rows: impl Iterator<Item = [Cow<'a, str>; N]>,
    limit: usize,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let shown: Vec<_> = rows.by_ref().take(limit).collect();
    text.push('\n');
    text.push_str(&table(header, &shown));
    let rest = rows.count();
    if rest > 0 {
        writeln!(text, "… and {rest} more; see --limit").ok();
    }
}
