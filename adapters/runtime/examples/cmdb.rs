//! `cmdb_sd_configs`, of one's own: hosts that a CMDB lists as `[{"host": "10.0.0.1:9100", "rack": "r1"}, …]`.
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use headcount_config::Loader;
use headcount_core::{Encoder, Failure, ManagerOptions, Update};
use headcount_discoverer::mechanism::{Mechanism, Place, SdConfig};
use headcount_discoverer::{Discoverer, Env, Updates, env::HttpRequest, metrics::Definition};
use headcount_reader::{Fields, HttpClientSettings};

/// What one entry says. Entries that are equal share one discoverer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CmdbSd {
    url: String,
    refresh_interval: Duration,
    client: HttpClientSettings,
}

impl Mechanism for CmdbSd {
    const NAME: &'static str = "cmdb";
    const SUMMARY: &'static str = "the hosts of our inventory";
    const METRICS: &'static [Definition] = &[];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Some(Self {
            url: fields.http_url("url")?,
            refresh_interval: fields.interval("refresh_interval", Duration::from_secs(60)),
            client: HttpClientSettings::read(fields, place.folder),
        })
    }

    fn describe(&self) -> String {
        headcount_reader::without_credentials(&self.url).into_owned()
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(move |env, updates| discover(self, env, updates))
    }
}

/// Asks again and again, until it is dropped.
async fn discover(cmdb: Arc<CmdbSd>, env: Env, updates: Updates) {
    let mut encoder = Encoder::new();
    let mut ask = async || -> Result<Update, Box<dyn Error + Send + Sync>> {
        let answer = env.http.client(&cmdb.client)?.send(HttpRequest::get(&cmdb.url)).await?;
        let mut batch = encoder.batch();
        for entry in serde_json::from_slice::<Vec<serde_json::Value>>(&answer.body)? {
            let host = entry["host"].as_str().ok_or("an entry has no host")?;
            let rack = entry["rack"].as_str().unwrap_or("none");
            batch.group(host, [("__meta_cmdb_rack", rack)], [[("__address__", host)]])?;
        }
        Ok(Update::full(batch.finish()))
    };
    loop {
        match ask().await {
            Ok(update) => updates.send(update).await.ok(),
            Err(error) => updates.fail(Failure::new(error.to_string())).await.ok(),
        };
        env.clock.sleep(cmdb.refresh_interval).await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: cmdb PROMETHEUS.YML")?;
    let mut registry = headcount_backends::registry();
    registry.register::<CmdbSd>()?;
    let config = Loader::new(registry).load(&PathBuf::from(file))?;
    let runtime = headcount_runtime::smol::global();
    let env = headcount_runtime::env(&runtime);
    let running = headcount_runtime::start(&runtime, ManagerOptions::default(), env, SdConfig::discoverer);
    let (handle, mut snapshots) = (running.handle, running.snapshots);
    smol::block_on(handle.apply(config.scrape_configs.into_iter().map(|job| (job.job_name, job.sd))))?;
    while let Some(snapshot) = smol::block_on(snapshots.next()) {
        let sets = snapshot.sets().filter_map(|name| snapshot.set(name));
        sets.for_each(|set| println!("{}: {} targets", set.name(), set.target_count()));
    }
    Ok(())
}
