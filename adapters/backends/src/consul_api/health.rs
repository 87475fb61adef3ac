//! The health of an instance, from its checks.

use serde::Deserialize;

use super::or_default;
use crate::short::Short;

/// A check of an instance or of its node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Check {
    #[serde(rename = "CheckID", deserialize_with = "or_default")]
    pub(crate) id: Short,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: Short,
}

/// What all checks come to, as Consul has it: maintenance, else the worst. No checks are passing; a status that
/// nobody knows makes it unknown, which is the empty text.
pub(crate) fn health(checks: &[Check]) -> &'static str {
    let mut worst = "passing";
    let mut is_in_maintenance = false;
    for check in checks {
        if check.id.as_str() == "_node_maintenance" || check.id.starts_with("_service_maintenance:") {
            is_in_maintenance = true;
            continue;
        }
        match check.status.as_str() {
            "passing" => {}
            "warning" if worst == "passing" => worst = "warning",
            "warning" => {}
            "critical" => worst = "critical",
            _ => return "",
        }
    }
    if is_in_maintenance { "maintenance" } else { worst }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(checks: &[(&str, &str)]) -> &'static str {
        let checks: Vec<Check> = checks
            .iter()
            .map(|(id, status)| Check {
                id: (*id).into(),
                status: (*status).into(),
            })
            .collect();
        health(&checks)
    }

    #[test]
    fn the_worst_check_counts_and_maintenance_before_it() {
        assert_eq!(of(&[]), "passing");
        assert_eq!(of(&[("a", "passing"), ("b", "warning")]), "warning");
        assert_eq!(of(&[("a", "critical"), ("b", "warning")]), "critical");
        assert_eq!(
            of(&[("a", "critical"), ("_node_maintenance", "critical")]),
            "maintenance"
        );
        assert_eq!(
            of(&[("_service_maintenance:web", "critical"), ("a", "passing")]),
            "maintenance"
        );
        assert_eq!(
            of(&[("_service_maintenance", "critical")]),
            "critical",
            "the colon belongs to it"
        );
        assert_eq!(of(&[("_node_maintenance", "critical"), ("a", "unknown")]), "");
    }
}
