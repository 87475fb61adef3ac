//! The role `ingress`: a target for each path of each rule.

use headcount_core::{Batch, GroupError};

use super::super::kind::Kind;
use super::super::object::Ingress;
use super::super::settings::Attach;
use super::{Labels, Surroundings};

pub(super) fn fill(
    batch: &mut Batch<'_>,
    ingress: &Ingress,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let meta = &ingress.meta;
    let mut labels = Labels::of_group(batch);
    labels.put("namespace", &meta.namespace)?;
    labels.put_some("ingress_class_name", ingress.class.as_deref())?;
    labels.put_meta(Kind::Ingress, meta)?;
    labels.put_namespace(attach, &meta.namespace, around)?;
    for rule in &ingress.rules {
        let is_secure = ingress.tls_hosts.iter().any(|pattern| covers(pattern, &rule.host));
        let whole = [Box::from("/")];
        for path in rule.paths.as_deref().unwrap_or(&whole) {
            let mut labels = Labels::of_target(batch, &rule.host)?;
            labels.put("ingress_scheme", if is_secure { "https" } else { "http" })?;
            labels.put("ingress_host", &rule.host)?;
            labels.put("ingress_path", if path.is_empty() { "/" } else { path })?;
        }
    }
    Ok(())
}

/// Whether a host is meant by a name or, for one part of it, by a pattern `*.name`.
fn covers(pattern: &str, host: &str) -> bool {
    let rest = |name: &str| name.split_once('.').map(|(_, rest)| rest.to_owned());
    pattern == host
        || match pattern.strip_prefix("*") {
            Some("") => !host.contains('.'),
            Some(part) if part.starts_with('.') => rest(host).as_deref() == part.strip_prefix('.'),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_stands_for_one_part_of_a_name() {
        for (pattern, host) in [("a.b", "a.b"), ("*.b.c", "a.b.c"), ("*", "a"), ("", "")] {
            assert!(covers(pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("*.b", "a.c.b"),
            ("*.b", "b"),
            ("*a.b", "xa.b"),
            ("a.*", "a.b"),
            ("*", "a.b"),
        ] {
            assert!(!covers(pattern, host), "{pattern} {host}");
        }
    }
}
