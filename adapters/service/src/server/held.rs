//! The body of an answer, with what is held until all of it was taken.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::places::Answering;
use super::watch::Watched;

/// A body that holds its connection's place, and tells who watches how much of it was taken.
pub(super) struct Held<B> {
    body: B,
    _answering: Answering,
    watched: Option<Watched>,
}

impl<B> Held<B> {
    pub(super) fn new(body: B, answering: Answering, watched: Option<Watched>) -> Self {
        Self {
            body,
            _answering: answering,
            watched,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Held<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Some(watched), Poll::Ready(Some(Ok(frame)))) = (&this.watched, &polled) {
            watched.took(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
