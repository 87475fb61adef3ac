//! Certificates for a test, made by openssl.

use std::process::Command;

use super::folder::Folder;
use super::required::find;

/// Files in the folder `tls` of a test's folder, each a certificate `NAME.crt` with its key
/// `NAME.key`:
///
/// * `ca`: the authority. `other-ca`: one that nobody trusts.
/// * `server`: for `localhost` and 127.0.0.1. `elsewhere`: for `elsewhere.example` only.
/// * `client`: a client that `ca` vouches for. `stranger`: one that `other-ca` vouches for.
pub(crate) struct Certificates {
    folder: String,
}

impl Certificates {
    /// Makes them.
    pub(crate) fn new(folder: &Folder) -> Self {
        folder.write("tls/openssl.cnf", OPENSSL_CONFIG);
        let made = Self {
            folder: folder.text("tls"),
        };
        for authority in ["ca", "other-ca"] {
            made.make(authority, "authority", &[]);
        }
        let signed = [
            ("server", "server", "ca"),
            ("elsewhere", "elsewhere", "ca"),
            ("client", "client", "ca"),
            ("stranger", "client", "other-ca"),
        ];
        for (name, section, authority) in signed {
            let (certificate, key) = (made.path(authority, "crt"), made.path(authority, "key"));
            made.make(name, section, &["-CA", &certificate, "-CAkey", &key]);
        }
        made
    }

    /// The path of `NAME.crt` or `NAME.key`.
    pub(crate) fn path(&self, name: &str, ending: &str) -> String {
        format!("{}/{name}.{ending}", self.folder)
    }

    fn make(&self, name: &str, section: &str, more: &[&str]) {
        let mut openssl = Command::new(find("openssl").expect("openssl is installed"));
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args([
            "-subj",
            &format!("/CN={name}"),
            "-config",
            &format!("{}/openssl.cnf", self.folder),
        ]);
        openssl.args([
            "-extensions",
            section,
            "-keyout",
            &self.path(name, "key"),
            "-out",
            &self.path(name, "crt"),
        ]);
        let output = openssl.args(more).output().expect("running openssl");
        assert!(
            output.status.success(),
            "making {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

const OPENSSL_CONFIG: &str = "
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
[elsewhere]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.example
[client]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
";
