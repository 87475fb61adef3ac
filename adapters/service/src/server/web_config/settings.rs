//! A web-config.yml, read and checked, with the files that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use headcount_reader::{
    Cursor, FILE_LIMIT, Fields, Given, LoadErrors, Machine, ProblemKind, Secret, Sink, Surroundings, TlsVersion, Ways,
    decode, read,
};
use http::header::{HeaderName, HeaderValue};
use rustls::crypto::{SupportedKxGroup, ring};
use rustls::{CipherSuite, NamedGroup, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};

use super::limiter::Limiter;
use super::tls::{ClientAuth, Material, San, Unusable};
use super::users::{self, Users};

/// Largest file that is taken for a certificate or a key.
const PEM_LIMIT: u64 = 1 << 20;

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct WebConfig {
    /// `None`: plain HTTP.
    pub(in crate::server) tls: Option<Arc<ServerConfig>>,
    /// Whether each client's certificate is vouched for.
    pub(in crate::server) verifies_clients: bool,
    /// Added to each answer, over those that are there.
    pub(in crate::server) headers: Vec<(HeaderName, HeaderValue)>,
    /// Nobody has to say who it is, if there are none.
    pub(in crate::server) users: Users,
    pub(in crate::server) limiter: Option<Limiter>,
}

impl WebConfig {
    /// Whether whoever asks had to say who it is.
    pub(in crate::server) fn authenticates(&self) -> bool {
        self.verifies_clients || !self.users.is_empty()
    }
}

/// A file that was read, rightly or wrongly, and what was looked at.
pub(super) struct Loaded {
    pub(super) config: Result<WebConfig, LoadErrors>,
    pub(super) files: Vec<PathBuf>,
}

const CLIENT_CA: Ways = Ways {
    inline: "client_ca",
    file: "client_ca_file",
    reference: "client_ca_ref",
    all: "client_ca and client_ca_file",
};

/// The headers that may be set, and their values where not any will do.
const HEADERS: [(&str, Option<&str>); 5] = [
    ("Content-Security-Policy", None),
    ("Strict-Transport-Security", None),
    ("X-Content-Type-Options", Some("nosniff")),
    ("X-Frame-Options", Some("deny, sameorigin")),
    ("X-XSS-Protection", None),
];

/// Go's suites that the TLS library has not: all of them with CBC.
const NOT_SPOKEN: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// Reads the file and all that it names. Blocks while it does.
pub(super) fn load(path: &Path) -> Loaded {
    let mut files = vec![path.to_owned()];
    let bytes = match Machine.read(path, FILE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) => {
            let config = Err(LoadErrors::unreadable(path, &error));
            return Loaded { config, files };
        }
    };
    let sink = Sink::new(path.into());
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let mut config = WebConfig::default();
    let text = decode(&bytes).map_err(|kind| sink.problem(None, "", kind));
    let document = text.ok().and_then(|text| read(&text, &sink));
    if let Some(fields) = document.as_ref().and_then(|document| document.root(&sink)?.fields()) {
        config = read_fields(fields, folder, &mut files);
    }
    drop(document);
    let found = sink.finish();
    let config = match found.problems.is_empty() {
        true => Ok(config),
        false => Err(LoadErrors {
            problems: found.problems,
            omitted: found.omitted,
        }),
    };
    Loaded { config, files }
}

fn read_fields(mut fields: Fields<'_>, folder: &Path, files: &mut Vec<PathBuf>) -> WebConfig {
    let mut config = WebConfig::default();
    let mut http2 = true;
    if let Some(mut http) = fields.take_some("http_server_config").and_then(|at| at.fields()) {
        http2 = http.flag("http2").unwrap_or(true);
        config.headers = http.take_some("headers").map(|at| headers(&at)).unwrap_or_default();
        http.finish();
    }
    if let Some(at) = fields.take_some("tls_server_config")
        && let Some(inside) = at.fields()
    {
        (config.tls, config.verifies_clients) = tls(&at, inside, http2, folder, files);
    }
    if let Some(at) = fields.take_some("basic_auth_users") {
        for (name, at) in at.entries().unwrap_or_default() {
            let Some(hash) = at.text() else { continue };
            if !users::is_hash(&hash) {
                at.report(ProblemKind::Rule(
                    "this is not a hash of bcrypt's; `htpasswd -nBC 10 USER` makes one of a password",
                ));
            }
            config.users.insert(name, Secret::new(hash));
        }
    }
    if let Some(mut limit) = fields.take_some("rate_limit").and_then(|at| at.fields()) {
        config.limiter = limiter(&mut limit);
        limit.finish();
    }
    fields.finish();
    config
}

fn headers(at: &Cursor<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, at) in at.entries().unwrap_or_default() {
        let Some((_, allowed)) = HEADERS.into_iter().find(|(known, _)| *known == name) else {
            let allowed = "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, \
                           X-XSS-Protection";
            at.report(ProblemKind::NotOneOf { found: name, allowed });
            continue;
        };
        let Some(text) = at.text() else { continue };
        if let Some(allowed) = allowed
            && !allowed.split(", ").any(|allowed| allowed == text)
        {
            at.report(ProblemKind::NotOneOf { found: text, allowed });
            continue;
        }
        // Nothing is no header.
        if text.is_empty() {
            continue;
        }
        match (name.parse::<HeaderName>(), HeaderValue::from_str(&text)) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => at.report(ProblemKind::Rule("it holds characters that a header can't")),
        }
    }
    headers
}

fn limiter(fields: &mut Fields<'_>) -> Option<Limiter> {
    let interval = fields.take_some("interval").and_then(|at| at.duration());
    let burst_at = fields.take_some("burst");
    let burst = burst_at.as_ref().and_then(|at| at.count());
    let interval = interval.filter(|interval| !interval.is_zero())?;
    let burst = u32::try_from(burst.unwrap_or_default()).unwrap_or(u32::MAX);
    if burst == 0 {
        let at = burst_at.as_ref().unwrap_or(fields.at());
        at.report(ProblemKind::Rule(
            "with a burst of 0 no request is ever taken; set at least 1",
        ));
    }
    Some(Limiter::new(interval, burst, Instant::now()))
}

/// What a handshake needs, and whether it verifies clients; nothing where no field speaks of TLS.
fn tls(
    at: &Cursor<'_>,
    mut fields: Fields<'_>,
    http2: bool,
    folder: &Path,
    files: &mut Vec<PathBuf>,
) -> (Option<Arc<ServerConfig>>, bool) {
    let mut pem = |ways: Ways| Given::read(&mut fields, folder, ways).map(|given| content(at, ways, given, files));
    let (cert, key, client_ca) = (pem(Ways::CERT), pem(Ways::KEY), pem(CLIENT_CA));
    let auth = fields.take_some("client_auth_type");
    let is_on = cert.is_some() || key.is_some() || client_ca.is_some() || auth.is_some();
    let client_auth = auth.as_ref().and_then(client_auth).unwrap_or_default();
    let allowed_sans = fields.take_some("client_allowed_sans").map(|at| sans(&at));
    let versions = versions(&mut fields);
    let has_older = versions.contains(&&version::TLS12);
    let suites = fields.take_some("cipher_suites").map(|at| suites(&at, has_older));
    let prefers_own_order = fields.flag("prefer_server_cipher_suites").unwrap_or(true);
    let groups = fields.take_some("curve_preferences").map(|at| groups(&at));
    fields.finish();
    if !is_on {
        return (None, false);
    }
    for (field, pem) in [("cert or cert_file", &cert), ("key or key_file", &key)] {
        if pem.is_none() {
            at.report(ProblemKind::Missing { field });
        }
    }
    match (&client_ca, client_auth) {
        (None, asked) if asked.verifies() => at.report(ProblemKind::Missing {
            field: "client_ca or client_ca_file, which says who vouches for clients,",
        }),
        (Some(_), asked) if !asked.verifies() => at.report(ProblemKind::Rule(
            "a client_ca does nothing unless client_auth_type is RequireAndVerifyClientCert or VerifyClientCertIfGiven",
        )),
        _ => {}
    }
    let verifies = client_auth == ClientAuth::RequireAndVerify;
    // What could not be read has been reported.
    let (Some(Some(cert)), Some(Some(key)), Some(client_ca)) = (cert, key, client_ca.map_or(Some(None), some)) else {
        return (None, verifies);
    };
    let default = ring::default_provider();
    let material = Material {
        cert,
        key: Secret::new(key),
        client_ca,
        client_auth,
        allowed_sans,
        versions,
        suites: suites.unwrap_or(default.cipher_suites),
        groups: groups.unwrap_or(default.kx_groups),
        prefers_own_order,
        http2,
    };
    let is_fine = client_auth.verifies() == material.client_ca.is_some()
        && !material.versions.is_empty()
        && !material.suites.is_empty()
        && !material.groups.is_empty();
    if !is_fine {
        return (None, verifies);
    }
    match material.config() {
        Ok(config) => (Some(Arc::new(config)), verifies),
        Err(Unusable { field, reason }) => {
            at.report_at(at.position(), &format!(".{field}"), ProblemKind::Client { reason });
            (None, verifies)
        }
    }
}

/// A text that was read stays so, and one that was not as well.
fn some(text: Option<String>) -> Option<Option<String>> {
    text.map(Some)
}

/// The text, if its file can be read.
fn content(at: &Cursor<'_>, ways: Ways, given: Given, files: &mut Vec<PathBuf>) -> Option<String> {
    let path = match given {
        Given::Inline(text) => return Some(text.reveal().to_owned()),
        Given::File(path) => path,
        Given::Reference(_) => {
            let kind = ProblemKind::SecretReference { instead: ways.file };
            at.report_at(at.position(), &format!(".{}", ways.reference), kind);
            return None;
        }
    };
    files.push(path.clone());
    let reason = match Machine.read(&path, PEM_LIMIT).map(String::from_utf8) {
        Ok(Ok(text)) => return Some(text),
        Ok(Err(_)) => "it is not text".to_owned(),
        Err(error) => error.to_string(),
    };
    let kind = ProblemKind::NamedFile { path, reason };
    at.report_at(at.position(), &format!(".{}", ways.file), kind);
    None
}

fn client_auth(at: &Cursor<'_>) -> Option<ClientAuth> {
    let found = at.text()?;
    Some(match found.as_str() {
        "" | "NoClientCert" => ClientAuth::None,
        "RequestClientCert" => ClientAuth::Request,
        // The second is how it was once called.
        "RequireAnyClientCert" | "RequireClientCert" => ClientAuth::RequireAny,
        "VerifyClientCertIfGiven" => ClientAuth::VerifyIfGiven,
        "RequireAndVerifyClientCert" => ClientAuth::RequireAndVerify,
        _ => {
            let allowed = "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, \
                           RequireAndVerifyClientCert";
            at.report(ProblemKind::NotOneOf { found, allowed });
            return None;
        }
    })
}

fn sans(at: &Cursor<'_>) -> Vec<San> {
    let mut sans = Vec::new();
    for (index, (text, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
        match San::read(&text) {
            Some(san) => sans.push(san),
            None => at.report_at(
                position,
                &format!("[{index}]"),
                ProblemKind::Rule("mail addresses can't be looked at; use a DNS name, an IP address or a URI"),
            ),
        }
    }
    sans
}

/// The versions that may be spoken; none if something is wrong with them.
fn versions(fields: &mut Fields<'_>) -> Vec<&'static SupportedProtocolVersion> {
    let min = fields.take_some("min_version").and_then(|at| TlsVersion::read(&at));
    let max_at = fields.take_some("max_version");
    let max = max_at.as_ref().and_then(TlsVersion::read);
    let (min, max_version) = (min.unwrap_or(TlsVersion::Tls12), max.unwrap_or(TlsVersion::Tls13));
    let mut versions = Vec::new();
    for (known, version) in [
        (TlsVersion::Tls13, &version::TLS13),
        (TlsVersion::Tls12, &version::TLS12),
    ] {
        if (min..=max_version).contains(&known) {
            versions.push(version);
        }
    }
    if versions.is_empty() {
        let at = max_at.as_ref().unwrap_or(fields.at());
        at.report(ProblemKind::Rule(
            "no version is left between min_version and max_version: TLS12 and TLS13 are spoken here",
        ));
    }
    versions
}

/// The suites that are named, and all of TLS 1.3, which can't be chosen in Go either. One of TLS 1.2 has to be among them
/// if that `is_older` version is spoken: otherwise its clients would find nothing, and nobody would know why.
fn suites(at: &Cursor<'_>, is_older: bool) -> Vec<SupportedCipherSuite> {
    let all = ring::default_provider().cipher_suites;
    let named = at.texts().unwrap_or_default();
    let mut suites: Vec<SupportedCipherSuite> = Vec::new();
    let (mut has_older, mut is_known) = (false, true);
    for (index, (found, position)) in named.iter().enumerate() {
        let is_named = |suite: &&SupportedCipherSuite| go_name(suite.suite()) == Some(found);
        match all.iter().find(is_named) {
            Some(suite) => {
                has_older |= suite.tls13().is_none();
                suites.push(*suite);
            }
            None if NOT_SPOKEN.contains(&found.as_str()) => {}
            None => {
                is_known = false;
                let allowed = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
                               TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
                               TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
                let kind = ProblemKind::NotOneOf {
                    found: found.clone(),
                    allowed,
                };
                at.report_at(*position, &format!("[{index}]"), kind);
            }
        }
    }
    if named.is_empty() {
        return all;
    }
    if is_older && is_known && !has_older {
        at.report(ProblemKind::Rule(
            "none of these is spoken here for TLS 1.2; name one with GCM or CHACHA20, or set min_version to TLS13",
        ));
    }
    let newest = all.iter().filter(|suite| suite.tls13().is_some());
    let missing: Vec<_> = newest.filter(|suite| !suites.contains(suite)).copied().collect();
    missing.into_iter().chain(suites).collect()
}

/// A suite's name in Go.
fn go_name(suite: CipherSuite) -> Option<&'static str> {
    let name = suite.as_str()?;
    Some(match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        name => name,
    })
}

fn groups(at: &Cursor<'_>) -> Vec<&'static dyn SupportedKxGroup> {
    let all = ring::default_provider().kx_groups;
    let named = at.texts().unwrap_or_default();
    if named.is_empty() {
        return all;
    }
    let mut groups = Vec::new();
    for (index, (found, position)) in named.into_iter().enumerate() {
        let wanted = match found.as_str() {
            "CurveP256" => NamedGroup::secp256r1,
            "CurveP384" => NamedGroup::secp384r1,
            "X25519" => NamedGroup::X25519,
            // The TLS library has it not; others are enough.
            "CurveP521" => continue,
            _ => {
                let allowed = "CurveP256, CurveP384, X25519";
                at.report_at(
                    position,
                    &format!("[{index}]"),
                    ProblemKind::NotOneOf { found, allowed },
                );
                continue;
            }
        };
        groups.extend(all.iter().find(|group| group.name() == wanted).copied());
    }
    if groups.is_empty() {
        at.report(ProblemKind::Rule(
            "none of these is spoken here; name CurveP256, CurveP384 or X25519",
        ));
    }
    groups
}
