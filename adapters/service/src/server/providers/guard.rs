//! `/api/v1/guard`: the drops that are held, the next to count first, with targets that would go.

use std::sync::Arc;

use headcount_core::{Groups, Held, LabelSet};
use http::Response;
use serde::Serialize;

use super::HeldDrop;
use crate::app::App;
use crate::discovery::ADDRESS;
use crate::server::respond::{self, Body};

/// Addresses of a drop that are told.
const MOST_ADDRESSES: usize = 10;

#[derive(Serialize)]
struct Holds {
    holds: Vec<Hold>,
}

/// A drop that is held; times are in seconds since 1970-01-01 UTC.
#[derive(Serialize)]
struct Hold {
    manager: &'static str,
    provider: Arc<str>,
    description: Arc<str>,
    subscribers: Vec<Arc<str>>,
    #[serde(flatten)]
    held: HeldDrop,
    /// How many seconds are left until it counts; 0 when it does as soon as the provider works again.
    left: f64,
    /// Some of the targets that would go.
    addresses: Vec<String>,
}

/// All that is held.
pub(in crate::server) async fn holds(app: &App) -> Response<Body> {
    let Ok(observations) = app.observe().await else {
        return respond::gone();
    };
    let (clock, now) = (app.wall_clock(), app.env.clock.now());
    let mut holds = Vec::new();
    for (manager, observation) in observations {
        for provider in observation.providers {
            let Some(held) = provider.held else { continue };
            let shown = observation
                .newest
                .provider(provider.id)
                .map(|provider| provider.groups());
            holds.push(Hold {
                manager,
                provider: provider.name,
                description: provider.description,
                subscribers: provider.subscribers,
                left: held.until.saturating_duration_since(now).as_secs_f64(),
                addresses: shown.map(|shown| addresses(shown, &held)).unwrap_or_default(),
                held: HeldDrop::of(held, clock),
            });
        }
    }
    holds.sort_by(|one: &Hold, other| one.left.total_cmp(&other.left));
    respond::success(&Holds { holds })
}

/// Some of the targets that are shown only because they are held.
fn addresses(shown: &Groups, held: &Held) -> Vec<String> {
    let sources = shown.iter().map(|stored| stored.group());
    let lost = sources.flat_map(|group| {
        let still_there = held.still_there(group.source());
        let targets = group.targets().filter(move |target| !still_there.has(group, *target));
        let address = |target: LabelSet<'_>| target.get(ADDRESS).or(group.labels().get(ADDRESS)).map(str::to_owned);
        targets.filter_map(address)
    });
    lost.take(MOST_ADDRESSES).collect()
}
