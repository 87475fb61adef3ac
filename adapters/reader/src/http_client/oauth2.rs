//! `oauth2`: a token is fetched and sent with every request.

use std::path::Path;

use super::proxy;
use super::settings::{JwtAlgorithm, JwtBearer, OAuth2, OAuth2Grant, TlsSettings};
use super::tls::{Given, Ways};
use crate::problem::ProblemKind;
use crate::yaml::Fields;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const SECRET: Ways = Ways {
    inline: "client_secret",
    file: "client_secret_file",
    reference: "client_secret_ref",
    all: "client_secret and client_secret_file",
};

const KEY: Ways = Ways {
    inline: "client_certificate_key",
    file: "client_certificate_key_file",
    reference: "client_certificate_key_ref",
    all: "client_certificate_key and client_certificate_key_file",
};

/// Reads the insides of `oauth2`.
pub(super) fn read(mut fields: Fields<'_>, folder: &Path) -> OAuth2 {
    let client_secret = Given::read(&mut fields, folder, SECRET).map(Given::into_secret);
    let bearer = read_bearer(&mut fields, folder);
    let is_bearer = fields.text("grant_type").as_deref() == Some(JWT_BEARER);
    let endpoint_params = fields
        .take("endpoint_params")
        .and_then(|at| at.entries())
        .unwrap_or_default();
    let settings = OAuth2 {
        client_id: fields.text("client_id").unwrap_or_default(),
        client_secret,
        // Prometheus takes every other grant type for client credentials.
        grant: if is_bearer {
            OAuth2Grant::JwtBearer(Box::new(bearer))
        } else {
            OAuth2Grant::ClientCredentials
        },
        scopes: fields
            .texts("scopes")
            .unwrap_or_default()
            .into_iter()
            .map(|(scope, _)| scope)
            .collect(),
        token_url: fields.text("token_url").unwrap_or_default(),
        endpoint_params: endpoint_params
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.text()?)))
            .collect(),
        tls: TlsSettings::read(&mut fields, folder),
        proxy: proxy::read(&mut fields),
    };
    if settings.client_id.is_empty() {
        fields.at().report(ProblemKind::Missing { field: "client_id" });
    }
    if settings.token_url.is_empty() {
        fields.at().report(ProblemKind::Missing { field: "token_url" });
    }
    fields.finish();
    settings
}

fn read_bearer(fields: &mut Fields<'_>, folder: &Path) -> JwtBearer {
    let algorithm = fields.take("signature_algorithm").and_then(|at| {
        let text = at.text()?;
        match text.as_str() {
            "" | "RS256" => Some(JwtAlgorithm::Rs256),
            "RS384" => Some(JwtAlgorithm::Rs384),
            "RS512" => Some(JwtAlgorithm::Rs512),
            _ => {
                at.report(ProblemKind::NotOneOf {
                    found: text,
                    allowed: "RS256, RS384, RS512",
                });
                None
            }
        }
    });
    let claims = fields.take("claims").and_then(|at| at.entries()).unwrap_or_default();
    JwtBearer {
        key: Given::read(fields, folder, KEY).map(Given::into_secret),
        key_id: fields.text("client_certificate_key_id").unwrap_or_default(),
        algorithm: algorithm.unwrap_or_default(),
        issuer: fields.text("iss").unwrap_or_default(),
        audience: fields.text("audience").unwrap_or_default(),
        claims: claims.into_iter().map(|(name, value)| (name, value.json())).collect(),
    }
}
