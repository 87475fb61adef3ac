//! The tokio runtime.
//!
//! ```
//! let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
//! let runtime = headcount_runtime::tokio::on(tokio.handle().clone());
//! # drop(runtime);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::net::{TcpStream, UdpSocket};
use ::tokio::runtime::{Handle, TryCurrentError};
use ::tokio::task::JoinHandle;
use headcount_discoverer::BoxFuture;
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::runtime::{Datagrams, Runtime, SharedRuntime, Stream, udp_socket};

/// The tokio runtime that the caller runs on.
///
/// # Errors
/// When called outside of a tokio runtime.
pub fn current() -> Result<SharedRuntime, TryCurrentError> {
    Handle::try_current().map(on)
}

/// The tokio runtime behind `handle`. Its I/O and time drivers must be on (`enable_all`).
pub fn on(handle: Handle) -> SharedRuntime {
    Arc::new(Tokio(handle))
}

struct Tokio(Handle);

impl Runtime for Tokio {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // A tokio timer belongs to the runtime inside which it was made.
        let _inside = self.0.enter();
        Box::pin(::tokio::time::sleep(duration))
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        self.connecting(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream.compat()) as Box<dyn Stream>)
        })
    }

    #[cfg(unix)]
    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let path = path.to_owned();
        self.connecting(async move {
            let stream = ::tokio::net::UnixStream::connect(path).await?;
            Ok(Box::new(stream.compat()) as Box<dyn Stream>)
        })
    }

    fn udp(&self, peer: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let _inside = self.0.enter();
        Ok(Box::new(Udp(UdpSocket::from_std(udp_socket(peer)?)?)))
    }
}

impl Tokio {
    /// Runs it as a task of tokio's, because the caller may be polled outside of tokio.
    fn connecting(
        &self,
        connect: impl Future<Output = io::Result<Box<dyn Stream>>> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let mut connecting = AbortOnDrop(self.0.spawn(connect));
        Box::pin(async move { (&mut connecting.0).await.map_err(io::Error::other)? })
    }
}

struct Udp(UdpSocket);

impl Datagrams for Udp {
    fn send<'a>(&'a self, datagram: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move { self.0.send(datagram).await.map(drop) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>> {
        Box::pin(self.0.recv(buffer))
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
