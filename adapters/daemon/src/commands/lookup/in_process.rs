//! A daemon without a network, for one question.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_core::{Backoff, Throttle};
use smol::{Executor, Timer};

use crate::app::App;
use crate::plan::{Plan, Source};
use crate::reload::{self, Reloader};
use crate::{discovery, targets};

/// Time between looks at whether every provider has spoken.
const PAUSE: Duration = Duration::from_millis(10);
/// Nobody but the asker is there to be spared.
const THROTTLE: Duration = Duration::from_millis(50);

/// Runs the discovery of the jobs until every provider has spoken or failed, or the time is over.
pub(super) async fn start(
    executor: &Arc<Executor<'static>>,
    mut plan: Plan,
    timeout: Duration,
) -> anyhow::Result<Arc<App>> {
    // Nobody asks for them.
    plan.alertmanagers.clear();
    let runtime = headcount_runtime::smol::on(executor.clone());
    let env = headcount_runtime::env(&runtime);
    let throttle = Throttle::Backoff(Backoff {
        initial: Duration::ZERO,
        max: THROTTLE,
        quiet: THROTTLE,
        ..Backoff::default()
    });
    let start = |name| discovery::start(executor, &runtime, &env, name, throttle, None, None);
    let (scrape, notify) = (start("scrape"), start("notify"));
    let (fingerprint, _) = Source::BuiltIn.load();
    let app = Arc::new(App {
        executor: executor.clone(),
        targets: targets::start(executor, scrape.clone(), None)?,
        scrape,
        scraping: None,
        notify,
        reloader: Reloader::new(Source::BuiltIn, fingerprint, plan.clone(), 0.0),
        env,
        is_applied: AtomicBool::new(false),
        was_ready: AtomicBool::new(false),
    });
    reload::apply(&app, &plan).await.context("starting discovery")?;
    let deadline = Instant::now() + timeout;
    while !app.unready().await.context("discovering")?.is_empty() && Instant::now() < deadline {
        Timer::after(PAUSE).await;
    }
    // What was discovered last has to be worked out before it can be told.
    let newest = app.scrape.observe().await.context("discovering")?.newest.version();
    reload::seen(&app.targets, 1, newest).await;
    Ok(app)
}
