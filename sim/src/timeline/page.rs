//! The page that draws a timeline. It needs nothing but a browser, and asks nobody for anything.

use serde_json::{Value, json};

use super::lanes::{Hold, JobLane};
use super::{FaultLane, Lane, STRETCHES, Stretch, Timeline};
use crate::report::{bytes, count, short};
use crate::{DiscovererId, HostId, Outcome, Span};

/// How many discoverers are drawn: those with the most trouble.
const LANES: usize = 40;
/// How many windows of one fault are drawn.
const WINDOWS: usize = 400;

const PAGE: &str = include_str!("page.html");

impl Timeline {
    /// A page about the run: its verdict and figures, and what happened over time. `again` is the
    /// command that repeats the run.
    pub fn page(&self, outcome: &Outcome, again: &str) -> String {
        // In JSON `<` stands in strings only; written so, none of them can end the script.
        let data = self.data(outcome, again).to_string().replace('<', "\\u003c");
        PAGE.replace("/*DATA*/null", &data)
            .replace("{{TITLE}}", &escaped(&self.scenario.name))
    }

    fn data(&self, outcome: &Outcome, again: &str) -> Value {
        let metrics = &outcome.metrics;
        let mut lanes: Vec<(&DiscovererId, &Lane)> = self.lanes.iter().collect();
        lanes.sort_by_key(|(id, lane)| (std::cmp::Reverse((lane.failures, lane.oldest)), id.0));
        let first = self.stretches.iter().find_map(|stretch| stretch.truth);
        let (mut truth, mut shown) = (first.unwrap_or(0), 0);
        let levels: Vec<(u64, u64)> = self
            .stretches
            .iter()
            .map(|stretch| {
                truth = stretch.truth.unwrap_or(truth);
                shown = stretch.shown.unwrap_or(shown);
                (truth, shown)
            })
            .collect();
        let each = |figure: fn(&Stretch) -> u64| self.stretches.iter().map(figure).collect::<Vec<_>>();
        json!({
            "name": self.scenario.name,
            "about": self.scenario.about,
            "again": again,
            "opening": self.scenario.opening(outcome.seed),
            "table": outcome.table(),
            "broken": outcome.violations.first().map(ToString::to_string),
            "seconds": seconds(self.until),
            "calm": seconds(self.scenario.storm_ends()),
            "brokenAt": outcome.violations.first().map(|violation| seconds(violation.at)),
            "reached": seconds(outcome.time),
            "tiles": [
                ["staleness, median", short(metrics.staleness_p50)],
                ["staleness, 99 %", short(metrics.staleness_p99)],
                ["staleness, longest", short(metrics.staleness_max)],
                ["snapshots", count(metrics.emissions)],
                ["differences", bytes(metrics.bytes_changed)],
                ["whole snapshots", bytes(metrics.bytes_whole)],
                ["backend calls", count(metrics.backend_calls)],
                ["failed calls", count(metrics.failures)],
            ],
            "truth": levels.iter().map(|level| level.0).collect::<Vec<_>>(),
            "shown": levels.iter().map(|level| level.1).collect::<Vec<_>>(),
            "p50": each(|stretch| millis(stretch.staleness.quantile(500))),
            "p99": each(|stretch| millis(stretch.staleness.quantile(990))),
            "max": each(|stretch| millis(stretch.staleness.longest())),
            "emissions": each(|stretch| stretch.emissions),
            "bytes": each(|stretch| stretch.bytes),
            "came": each(|stretch| stretch.came),
            "went": each(|stretch| stretch.went),
            "relabelled": each(|stretch| stretch.relabelled),
            "calls": each(|stretch| stretch.calls),
            "failures": each(|stretch| stretch.failures),
            "faults": self.faults.values().map(fault).collect::<Vec<_>>(),
            "lanes": lanes.iter().take(LANES).map(|(id, lane)| self.drawn(**id, lane)).collect::<Vec<_>>(),
            "of": self.lanes.len(),
            "holds": self.holds(),
            "jobs": self.jobs(),
            "hosts": self.news.hosts().into_iter().map(|(host, news)| self.host(host, news)).collect::<Vec<_>>(),
            "notes": self.notes.iter().map(|(at, text)| json!([seconds(*at), text])).collect::<Vec<_>>(),
        })
    }
}

impl Timeline {
    /// What the guard held, those first of whom it held the most.
    fn holds(&self) -> Vec<Value> {
        let mut holds: Vec<_> = self.holds.of.iter().filter(|(_, holds)| !holds.is_empty()).collect();
        let most = |holds: &[Hold]| holds.iter().map(|hold| hold.most).max();
        holds.sort_by_key(|(id, holds)| (std::cmp::Reverse(most(holds)), id.0));
        let drawn = holds.into_iter().take(LANES).map(|(id, holds)| {
            let (backend, _) = self.descriptions.get(id.place()).cloned().unwrap_or_default();
            let window = |hold: &Hold| json!([seconds(hold.from), seconds(hold.to.unwrap_or(self.until)), hold.most]);
            json!({ "name": format!("{id} {backend}"), "windows": holds.iter().take(WINDOWS).map(window).collect::<Vec<_>>() })
        });
        drawn.collect()
    }

    /// How the jobs' lists were served, those first that were so for the least time.
    fn jobs(&self) -> Vec<Value> {
        let whole = |lane: &JobLane| lane.cells.iter().flatten().filter(|(how, ..)| *how == 0).count();
        let mut lanes: Vec<&JobLane> = self.jobs.iter().collect();
        lanes.sort_by_key(|lane| whole(lane));
        let drawn = lanes.into_iter().take(LANES).map(|lane| {
            let cells = lane.cells.iter().zip(0_u64..);
            let cells =
                cells.filter_map(|(cell, place)| cell.map(|(how, has, should)| json!([place, how, has, should])));
            json!({ "name": lane.name, "cells": cells.collect::<Vec<_>>() })
        });
        drawn.collect()
    }

    fn host(&self, host: HostId, news: &[(Span, Span)]) -> Value {
        let told = self.news.told.get(&host).into_iter().flatten();
        json!({
            "name": host.to_string(),
            "news": news.iter().map(|(age, at)| json!([seconds(*at), millis(*age)])).collect::<Vec<_>>(),
            "told": told.map(|(at, text)| json!([seconds(*at), text])).collect::<Vec<_>>(),
        })
    }

    fn drawn(&self, id: DiscovererId, lane: &Lane) -> Value {
        let (backend, description) = self.descriptions.get(id.place()).cloned().unwrap_or_default();
        let windows = self.windows.get(&id).into_iter().flatten().take(WINDOWS);
        json!({
            "name": format!("{id} {backend}"),
            "title": format!("{id}, {description}"),
            "windows": windows.map(|(from, to)| json!([seconds(*from), seconds(*to)])).collect::<Vec<_>>(),
            "failures": sparse(lane.cells.iter().map(|cell| u64::from(cell.0))),
            "stale": sparse(lane.cells.iter().map(|cell| millis(cell.1))),
        })
    }
}

fn fault(lane: &FaultLane) -> Value {
    let windows = lane.windows.iter().take(WINDOWS);
    json!({
        "name": lane.word.replace('_', " "),
        "count": lane.windows.len(),
        "windows": windows.map(|(from, to, covered)| json!([seconds(*from), seconds(*to), covered])).collect::<Vec<_>>(),
        "hits": sparse(lane.hits.iter().map(|hits| u64::from(*hits))),
    })
}

/// Where there is anything, and how much: most stretches of one lane are empty.
fn sparse(cells: impl Iterator<Item = u64>) -> Vec<[u64; 2]> {
    let places = cells.zip(0..STRETCHES as u64);
    places
        .filter(|(cell, _)| *cell > 0)
        .map(|(cell, place)| [place, cell])
        .collect()
}

fn seconds(span: Span) -> Value {
    let millis = millis(span);
    json!(millis as f64 / 1_000.0)
}

fn millis(span: Span) -> u64 {
    span.as_nanos() / 1_000_000
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
