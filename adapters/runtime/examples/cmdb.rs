//! A discoverer of one's own: an inventory (CMDB) that lists hosts over HTTP, as
//! `[{"host": "10.0.0.1:9100", "rack": "r1"}, …]`.
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use std::{error::Error, time::Duration};

use headcount_core::{Encoder, Failure, ManagerOptions, ProviderConfig, Update};
use headcount_discoverer::{Discoverer, Env, Updates, env::HttpRequest, settings::HttpClientSettings};

#[derive(Clone, PartialEq, Eq, Hash)]
struct Cmdb(String);

impl ProviderConfig for Cmdb {
    fn kind(&self) -> &str {
        "cmdb"
    }
    fn describe(&self) -> String {
        self.0.clone()
    }
}

/// The discoverer: asks every minute, until it is dropped.
async fn discover(Cmdb(url): Cmdb, env: Env, updates: Updates) {
    let mut encoder = Encoder::new();
    let mut ask = async || -> Result<Update, Box<dyn Error + Send + Sync>> {
        let client = env.http.client(&HttpClientSettings::default())?;
        let answer = client.send(HttpRequest::get(&url)).await?;
        let mut batch = encoder.batch();
        for entry in serde_json::from_slice::<Vec<serde_json::Value>>(&answer.body)? {
            let host = entry["host"].as_str().ok_or("an entry has no host")?;
            let rack = entry["rack"].as_str().unwrap_or("none");
            batch.group(host, [("rack", rack)], [[("__address__", host)]])?;
        }
        Ok(Update::full(batch.finish()))
    };
    loop {
        match ask().await {
            Ok(update) => updates.send(update).await.ok(),
            Err(error) => updates.fail(Failure::new(error.to_string())).await.ok(),
        };
        env.clock.sleep(Duration::from_secs(60)).await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: cmdb URL")?;
    let runtime = headcount_runtime::smol::global();
    let build = |cmdb: &Cmdb| {
        let cmdb = cmdb.clone();
        Ok(Box::new(move |env, updates| discover(cmdb, env, updates)) as Box<dyn Discoverer>)
    };
    let env = headcount_runtime::env(&runtime);
    let (handle, mut snapshots) = headcount_runtime::start(&runtime, ManagerOptions::default(), env, build);
    smol::block_on(handle.apply([("nodes".to_owned(), vec![Cmdb(url)])]))?;
    while let Some(snapshot) = smol::block_on(snapshots.next()) {
        println!("{} targets", snapshot.set("nodes").map_or(0, |set| set.target_count()));
    }
    Ok(())
}
