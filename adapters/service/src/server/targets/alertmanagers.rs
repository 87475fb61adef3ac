//! `/api/v1/alertmanagers`: where alerts would be sent.

use std::sync::Arc;

use blocking::unblock;
use http::Response;
use serde::Serialize;

use super::super::respond::{self, Body};
use crate::app::App;
use crate::targets;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    active_alertmanagers: Vec<Entry>,
    dropped_alertmanagers: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    url: String,
}

/// The Alertmanagers of the newest view. There are few, as a rule; were there many, working them
/// out would hold up nobody.
pub(in crate::server) async fn alertmanagers(app: &Arc<App>) -> Response<Body> {
    let (view, plan) = (app.notify.view(), app.reloader.plan());
    unblock(move || {
        let found = targets::alertmanagers(&plan.alertmanagers, &view.snapshot);
        let entries = |urls: Vec<String>| urls.into_iter().map(|url| Entry { url }).collect();
        respond::success(&Answer {
            active_alertmanagers: entries(found.active),
            dropped_alertmanagers: entries(found.dropped),
        })
    })
    .await
}
