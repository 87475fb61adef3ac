//! The HTTP client's fields, which stand among those of the job.

use std::path::Path;

use headcount_reader::{
    Authorization, BasicAuth, HeaderValues, HttpClientSettings, JwtAlgorithm, OAuth2, OAuth2Grant, Proxy,
    ProxySettings, Secret, SecretSource, TextSource, TlsSettings, TlsVersion, without_credentials,
};
use serde_json::{Map, Value, json};

use super::{Fields, Secrets};

/// `grant_type` of a token that a signed assertion is exchanged for.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) fn write(client: &HttpClientSettings, job: &mut Fields) {
    if let Some(BasicAuth { username, password }) = &client.basic_auth {
        let mut basic = job.part();
        put_text(&mut basic, "username", username);
        put_secret_source(&mut basic, "password", password.as_ref());
        // All may be empty, and the section counts.
        job.put("basic_auth", basic.0);
    }
    if let Some(Authorization { scheme, credentials }) = &client.authorization {
        let mut authorization = job.part();
        authorization.put("type", &**scheme);
        put_secret_source(&mut authorization, "credentials", credentials.as_ref());
        job.put("authorization", authorization.0);
    }
    if let Some(oauth2) = &client.oauth2 {
        let oauth2 = written_oauth2(oauth2, job.part());
        job.put("oauth2", oauth2.0);
    }
    put_tls(job, &client.tls);
    put_proxy(job, &client.proxy);
    job.put("follow_redirects", client.follow_redirects);
    job.put("enable_http2", client.enable_http2);
    if !client.headers.is_empty() {
        let headers = client.headers.iter();
        let headers: Map<_, _> = headers
            .map(|(name, values)| (name.clone(), header(job, name, values)))
            .collect();
        job.put("http_headers", headers);
    }
}

fn written_oauth2(oauth2: &OAuth2, mut fields: Fields) -> Fields {
    fields.put("client_id", &*oauth2.client_id);
    put_secret_source(&mut fields, "client_secret", oauth2.client_secret.as_ref());
    if let OAuth2Grant::JwtBearer(bearer) = &oauth2.grant {
        fields.put("grant_type", JWT_BEARER);
        put_secret_source(&mut fields, "client_certificate_key", bearer.key.as_ref());
        fields.put_unless("client_certificate_key_id", &*bearer.key_id, &"");
        let algorithm = match bearer.algorithm {
            JwtAlgorithm::Rs256 => "RS256",
            JwtAlgorithm::Rs384 => "RS384",
            JwtAlgorithm::Rs512 => "RS512",
        };
        fields.put("signature_algorithm", algorithm);
        fields.put_unless("iss", &*bearer.issuer, &"");
        fields.put_unless("audience", &*bearer.audience, &"");
        // Each was kept as the JSON that it is sent as.
        let claim = |(name, value): &(String, String)| {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str()));
            (name.clone(), value)
        };
        if !bearer.claims.is_empty() {
            fields.put("claims", bearer.claims.iter().map(claim).collect::<Map<_, _>>());
        }
    }
    fields.put_unless("scopes", oauth2.scopes.clone(), &Vec::new());
    let url = shown_url(&oauth2.token_url, fields.1);
    fields.put("token_url", url);
    if !oauth2.endpoint_params.is_empty() {
        let parameters = oauth2.endpoint_params.iter();
        let parameters = parameters.map(|(name, value)| (name.clone(), fields.named(name, value).into()));
        let parameters: Map<String, Value> = parameters.collect();
        fields.put("endpoint_params", parameters);
    }
    put_tls(&mut fields, &oauth2.tls);
    put_proxy(&mut fields, &oauth2.proxy);
    fields
}

fn put_tls(fields: &mut Fields, tls: &TlsSettings) {
    if *tls == TlsSettings::default() {
        return;
    }
    let mut part = fields.part();
    for (name, source) in [("ca", &tls.ca), ("cert", &tls.cert)] {
        if let Some(source) = source {
            put_text(&mut part, name, source);
        }
    }
    put_secret_source(&mut part, "key", tls.key.as_ref());
    if let Some(name) = &tls.server_name {
        part.put("server_name", &**name);
    }
    part.put("insecure_skip_verify", tls.insecure_skip_verify);
    for (name, version) in [("min_version", tls.min_version), ("max_version", tls.max_version)] {
        if let Some(version) = version {
            part.put(name, version_name(version));
        }
    }
    fields.put_part("tls_config", part);
}

fn put_proxy(fields: &mut Fields, proxy: &ProxySettings) {
    match &proxy.proxy {
        Proxy::Direct => {}
        Proxy::Url { url, no_proxy } => {
            let url = shown_url(url.reveal(), fields.1);
            fields.put("proxy_url", url);
            fields.put_unless("no_proxy", &**no_proxy, &"");
        }
        Proxy::Environment => fields.put("proxy_from_environment", true),
    }
    if !proxy.connect_headers.is_empty() {
        let headers = proxy.connect_headers.iter();
        let headers: Map<_, _> = headers
            .map(|(name, values)| (name.clone(), secrets(fields, values)))
            .collect();
        fields.put("proxy_connect_header", headers);
    }
}

/// What stands in a header, of which `values` are shown unless its name sounds secret.
fn header(job: &Fields, name: &str, header: &HeaderValues) -> Value {
    let shown = header.values.iter().map(|value| job.named(name, value));
    let mut part = job.part();
    part.put_unless("values", shown.collect::<Vec<_>>(), &Vec::new());
    if !header.secrets.is_empty() {
        part.put("secrets", secrets(job, &header.secrets));
    }
    part.put_unless(
        "files",
        header.files.iter().map(|file| text_of(file)).collect(),
        &Vec::new(),
    );
    Value::Object(part.0)
}

fn secrets(fields: &Fields, values: &[Secret]) -> Value {
    let values = values.iter().map(|value| fields.secret(value.reveal()));
    json!(values.collect::<Vec<_>>())
}

/// A value that stands in the job, in a file, or with whoever keeps secrets, in the field of that.
fn put_text(fields: &mut Fields, name: &str, source: &TextSource) {
    match source {
        TextSource::Inline(text) => fields.put(name, &**text),
        TextSource::File(path) => fields.put(&format!("{name}_file"), text_of(path)),
        TextSource::Reference(reference) => fields.put(&format!("{name}_ref"), &**reference),
    }
}

fn put_secret_source(fields: &mut Fields, name: &str, source: Option<&SecretSource>) {
    match source {
        None => {}
        Some(SecretSource::Inline(secret)) => fields.put_secret(name, secret.reveal()),
        Some(SecretSource::File(path)) => fields.put(&format!("{name}_file"), text_of(path)),
        Some(SecretSource::Reference(reference)) => fields.put(&format!("{name}_ref"), &**reference),
    }
}

fn shown_url(url: &str, secrets: Secrets) -> String {
    match secrets {
        Secrets::Shown => url.to_owned(),
        Secrets::Hidden => without_credentials(url).into_owned(),
    }
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn version_name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Tls10 => "TLS10",
        TlsVersion::Tls11 => "TLS11",
        TlsVersion::Tls12 => "TLS12",
        TlsVersion::Tls13 => "TLS13",
    }
}
