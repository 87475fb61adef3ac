//! Requests under way, of which there may be many at once within one task.

use std::future::poll_fn;
use std::task::Poll;

use headcount_core::Instant;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{HttpError, HttpResponse};

/// What came of a request.
pub(super) struct Landed<K> {
    pub(super) key: K,
    pub(super) sent_at: Instant,
    pub(super) result: Result<HttpResponse, HttpError>,
}

/// Requests under way, each with a key of its own. Dropping one ends it.
pub(super) struct Flights<K>(Vec<Flight<K>>);

struct Flight<K> {
    key: K,
    sent_at: Instant,
    answer: BoxFuture<'static, Result<HttpResponse, HttpError>>,
}

impl<K: Clone> Flights<K> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a request. It is sent when somebody waits for answers.
    pub(super) fn add(&mut self, key: K, now: Instant, answer: BoxFuture<'static, Result<HttpResponse, HttpError>>) {
        self.0.push(Flight {
            key,
            sent_at: now,
            answer,
        });
    }

    /// Ends those that are no longer wanted.
    pub(super) fn retain(&mut self, mut is_wanted: impl FnMut(&K) -> bool) {
        self.0.retain(|flight| is_wanted(&flight.key));
    }

    /// Waits until there are answers, and gives all that there are. With no requests it waits for ever. Dropping the
    /// future loses nothing.
    pub(super) async fn landed(&mut self) -> Vec<Landed<K>> {
        poll_fn(|context| {
            let mut landed = Vec::new();
            // A few dozen at most: each is looked at when any of them wakes us.
            self.0.retain_mut(|flight| match flight.answer.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    landed.push(Landed {
                        key: flight.key.clone(),
                        sent_at: flight.sent_at,
                        result,
                    });
                    false
                }
            });
            if landed.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(landed)
            }
        })
        .await
    }
}
