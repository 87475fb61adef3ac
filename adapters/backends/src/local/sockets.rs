//! The kernel's tables of TCP sockets, `/proc/net/tcp` and `tcp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state `TCP_LISTEN`, as the kernel writes it.
const LISTEN: &str = "0A";

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Socket {
    /// What it is bound to.
    pub(super) bound: SocketAddr,
    /// The user who opened it.
    pub(super) uid: u32,
    /// The number that names the socket in the tables and in its process.
    pub(super) inode: u64,
}

impl Socket {
    /// The target that the socket is.
    pub(super) fn labels(&self) -> Vec<(&'static str, String)> {
        vec![
            ("__address__", self.reachable().to_string()),
            ("__meta_local_listen_address", self.bound.ip().to_string()),
            ("__meta_local_port", self.bound.port().to_string()),
            ("__meta_local_uid", self.uid.to_string()),
        ]
    }

    /// Where to connect to.
    fn reachable(&self) -> SocketAddr {
        let ip = match self.bound.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        SocketAddr::new(ip, self.bound.port())
    }
}

/// The sockets of a table that listen. Lines that make no sense are passed over.
pub(super) fn parse(table: &[u8]) -> Vec<Socket> {
    let lines = table
        .split(|&byte| byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(parse_line).collect()
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse_line(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let bound = parse_address(fields.nth(1)?)?;
    let state = fields.nth(1)?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    (state == LISTEN).then_some(Socket { bound, uid, inode })
}

/// `0100007F:1F90`: each 32-bit word of the address is in network order in memory, and written as
/// a number of the machine's own order.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        Some(
            u32::from_str_radix(ip.get(at..at.checked_add(8)?)?, 16)
                .ok()?
                .to_ne_bytes(),
        )
    };
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut octets = [0; 16];
            for (index, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index.checked_mul(8)?)?);
            }
            IpAddr::from(octets).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(address: &str, state: &str) -> String {
        format!(
            "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0"
        )
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let address = |text: &str| {
            parse(line(text, "0A").as_bytes())
                .first()
                .map(|socket| socket.reachable().to_string())
        };
        assert_eq!(address("0100007F:1F90").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(address("00000000:238C").as_deref(), Some("127.0.0.1:9100"));
        assert_eq!(address("0A01A8C0:0016").as_deref(), Some("192.168.1.10:22"));
        assert_eq!(
            address("00000000000000000000000000000000:0050").as_deref(),
            Some("[::1]:80")
        );
        assert_eq!(
            address("B80D01200000000067452301EFCDAB89:0050").as_deref(),
            Some("[2001:db8::123:4567:89ab:cdef]:80")
        );
        assert_eq!(
            address("0000000000000000FFFF00000100007F:1F90").as_deref(),
            Some("127.0.0.1:8080")
        );
    }

    #[test]
    fn only_sockets_that_listen_count() {
        let table = [
            line("00000000:0050", "0A"),
            line("00000000:0051", "01"),
            "sl local_address".to_owned(),
        ]
        .join("\n");
        let sockets = parse(table.as_bytes());
        assert_eq!(
            sockets
                .iter()
                .map(|socket| (socket.bound.port(), socket.uid, socket.inode))
                .collect::<Vec<_>>(),
            [(80, 1000, 4242)]
        );
    }

    proptest! {
        #[test]
        fn any_table_can_be_read(table: Vec<u8>, fields in prop::collection::vec("[0-9A-F:]{0,34}", 0..14)) {
            parse(&table);
            parse(fields.join(" ").as_bytes());
        }
    }
}
