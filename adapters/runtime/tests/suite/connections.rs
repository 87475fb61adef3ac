//! Connections, over real sockets on the loopback and in a temporary folder.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use headcount_discoverer::env::{ConnectionError, Connections, Doing, Endpoint};
use headcount_runtime::{SharedRuntime, SystemConnections};

on_each_runtime!(
    bytes_go_both_ways_over_tcp_and_unix_sockets,
    what_nobody_listens_on_is_refused,
    a_name_without_an_address_is_named,
    silence_ends_at_the_deadline_and_loses_nothing,
    an_answer_that_is_cut_short_is_told_from_an_end,
    datagrams_reach_their_peer_and_only_its_come_back,
);

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);

/// Serves one connection with this.
fn serve(act: impl FnOnce(&mut (dyn ReadWrite + Send)) + Send + 'static) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || act(&mut listener.accept().unwrap().0));
    Endpoint::tcp("127.0.0.1", port)
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// Answers four bytes with themselves, backwards.
fn backwards(stream: &mut (dyn ReadWrite + Send)) {
    let mut four = [0; 4];
    stream.read_exact(&mut four).unwrap();
    four.reverse();
    stream.write_all(&four).unwrap();
}

async fn bytes_go_both_ways_over_tcp_and_unix_sockets(runtime: SharedRuntime) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || backwards(&mut listener.accept().unwrap().0));
    let Endpoint::Tcp { port, .. } = serve(backwards) else {
        panic!("it is a port");
    };
    let connections = SystemConnections::new(runtime);
    for endpoint in [Endpoint::unix(&path), Endpoint::tcp("localhost", port)] {
        let mut connection = connections.connect(&endpoint, LONG).await.unwrap();
        connection.write_all(b"1234", LONG).await.unwrap();
        let mut answer = [0; 4];
        connection.read_exact(&mut answer, LONG).await.unwrap();
        assert_eq!(&answer, b"4321", "{endpoint}");
        assert_eq!(connection.read(&mut answer, LONG).await.unwrap(), 0, "the end");
    }
}

async fn what_nobody_listens_on_is_refused(runtime: SharedRuntime) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let connections = SystemConnections::new(runtime);
    let tcp = Endpoint::tcp("127.0.0.1", port);
    let error = connections.connect(&tcp, LONG).await.unwrap_err();
    let expected = format!("connecting to 127.0.0.1:{port}: Connection refused");
    assert!(error.to_string().starts_with(&expected), "{error}");
    let unix = Endpoint::unix("/no/such/socket");
    let error = connections.connect(&unix, LONG).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("connecting to /no/such/socket: No such file"),
        "{error}"
    );
}

async fn a_name_without_an_address_is_named(runtime: SharedRuntime) {
    let nowhere = Endpoint::tcp("no-such-host.invalid", 1);
    let error = SystemConnections::new(runtime)
        .connect(&nowhere, LONG)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ConnectionError::Resolve { endpoint, .. } if *endpoint == nowhere),
        "{error}"
    );
}

async fn silence_ends_at_the_deadline_and_loses_nothing(runtime: SharedRuntime) {
    let (go, went) = std::sync::mpsc::channel::<()>();
    let endpoint = serve(move |stream| {
        went.recv().unwrap();
        stream.write_all(b"late").unwrap();
    });
    let mut connection = SystemConnections::new(runtime).connect(&endpoint, LONG).await.unwrap();
    let mut buffer = [0; 8];
    let error = connection.read(&mut buffer, SHORT).await.unwrap_err();
    assert!(
        matches!(
            &error,
            ConnectionError::Timeout {
                doing: Doing::Reading,
                within: SHORT,
                ..
            }
        ),
        "{error}"
    );
    go.send(()).unwrap();
    connection.read_exact(&mut buffer[..4], LONG).await.unwrap();
    assert_eq!(&buffer[..4], b"late");
}

async fn an_answer_that_is_cut_short_is_told_from_an_end(runtime: SharedRuntime) {
    let endpoint = serve(|stream| stream.write_all(b"12").unwrap());
    let mut connection = SystemConnections::new(runtime).connect(&endpoint, LONG).await.unwrap();
    let error = connection.read_exact(&mut [0; 4], LONG).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Closed { .. }), "{error}");
}

async fn datagrams_reach_their_peer_and_only_its_come_back(runtime: SharedRuntime) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer: SocketAddr = server.local_addr().unwrap();
    thread::spawn(move || {
        let (mut buffer, stranger) = ([0; 16], UdpSocket::bind("127.0.0.1:0").unwrap());
        let (count, from) = server.recv_from(&mut buffer).unwrap();
        stranger.send_to(b"forged", from).unwrap();
        server.send_to(&buffer[..count], from).unwrap();
    });
    let socket = runtime.udp(peer).unwrap();
    socket.send(b"hello").await.unwrap();
    let mut buffer = [0; 16];
    let count = socket.receive(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..count], b"hello");
}
