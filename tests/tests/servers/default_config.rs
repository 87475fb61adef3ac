//! `headcount run` without a configuration shows what listens on this machine.

use std::net::TcpListener;
use std::process;

use crate::support::{Folder, Headcount, until};

#[test]
fn a_socket_that_listens_is_a_target_until_it_is_closed() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let headcount = Headcount::start(&folder, &[]);

    let target = until("the socket is a target", || {
        let targets = headcount.list("local")?;
        let found = targets.iter().find(|labels| labels["__address__"] == address).cloned();
        found.ok_or_else(|| format!("{} other targets", targets.len()))
    });
    assert_eq!(target["__meta_local_pid"], process::id().to_string());
    assert_eq!(target["__meta_local_listen_address"], "127.0.0.1");
    assert_eq!(
        target["__meta_local_port"],
        listener.local_addr().unwrap().port().to_string()
    );
    // headcount itself listens as well.
    let own = headcount.address().to_string();
    assert!(
        headcount
            .list("local")
            .unwrap()
            .iter()
            .any(|labels| labels["__address__"] == own)
    );

    drop(listener);
    until("the socket is no target", || {
        let is_there = headcount
            .list("local")?
            .iter()
            .any(|labels| labels["__address__"] == address);
        if is_there {
            Err("it still is".to_owned())
        } else {
            Ok(())
        }
    });
}
