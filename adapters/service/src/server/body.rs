//! What a client sends with a request, where something is made of it.
//!
//! The one rule: **what is not known to be short is not kept.** It ends at [`MOST_BYTES`], and after [`WITHIN`].

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::FutureExt;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use smol::Timer;

use super::respond::{self, Body};

/// Rules of a job are a few thousand bytes.
const MOST_BYTES: usize = 64 * 1024;
/// Who sends has so long for it.
const WITHIN: Duration = Duration::from_secs(10);

/// All of a body.
///
/// # Errors
/// The answer to who sends too much, too slowly, or not to the end.
pub(super) async fn read<B>(body: B) -> Result<Bytes, Response<Body>>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let read = async {
        let read = Limited::new(body, MOST_BYTES).collect().await;
        read.map(http_body_util::Collected::to_bytes)
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => respond::error(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("what is sent is longer than {MOST_BYTES} bytes"),
                ),
                false => respond::bad_data("what is sent ended in the middle"),
            })
    };
    let too_late = async {
        Timer::after(WITHIN).await;
        let message = format!("what is sent did not come within {} seconds", WITHIN.as_secs());
        Err(respond::error(StatusCode::REQUEST_TIMEOUT, message))
    };
    read.or(too_late).await
}
