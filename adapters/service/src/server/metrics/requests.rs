//! What is asked of this process, and who has which list.

use super::exposition::{Exposition, Kind, count};
use crate::app::App;
use crate::server::requests::OTHERS;

/// What clients asked for.
pub(super) fn requests(out: &mut Exposition, app: &App) {
    let mut family = out.family(
        "headcount_http_requests_total",
        Kind::Counter,
        "Requests that were answered, by path and status.",
    );
    for ((handler, status), number) in app.requests.answers() {
        family.sample(&[("handler", handler), ("code", &status.to_string())], count(number));
    }
    let view = app.scrape.view();
    let lists = app.requests.lists(|job| view.jobs.contains_key(job));
    let mut family = out.family(
        "headcount_sd_list_requests_total",
        Kind::Counter,
        "Requests for the job's list, by status: 200 is the list, 304 that it is as it was, 503 that it is withheld.",
    );
    for (job, list) in &lists {
        for (status, number) in &list.answers {
            family.sample(&[("config", job), ("code", &status.to_string())], count(*number));
        }
    }
    let clock = app.wall_clock();
    let mut family = out.family(
        "headcount_sd_list_last_request_timestamp_seconds",
        Kind::Gauge,
        "When a client last asked for the job's list, as a Unix timestamp. Only some clients are told apart; all others \
         are one.",
    );
    for (job, list) in &lists {
        for (client, last) in &list.clients {
            let client = client.map_or_else(|| OTHERS.to_owned(), |client| client.to_string());
            family.sample(&[("config", job), ("client", &client)], clock.unix_seconds(*last));
        }
    }
}
