//! `kit/package`: a Debian package and a tarball with all that belongs to a binary. The one that is put in is that of the
//! tests, because one that is released takes long to be built.

use super::*;
use crate::support::headcount_binary;

const IN_DEBIAN: [&str; 15] = [
    "./etc/default/headcount",
    "./etc/headcount/prometheus.yml",
    "./usr/bin/headcount",
    "./usr/lib/systemd/system/headcount.service",
    "./usr/share/bash-completion/completions/headcount",
    "./usr/share/doc/headcount/changelog.gz",
    "./usr/share/doc/headcount/copyright",
    "./usr/share/fish/vendor_completions.d/headcount.fish",
    "./usr/share/headcount/README.md",
    "./usr/share/headcount/grafana/headcount.json",
    "./usr/share/headcount/kubernetes/headcount.yaml",
    "./usr/share/headcount/prometheus/headcount.rules.yml",
    "./usr/share/man/man1/headcount.1.gz",
    "./usr/share/man/man1/headcount-run.1.gz",
    "./usr/share/zsh/vendor-completions/_headcount",
];
const IN_TARBALL: [&str; 8] = [
    "headcount",
    "LICENSE",
    "CHANGELOG.md",
    "man/headcount-run.1",
    "completions/bash",
    "kit/README.md",
    "kit/systemd/headcount.service",
    "kit/prometheus/headcount.rules.yml",
];

/// What a program prints. It has to end well.
#[track_caller]
pub(super) fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Makes all of it of the tests' binary; gives where each is, a line each.
pub(super) fn make(folder: &Folder) -> String {
    let mut package = Command::new(path("package"));
    package.arg("--binary").arg(headcount_binary());
    package.args(["--compression", "none", "--out", &folder.text("out")]);
    package.args(["--maintainer", "A Test <test@example.org>"]);
    printed(&mut package)
}

#[test]
fn packages_have_all_that_belongs_to_a_binary() {
    require!("dpkg-deb", "readelf", "strip", "tar", "gzip", "xz");
    let folder = Folder::new();
    let made = make(&folder);
    let made: Vec<_> = made.lines().collect();
    let [debian, tarball, _] = made[..] else {
        panic!("{made:?}")
    };
    debian_package(&folder, debian);

    let listed = printed(Command::new("tar").args(["-tf", tarball]));
    let top = listed.lines().next().expect("a folder");
    for file in IN_TARBALL {
        assert!(
            listed.lines().any(|line| line == format!("{top}{file}")),
            "{file} is not in {listed}"
        );
    }
}

fn debian_package(folder: &Folder, package: &str) {
    let listed = printed(Command::new("dpkg-deb").args(["--contents", package]));
    for line in listed.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (rights, owner, name) = (fields[0], fields[1], fields[5]);
        assert_eq!(owner, "root/root", "{name}");
        let expected = match (rights.starts_with('d'), name) {
            (true, _) => "drwxr-xr-x",
            (_, "./usr/bin/headcount") => "-rwxr-xr-x",
            _ => "-rw-r--r--",
        };
        assert_eq!(rights, expected, "{name}");
    }
    for file in IN_DEBIAN {
        assert!(
            listed.lines().any(|line| line.ends_with(&format!(" {file}"))),
            "{file} is not in {listed}"
        );
    }
    let field = |name: &str| {
        printed(Command::new("dpkg-deb").args(["--field", package, name]))
            .trim()
            .to_owned()
    };
    let version = printed(Command::new(headcount_binary()).arg("--version"));
    assert_eq!(format!("headcount {}", field("Version")), version.trim());
    assert_eq!(field("Maintainer"), "A Test <test@example.org>");
    // That of the tests is linked to the system's libraries.
    assert!(field("Depends").contains("libc6 (>= 2."), "{}", field("Depends"));

    let root = folder.path("root");
    printed(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&root));
    let kept = fs::read_to_string(root.join("DEBIAN/conffiles")).unwrap();
    assert_eq!(kept, "/etc/default/headcount\n/etc/headcount/prometheus.yml\n");
    for script in ["postinst", "prerm", "postrm"] {
        printed(Command::new("sh").arg("-n").arg(root.join("DEBIAN").join(script)));
    }
    // It is what it was before it was stripped, and starts with what is installed beside it.
    let binary = root.join("usr/bin/headcount");
    printed(
        Command::new(binary)
            .arg("check")
            .arg(root.join("etc/headcount/prometheus.yml")),
    );
    let manual = root.join("usr/share/man/man1/headcount-run.1.gz");
    assert!(printed(Command::new("gzip").arg("-dc").arg(manual)).contains("NAME"));
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/headcount.service")).unwrap();
    for installed in [
        "usr/bin/headcount",
        "etc/headcount/prometheus.yml",
        "etc/default/headcount",
    ] {
        assert!(root.join(installed).is_file());
        assert!(unit.contains(&format!("/{installed}")), "the unit has no /{installed}");
    }
}
