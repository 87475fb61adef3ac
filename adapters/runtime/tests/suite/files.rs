//! Files, over real ones in a temporary folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use headcount_discoverer::env::{FileError, FileWatch, Files};
use headcount_runtime::{SharedRuntime, SystemFiles};
use tempfile::TempDir;

on_each_runtime!(
    reads_whole_files_up_to_the_limit,
    what_is_not_a_file_is_refused,
    lists_and_links_and_patterns,
    a_change_is_told,
    a_change_is_told_as_its_folder_was_called,
    reading_is_no_change,
    a_symlink_that_is_swapped_is_told,
    a_missing_folder_can_not_be_watched,
    a_folder_that_goes_away_is_an_error,
    watches_of_one_folder_are_independent,
);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Waits until all of `expected` were told.
async fn told(watch: &mut Box<dyn FileWatch>, expected: &[PathBuf]) {
    let mut missing: BTreeSet<_> = expected.iter().cloned().collect();
    while !missing.is_empty() {
        for path in watch.changed().await.unwrap() {
            missing.remove(&path);
        }
    }
}

async fn reads_whole_files_up_to_the_limit(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    let path = folder.path().join("f");
    fs::write(&path, b"12345").unwrap();
    let contents = files.read(&path, 5).await.unwrap();
    assert_eq!(contents.bytes, b"12345");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(
        contents.modified,
        modified.duration_since(std::time::UNIX_EPOCH).unwrap()
    );
    assert_eq!(files.read(&path, 4).await, Err(FileError::TooLarge { path, limit: 4 }));
    let missing = folder.path().join("missing");
    assert_eq!(
        files.read(&missing, 1).await,
        Err(FileError::NotFound { path: missing })
    );
    // A file that says it is empty and is not.
    assert!(matches!(
        files.read(Path::new("/proc/self/status"), 10).await,
        Err(FileError::TooLarge { .. })
    ));
}

async fn what_is_not_a_file_is_refused(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    let error = files.read(folder.path(), 1).await.unwrap_err();
    assert!(error.to_string().ends_with("a folder, not a file"), "{error}");
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = files.read(&socket, 1).await.unwrap_err();
    assert!(error.to_string().ends_with("a socket, not a file"), "{error}");
    let error = files.read(Path::new("/dev/zero"), 1).await.unwrap_err();
    assert!(error.to_string().ends_with("a device, not a file"), "{error}");
}

async fn lists_and_links_and_patterns(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    for name in ["b.json", "a.json", "c.yml"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    std::os::unix::fs::symlink("a.json", folder.path().join("link")).unwrap();
    assert_eq!(
        files.list(folder.path()).await.unwrap(),
        ["a.json", "b.json", "c.yml", "link"]
    );
    assert_eq!(
        files.read_link(&folder.path().join("link")).await.unwrap(),
        PathBuf::from("a.json")
    );
    assert!(files.read_link(&folder.path().join("a.json")).await.is_err());
    let pattern = format!("{}/*.json", folder.path().display());
    let expected = ["a.json", "b.json"].map(|name| folder.path().join(name));
    assert_eq!(files.glob(&pattern).await.unwrap(), expected);
    assert!(matches!(files.glob("/[").await, Err(FileError::Pattern { .. })));
}

async fn a_change_is_told(runtime: SharedRuntime) {
    let (files, folder, other) = (SystemFiles::new(runtime), folder(), folder());
    let mut watch = files
        .watch(&[folder.path().to_owned(), other.path().to_owned()])
        .unwrap();
    let (a, b) = (folder.path().join("a"), other.path().join("b"));
    fs::write(&a, "1").unwrap();
    fs::write(&b, "1").unwrap();
    told(&mut watch, &[a.clone(), b.clone()]).await;
    fs::rename(&a, folder.path().join("c")).unwrap();
    told(&mut watch, &[a, folder.path().join("c")]).await;
    fs::remove_file(&b).unwrap();
    told(&mut watch, &[b]).await;
}

async fn a_change_is_told_as_its_folder_was_called(runtime: SharedRuntime) {
    let (files, folder, other) = (SystemFiles::new(runtime), folder(), folder());
    // A way to it from the current folder.
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(folder.path().strip_prefix("/").unwrap());
    let link = other.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    let mut watch = files.watch(std::slice::from_ref(&relative)).unwrap();
    // The same folder in other ways, which each hear of it as they call it.
    let mut absolute = files.watch(&[folder.path().to_owned()]).unwrap();
    let mut linked = files.watch(std::slice::from_ref(&link)).unwrap();
    fs::write(folder.path().join("a"), "1").unwrap();
    told(&mut watch, &[relative.join("a")]).await;
    told(&mut absolute, &[folder.path().join("a")]).await;
    told(&mut linked, &[link.join("a")]).await;
    drop((absolute, linked));
    fs::write(folder.path().join("b"), "1").unwrap();
    told(&mut watch, &[relative.join("b")]).await;
    fs::remove_dir_all(&folder).unwrap();
    let gone = loop {
        match watch.changed().await {
            Ok(paths) => assert!(paths.iter().all(|path| path.starts_with(&relative)), "{paths:?}"),
            Err(error) => break error,
        }
    };
    assert!(gone.to_string().contains(relative.to_str().unwrap()), "{gone}");
}

async fn reading_is_no_change(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    let (read, written) = (folder.path().join("read"), folder.path().join("written"));
    fs::write(&read, "1").unwrap();
    let mut watch = files.watch(&[folder.path().to_owned()]).unwrap();
    files.read(&read, 10).await.unwrap();
    fs::write(&written, "1").unwrap();
    // Events come in order, so the reading would be here too.
    assert_eq!(watch.changed().await.unwrap(), [written]);
}

async fn a_symlink_that_is_swapped_is_told(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    let (data, next) = (folder.path().join("..data"), folder.path().join("..data_tmp"));
    std::os::unix::fs::symlink("v1", &data).unwrap();
    let mut watch = files.watch(&[folder.path().to_owned()]).unwrap();
    std::os::unix::fs::symlink("v2", &next).unwrap();
    fs::rename(&next, &data).unwrap();
    told(&mut watch, &[data]).await;
}

async fn a_missing_folder_can_not_be_watched(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    let missing = folder.path().join("missing");
    let result = files.watch(&[folder.path().to_owned(), missing.clone()]);
    assert_eq!(result.err(), Some(FileError::NotFound { path: missing }));
}

async fn a_folder_that_goes_away_is_an_error(runtime: SharedRuntime) {
    for moved in [false, true] {
        let (files, parent) = (SystemFiles::new(runtime.clone()), folder());
        let folder = parent.path().join("watched");
        fs::create_dir(&folder).unwrap();
        let mut watch = files.watch(std::slice::from_ref(&folder)).unwrap();
        if moved {
            fs::rename(&folder, parent.path().join("elsewhere")).unwrap();
        } else {
            fs::remove_dir(&folder).unwrap();
        }
        let error = watch.changed().await.unwrap_err();
        assert!(error.to_string().contains("removed or moved"), "{error}");
        // Watched anew, it works.
        fs::create_dir(&folder).unwrap();
        let mut watch = files.watch(std::slice::from_ref(&folder)).unwrap();
        fs::write(folder.join("f"), "").unwrap();
        told(&mut watch, &[folder.join("f")]).await;
    }
}

async fn watches_of_one_folder_are_independent(runtime: SharedRuntime) {
    let (files, folder) = (SystemFiles::new(runtime), folder());
    let folders = [folder.path().to_owned()];
    // More than the system allows instances for.
    let mut watches: Vec<_> = (0..200).map(|_| files.watch(&folders).unwrap()).collect();
    let path = folder.path().join("f");
    fs::write(&path, "1").unwrap();
    for watch in &mut watches {
        told(watch, std::slice::from_ref(&path)).await;
    }
    let mut last = watches.swap_remove(100);
    drop(watches);
    let path = folder.path().join("g");
    fs::write(&path, "1").unwrap();
    told(&mut last, &[path]).await;
    drop(last);
    let mut again = files.watch(&folders).unwrap();
    let path = folder.path().join("h");
    fs::write(&path, "1").unwrap();
    told(&mut again, &[path]).await;
}
