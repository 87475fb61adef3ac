//! What the rest of the crate asks of an async runtime.

use std::io;
use std::net::SocketAddr;
#[cfg(any(feature = "smol", feature = "tokio"))]
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::BoxFuture;
pub use headcount_http::Stream;

/// An async runtime, reduced to what differs between runtimes.
///
/// Every method can be called from any thread, inside or outside of the runtime. Files and name
/// resolution are not here: they block, so they run on a pool of threads of their own, which is
/// the same for every runtime.
pub trait Runtime: Send + Sync + 'static {
    /// Starts a task that runs until it completes. Nobody waits for it: cancelling and waiting are
    /// built on top, once for all runtimes.
    fn spawn(&self, future: BoxFuture<'static, ()>);

    /// Completes once `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Opens a TCP connection to one address.
    ///
    /// # Errors
    /// What the system says. Dropping the future gives up.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;

    /// Opens a connection to a UNIX socket. A runtime that says nothing else has none.
    ///
    /// # Errors
    /// What the system says. Dropping the future gives up.
    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let _ = path;
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    /// A UDP socket that exchanges datagrams with one peer. A runtime that says nothing else has none.
    ///
    /// # Errors
    /// What the system says.
    fn udp(&self, peer: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let _ = peer;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A UDP socket with one peer.
pub trait Datagrams: Send + Sync {
    /// Sends one datagram.
    fn send<'a>(&'a self, datagram: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;

    /// Receives one datagram from the peer, and gives its length; what does not fit is lost.
    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>>;
}

/// A UDP socket of the system's that is connected to its peer, on a port that the system chose.
#[cfg(any(feature = "smol", feature = "tokio"))]
pub(crate) fn udp_socket(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(peer)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A runtime that many parts hold.
pub type SharedRuntime = Arc<dyn Runtime>;
