//! `POST /api/v1/providers/<name>/confirm`: an operator's word that a drop of its targets is true (B05).

use http::Response;
use serde::Serialize;

use super::named::{Named, unknown};
use crate::app::App;
use crate::server::respond::{self, Body};

/// Lets go what is held of the provider whose name is `escaped`.
pub(in crate::server) async fn confirm(app: &App, escaped: &str) -> Response<Body> {
    // Nothing is held of an Alertmanager.
    let Named { managed, provider } = match Named::find(&[&app.scrape], escaped).await {
        Ok(named) => named,
        Err(answer) => return answer,
    };
    let released = match managed.confirm_drop(provider.id).await {
        Ok(Ok(released)) => released,
        // A reload took it in between.
        Ok(Err(_)) => return unknown(&provider.name),
        Err(_) => return respond::gone(),
    };
    if released > 0 {
        tracing::info!(
            provider = &*provider.name,
            targets = released,
            "a drop was confirmed by an operator"
        );
    }
    respond::success(&Confirmed {
        provider: &provider.name,
        released,
    })
}

#[derive(Serialize)]
struct Confirmed<'a> {
    provider: &'a str,
    /// How many targets are gone now; 0 when nothing was held.
    released: usize,
}
