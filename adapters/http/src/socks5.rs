//! Asking a SOCKS5 proxy for a connection (RFC 1928, with RFC 1929's user and password).

use std::net::IpAddr;

use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use headcount_core::planted;

use crate::Stream;
use crate::proxy::ProxyError;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a connection to `host`; names are resolved by the proxy.
pub(crate) async fn ask(
    stream: &mut Box<dyn Stream>,
    host: &str,
    port: u16,
    credentials: Option<&(String, String)>,
) -> Result<(), ProxyError> {
    let offer: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, PASSWORD],
    };
    write(stream, offer).await?;
    match (read(stream).await?, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, PASSWORD], Some((user, password))) => authenticate(stream, user, password).await?,
        ([VERSION, _], _) => return Err(ProxyError::Authentication),
        _ => return Err(ProxyError::NotSocks),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    request.extend(address(host)?);
    request.extend(planted!(port.to_be_bytes(), PortIsTurned, port.to_le_bytes()));
    write(stream, &request).await?;
    let [version, verdict, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(ProxyError::NotSocks);
    }
    if verdict != 0 {
        return Err(ProxyError::Refused(meaning(verdict)));
    }
    // The address that it connected from is of no use here, but stands in the way.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1>(stream).await?[0]),
        _ => return Err(ProxyError::Nonsense),
    };
    let mut address_and_port = vec![0; length + 2];
    stream.read_exact(&mut address_and_port).await?;
    Ok(())
}

async fn authenticate(stream: &mut Box<dyn Stream>, user: &str, password: &str) -> Result<(), ProxyError> {
    let mut request = vec![1];
    for (text, what) in [(user, "the user"), (password, "the password")] {
        let length = u8::try_from(text.len()).map_err(|_| ProxyError::TooLongToAsk(what))?;
        request.push(length);
        request.extend(text.as_bytes());
    }
    write(stream, &request).await?;
    match read(stream).await? {
        [_, 0] => Ok(()),
        _ => Err(ProxyError::Password),
    }
}

fn address(host: &str) -> Result<Vec<u8>, ProxyError> {
    Ok(match host.parse() {
        Ok(IpAddr::V4(address)) => [&[IPV4], &address.octets()[..]].concat(),
        Ok(IpAddr::V6(address)) => [&[IPV6], &address.octets()[..]].concat(),
        Err(_) => {
            let length = u8::try_from(host.len()).map_err(|_| ProxyError::TooLongToAsk("the host's name"))?;
            [&[NAME, length], host.as_bytes()].concat()
        }
    })
}

fn meaning(verdict: u8) -> &'static str {
    match verdict {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "too many hops",
        7 => "command not supported",
        8 => "kind of address not supported",
        _ => "an unknown failure",
    }
}

async fn write(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Result<(), ProxyError> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    Ok(())
}

async fn read<const N: usize>(stream: &mut Box<dyn Stream>) -> Result<[u8; N], ProxyError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
