//! `/api/v1/status/runtimeinfo`: how the process is, in Prometheus's fields where it has them; and
//! `/api/v1/status/buildinfo`.

use std::collections::BTreeMap;
use std::sync::Arc;

use blocking::unblock;
use http::Response;
use serde::Serialize;

use super::metrics::{parts, this_process};
use super::respond::{self, Body};
use crate::app::App;
use crate::wall_clock::utc;

/// Times are written as Go writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    server_time: String,
    /// Seconds since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<f64>,
    reload_config_success: bool,
    last_config_time: String,
    version: &'static str,
    /// What is waited for until it is ready.
    waiting_for: Vec<String>,
    /// Managers of whom what was found could not be saved the last time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_saved: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_memory_bytes: Option<f64>,
    memory_bytes: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct Build {
    version: &'static str,
}

/// How it is.
pub(super) async fn runtime_info(app: &Arc<App>) -> Response<Body> {
    let app = app.clone();
    unblock(move || {
        let reload = app.reloader.status();
        let process = this_process();
        let started = process.and_then(|process| process.started);
        let now = app.wall_clock().unix().as_secs_f64();
        let saved = app.state.iter().flat_map(|state| state.all());
        respond::success(&Info {
            start_time: started.map(utc),
            server_time: utc(now),
            uptime: started.map(|started| (now - started).max(0.0)),
            reload_config_success: reload.is_successful,
            last_config_time: utc(reload.last_success),
            version: env!("CARGO_PKG_VERSION"),
            waiting_for: app.unready(),
            not_saved: saved
                .filter(|(_, written)| written.is_failing)
                .map(|(name, _)| name)
                .collect(),
            resident_memory_bytes: process.map(|process| process.resident),
            memory_bytes: parts(&app).into_iter().collect(),
        })
    })
    .await
}

/// What it is.
pub(super) fn build_info() -> Response<Body> {
    respond::success(&Build {
        version: env!("CARGO_PKG_VERSION"),
    })
}
