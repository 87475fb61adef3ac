//! `/api/v1/targets` and `/api/v1/scrape_pools`, in the shape of Prometheus's API.
//!
//! headcount discovers and does not scrape: `discoveredLabels` are those that Prometheus would
//! have before relabelling, `labels` those of them that would stay without any relabelling, and
//! `health` is always `unknown`. No target is ever dropped here.
//!
//! The one rule: **memory does not grow with the answer.** It is written piece by piece from the
//! immutable snapshot, as fast as the client takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_channel::Sender;
use bytes::Bytes;
use headcount_config::{ScrapeConfig, format_duration};
use http::Response;
use serde::Serialize;

use super::respond::{self, Body};
use crate::app::App;
use crate::discovery::{ADDRESS, View, addressed_targets, merged, sorted_groups, write_labels, write_string};
use crate::plan::Plan;

/// Pieces of about this size are sent.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for the client.
const PIECES_AHEAD: usize = 2;

/// The discovered targets; `state` and `scrapePool` in the query choose.
pub(super) fn targets(app: &Arc<App>, query: &str) -> Response<Body> {
    let mut pool = None;
    let mut is_active_wanted = true;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            // As with every parameter that is given twice, the first counts.
            "scrapePool" if !value.is_empty() && pool.is_none() => pool = Some(value.into_owned()),
            "state" => is_active_wanted = matches!(&*value.to_lowercase(), "" | "any" | "active"),
            _ => {}
        }
    }
    let (view, plan) = (app.scrape.view(), app.reloader.plan());
    let (pieces, receiver) = async_channel::bounded(PIECES_AHEAD);
    let write = async move {
        // An error means that the client has gone.
        write_answer(&view, &plan, is_active_wanted, pool.as_deref(), pieces)
            .await
            .ok();
    };
    app.executor.spawn(write).detach();
    respond::pieces(respond::JSON, receiver)
}

/// The jobs' names.
pub(super) fn scrape_pools(app: &App) -> Response<Body> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ScrapePools<'a> {
        scrape_pools: Vec<&'a str>,
    }
    let view = app.scrape.view();
    respond::success(&ScrapePools {
        scrape_pools: view.jobs.keys().map(|job| &**job).collect(),
    })
}

async fn write_answer(
    view: &View,
    plan: &Plan,
    is_active_wanted: bool,
    pool: Option<&str>,
    pieces: Sender<Bytes>,
) -> Result<(), async_channel::SendError<Bytes>> {
    let settings: BTreeMap<&str, &ScrapeConfig> = plan.jobs.iter().map(|job| (job.job_name.as_str(), job)).collect();
    let mut out = br#"{"status":"success","data":{"activeTargets":["#.to_vec();
    let mut is_first = true;
    let jobs = view
        .jobs
        .keys()
        .filter(|job| is_active_wanted && pool.is_none_or(|pool| pool == &***job));
    for job in jobs {
        let Some(set) = view.snapshot.set(job) else { continue };
        let shared = JobLabels::new(job, settings.get(&**job).copied());
        for (_, stored) in sorted_groups(set) {
            for (address, own) in addressed_targets(stored.group()) {
                if !is_first {
                    out.push(b',');
                }
                is_first = false;
                shared.write_target(&mut out, address, merged(own.iter(), stored.group().labels()));
                // Within a group, too: one may be as long as the whole list.
                if out.len() >= PIECE {
                    pieces.send(std::mem::take(&mut out).into()).await?;
                }
            }
        }
    }
    out.extend_from_slice(br#"],"droppedTargets":[],"droppedTargetCounts":{}}}"#);
    pieces.send(out.into()).await
}

/// What Prometheus adds to every target of a job before relabelling.
struct JobLabels<'a> {
    job: &'a str,
    scheme: &'a str,
    metrics_path: &'a str,
    interval: String,
    timeout: String,
    params: Vec<(String, &'a str)>,
}

impl<'a> JobLabels<'a> {
    /// A job that is not in the configuration any more has Prometheus's defaults.
    fn new(job: &'a str, settings: Option<&'a ScrapeConfig>) -> Self {
        let Some(settings) = settings else {
            let (interval, timeout) = (String::from("1m"), String::from("10s"));
            return Self {
                job,
                scheme: "http",
                metrics_path: "/metrics",
                interval,
                timeout,
                params: Vec::new(),
            };
        };
        let params = settings.params.iter();
        Self {
            job,
            scheme: &settings.scheme,
            metrics_path: &settings.metrics_path,
            interval: format_duration(settings.scrape_interval),
            timeout: format_duration(settings.scrape_timeout),
            params: params
                .filter_map(|(name, values)| Some((format!("__param_{name}"), values.first()?.as_str())))
                .collect(),
        }
    }

    fn write_target<'t>(&'t self, out: &mut Vec<u8>, address: &'t str, own: impl Iterator<Item = (&'t str, &'t str)>) {
        let mut labels: BTreeMap<&str, &str> = BTreeMap::from([
            ("__metrics_path__", self.metrics_path),
            ("__scheme__", self.scheme),
            ("__scrape_interval__", self.interval.as_str()),
            ("__scrape_timeout__", self.timeout.as_str()),
            ("job", self.job),
        ]);
        labels.extend(self.params.iter().map(|(name, value)| (name.as_str(), *value)));
        // To Prometheus, a label with an empty value is no label.
        labels.extend(own.filter(|(_, value)| !value.is_empty()));
        labels.insert(ADDRESS, address);
        let label = |name: &str| labels.get(name).copied().unwrap_or_default();

        out.extend_from_slice(br#"{"discoveredLabels":"#);
        write_labels(out, labels.iter().map(|(name, value)| (*name, *value)));
        out.extend_from_slice(br#","labels":"#);
        let mut kept: BTreeMap<&str, &str> = BTreeMap::from([("instance", address)]);
        kept.extend(
            labels
                .iter()
                .filter(|(name, value)| !name.starts_with("__") && !value.is_empty()),
        );
        write_labels(out, kept);
        out.extend_from_slice(br#","scrapePool":"#);
        write_string(out, self.job);
        let url = format!("{}://{address}{}", label("__scheme__"), label("__metrics_path__"));
        for name in ["scrapeUrl", "globalUrl"] {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            write_string(out, &url);
        }
        out.extend_from_slice(br#","lastError":"","lastScrape":"0001-01-01T00:00:00Z","lastScrapeDuration":0"#);
        out.extend_from_slice(br#","health":"unknown","scrapeInterval":"#);
        write_string(out, label("__scrape_interval__"));
        out.extend_from_slice(br#","scrapeTimeout":"#);
        write_string(out, label("__scrape_timeout__"));
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_described_as_prometheus_does() {
        let global = headcount_config::Global::default();
        let mut job = ScrapeConfig::new("node", Vec::new(), &global);
        job.params = vec![("module".to_owned(), vec!["a".to_owned(), "b".to_owned()])];
        let mut out = Vec::new();
        let own = [("__meta_rack", "1"), ("__scheme__", "https"), ("dc", "x")];
        JobLabels::new("node", Some(&job)).write_target(&mut out, "h:1", own.into_iter());
        let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).expect("JSON"));
    }

    #[test]
    fn a_group_of_any_length_is_sent_in_pieces() {
        let mut encoder = headcount_core::Encoder::new();
        let mut batch = encoder.batch();
        let targets = (0..2000).map(|number| [("__address__", format!("host-{number}:9100"))]);
        batch.group("s", [("rack", "1".to_owned())], targets).expect("valid");
        let view = crate::discovery::view_with("job", batch.finish());
        let (sender, pieces) = async_channel::unbounded();
        smol::block_on(write_answer(&view, &Plan::default(), true, None, sender)).expect("somebody listens");
        let sent: Vec<Bytes> = std::iter::from_fn(|| pieces.try_recv().ok()).collect();
        assert!(
            sent.iter().all(|piece| piece.len() < 2 * PIECE),
            "{} pieces",
            sent.len()
        );
        let answer: serde_json::Value = serde_json::from_slice(&sent.concat()).expect("JSON");
        let active = answer["data"]["activeTargets"].as_array().map(Vec::len);
        assert_eq!(active, Some(2000));
    }

    #[test]
    fn a_label_with_an_empty_value_is_no_label() {
        let mut out = Vec::new();
        let own = [("dc", ""), ("job", ""), ("rack", "1")];
        JobLabels::new("node", None).write_target(&mut out, "h:1", own.into_iter());
        let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let discovered = value["discoveredLabels"].as_object().expect("labels");
        assert_eq!(discovered.get("dc"), None);
        assert_eq!(discovered["job"], "node");
        assert_eq!(discovered["rack"], "1");
    }
}
