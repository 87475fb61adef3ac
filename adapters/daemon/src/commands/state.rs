//! `headcount state`: what `run` keeps over a restart.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use headcount_core::allocation::SavedMember;
use headcount_core::format_duration;
use headcount_questions::table;
use headcount_service::{SavedMembersSummary, SavedProviderSummary, StateSummary, saved_members, saved_states};
use serde::Serialize;

use crate::cli::{ReportFormat, StateCommand};
use crate::console;

/// What is said of each file, as it is printed for programs. Times are seconds since 1970-01-01 UTC, ages are in seconds.
#[derive(Debug, Serialize)]
struct Head<'a> {
    file: &'a Path,
    /// Or `members`, which is none.
    manager: &'a str,
    config: &'a str,
    version: &'a str,
    at: f64,
    age: f64,
    bytes: u64,
}

/// A state, as it is printed for programs.
#[derive(Debug, Serialize)]
struct State<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    /// Bytes of a last change that is not whole.
    torn: u64,
    targets: usize,
    providers: Vec<Provider<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Provider<'a> {
    kind: &'a str,
    description: &'a str,
    subscribers: &'a [String],
    groups: usize,
    targets: usize,
    /// When it was first read whole; `null` if never.
    first_whole: Option<f64>,
    /// Whether it was waited for long enough, and not read whole.
    waited_out: bool,
    /// When it was last known to be so.
    as_of: f64,
    age: f64,
    last_change: Option<f64>,
}

/// What was saved of members, as it is printed for programs.
#[derive(Debug, Serialize)]
struct Members<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    members: &'a [SavedMember],
    /// Targets between two of them.
    handovers: usize,
}

impl<'a> Head<'a> {
    fn of(state: &'a StateSummary, now: Duration) -> Self {
        Self {
            file: &state.file,
            manager: &state.manager,
            config: &state.config,
            version: &state.version,
            at: state.at.as_secs_f64(),
            age: now.saturating_sub(state.at).as_secs_f64(),
            bytes: state.bytes,
        }
    }

    fn of_members(members: &'a SavedMembersSummary, now: Duration) -> Self {
        Self {
            file: &members.file,
            manager: "members",
            config: &members.config,
            version: &members.version,
            at: members.at.as_secs_f64(),
            age: now.saturating_sub(members.at).as_secs_f64(),
            bytes: members.bytes,
        }
    }

    /// The first lines for people: what file it is, and of what.
    fn lines(&self, of: &str) -> String {
        let config = if self.config.is_empty() { "no file" } else { self.config };
        format!(
            "{}\n  {of} of {config}, by headcount {}\n",
            self.file.display(),
            self.version
        )
    }
}

pub(super) fn run(command: &StateCommand) -> anyhow::Result<ExitCode> {
    let StateCommand::Show { path, output } = command;
    let states = saved_states(path)?;
    let members = saved_members(path);
    if states.is_empty() && members.is_empty() {
        bail!("there is no saved state in {}", path.display());
    }
    let mut code = ExitCode::SUCCESS;
    let mut complain = |error| {
        console::complain(&format!("headcount: {:#}", anyhow::Error::from(error)));
        code = ExitCode::FAILURE;
    };
    let read: Vec<StateSummary> = states
        .into_iter()
        .filter_map(|state| state.map_err(&mut complain).ok())
        .collect();
    let members = members
        .into_iter()
        .filter_map(|members| members.map_err(&mut complain).ok());
    let members: Vec<SavedMembersSummary> = members.collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.context("the clock is before 1970")?;
    match output {
        ReportFormat::Json => {
            let states = read.iter().map(|state| serde_json::to_value(for_programs(state, now)));
            let members = members
                .iter()
                .map(|members| serde_json::to_value(members_for_programs(members, now)));
            let all: Vec<_> = states.chain(members).collect::<Result<_, _>>()?;
            super::print_json(&all)?;
        }
        ReportFormat::Table => {
            let states = read.iter().map(|state| for_people(state, now));
            let members = members.iter().map(|members| members_for_people(members, now));
            let texts: Vec<_> = states.chain(members).collect();
            console::print(&texts.join("\n"))?;
        }
    }
    Ok(code)
}

fn for_programs(state: &StateSummary, now: Duration) -> State<'_> {
    let seconds = |at: Duration| at.as_secs_f64();
    let age = |at: Duration| now.saturating_sub(at).as_secs_f64();
    let providers = state.providers.iter().map(|provider| Provider {
        kind: &provider.kind,
        description: &provider.description,
        subscribers: &provider.sets,
        groups: provider.groups,
        targets: provider.targets,
        first_whole: provider.first_whole.map(seconds),
        waited_out: provider.waited_out,
        as_of: seconds(provider.as_of),
        age: age(provider.as_of),
        last_change: provider.last_change.map(seconds),
    });
    State {
        head: Head::of(state, now),
        torn: state.torn,
        targets: targets(state),
        providers: providers.collect(),
    }
}

fn for_people(state: &StateSummary, now: Duration) -> String {
    let age = |at: Duration| format_duration(Duration::from_secs(now.saturating_sub(at).as_secs()));
    let mut text = Head::of(state, now).lines(&format!("manager {},", state.manager));
    // Writing to a string does not fail.
    let (providers, targets, age_of_all) = (state.providers.len(), targets(state), age(state.at));
    writeln!(
        text,
        "  {providers} providers with {targets} targets as of {age_of_all} ago, in {} bytes",
        state.bytes
    )
    .ok();
    if state.torn > 0 {
        writeln!(
            text,
            "  a last change of {} bytes is not whole, and left out",
            state.torn
        )
        .ok();
    }
    let row = |provider: &SavedProviderSummary| {
        let whole = if provider.first_whole.is_some() { "yes" } else { "no" };
        [
            provider.kind.clone(),
            provider.groups.to_string(),
            provider.targets.to_string(),
            age(provider.as_of),
            provider.last_change.map_or("-".to_owned(), age),
            whole.to_owned(),
            provider.sets.join(","),
            provider.description.clone(),
        ]
        .map(Cow::from)
    };
    let rows: Vec<_> = state.providers.iter().map(row).collect();
    let header = ["KIND", "GROUPS", "TARGETS", "AGE", "CHANGED", "WHOLE", "SETS", "WHAT"];
    text.push_str(&table(header, &rows));
    text
}

fn members_for_programs(members: &SavedMembersSummary, now: Duration) -> Members<'_> {
    Members {
        head: Head::of_members(members, now),
        members: &members.members,
        handovers: members.handovers,
    }
}

fn members_for_people(members: &SavedMembersSummary, now: Duration) -> String {
    let age = format_duration(Duration::from_secs(now.saturating_sub(members.at).as_secs()));
    let (count, handovers, bytes) = (members.members.len(), members.handovers, members.bytes);
    let mut text = Head::of_members(members, now).lines("members");
    // Writing to a string does not fail.
    writeln!(
        text,
        "  {count} members with {handovers} targets between two of them, unchanged for {age}, in {bytes} bytes"
    )
    .ok();
    let row = |member: &SavedMember| {
        [
            member.name.to_string(),
            member.seat.map_or("-".to_owned(), |seat| seat.to_string()),
            if member.retired { "yes" } else { "no" }.to_owned(),
        ]
        .map(Cow::from)
    };
    let rows: Vec<_> = members.members.iter().map(row).collect();
    text.push_str(&table(["MEMBER", "SEAT", "LEAVING"], &rows));
    text
}

fn targets(state: &StateSummary) -> usize {
    state.providers.iter().map(|provider| provider.targets).sum()
}
