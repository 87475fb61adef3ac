//! Ingresses.

use serde::Deserialize;

use super::meta::{RawMeta, or_empty};
use super::{Json, Meta, Name, Object, first};

/// An ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Ingress {
    pub(in super::super) meta: Meta,
    pub(in super::super) class: Option<Box<str>>,
    pub(in super::super) tls_hosts: Vec<Box<str>>,
    pub(in super::super) rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Rule {
    pub(in super::super) host: Box<str>,
    /// `None` if it says nothing of paths.
    pub(in super::super) paths: Option<Vec<Box<str>>>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    metadata: RawMeta<'a>,
    #[serde(default, deserialize_with = "or_empty")]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    ingress_class_name: Option<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    tls: Vec<Tls>,
    #[serde(deserialize_with = "or_empty")]
    rules: Vec<RawRule>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tls {
    #[serde(deserialize_with = "or_empty")]
    hosts: Vec<Box<str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawRule {
    #[serde(deserialize_with = "or_empty")]
    host: Box<str>,
    http: Option<Http>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Http {
    #[serde(deserialize_with = "or_empty")]
    paths: Vec<Path>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Path {
    #[serde(deserialize_with = "or_empty")]
    path: Box<str>,
}

pub(super) fn read(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (Raw<'_>, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    let rules = raw.spec.rules.into_iter().map(|rule| Rule {
        host: rule.host,
        paths: rule
            .http
            .map(|http| http.paths.into_iter().map(|path| path.path).collect()),
    });
    let ingress = Ingress {
        meta,
        class: raw.spec.ingress_class_name,
        tls_hosts: raw.spec.tls.into_iter().flat_map(|tls| tls.hosts).collect(),
        rules: rules.collect(),
    };
    Ok((name, Object::Ingress(ingress), length))
}
