//! Addresses as Prometheus writes them.

use std::fmt;

/// A host and a port, as in `__address__`: a host with a colon in it, which is an IPv6 address, gets brackets. The port
/// is written as it is: some backends say any number, or a name.
///
/// ```
/// use headcount_discoverer::address::host_port;
///
/// assert_eq!(host_port("web.example", 80), "web.example:80");
/// assert_eq!(host_port("fd00::1", 80), "[fd00::1]:80");
/// ```
pub fn host_port(host: &str, port: impl fmt::Display) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
