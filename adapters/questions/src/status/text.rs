//! The screen: what it is, what is wrong, jobs, providers.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::time::Duration;

use headcount_core::format_duration;

use super::report::{Condition, Job, List, Listed, Summary};
use super::{Options, Report, SortBy};
use crate::table::table;

/// Jobs or providers that a line names.
const MOST_NAMES: usize = 2;

impl Report {
    /// The answer for people.
    #[must_use]
    pub fn text(&self, options: Options) -> String {
        let mut text = self.head();
        let troubles = self.troubles();
        if !troubles.is_empty() {
            text.push_str("\nNOT WELL\n");
            let shown = shown(troubles.len(), options.limit);
            for line in troubles.iter().take(shown) {
                text.push_str(&format!("{}\n", headcount_core::one_line(line)));
            }
            text.push_str(&more(troubles.len() - shown, "line"));
        }
        text.push('\n');
        text.push_str(&self.job_table(options.limit));
        text.push('\n');
        text.push_str(&self.provider_table(options));
        text
    }

    /// What it is, and how much of it there is.
    fn head(&self) -> String {
        let (runtime, summary) = (&self.runtime, &self.summary);
        let readiness = match runtime.waiting_for.len() {
            0 => "is ready",
            _ => "is not ready",
        };
        let mut text = format!("headcount {} {readiness}", runtime.version);
        if let Some(uptime) = runtime.uptime {
            text.push_str(&format!(", up {}", age(uptime)));
        }
        if let Some(resident) = runtime.resident_memory_bytes {
            let mut parts: Vec<_> = runtime.memory_bytes.iter().collect();
            parts.sort_by_key(|(part, bytes)| (Reverse(**bytes), *part));
            let parts = parts.iter().filter(|(_, bytes)| **bytes >= 1 << 20);
            let parts: Vec<_> = parts
                .map(|(part, bytes)| format!("{part} {}", memory(**bytes as f64)))
                .collect();
            text.push_str(&format!(", {} of memory", memory(resident)));
            if !parts.is_empty() {
                text.push_str(&format!(" ({})", parts.join(", ")));
            }
        }
        let Summary {
            jobs,
            incomplete_jobs: incomplete,
            withheld_jobs: withheld,
            stale_jobs: stale,
            active,
            dropped,
            duplicate,
            invalid,
            over_label_limits: over,
            providers,
            troubled_providers: troubled,
            held_targets: held,
        } = *summary;
        let whole = jobs - incomplete - withheld;
        let counted = |all: &[(usize, &str)]| {
            let some = all
                .iter()
                .enumerate()
                .filter(|(place, (count, _))| *place == 0 || *count > 0);
            some.map(|(_, (count, what))| format!("{count} {what}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let of_jobs = counted(&[
            (whole, "whole"),
            (incomplete, "incomplete"),
            (withheld, "withheld"),
            (stale, "stale"),
        ]);
        let all = active + dropped + duplicate + invalid;
        let fates = [
            (active, "active"),
            (dropped, "dropped"),
            (duplicate, "duplicate"),
            (invalid, "invalid"),
            (over, "over a limit of labels"),
            (held, "held"),
        ];
        let of_providers = counted(&[(providers - troubled, "well"), (troubled, "not")]);
        text.push_str(&format!("\njobs       {jobs}: {of_jobs}"));
        text.push_str(&format!("\ntargets    {all}: {}", counted(&fates)));
        text.push_str(&format!("\nproviders  {providers}: {of_providers}\n"));
        text
    }

    /// A line for each thing that somebody should look at.
    fn troubles(&self) -> Vec<String> {
        let runtime = &self.runtime;
        let mut lines = Vec::new();
        if !runtime.reload_config_success {
            let since = &runtime.last_config_time;
            lines.push(format!(
                "the last reload was refused; what runs is the configuration of {since}"
            ));
        }
        for manager in &runtime.not_saved {
            lines.push(format!(
                "what {manager} has found can't be saved for a restart; the log says why"
            ));
        }
        lines.extend(self.jobs.iter().filter_map(|job| self.trouble_of(job)));
        lines.extend(self.providers.iter().filter_map(Listed::trouble));
        let waited_for = runtime.waiting_for.iter();
        // Who is not called by name is nobody's line.
        let others =
            waited_for.filter(|what| !self.providers.iter().any(|listed| what.contains(&listed.provider.name)));
        lines.extend(others.map(|what| format!("it is not ready: it waits for {what}")));
        lines
    }

    fn trouble_of(&self, job: &Job) -> Option<String> {
        let pool = &job.pool;
        if job.list == List::Whole {
            let limit = pool.target_limit.filter(|_| pool.exceeds_target_limit)?;
            let (name, active) = (&pool.name, pool.active);
            return Some(format!(
                "job {name:?} has {active} targets, and target_limit is {limit}: none is scraped"
            ));
        }
        let served = match job.list {
            List::Withheld => "is not served".to_owned(),
            _ if !pool.replaced.is_empty() => {
                format!("is served with what {} had before a reload", pool.replaced.join(", "))
            }
            _ => "is served without all of its targets".to_owned(),
        };
        let is_lacking = |listed: &&Listed| {
            if listed.provider.manager != "scrape" {
                return false;
            }
            let health = &listed.provider.health;
            let was_read = health.last_update_age.is_some() && health.missing.is_none();
            let was_there = health.restored_age.is_some();
            listed.provider.subscribers.contains(&pool.name) && !was_read && !was_there
        };
        let lacking = self.providers.iter().filter(is_lacking);
        let mut lacking: Vec<_> = lacking.map(|listed| listed.provider.name.clone()).collect();
        lacking.extend(
            pool.failed_configs
                .iter()
                .map(|reason| format!("a config that can't be run ({reason})")),
        );
        let name = &pool.name;
        Some(match lacking.is_empty() {
            true => format!("job {name:?} {served}"),
            false => format!("job {name:?} {served}: it lacks {}", few(&lacking)),
        })
    }

    fn job_table(&self, limit: Option<usize>) -> String {
        let mut jobs: Vec<&Job> = self.jobs.iter().collect();
        jobs.sort_by_key(|job| (job.list, job.stale.is_empty(), Reverse(job.pool.active), &job.pool.name));
        let shown = shown(jobs.len(), limit);
        let rows: Vec<_> = jobs.iter().take(shown).map(|job| job.row()).collect();
        let header = ["JOB", "LIST", "ACTIVE", "DROPPED", "DUPLICATE", "INVALID", "STALE"];
        table(header, &rows) + &more(jobs.len() - shown, "job")
    }

    fn provider_table(&self, options: Options) -> String {
        let mut providers: Vec<&Listed> = self.providers.iter().collect();
        providers.sort_by(|one, other| {
            let by_condition = one.condition.cmp(&other.condition);
            let by_wish = other.key(options.sort_by).total_cmp(&one.key(options.sort_by));
            let by_name = || natural(&one.provider.name).cmp(&natural(&other.provider.name));
            by_condition.then(by_wish).then_with(by_name)
        });
        let shown = shown(providers.len(), options.limit);
        let rows: Vec<_> = providers.iter().take(shown).map(|listed| listed.row()).collect();
        let header = [
            "PROVIDER",
            "STATE",
            "TARGETS",
            "READ",
            "CHANGES/MIN",
            "BYTES/MIN",
            "REFRESH",
            "FAILURES",
            "MEMORY",
            "JOBS",
        ];
        table(header, &rows) + &more(providers.len() - shown, "provider")
    }
}

impl Job {
    fn row(&self) -> [Cow<'_, str>; 7] {
        let pool = &self.pool;
        let list = match self.list {
            List::Withheld => "withheld",
            List::Incomplete => "incomplete",
            List::Whole => "whole",
        };
        let stalest = self.stale.iter().max_by(|one, other| one.1.total_cmp(other.1));
        let stale = stalest.map_or_else(String::new, |(provider, seconds)| {
            format!("{} ({provider})", age(*seconds))
        });
        [
            pool.name.as_str().into(),
            list.into(),
            pool.active.to_string().into(),
            pool.dropped.to_string().into(),
            pool.duplicate.to_string().into(),
            pool.invalid.to_string().into(),
            stale.into(),
        ]
    }
}

impl Listed {
    /// What is wrong with it.
    fn trouble(&self) -> Option<String> {
        let provider = &self.provider;
        let (name, description, health) = (provider.called(), &provider.description, &provider.health);
        let who = format!("{name} ({description})");
        let held = provider.held.as_ref().map(|held| {
            let (targets, set) = (held.targets, &held.set);
            format!("{targets} targets of {set:?} are gone and held: `headcount guard list`")
        });
        let what = match self.condition {
            Condition::Ok => return None,
            Condition::Failing => {
                let error = health.last_error.as_deref().unwrap_or("nothing is said of why");
                match provider.stale_for() {
                    Some(seconds) => format!(
                        "fails, and its {} targets are as they were {} ago: {error}",
                        provider.targets,
                        age(seconds)
                    ),
                    None => format!("fails, and was never read: {error}"),
                }
            }
            Condition::Held => return held.map(|held| format!("{who}: {held}")),
            Condition::Partial => {
                let missing = health.missing.as_deref().unwrap_or("a part");
                format!("could not get {missing}")
            }
            Condition::Restored => {
                let ago = age(health.restored_age.unwrap_or_default());
                format!("has not answered since the restart: its targets are as they were {ago} ago")
            }
            Condition::Starting => "has not answered yet".to_owned(),
        };
        let held = held.map_or_else(String::new, |held| format!("; {held}"));
        Some(format!("{who} {what}{held}"))
    }

    /// What is sorted by: the highest first.
    fn key(&self, by: SortBy) -> f64 {
        let provider = &self.provider;
        let (churn, health) = (&provider.churn, &provider.health);
        match by {
            SortBy::Churn => churn.bytes_per_minute,
            SortBy::Age => provider.stale_for().or(health.last_update_age).unwrap_or(f64::INFINITY),
            SortBy::Time => self.refresh().unwrap_or_default(),
            SortBy::Memory => churn.size as f64,
            SortBy::Failures => health.failures as f64,
            SortBy::Targets => provider.targets as f64,
            SortBy::Name => 0.0,
        }
    }

    /// Seconds that a refresh takes on average.
    fn refresh(&self) -> Option<f64> {
        let health = &self.provider.health;
        (health.refreshes > 0).then(|| health.refresh_seconds / health.refreshes as f64)
    }

    fn row(&self) -> [Cow<'_, str>; 10] {
        let provider = &self.provider;
        let (churn, health) = (&provider.churn, &provider.health);
        let state = match self.condition {
            Condition::Failing => "failing",
            Condition::Held => "held",
            Condition::Partial => "partial",
            Condition::Restored => "restored",
            Condition::Starting => "starting",
            Condition::Ok => "ok",
        };
        let read = provider.stale_for().or(health.last_update_age);
        let refresh = self.refresh().map_or_else(|| "-".to_owned(), time);
        [
            provider.called(),
            state.into(),
            provider.targets.to_string().into(),
            read.map_or_else(|| "never".to_owned(), age).into(),
            rate(churn.groups_per_minute).into(),
            memory(churn.bytes_per_minute).into(),
            refresh.into(),
            health.failures.to_string().into(),
            memory(churn.size as f64).into(),
            few(&provider.subscribers).into(),
        ]
    }
}

/// `consul/2` before `consul/10`.
fn natural(name: &str) -> (&str, u64) {
    let (kind, number) = name.rsplit_once('/').unwrap_or((name, ""));
    (kind, number.parse().unwrap_or_default())
}

fn shown(count: usize, limit: Option<usize>) -> usize {
    // Nobody is left out to save the line that would say so.
    limit.filter(|limit| count > limit + 1).unwrap_or(count)
}

fn more(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        count => format!("… and {count} more {what}s; --all shows them\n"),
    }
}

fn few(names: &[String]) -> String {
    let mut text = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn age(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    // Minutes are enough of what is hours old.
    let rounded = if seconds >= 86_400 {
        seconds / 3_600 * 3_600
    } else if seconds >= 3_600 {
        seconds / 60 * 60
    } else {
        seconds
    };
    format_duration(Duration::from_secs(rounded))
}

fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.001 => "<1ms".to_owned(),
        seconds if seconds < 1.0 => format!("{:.0}ms", seconds * 1e3),
        seconds => format!("{seconds:.1}s"),
    }
}

fn rate(per_minute: f64) -> String {
    match per_minute {
        0.0 => "0".to_owned(),
        few if few < 10.0 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    }
}

fn memory(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for larger in units {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = larger;
    }
    match (unit, value) {
        ("B", value) => format!("{value:.0} B"),
        (unit, value) if value < 10.0 => format!("{value:.1} {unit}"),
        (unit, value) => format!("{value:.0} {unit}"),
    }
}
