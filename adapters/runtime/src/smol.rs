//! The smol runtime.
//!
//! ```
//! let runtime = headcount_runtime::smol::global();
//! # drop(runtime);
//! ```

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::smol::net::{TcpStream, UdpSocket};
use ::smol::{Async, Executor};
use headcount_discoverer::BoxFuture;

use crate::runtime::{Datagrams, Runtime, SharedRuntime, Stream, udp_socket};

/// smol's global executor, which has threads of its own (as many as the environment variable
/// `SMOL_THREADS` says; one unless said otherwise).
pub fn global() -> SharedRuntime {
    Arc::new(Global)
}

/// An executor of the caller's, who runs it.
pub fn on(executor: Arc<Executor<'static>>) -> SharedRuntime {
    Arc::new(Own(executor))
}

struct Global;

struct Own(Arc<Executor<'static>>);

impl Runtime for Global {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        ::smol::spawn(future).detach();
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        sleep(duration)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        connect(address)
    }

    #[cfg(unix)]
    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        connect_unix(path)
    }

    fn udp(&self, peer: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        udp(peer)
    }
}

impl Runtime for Own {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future).detach();
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        sleep(duration)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        connect(address)
    }

    #[cfg(unix)]
    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        connect_unix(path)
    }

    fn udp(&self, peer: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        udp(peer)
    }
}

fn sleep(duration: Duration) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        ::smol::Timer::after(duration).await;
    })
}

fn connect(address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
    Box::pin(async move {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    })
}

#[cfg(unix)]
fn connect_unix(path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
    let path = path.to_owned();
    Box::pin(async move {
        let stream = ::smol::net::unix::UnixStream::connect(path).await?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    })
}

fn udp(peer: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
    Ok(Box::new(Udp(Async::new(udp_socket(peer)?)?.into())))
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
