//! Where inventories come from: a file, a URL, or standard input.

use std::fs::File;
use std::io::{self, Read};

use anyhow::{Context, bail};
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_reader::{HttpClientSettings, without_secret_parameters};
use headcount_service::Workers;

/// The most that is read, in bytes. A host in a thousand fields is not that long.
const LIMIT: u64 = 64 << 20;

/// An inventory as it came.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    /// What its server says it is.
    pub(super) content_type: Option<String>,
}

/// Reads all of an inventory.
pub(super) async fn fetch(workers: &Workers, from: &str) -> anyhow::Result<Fetched> {
    if is_url(from) {
        let shown = shown(from);
        return get(workers, from)
            .await
            .with_context(|| format!("getting the inventory {shown}"));
    }
    let bytes = if from == "-" {
        read(io::stdin().lock()).context("reading the inventory from standard input")
    } else {
        let file = File::open(from).context("opening it");
        file.and_then(read)
            .with_context(|| format!("reading the inventory {from}"))
    };
    Ok(Fetched {
        bytes: bytes?,
        content_type: None,
    })
}

/// What the inventory is called in messages: no credentials stand in it.
pub(super) fn shown(from: &str) -> String {
    match url::Url::parse(from) {
        _ if from == "-" => "standard input".to_owned(),
        Ok(mut url) if is_url(from) => {
            // An http URL has a host, so neither fails.
            url.set_username("").ok();
            url.set_password(None).ok();
            without_secret_parameters(url.as_str()).into_owned()
        }
        _ => from.to_owned(),
    }
}

fn is_url(from: &str) -> bool {
    from.starts_with("http://") || from.starts_with("https://")
}

async fn get(workers: &Workers, url: &str) -> anyhow::Result<Fetched> {
    let client = workers.env().http.client(&HttpClientSettings::default())?;
    let limits = HttpLimits {
        body: LIMIT,
        ..HttpLimits::default()
    };
    let answer = client.send(HttpRequest::get(url).limits(limits)).await?;
    if answer.status != 200 {
        bail!("the server answers with status {}, not 200", answer.status);
    }
    Ok(Fetched {
        content_type: answer.header("content-type").map(str::to_owned),
        bytes: answer.body,
    })
}

fn read(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        bail!("it is larger than the limit of {LIMIT} bytes; leave out what does not name hosts");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credentials_are_shown() {
        assert_eq!(shown("https://user:hidden@cmdb/x?a=b"), "https://cmdb/x?a=b");
        assert_eq!(
            shown("https://cmdb/x?a=b&token=hidden"),
            "https://cmdb/x?a=b&token=<secret>"
        );
        assert_eq!(shown("-"), "standard input");
        assert_eq!(shown("a/b.csv"), "a/b.csv");
    }
}
