//! `/api/v1/targets` and its kin, in the shapes of Prometheus's API and with what it lacks.
//!
//! The one rule: **memory does not grow with the answer.** It is written piece by piece as fast
//! as the client takes it, each piece from the newest state; a target of a group that stays is
//! written exactly once.
//!
//! # `/api/v1/targets`
//! | parameter | meaning |
//! |---|---|
//! | `state` | `any` (default), `active`, `dropped`, `duplicate`, `invalid`; of the active ones only those that are `over_limit` or have the `same_labels` as another, or, with `--scrape`, whose last scrape failed (`down`); of all only those that are `stale` or `held`; nothing for any other word, as in Prometheus |
//! | `scrapePool` | one job |
//! | `match[]` | a selector as in PromQL, without a metric's name: `{rack="1",env=~"prod\|test"}`; repeated, any of them. A label has its value after relabelling or, where it is gone, as discovered |
//! | `search` | text, in any case, in a label's value (as discovered, or a public one after relabelling), in the job's name or the group's source |
//! | `limit` | as many targets at most, over all lists; then `nextToken` is there if there are more |
//! | `total` | `true`: all that match are counted, also beyond `limit`, as `total` after `nextToken`; with `next_token`, those from there on. Without it, nobody looks further than `limit` |
//! | `next_token` | goes on after such an answer; give the same other parameters |
//! | `sort` | `name`: each job's targets by `instance`, or where they have none by address, numbers in it as such; needs a `limit` of 2,000 at most, and looks at all of a job. Else the order is that of groups |
//!
//! `data` has `activeTargets`, `droppedTargets` and `droppedTargetCounts` as Prometheus has them
//! (`globalUrl` has the host of `--web.external-url`, or the machine's name, in the place of `localhost`), then `duplicateTargets`,
//! `invalidTargets` and `nextToken` (`null` at the end). What is not asked for is empty. Each
//! target has, besides Prometheus's fields:
//!
//! * `provider`, `source`: who found it, and in which group; `changed`: when that group became what
//!   it is, as a Unix timestamp. `id`: of active and duplicate ones;
//! * `fate`: `state` (`active`, `overLimit`, `dropped`, `duplicate`, `invalid`), for all but active
//!   ones a `message` for people, and with it:
//!   `overLimit`: `limit`; `dropped`: `rule` (a place in `relabel_configs`, from 0), `action`,
//!   `value` (what it looked at); `duplicate`: `of` (`provider`, `source`, `address`);
//! * `sameLabels`: of active ones, and only where there are such: the first of the other targets that have the same `labels`
//!   and are scraped elsewhere or otherwise (`provider`, `source`, `address`, `scrapeUrl`), so that the samples of both end
//!   in the same series;
//! * `stale`: `null`, or, while its provider fails: `since` (when it last succeeded, as a Unix
//!   timestamp; `null` for never) and `error`;
//! * `held`: `null`, or, when its backend no longer has it and it is kept because too many went at
//!   once: `since`, as a Unix timestamp. `/api/v1/providers` says of how many, and until when;
//! * `underscoresError`: why an active one is in no list with `names=underscores`, if it is in none.
//!
//! With `--scrape`, active targets have Prometheus's `health`, `lastScrape`, `lastScrapeDuration` and
//! `lastError` in truth, and besides:
//!
//! * `lastSamples`, `lastBodyBytes`: how many samples the last scrape read (of one that failed, those
//!   before the error), and of how many bytes, without compression.
//!
//! Duplicate and invalid targets have `discoveredLabels`, `scrapePool` and the above; Prometheus
//! tells of neither.
//!
//! # The others
//! * `/api/v1/scrape_pools`: `scrapePools` as Prometheus has it, and `pools`: for each job its
//!   `name`, `complete`, how many targets are `active`, `dropped`, `duplicate`, `invalid` and
//!   `overLabelLimits`, how many sets of labels several active ones have (`sharedLabels`), its `targetLimit` (or `null`) and
//!   whether it is exceeded (`exceedsTargetLimit`), and `overwritten` (`rule`, `label`): a rule that finds something else in a
//!   Prometheus, if one was given the list as it is discovered. Its `ETag` is another one after each change of any target or
//!   of what is held, so asking with `If-None-Match` is a cheap way to watch.
//! * `/api/v1/targets/relabel_steps?scrapePool=JOB&labels={"name":"value",…}`: `steps`, each with
//!   `rule`, `output` and `keep` as Prometheus has them, and `source` (what the rule looked at,
//!   `null` for rules that look at names or were not reached).
//! * `/api/v1/relabel/rules?scrapePool=JOB`: the job's rules as `yaml` that means the same as what is written, how many rules
//!   that are (`rules`), and how many stand in front of them for all jobs (`globalRules`, of vmagent's).
//! * `POST /api/v1/relabel/try?scrapePool=JOB`, with a list of rules as YAML: what they would make of the job's targets in the
//!   place of its own. It changes nothing. `trial` says what is in the answer.
//! * `/api/v1/alertmanagers`: `activeAlertmanagers` and `droppedAlertmanagers`, each a list of
//!   objects with a `url`.

mod alertmanagers;
mod matching;
mod order;
mod pools;
mod query;
mod rules_yaml;
mod selector;
mod steps;
mod trial;
mod walk;

use std::sync::Arc;

use async_channel::Sender;
use bytes::Bytes;
use futures_lite::future;
use http::Response;

use super::respond::{self, Body};
use crate::app::App;
use crate::targets::{Healths, Stale};
pub(super) use alertmanagers::alertmanagers;
pub(super) use pools::scrape_pools;
use query::Query;
pub(super) use steps::relabel_steps;
pub(super) use trial::{rules, tried};
use walk::Walk;

/// Pieces of about this size are sent.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for the client.
const PIECES_AHEAD: usize = 2;

/// The targets that the query asks for.
pub(super) async fn targets(app: &Arc<App>, query: &str) -> Response<Body> {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(error) => return respond::bad_data(error.to_string()),
    };
    let Ok(observation) = app.scrape.observe().await else {
        return respond::gone();
    };
    let clock = app.wall_clock();
    let healths = Healths::of(app.scraping.as_ref(), clock);
    let stale = Stale::of(&observation, clock).and_replaced(&app.scrape.view().snapshot);
    let walk = Walk::new(app.targets.clone(), query, stale, healths, app.global.clone());
    let (pieces, receiver) = async_channel::bounded(PIECES_AHEAD);
    let write = async move {
        // An error means that the client has gone.
        send(walk, pieces).await.ok();
    };
    app.executor.spawn(write).detach();
    respond::pieces(respond::JSON, receiver)
}

async fn send(mut walk: Walk, pieces: Sender<Bytes>) -> Result<(), async_channel::SendError<Bytes>> {
    let mut out = Vec::new();
    // A walk that finds nothing sends nothing, so it would not notice that nobody waits for it.
    while !pieces.is_closed() && walk.step(&mut out) {
        if out.len() >= PIECE {
            pieces.send(std::mem::take(&mut out).into()).await?;
        } else {
            future::yield_now().await;
        }
    }
    pieces.send(out.into()).await
}

#[cfg(test)]
mod tests;
