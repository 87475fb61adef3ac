//! Asking a SOCKS5 proxy for a connection (RFC 1928, with RFC 1929's user and password).

use std::net::IpAddr;

use futures_lite::io::{AsyncReadExt, AsyncWriteExt};

use crate::Stream;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a connection to `host`; names are resolved by the proxy. The error says what it
/// answered.
pub(crate) async fn ask(
    stream: &mut Box<dyn Stream>,
    host: &str,
    port: u16,
    credentials: Option<&(String, String)>,
) -> Result<(), String> {
    let offer: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, PASSWORD],
    };
    write(stream, offer).await?;
    match (read(stream).await?, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, PASSWORD], Some((user, password))) => authenticate(stream, user, password).await?,
        ([VERSION, _], _) => return Err("it wants another way to authenticate".to_owned()),
        _ => return Err("it does not speak SOCKS5".to_owned()),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    request.extend(address(host)?);
    request.extend(port.to_be_bytes());
    write(stream, &request).await?;
    let [version, verdict, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err("it does not speak SOCKS5".to_owned());
    }
    if verdict != 0 {
        return Err(meaning(verdict).to_owned());
    }
    // The address that it connected from is of no use here, but stands in the way.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1>(stream).await?[0]),
        _ => return Err("its answer makes no sense".to_owned()),
    };
    let mut address_and_port = vec![0; length + 2];
    stream
        .read_exact(&mut address_and_port)
        .await
        .map_err(|error| error.to_string())
}

async fn authenticate(stream: &mut Box<dyn Stream>, user: &str, password: &str) -> Result<(), String> {
    let mut request = vec![1];
    for text in [user, password] {
        let length = u8::try_from(text.len()).map_err(|_| "user or password is longer than 255 bytes")?;
        request.push(length);
        request.extend(text.as_bytes());
    }
    write(stream, &request).await?;
    match read(stream).await? {
        [_, 0] => Ok(()),
        _ => Err("it refused user and password".to_owned()),
    }
}

fn address(host: &str) -> Result<Vec<u8>, String> {
    Ok(match host.parse() {
        Ok(IpAddr::V4(address)) => [&[IPV4], &address.octets()[..]].concat(),
        Ok(IpAddr::V6(address)) => [&[IPV6], &address.octets()[..]].concat(),
        Err(_) => {
            let length = u8::try_from(host.len()).map_err(|_| "the host's name is longer than 255 bytes")?;
            [&[NAME, length], host.as_bytes()].concat()
        }
    })
}

fn meaning(verdict: u8) -> &'static str {
    match verdict {
        1 => "it answered: general failure",
        2 => "it answered: not allowed by its rules",
        3 => "it answered: network unreachable",
        4 => "it answered: host unreachable",
        5 => "it answered: connection refused",
        6 => "it answered: too many hops",
        7 => "it answered: command not supported",
        8 => "it answered: kind of address not supported",
        _ => "it answered with an unknown failure",
    }
}

async fn write(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Result<(), String> {
    stream.write_all(bytes).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())
}

async fn read<const N: usize>(stream: &mut Box<dyn Stream>) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(|error| error.to_string())?;
    Ok(bytes)
}
