//! From a name to a connection.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use blocking::unblock;
use futures_lite::FutureExt;
use headcount_core::planted;

use crate::{Runtime, Stream};

/// How long an address is tried before the other family gets its chance (RFC 8305).
const OTHER_FAMILY_AFTER: Duration = Duration::from_millis(300);
/// How long an address is tried while there are others.
const EACH_ADDRESS: Duration = Duration::from_secs(5);

/// The addresses of a host, in the order in which the system prefers them.
///
/// # Errors
/// What the system says when it knows none.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    unblock(move || Ok((host.as_str(), port).to_socket_addrs()?.collect())).await
}

/// A connection to the first address that answers. The family that the system prefers has a head start.
///
/// # Errors
/// What the system says of the address that failed last.
pub(crate) async fn race(runtime: &dyn Runtime, addresses: Vec<SocketAddr>) -> io::Result<Box<dyn Stream>> {
    let prefers_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == prefers_ipv6);
    if others.is_empty() {
        return in_turn(runtime, preferred).await;
    }
    let (starting, start) = async_channel::bounded::<()>(1);
    let preferred = async {
        let result = in_turn(runtime, preferred).await;
        // If it failed, the others need not wait for their time.
        drop(starting);
        result
    };
    let others = async {
        let early = async {
            start.recv().await.ok();
        };
        early.or(runtime.sleep(OTHER_FAMILY_AFTER)).await;
        in_turn(runtime, others).await
    };
    first_success(preferred, others).await
}

/// Each address after the one before failed.
async fn in_turn(runtime: &dyn Runtime, addresses: Vec<SocketAddr>) -> io::Result<Box<dyn Stream>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let count = addresses.len();
    for (index, address) in addresses.into_iter().enumerate() {
        let limit = async {
            // The last one may take all the time that the request has.
            if index + 1 == count {
                futures_lite::future::pending::<()>().await;
            }
            runtime.sleep(EACH_ADDRESS).await;
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{address} does not answer"),
            ))
        };
        match runtime.connect(address).or(limit).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The first of two that succeeds, or the error of the one that failed last.
async fn first_success<T>(
    one: impl Future<Output = io::Result<T>>,
    other: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let (mut one, mut other) = (Box::pin(one), Box::pin(other));
    let first = async { (true, (&mut one).await) }
        .or(async { (false, (&mut other).await) })
        .await;
    match first {
        (_, Ok(value)) => Ok(value),
        (true, Err(_)) => planted!(other.await, OneFamilyIsTheEnd, Err(io::ErrorKind::TimedOut.into())),
        (false, Err(_)) => one.await,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use futures_lite::future::{block_on, pending, ready};
    use futures_lite::io::Cursor;
    use headcount_discoverer::BoxFuture;

    use super::*;

    /// What an address does.
    #[derive(Clone, Copy)]
    enum Does {
        Answer,
        Refuse,
        Nothing,
    }

    /// A network in which some waits pass at once and the others never do.
    struct Network {
        addresses: HashMap<SocketAddr, Does>,
        passes: Option<Duration>,
        tried: Mutex<Vec<SocketAddr>>,
    }

    impl Runtime for Network {
        fn spawn(&self, _future: BoxFuture<'static, ()>) {}

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            if self.passes == Some(duration) {
                Box::pin(ready(()))
            } else {
                Box::pin(pending())
            }
        }

        fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
            self.tried.lock().unwrap().push(address);
            match self.addresses[&address] {
                Does::Answer => Box::pin(ready(Ok(Box::new(Cursor::new(Vec::new())) as Box<dyn Stream>))),
                Does::Refuse => Box::pin(ready(Err(io::ErrorKind::ConnectionRefused.into()))),
                Does::Nothing => Box::pin(pending()),
            }
        }
    }

    /// Races these addresses; which were tried, and whether one answered.
    fn raced(addresses: &[(&str, Does)], passes: Option<Duration>) -> (Vec<String>, bool) {
        let addresses: Vec<(SocketAddr, Does)> = addresses
            .iter()
            .map(|(address, does)| (address.parse().unwrap(), *does))
            .collect();
        let list = addresses.iter().map(|(address, _)| *address).collect();
        let network = Arc::new(Network {
            addresses: addresses.into_iter().collect(),
            passes,
            tried: Mutex::default(),
        });
        let answered = block_on(race(&*network, list)).is_ok();
        let tried = network.tried.lock().unwrap().iter().map(ToString::to_string).collect();
        (tried, answered)
    }

    #[test]
    fn addresses_are_tried_until_one_answers() {
        use Does::{Answer, Nothing, Refuse};
        let (v6, v4, other) = ("[::1]:1", "127.0.0.1:1", "127.0.0.2:1");
        let tried = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(raced(&[(v6, Answer), (v4, Answer)], None), (tried(&[v6]), true));
        assert_eq!(
            raced(&[(v6, Refuse), (v4, Answer)], None),
            (tried(&[v6, v4]), true),
            "without waiting"
        );
        let head_start = Some(OTHER_FAMILY_AFTER);
        assert_eq!(
            raced(&[(v6, Nothing), (v4, Answer)], head_start),
            (tried(&[v6, v4]), true)
        );
        assert_eq!(
            raced(&[(v6, Nothing), (v4, Refuse), (other, Answer)], head_start),
            (tried(&[v6, v4, other]), true)
        );
        let patience = Some(EACH_ADDRESS);
        assert_eq!(
            raced(&[(v4, Nothing), (other, Answer)], patience),
            (tried(&[v4, other]), true)
        );
        assert_eq!(
            raced(&[(v4, Nothing), (other, Refuse)], patience),
            (tried(&[v4, other]), false)
        );
        assert_eq!(raced(&[(v6, Refuse), (v4, Refuse)], None), (tried(&[v6, v4]), false));
        assert_eq!(raced(&[], None), (Vec::new(), false));
    }
}
