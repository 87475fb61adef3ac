//! A stream that gives up on a peer that takes too little.
//!
//! The one rule: **a client that takes an answer takes it at a pace, or loses the connection.** What counts is the time in
//! which it is waited for: of that, 64 KiB a second have to go out over any half a minute. A client that has all it asked
//! for is not waited for, however long it stays.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::{AsyncRead, AsyncWrite};
use headcount_core::planted;
use smol::Timer;

/// How slow a client may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// So many bytes at least,
    pub(super) bytes: u64,
    /// in this time.
    pub(super) time: Duration,
}

impl Default for Pace {
    /// 64 KiB a second over half a minute: no Prometheus waits for a list that long.
    fn default() -> Self {
        Self {
            bytes: 30 * (64 << 10),
            time: Duration::from_secs(30),
        }
    }
}

/// What a client took, and how long it was waited for.
#[derive(Debug)]
pub(super) struct Window {
    pace: Pace,
    taken: u64,
    waited: Duration,
    /// Since when it is waited for.
    since: Option<Instant>,
    /// When it was waited for last.
    last: Option<Instant>,
}

impl Window {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            taken: 0,
            waited: Duration::ZERO,
            since: None,
            last: None,
        }
    }

    /// It is being waited for. Gives the time until it has to be looked at again; `None` when it is too slow.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        if self.since.is_none() {
            // What was long ago says nothing of now.
            let is_old = self
                .last
                .is_some_and(|last| now.saturating_duration_since(last) >= self.pace.time);
            if planted!(is_old, LongAgoCounts, false) {
                self.begin();
            }
            self.since = Some(now);
        }
        let waited = self.waited_until(now);
        if waited < self.pace.time {
            return Some(self.pace.time - waited);
        }
        if planted!(self.taken < self.pace.bytes, SlowClientStays, false) {
            return None;
        }
        self.begin();
        self.since = Some(now);
        Some(self.pace.time)
    }

    /// It took so much.
    pub(super) fn take(&mut self, now: Instant, bytes: u64) {
        self.taken = self.taken.saturating_add(bytes);
        self.waited = self.waited_until(now);
        if self.since.take().is_some() {
            self.last = Some(now);
        }
    }

    fn begin(&mut self) {
        (self.taken, self.waited) = (0, Duration::ZERO);
    }

    fn waited_until(&self, now: Instant) -> Duration {
        let running = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.waited.saturating_add(running)
    }
}

/// Fails a write when the peer takes too little. Without this, a client that asks for a long
/// answer and does not read it would hold its connection for ever.
pub(super) struct PaceGuard<S> {
    stream: S,
    window: Window,
    timer: Option<Timer>,
}

impl<S> PaceGuard<S> {
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self {
            stream,
            window: Window::new(pace),
            timer: None,
        }
    }

    fn guard(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = progress {
            self.timer = None;
            self.window
                .take(Instant::now(), written.as_ref().map_or(0, |bytes| *bytes as u64));
            return Poll::Ready(written);
        }
        loop {
            let Some(timer) = &mut self.timer else {
                match self.window.wait(Instant::now()) {
                    Some(left) => self.timer = Some(Timer::after(left)),
                    None => return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow))),
                }
                continue;
            };
            if Pin::new(timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the client takes its answers too slowly")]
struct TooSlow;

impl<S: AsyncRead + Unpin> AsyncRead for PaceGuard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PaceGuard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.guard(cx, progress)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.guard(cx, progress)
    }

    /// What was written is with the system: there is nothing to wait for.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::AsyncWriteExt;

    /// Takes this many bytes and then no more.
    struct Takes(usize);

    impl AsyncWrite for Takes {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 {
                Poll::Pending
            } else {
                Poll::Ready(Ok(taken))
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_write_that_stalls_fails_in_the_end() {
        let pace = Pace {
            bytes: 10,
            time: Duration::from_millis(10),
        };
        let mut guarded = PaceGuard::new(Takes(3), pace);
        let written = smol::block_on(guarded.write_all(b"abcdef"));
        assert_eq!(written.expect_err("stalled").kind(), io::ErrorKind::TimedOut);
        let mut guarded = PaceGuard::new(Takes(6), pace);
        smol::block_on(guarded.write_all(b"abcdef")).expect("taken");
    }

    /// A client that takes `bytes` after each `pause`, for as long as there is more: after how many seconds it is cut, in
    /// an hour.
    fn cut_after(bytes: u64, pause: Duration) -> Option<u64> {
        let start = Instant::now();
        let (mut window, mut now) = (Window::new(Pace::default()), Duration::ZERO);
        while now < Duration::from_secs(3_600) {
            // It is looked at again in between.
            let mut left = pause;
            while let Some(until) = window.wait(start + now).filter(|until| *until < left) {
                now += until;
                left -= until;
            }
            let Some(_) = window.wait(start + now) else {
                return Some(now.as_secs());
            };
            now += left;
            window.take(start + now, bytes);
        }
        None
    }

    /// Issue 12, finding 2.
    #[test]
    fn who_takes_less_than_64_kib_a_second_is_cut_after_half_a_minute() {
        assert_eq!(cut_after(2_000, Duration::from_secs(5)), Some(30));
        assert_eq!(
            cut_after(1 << 30, Duration::from_secs(31)),
            Some(30),
            "nothing for half a minute"
        );
        assert_eq!(cut_after(63 << 10, Duration::from_secs(1)), Some(30));
        assert_eq!(cut_after(65 << 10, Duration::from_secs(1)), None);
        assert_eq!(cut_after(2 << 20, Duration::from_secs(29)), None);
    }

    #[test]
    fn a_client_that_has_all_is_not_waited_for() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::new(Pace::default());
        for minute in 0..100 {
            // A small answer for which it is waited five seconds.
            assert!(window.wait(at(60 * minute)).is_some());
            window.take(at(60 * minute + 5), 10_000);
        }
    }
}
