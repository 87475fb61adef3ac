//! One scrape: a request, and its answer read as it comes.

use std::time::Duration;

use headcount_core::planted;
use headcount_discoverer::env::{HttpClient, HttpError, HttpStream};
use http::StatusCode;

use crate::checks::Checks;
use crate::content_type;
use crate::exposition::{Exposition, Sample};
use crate::failure::ScrapeFailure;
use crate::request::request;
use crate::settings::ScrapeSettings;

/// What a scrape found.
#[derive(Debug, PartialEq)]
pub(crate) struct Scraped {
    pub(crate) samples: u64,
    pub(crate) body_bytes: u64,
    pub(crate) failure: Option<ScrapeFailure>,
}

impl Scraped {
    pub(crate) fn failed(failure: ScrapeFailure) -> Self {
        Self {
            samples: 0,
            body_bytes: 0,
            failure: Some(failure),
        }
    }
}

/// Scrapes a target at `url`. Its labels may be absent when nothing is checked that depends on them.
pub(crate) async fn scrape(
    client: &dyn HttpClient,
    settings: &ScrapeSettings,
    url: &str,
    labels: &[(String, String)],
    timeout: Duration,
) -> Scraped {
    let mut reading = Reading {
        settings,
        content_type: String::new(),
        body_bytes: 0,
        samples: 0,
        exposition: None,
        checks: Checks::new(settings, labels),
        failure: None,
    };
    let answer = match client.open(request(settings, url, timeout)).await {
        Ok(answer) => answer,
        Err(error) => return Scraped::failed(ScrapeFailure::of_http(&error, url, false)),
    };
    let status = StatusCode::from_u16(answer.status).ok();
    let read = reading.read_all(answer, status == Some(StatusCode::OK)).await;
    let failure = match (status, read) {
        // Whatever its body is.
        (Some(status), _) if planted!(status != StatusCode::OK, AnySuccessIsRead, !status.is_success()) => {
            ScrapeFailure::Status(shown(status))
        }
        (_, Err(error)) => ScrapeFailure::of_http(&error, url, true),
        (_, Ok(())) => return reading.finish(),
    };
    Scraped {
        body_bytes: reading.body_bytes,
        ..Scraped::failed(failure)
    }
}

/// An answer that is being read.
struct Reading<'a> {
    settings: &'a ScrapeSettings,
    content_type: String,
    body_bytes: u64,
    samples: u64,
    /// Absent until the body begins: an empty one is no trouble, whatever its type.
    exposition: Option<Exposition>,
    checks: Checks<'a>,
    failure: Option<ScrapeFailure>,
}

impl Reading<'_> {
    /// Reads a body to its end, also what of it is of no use: its connection can be used again then.
    async fn read_all(&mut self, mut answer: HttpStream, is_wanted: bool) -> Result<(), HttpError> {
        self.content_type = answer.header("content-type").unwrap_or_default().to_owned();
        while let Some(piece) = answer.next_piece().await? {
            self.body_bytes = self.body_bytes.saturating_add(piece.len() as u64);
            if is_wanted && self.failure.is_none() {
                self.failure = self.read(piece).err();
            }
        }
        Ok(())
    }

    fn read(&mut self, piece: &[u8]) -> Result<(), ScrapeFailure> {
        let exposition = match &mut self.exposition {
            Some(exposition) => exposition,
            None => {
                let format = content_type::format(&self.content_type, self.settings.fallback)?;
                self.exposition.insert(Exposition::new(format))
            }
        };
        exposition.push(piece, &mut count(&mut self.samples, &mut self.checks))
    }

    fn finish(mut self) -> Scraped {
        if self.failure.is_none() {
            self.failure = self.read_rest().err();
        }
        Scraped {
            samples: planted!(
                self.samples,
                SamplesBeforeTheErrorAreLost,
                match &self.failure {
                    Some(_) => 0,
                    None => self.samples,
                }
            ),
            body_bytes: self.body_bytes,
            failure: self.failure,
        }
    }

    fn read_rest(&mut self) -> Result<(), ScrapeFailure> {
        if let Some(exposition) = self.exposition.take() {
            planted!(
                exposition.finish(&mut count(&mut self.samples, &mut self.checks))?,
                LastLineIsNotRead,
                drop(exposition)
            );
        }
        Ok(self.checks.finish()?)
    }
}

fn count(samples: &mut u64, checks: &mut Checks<'_>) -> impl FnMut(&Sample<'_>) -> Result<(), ScrapeFailure> {
    move |sample| {
        *samples = samples.saturating_add(1);
        Ok(checks.check(sample)?)
    }
}

fn shown(status: StatusCode) -> String {
    format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default())
}
