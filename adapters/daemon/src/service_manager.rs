//! What a service manager is told about this process, where it asks for that (`NOTIFY_SOCKET`, as systemd's units with
//! `Type=notify` do).

/// Says that it listens now.
pub(crate) fn say_ready() {
    tell("READY=1");
}

/// Says that it is about to end.
pub(crate) fn say_stopping() {
    tell("STOPPING=1");
}

/// There is nobody to tell it here.
#[cfg(not(target_os = "linux"))]
fn tell(_state: &str) {}

#[cfg(target_os = "linux")]
fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else {
        return;
    };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, socket = ?socket, "telling the service manager {state}");
    }
}

/// Sends a message to a socket, whose name begins with `@` where it is no file.
#[cfg(target_os = "linux")]
fn send(socket: &std::ffi::OsStr, message: &str) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::ffi::OsString;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::send;

    // Helpers panic as tests do: it is the report.
    #[allow(clippy::unwrap_used)]
    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_socket_is_a_file_or_only_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let file = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        assert_eq!(received(&file), "READY=1");

        let name = format!("headcount-test-{}", std::process::id());
        let named = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(&OsString::from(format!("@{name}")), "STOPPING=1").unwrap();
        assert_eq!(received(&named), "STOPPING=1");
    }
}
