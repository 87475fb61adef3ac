//! A runtime's stream as hyper's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};

/// Bytes that are read at once. They are copied into hyper's buffer, because filling that in place
/// takes unsafe code.
const CHUNK: usize = 16 * 1024;

/// Gives a stream hyper's traits.
pub(crate) struct HyperStream<S> {
    stream: S,
    chunk: Box<[u8]>,
}

impl<S> HyperStream<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            chunk: vec![0; CHUNK].into_boxed_slice(),
        }
    }
}

impl<S: AsyncRead + Unpin> Read for HyperStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, chunk } = self.get_mut();
        let room = buffer.remaining().min(chunk.len());
        let Some(chunk) = chunk.get_mut(..room) else {
            return Poll::Ready(Ok(()));
        };
        let read = ready!(Pin::new(stream).poll_read(context, chunk))?;
        buffer.put_slice(chunk.get(..read).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for HyperStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(context)
    }
}
