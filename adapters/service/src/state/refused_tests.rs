//! What is refused: files of others, parts of states, and what is no file at all.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::image;
use super::states::States;
use super::store::{base_path, log_path};
use super::summary::{saved_members, saved_states};
use super::tests::{Seconds, started};

/// What is in `folder` after `scrape` was restored from it, and that nothing was.
fn refused_by(folder: &Path) -> Vec<String> {
    let states = States::open(folder.to_owned(), "", Arc::new(Seconds::default())).expect("it is free");
    assert!(states.restore("scrape", &[], None).expect("it may").is_none());
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| name != "lock");
    names.sort();
    names
}

/// Copied by whoever moves states around: its providers were shared out, and those that had none of its kind said that
/// they are gone.
#[test]
fn what_another_manager_had_is_refused_and_kept_aside() {
    let (base, log) = started().files();
    let folder = tempfile::tempdir().expect("a folder");
    let notify = base_path(folder.path(), "notify");
    fs::write(&notify, &base).expect("written");
    fs::write(log_path(folder.path(), "notify"), log).expect("written");
    let error = image::read_own(folder.path(), "notify").expect_err("it is of scrape");
    let text = error.to_string();
    assert!(
        text.ends_with("is what \"scrape\" had, and not what \"notify\" had"),
        "{text}"
    );
    assert!(image::read(folder.path(), "notify").expect("a state").is_some());
    let states = States::open(folder.path().to_owned(), "", Arc::new(Seconds::default())).expect("it is free");
    assert!(states.restore("notify", &[], None).expect("it may").is_none());
    assert!(!notify.exists() && notify.with_extension("refused").exists());
    let shown = saved_states(folder.path()).expect("read");
    assert!(shown.is_empty(), "what is aside is no state: {shown:?}");
}

/// Somebody removed the base alone; that nothing comes of the rest was not said.
#[test]
fn a_log_without_its_base_is_refused_and_kept_aside() {
    let (_, log) = started().files();
    let folder = tempfile::tempdir().expect("a folder");
    let with_a_change = [&*log, &[0; 8]].concat();
    fs::write(log_path(folder.path(), "scrape"), with_a_change).expect("written");
    let error = image::read_own(folder.path(), "scrape").expect_err("there is no base");
    assert!(
        error.to_string().contains("the base that they belong to is not there"),
        "{error}"
    );
    assert_eq!(refused_by(folder.path()), ["scrape.log.refused"]);
    // Without any change there is nothing to be lost.
    fs::write(log_path(folder.path(), "scrape"), &log[..super::format::HEAD]).expect("written");
    assert!(image::read_own(folder.path(), "scrape").expect("nothing").is_none());
}

/// What it is a log of can be used all the same.
#[test]
fn a_log_that_is_none_of_ours_is_refused_and_kept_aside() {
    let (base, log) = started().files();
    let of_another_version = [&log[..16], &2_u32.to_le_bytes(), &log[20..]].concat();
    let foreign = b"something else, which is longer than the head of a log is, and says nothing".to_vec();
    for (log, expected) in [
        (of_another_version, "scrape.log.refused"),
        (foreign, "scrape.log.refused"),
        // It ended while it wrote the head.
        (log[..20].to_vec(), "scrape.log"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(base_path(folder.path(), "scrape"), &base).expect("written");
        fs::write(log_path(folder.path(), "scrape"), log).expect("written");
        let states = States::open(folder.path().to_owned(), "", Arc::new(Seconds::default())).expect("it is free");
        assert!(states.restore("scrape", &[], None).expect("it may").is_some());
        let files = fs::read_dir(folder.path()).expect("a folder").flatten();
        let mut names: Vec<_> = files
            .map(|file| file.file_name().to_string_lossy().into_owned())
            .collect();
        names.retain(|name| name != "lock");
        names.sort();
        assert_eq!(names, ["scrape.base", expected]);
    }
}

/// Reading a pipe waits for somebody who writes to it, for ever.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for name in ["scrape.base", "members.state", "other.log"] {
        let made = std::process::Command::new("mkfifo").arg(path(name)).status();
        assert!(made.expect("mkfifo").success());
    }
    let (done, is_done) = std::sync::mpsc::channel();
    let folder = folder.path().to_owned();
    std::thread::spawn(move || {
        let show = |path: &Path| saved_states(path).map(|found| found.into_iter().collect::<Result<Vec<_>, _>>());
        let shown = [
            show(&folder.join("scrape.base")).expect_err("refused"),
            show(&folder).expect("a folder").expect_err("refused"),
            show(Path::new("/dev/zero")).expect_err("refused"),
        ];
        let members = saved_members(&folder)
            .into_iter()
            .map(|found| found.expect_err("refused"));
        let said: Vec<_> = shown
            .into_iter()
            .chain(members)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(refused_by(&folder), ["members.state", "other.log", "scrape.refused"]);
        done.send(said).ok();
    });
    let said = is_done.recv_timeout(Duration::from_secs(60)).expect("it does not hang");
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(
        said.iter().all(|said| said.contains(" is neither a file nor a folder")),
        "{said:?}"
    );
}
