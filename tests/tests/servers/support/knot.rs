//! A real name server: knot.

use std::fmt::Write as _;
use std::net::TcpStream;

use rustix::process::Signal;

use super::folder::Folder;
use super::process::Process;
use super::required::find;

/// A knot on port 53 of the loopback.
pub(crate) struct Knot {
    process: Process,
}

impl Knot {
    /// Starts one with these zones: a name, and what stands in its file. A zone without a file answers SERVFAIL.
    pub(crate) fn start(folder: &Folder, zones: &[(&str, Option<&str>)]) -> Self {
        let path = folder.text("");
        let path = path.trim_end_matches('/');
        let mut conf = format!(
            "server:\n  rundir: {path}\n  listen: 127.0.0.1@53\n  udp-workers: 1\n  tcp-workers: 1\n\
             \x20 background-workers: 1\nlog:\n  - target: stderr\n    any: info\n\
             database:\n  storage: {path}/knot-db\n  journal-db-max-size: 16M\n  timer-db-max-size: 4M\n\
             \x20 kasp-db-max-size: 8M\nzone:\n"
        );
        for (zone, content) in zones {
            match content {
                Some(content) => drop(folder.write(&format!("{zone}.zone"), content)),
                None => drop(std::fs::remove_file(folder.path(&format!("{zone}.zone")))),
            }
            writeln!(
                conf,
                "  - domain: {zone}\n    storage: {path}\n    file: {zone}.zone\n    zonefile-sync: -1\n    \
                 journal-content: none"
            )
            .expect("writing to a string");
        }
        let conf = folder.write("knot.conf", conf);
        let mut command = Process::command(&find("knotd").expect("knotd is installed"));
        command.arg("-c").arg(conf);
        let mut process = Process::start("knotd", &mut command, folder.path("knot.log"));
        process.wait_until("answers", |process| {
            TcpStream::connect(("127.0.0.1", 53)).map_err(|error| error.to_string())?;
            let loaded = process.log().matches("loaded, serial").count();
            let wanted = zones.iter().filter(|(_, content)| content.is_some()).count();
            if loaded < wanted {
                Err(format!("{loaded} zones"))
            } else {
                Ok(())
            }
        });
        Self { process }
    }

    /// It says nothing.
    pub(crate) fn hang(&self) {
        self.process.signal(Signal::STOP);
    }

    /// It goes on after [`hang`](Self::hang).
    pub(crate) fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Reads the zones again that have another content than when it was started.
    pub(crate) fn reload(&self) {
        self.process.signal(Signal::HUP);
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }
}
