//! `kit/Containerfile`: an image that runs as nobody in particular, with a root that can't be written.

use serde_json::json;

use super::package::{make, printed};
use super::*;
use crate::support::{Docker, headcount_binary, require_docker};

#[test]
fn an_image_runs_without_rights_and_without_a_root_to_write_to() {
    require!("dpkg-deb", "readelf", "strip", "tar", "gzip", "xz");
    require_docker!();
    let folder = Folder::new();
    let made = make(&folder);
    let image = Path::new(made.lines().last().expect("a folder"));
    add_libraries(&image.join("root"));
    let docker = Docker::start(&folder);
    docker.build("headcount:test", image);

    let described = docker.get("/images/headcount:test/json");
    assert_eq!(
        described["Config"]["User"], "65532:65532",
        "a number, so that Kubernetes sees that it is not root"
    );
    // Only a loopback, on which it is asked by itself.
    docker.post(
        "/containers/create?name=headcount",
        &json!({"Image": "headcount:test", "HostConfig": {
            "ReadonlyRootfs": true, "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"], "NetworkMode": "none",
        }}),
    );
    docker.post("/containers/headcount/start", &json!({}));
    let ask = ["/usr/bin/headcount", "status", "--output", "json"];
    let seen = until("it is well, as it says itself", || {
        let state = docker.get("/containers/headcount/json")["State"].take();
        assert_eq!(state["Running"], true, "{state}");
        match run_inside(&docker, &ask) {
            (0, said) => Ok(said),
            (code, said) => Err(format!("{code}: {said}")),
        }
    });
    assert!(seen.contains("headcount"), "{seen}");
    // It can save what it finds (`status` would name what can't be saved), and write nowhere else.
    until("its volume is written to", || {
        match run_inside(&docker, &["/usr/bin/headcount", "man", "/var/lib/headcount/man"]) {
            (0, _) => Ok(()),
            (_, said) => Err(said),
        }
    });
    let (code, said) = run_inside(&docker, &["/usr/bin/headcount", "man", "/etc/headcount/man"]);
    assert!(code != 0 && said.contains("Read-only file system"), "{code}: {said}");
}

/// Runs a program in the container; gives how it ended and what it said.
fn run_inside(docker: &Docker, command: &[&str]) -> (i64, String) {
    let asked = json!({"Cmd": command, "AttachStdout": true, "AttachStderr": true, "Tty": true});
    let made: Value = serde_json::from_str(&docker.post("/containers/headcount/exec", &asked)).expect("JSON");
    let id = made["Id"].as_str().expect("an id");
    // Without an end of its own, the answer ends with the program.
    let said = docker.post(&format!("/exec/{id}/start"), &json!({"Detach": false, "Tty": true}));
    let ended = docker.get(&format!("/exec/{id}/json"));
    (ended["ExitCode"].as_i64().unwrap_or(-1), said)
}

/// The binary of the tests needs the libraries of this system, which one that is released does not.
fn add_libraries(root: &Path) {
    let needed = printed(Command::new("ldd").arg(headcount_binary()));
    let files = needed.split_whitespace().filter(|word| word.starts_with('/'));
    for file in files {
        let to = root.join(file.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("a folder")).unwrap();
        fs::copy(file, to).unwrap();
    }
}
