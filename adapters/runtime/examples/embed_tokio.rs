//! The manager in a program of one's own, on tokio.
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use headcount_core::{Encoder, ManagerOptions, ProviderConfig, Update};
use headcount_discoverer::{Discoverer, Env, Updates};
use headcount_runtime::Running;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Host(&'static str);

impl ProviderConfig for Host {
    fn kind(&self) -> &str {
        "host"
    }
    fn describe(&self) -> String {
        self.0.to_owned()
    }
}

async fn look(Host(address): Host, _env: Env, updates: Updates) {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch
        .group(address, [("job", "node")], [[("__address__", address)]])
        .ok();
    updates.send(Update::full(batch.finish())).await.ok();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = headcount_runtime::tokio::current()?;
    let env = headcount_runtime::env(&runtime);
    let build = |&host: &Host| Ok(Box::new(move |env, updates| look(host, env, updates)) as Box<dyn Discoverer>);
    let Running {
        handle, mut snapshots, ..
    } = headcount_runtime::start(&runtime, ManagerOptions::default(), env, build);
    let hosts = ["10.0.0.1:9100", "10.0.0.2:9100"].map(Host).to_vec();
    handle.apply([("nodes".to_owned(), hosts)]).await?;
    if let Some(nodes) = snapshots.next().await.as_ref().and_then(|all| all.set("nodes")) {
        nodes
            .groups()
            .for_each(|(pool, found)| println!("{}: {:?}", pool.name(), found.group()));
    }
    handle.stop().await;
    Ok(())
}
