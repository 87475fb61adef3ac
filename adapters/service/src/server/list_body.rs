//! A list as the body of an answer.
//!
//! The one rule: **a connection holds a slice of a list, and no list.** The list is there once for all; what goes out are
//! slices of its pieces, each when the client has taken those before.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use smol::Task;

use crate::discovery::{Part, Parts};

/// The most that is handed on at once.
const SLICE: usize = 32 << 10;

/// About how much is compressed at once, where it was not compressed before.
const DEFLATE: u64 = 512 << 10;

/// A list on its way.
#[derive(Debug)]
pub(super) struct ListBody {
    parts: Parts,
    /// How much all of it is, if that was known at the beginning.
    len: Option<u64>,
    sent: u64,
    /// What is left of the part that is being sent.
    rest: Bytes,
    /// The next parts are being compressed.
    deflating: Option<Task<()>>,
    is_done: bool,
    /// What is to be done when all of it was handed on.
    then: Option<Then>,
}

/// Something to do.
struct Then(Box<dyn FnOnce() + Send + Sync>);

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}

impl ListBody {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            len: parts.len(),
            parts,
            sent: 0,
            rest: Bytes::new(),
            deflating: None,
            is_done: false,
            then: None,
        }
    }

    /// Does something when all of it was handed on, and nothing if the client is gone before.
    pub(super) fn then(self, then: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            then: Some(Then(Box::new(then))),
            ..self
        }
    }

    fn note_done(&mut self) {
        if let Some(Then(then)) = self.then.take() {
            then();
        }
    }
}

impl Body for ListBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        while this.rest.is_empty() && !this.is_done {
            if let Some(task) = &mut this.deflating {
                ready!(Pin::new(task).poll(cx));
                this.deflating = None;
            }
            match this.parts.next() {
                Part::Ready(part) => this.rest = part,
                Part::Missing => this.deflating = Some(smol::unblock(this.parts.make_ready(DEFLATE))),
                Part::End => this.is_done = true,
            }
        }
        if this.is_done {
            this.note_done();
            return Poll::Ready(None);
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        this.sent += slice.len() as u64;
        // Who knows how much it is does not ask whether there is more.
        if this.len.is_some_and(|len| this.sent >= len) {
            this.note_done();
        }
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }

    fn size_hint(&self) -> SizeHint {
        match self.len {
            Some(len) => SizeHint::with_exact(len.saturating_sub(self.sent)),
            None => SizeHint::default(),
        }
    }
}
