//! The DNS, with name servers of the tests' own on the loopback.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use headcount_discoverer::env::{Dns, DnsAnswer, DnsError, DnsQuestion, Found, Record, RecordType};
use headcount_runtime::{SharedRuntime, SystemDns};
use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{self, Name, RData};
use tempfile::TempDir;

on_each_runtime!(
    an_answer_comes_by_datagram_and_forgeries_are_ignored,
    what_does_not_fit_comes_over_tcp,
    a_silent_server_is_followed_by_the_next,
    a_server_that_is_down_is_told_at_once,
    resolv_conf_is_read_for_each_lookup,
    a_broken_connection_is_a_failure_and_not_an_answer,
);

const LONG: Duration = Duration::from_secs(20);

/// A name server: answers queries as told, by datagram and over TCP.
struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// How a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Udp,
    Tcp,
}

/// The messages that answer a query.
type Answers = fn(By, &Message) -> Vec<Vec<u8>>;

impl NameServer {
    fn start(ip: [u8; 4], port: u16, answers: Answers) -> Self {
        let (udp, tcp) = both(IpAddr::from(ip), port);
        let address = udp.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let note = |asked: &Mutex<Vec<String>>, by: By, query: &Message| {
            asked.lock().unwrap().push(format!("{by:?} {}", query.queries[0].name));
        };
        let log = asked.clone();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            loop {
                let (count, from) = udp.recv_from(&mut buffer).unwrap();
                let query = Message::from_vec(&buffer[..count]).unwrap();
                assert_eq!(query.edns.as_ref().map(|edns| edns.max_payload()), Some(4096));
                note(&log, By::Udp, &query);
                for answer in answers(By::Udp, &query) {
                    udp.send_to(&answer, from).unwrap();
                }
            }
        });
        let log = asked.clone();
        thread::spawn(move || {
            for stream in tcp.incoming() {
                let (mut stream, mut length) = (stream.unwrap(), [0; 2]);
                stream.read_exact(&mut length).unwrap();
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut query).unwrap();
                let query = Message::from_vec(&query).unwrap();
                note(&log, By::Tcp, &query);
                for answer in answers(By::Tcp, &query) {
                    let length = u16::try_from(answer.len()).unwrap();
                    stream.write_all(&length.to_be_bytes()).unwrap();
                    stream.write_all(&answer).unwrap();
                }
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// The same port for datagrams and for connections; any, if it is 0.
fn both(ip: IpAddr, port: u16) -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((ip, port)).unwrap();
        match TcpListener::bind(udp.local_addr().unwrap()) {
            Ok(tcp) => return (udp, tcp),
            Err(error) if port != 0 => panic!("{error}"),
            Err(_) => {}
        }
    }
}

fn answer(query: &Message) -> Message {
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.add_query(query.queries[0].clone());
    answer
}

fn with_addresses(query: &Message, count: u8) -> Message {
    let mut answer = answer(query);
    let name = query.queries[0].name.clone();
    let alias = Name::from_labels(["alias", "test"]).unwrap();
    answer.add_answer(rr::Record::from_rdata(name, 1, RData::CNAME(CNAME(alias.clone()))));
    let addresses = (1..=count).map(|last| RData::A(A::new(10, 0, 0, last)));
    answer.add_answers(addresses.map(|data| rr::Record::from_rdata(alias.clone(), 1, data)));
    answer
}

fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

struct ResolvConf {
    folder: TempDir,
}

impl ResolvConf {
    fn new(text: &str) -> Self {
        let this = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        this.write(text);
        this
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn dns(&self, runtime: SharedRuntime, port: u16) -> SystemDns {
        SystemDns::new(runtime).with_configuration(self.path(), port)
    }
}

async fn asked(dns: &SystemDns, name: &str) -> Result<DnsAnswer, DnsError> {
    dns.lookup(DnsQuestion::new(name, RecordType::A), LONG).await
}

/// How many records were found.
fn count(answer: &DnsAnswer) -> usize {
    match &answer.found {
        Found::Records(records) => records.len(),
        other => panic!("{other:?}"),
    }
}

async fn an_answer_comes_by_datagram_and_forgeries_are_ignored(runtime: SharedRuntime) {
    let server = NameServer::start([127, 0, 0, 1], 0, |_, query| {
        let (good, mut forged) = (with_addresses(query, 1), with_addresses(query, 2));
        forged.metadata.id ^= 1;
        vec![bytes(&forged), b"noise".to_vec(), bytes(&good)]
    });
    let conf = ResolvConf::new("nameserver 127.0.0.1\nsearch sd.test\n");
    let answer = asked(&conf.dns(runtime, server.address.port()), "web").await.unwrap();
    assert_eq!(answer.name.to_string(), "web.sd.test.");
    assert_eq!(answer.server, server.address);
    assert_eq!(answer.found, Found::Records(vec![Record::A([10, 0, 0, 1].into())]));
    assert_eq!(server.asked(), ["Udp web.sd.test."]);
}

async fn what_does_not_fit_comes_over_tcp(runtime: SharedRuntime) {
    let server = NameServer::start([127, 0, 0, 1], 0, |by, query| {
        let mut answer = with_addresses(query, 250);
        if by == By::Udp {
            answer = with_addresses(query, 3);
            answer.metadata.truncation = true;
        }
        vec![bytes(&answer)]
    });
    let conf = ResolvConf::new("nameserver 127.0.0.1\n");
    let dns = conf.dns(runtime.clone(), server.address.port());
    assert_eq!(count(&asked(&dns, "web.").await.unwrap()), 250);
    assert_eq!(server.asked(), ["Udp web.", "Tcp web."]);
    conf.write("nameserver 127.0.0.1\noptions use-vc\n");
    assert_eq!(count(&asked(&dns, "web.").await.unwrap()), 250);
    assert_eq!(server.asked(), ["Tcp web."]);
}

async fn a_silent_server_is_followed_by_the_next(runtime: SharedRuntime) {
    let silent = NameServer::start([127, 0, 0, 1], 0, |_, _| Vec::new());
    let port = silent.address.port();
    let speaking = NameServer::start([127, 0, 0, 2], port, |_, query| vec![bytes(&with_addresses(query, 1))]);
    let conf = ResolvConf::new("nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1 rotate\n");
    let dns = conf.dns(runtime, port);
    assert_eq!(asked(&dns, "web").await.unwrap().server, speaking.address);
    assert_eq!(silent.asked(), ["Udp web."]);
    assert_eq!(asked(&dns, "web").await.unwrap().server, speaking.address);
    assert_eq!(silent.asked(), [""; 0], "with rotate the other one is first now");
}

async fn a_server_that_is_down_is_told_at_once(runtime: SharedRuntime) {
    let (udp, tcp) = both(IpAddr::from([127, 0, 0, 1]), 0);
    let port = udp.local_addr().unwrap().port();
    drop((udp, tcp));
    let conf = ResolvConf::new("nameserver 127.0.0.1\noptions timeout:30\n");
    let error = asked(&conf.dns(runtime, port), "web").await.unwrap_err();
    let expected =
        format!("looking up web (A): 127.0.0.1:{port} can't be asked: Connection refused (os error 111) (web.)");
    assert_eq!(error.to_string(), expected);
}

async fn resolv_conf_is_read_for_each_lookup(runtime: SharedRuntime) {
    let server = NameServer::start([127, 0, 0, 1], 0, |_, query| {
        let mut answer = answer(query);
        answer.metadata.response_code = ResponseCode::NXDomain;
        vec![bytes(&answer)]
    });
    let conf = ResolvConf::new("# nobody yet\n");
    let dns = conf.dns(runtime, server.address.port());
    let error = asked(&dns, "web").await.unwrap_err();
    assert!(
        matches!(&error, DnsError::NoServer { path, .. } if *path == conf.path()),
        "{error}"
    );
    conf.write("nameserver 127.0.0.1\nsearch a.test b.test\n");
    assert_eq!(asked(&dns, "web").await.unwrap().found, Found::NoSuchName);
    assert_eq!(server.asked(), ["Udp web.a.test.", "Udp web.b.test.", "Udp web."]);
    fs::remove_file(conf.path()).unwrap();
    let error = asked(&dns, "web").await.unwrap_err();
    assert!(error.to_string().contains("resolv.conf: no such file"), "{error}");
    let error = dns
        .lookup(DnsQuestion::new("a..b", RecordType::A), LONG)
        .await
        .unwrap_err();
    assert!(matches!(error, DnsError::Configuration { .. }), "{error}");
}

async fn a_broken_connection_is_a_failure_and_not_an_answer(runtime: SharedRuntime) {
    let server = NameServer::start([127, 0, 0, 1], 0, |by, query| {
        let mut answer = with_addresses(query, 3);
        answer.metadata.truncation = true;
        // Over TCP it hangs up without a word.
        if by == By::Udp {
            vec![bytes(&answer)]
        } else {
            Vec::new()
        }
    });
    let conf = ResolvConf::new("nameserver 127.0.0.1\n");
    let error = asked(&conf.dns(runtime, server.address.port()), "web")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("can't be asked: unexpected end of file"),
        "{error}"
    );
}
