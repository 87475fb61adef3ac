//! `/api/v1/relabel/rules` and `/api/v1/relabel/try`: other rules for a job, tried on what is discovered.
//!
//! The one rule: **who tries holds nobody up.** It is done on a thread of its own, one at a time, of a snapshot; it ends when
//! nobody waits for the answer any more, and after [`WITHIN`] in any case. Rules may come from anybody who reaches the page, so
//! there are at most [`MOST_RULES`] of them, and what compiling them may take is bounded by [`EXPRESSIONS`].
//!
//! `data` of an answer to `try` has:
//! * `rules`, how many were sent; `globalRules`, how many stand in front of them; `warnings`, each with `line`, `column`,
//!   `field` and `message`; `seconds`, what it took;
//! * `before`, `after`: how many targets have which fate; `effects`: how many would be `started`, `stopped`, `moved` (scraped
//!   elsewhere), `relabelled` (with other labels), something `other` (another fate, and scraped neither way or both), or are
//!   `unchanged`;
//! * `targets`: those with one of the effects that `effect` names, all but `unchanged` without it; at most `limit` of them,
//!   from `offset` on; `nextOffset` where there are more, or `null`. Each has its `effect`, `discoveredLabels`, `provider`,
//!   `source`, what is and would be its fate (`before`, `after`: `state`, `message`), `scrapeUrl`, and `changes` of labels.
//!
//! With `labels={"name":"value",…}` it has `steps` instead, as `relabel_steps` has them.
//!
//! Rules that are wrong are a 400 with `mistakes`, which are written like `warnings`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use blocking::unblock;
use bytes::Bytes;
use headcount_config::{LoadErrors, Problem, RegexAllowance};
use headcount_core::JobOptions;
use headcount_core::relabel::Relabeling;
use http::{Response, StatusCode};
use serde::Serialize;

use super::super::respond::{self, Body};
use super::rules_yaml::yaml;
use super::steps;
use crate::app::App;
use crate::discovery::View;
use crate::targets::{Effect, Trial, Tried, WantedEffects};

/// Targets in an answer, unless it is said otherwise, and at most.
const LIMIT: usize = 100;
const MOST: usize = 1000;
/// No trial takes longer. It is looked at between targets.
const WITHIN: Duration = Duration::from_secs(20);
/// Rules in a trial.
const MOST_RULES: usize = 1000;
/// Those that no job has yet. Together they take 128 MiB at most.
const EXPRESSIONS: RegexAllowance = RegexAllowance {
    expressions: 128,
    bytes: 1 << 20,
};
/// What rules are called in messages.
const ORIGIN: &str = "rules";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    yaml: String,
    rules: usize,
    global_rules: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    rules: usize,
    global_rules: usize,
    warnings: Vec<Mistake>,
    seconds: f64,
    #[serde(flatten)]
    tried: Tried,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wrong {
    status: &'static str,
    error_type: &'static str,
    error: String,
    mistakes: Vec<Mistake>,
}

/// What is wrong with rules, and where; both are counted from 1.
#[derive(Debug, Serialize)]
struct Mistake {
    line: Option<usize>,
    column: Option<usize>,
    field: String,
    message: String,
}

/// A job, as it runs.
struct Job {
    options: JobOptions,
    view: Arc<View>,
    /// Rules of all jobs in front of its own.
    global: usize,
}

/// What is asked.
#[derive(Debug)]
struct Query {
    job: String,
    labels: Option<String>,
    wanted: WantedEffects,
}

/// The rules of a job, as YAML.
pub(in crate::server) fn rules(app: &App, query: &str) -> Response<Body> {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(message) => return respond::bad_data(message),
    };
    let Some(job) = Job::of(app, &query.job) else {
        return no_job(&query.job);
    };
    let own = job.options.relabeling.rules().get(job.global..).unwrap_or_default();
    respond::success(&Rules {
        yaml: yaml(own),
        rules: own.len(),
        global_rules: job.global,
    })
}

/// What the rules in `body` would do to a job.
pub(in crate::server) async fn tried(app: &App, query: &str, body: Bytes) -> Response<Body> {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(message) => return respond::bad_data(message),
    };
    let Some(job) = Job::of(app, &query.job) else {
        return no_job(&query.job);
    };
    let loader = app.reloader.loader().clone();
    let turn = app.trials.lock_arc().await;
    let asker = Arc::new(());
    let asked = Arc::downgrade(&asker);
    let answer = unblock(move || {
        // The turn ends with the work, whether or not anybody waits for it.
        let _turn = turn;
        let begun = Instant::now();
        let names = job.options.relabeling.names();
        let read = || loader.relabeling(&body, ORIGIN.as_ref(), names);
        let (own, warnings) = match EXPRESSIONS.hold(read) {
            Ok(read) => read,
            Err(errors) => return wrong(&errors),
        };
        if own.len() > MOST_RULES {
            let message = format!("there are {} rules; at most {MOST_RULES} are tried at once", own.len());
            return respond::bad_data(message);
        }
        let rules = match job.behind_global(&own) {
            Ok(rules) => rules,
            Err(message) => return respond::bad_data(message),
        };
        if let Some(labels) = &query.labels {
            return explain(&rules, labels);
        }
        let goes_on = || asked.strong_count() > 0 && begun.elapsed() < WITHIN;
        let global = job.global;
        match Trial::make(job.view, job.options, rules, goes_on) {
            Some(trial) => respond::success(&Answer {
                rules: own.len(),
                global_rules: global,
                warnings: warnings.iter().map(Mistake::of).collect(),
                tried: trial.tell(&query.wanted),
                seconds: begun.elapsed().as_secs_f64(),
            }),
            None => respond::error(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("trying these rules takes longer than {} seconds", WITHIN.as_secs()),
            ),
        }
    })
    .await;
    drop(asker);
    answer
}

/// What each rule makes of one target's labels.
fn explain(rules: &Relabeling, labels: &str) -> Response<Body> {
    #[derive(Serialize)]
    struct Steps<'a> {
        steps: Vec<steps::Step<'a>>,
    }
    let labels = match steps::parse(labels) {
        Ok(labels) => labels,
        Err(error) => return respond::bad_data(format!("error parsing labels: {error}")),
    };
    let explanation = rules.explain(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    respond::success(&Steps {
        steps: steps::steps(rules, labels, explanation),
    })
}

fn no_job(name: &str) -> Response<Body> {
    respond::bad_data(format!("there is no scrape pool {name:?}"))
}

fn wrong(errors: &LoadErrors) -> Response<Body> {
    let wrong = Wrong {
        status: "error",
        error_type: "bad_data",
        error: errors.to_string(),
        mistakes: errors.problems.iter().map(Mistake::of).collect(),
    };
    respond::json(StatusCode::BAD_REQUEST, &wrong)
}

impl Mistake {
    fn of(problem: &Problem) -> Self {
        Self {
            line: problem.position.map(|at| at.line),
            column: problem.position.map(|at| at.column),
            field: problem.field.clone(),
            message: problem.kind.to_string(),
        }
    }
}

impl Job {
    fn of(app: &App, name: &str) -> Option<Self> {
        let (options, view) = app.targets.read(|state| {
            let options = state.pools.pool(name)?.options().clone();
            Some((options, state.view.clone()))
        })?;
        let plan = app.reloader.plan();
        let job = plan.jobs.iter().find(|job| job.job_name == name);
        Some(Self {
            options,
            view,
            global: job.map_or(0, |job| job.global_rules),
        })
    }

    /// These rules behind those of all jobs.
    fn behind_global(&self, own: &Relabeling) -> Result<Relabeling, String> {
        if self.global == 0 {
            return Ok(own.clone());
        }
        let global = self.options.relabeling.rules().iter().take(self.global);
        let all = global.chain(own.rules()).cloned();
        Relabeling::compile(all, own.names()).map_err(|error| error.to_string())
    }
}

impl Query {
    fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self {
            job: String::new(),
            labels: None,
            wanted: WantedEffects {
                effects: Vec::new(),
                offset: 0,
                limit: LIMIT,
            },
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let number = || {
                value
                    .parse::<usize>()
                    .map_err(|_| format!("{name}={value:?} is no number"))
            };
            match &*name {
                _ if value.is_empty() => {}
                "scrapePool" => parsed.job = value.into_owned(),
                "labels" => parsed.labels = Some(value.into_owned()),
                "limit" => parsed.wanted.limit = number()?.min(MOST),
                "offset" => parsed.wanted.offset = number()?,
                "effect" => {
                    let effect = Effect::ALL.into_iter().find(|effect| effect.name() == value);
                    let all = Effect::ALL.map(Effect::name).join(", ");
                    let effect = effect.ok_or_else(|| format!("effect={value:?} is none of {all}"))?;
                    parsed.wanted.effects.push(effect);
                }
                _ => {}
            }
        }
        if parsed.job.is_empty() {
            return Err("no scrapePool parameter provided".to_owned());
        }
        if parsed.wanted.effects.is_empty() {
            let seen = Effect::ALL.into_iter().filter(|effect| *effect != Effect::Unchanged);
            parsed.wanted.effects = seen.collect();
        }
        Ok(parsed)
    }
}
