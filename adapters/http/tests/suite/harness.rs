//! Running tests, and what they share.

use std::future::Future;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_lite::FutureExt;
use futures_lite::future::block_on;
use headcount_discoverer::env::{Http, HttpClient, HttpLimits, HttpRequest, HttpResponse};
use headcount_reader::HttpClientSettings;
use headcount_runtime::{SharedRuntime, http_clients};

/// A test that takes longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn on_smol<F: Future<Output = ()>>(test: impl FnOnce(SharedRuntime) -> F) {
    run(headcount_runtime::smol::global(), test);
}

pub(crate) fn on_tokio<F: Future<Output = ()>>(test: impl FnOnce(SharedRuntime) -> F) {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    // The test itself is polled outside of tokio, as an embedder may do.
    run(headcount_runtime::tokio::on(tokio.handle().clone()), test);
}

fn run<F: Future<Output = ()>>(runtime: SharedRuntime, test: impl FnOnce(SharedRuntime) -> F) {
    let late = async {
        runtime.sleep(DEADLINE).await;
        panic!("the test hangs");
    };
    block_on(test(runtime.clone()).or(late));
}

/// Waits until `condition` holds.
pub(crate) async fn until(runtime: &SharedRuntime, mut condition: impl FnMut() -> bool) {
    while !condition() {
        runtime.sleep(Duration::from_millis(1)).await;
    }
}

/// A client with these settings.
pub(crate) fn client(runtime: &SharedRuntime, settings: &HttpClientSettings) -> Arc<dyn HttpClient> {
    http_clients(runtime).client(settings).unwrap()
}

/// A `GET` with generous limits.
pub(crate) fn get(url: &str) -> HttpRequest {
    HttpRequest::get(url).limits(limited(1 << 20, Duration::from_secs(20)))
}

/// Limits for a whole answer.
pub(crate) fn limited(body: u64, total: Duration) -> HttpLimits {
    HttpLimits {
        body,
        ..HttpLimits::whole(total)
    }
}

/// Compressed.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The body as text.
pub(crate) fn text(response: &HttpResponse) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}
