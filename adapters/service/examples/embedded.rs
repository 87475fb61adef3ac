//! A whole headcount inside of another program: a configuration goes in, lists of targets come out, through
//! the library and over HTTP.
//!
//! `cargo run -p headcount-service --example embedded`
#![allow(clippy::print_stdout, reason = "it shows what it gets")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use futures_lite::future::block_on;
use headcount_service::{ListKind, Service, Source};

/// What could stand in a prometheus.yml.
const CONFIG: &str = "
scrape_configs:
  - job_name: web
    static_configs:
      - targets: ['10.0.0.1:80', '10.0.0.2:80']
        labels: {rack: r1}
    relabel_configs:
      - {source_labels: [rack], target_label: zone, replacement: 'zone-$1'}
";

fn main() -> Result<(), Box<dyn Error>> {
    block_on(async {
        let service = Service::builder().listen("127.0.0.1:0");
        let service = service.start(Source::text(CONFIG)).await?;

        let list = service.next_list("web", ListKind::Relabelled, None).await?;
        println!("relabelled: {}", String::from_utf8_lossy(list.json()));

        let address = service.address().ok_or("it listens")?;
        println!("over HTTP: {}", get(address, "/sd/web")?);

        // Another configuration; a list is there as soon as it differs from the one that is known.
        service
            .apply(Source::text(CONFIG.replace("10.0.0.2", "10.0.0.3")))
            .await?;
        let list = service.next_list("web", ListKind::Relabelled, Some(&list)).await?;
        println!("after a reload: {}", String::from_utf8_lossy(list.json()));

        service.stop().await;
        Ok(())
    })
}

/// The body of an answer.
fn get(address: SocketAddr, path: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok(body.to_owned())
}
