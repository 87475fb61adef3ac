//! `static_configs`: targets that are written in the configuration itself.

use headcount_discoverer::settings::StaticGroup;

use crate::problem::ProblemKind;
use crate::value::is_label_name;
use crate::yaml::Cursor;

/// Reads one entry. With `plain_hosts` a target that looks like a URL is refused: nothing
/// relabels it into a host.
pub(super) fn read(at: &Cursor<'_>, plain_hosts: bool) -> Option<StaticGroup> {
    let mut fields = at.fields()?;
    let targets_at = fields.take("targets");
    let targets = targets_at.as_ref().and_then(|at| at.texts()).unwrap_or_default();
    if let Some(at) = &targets_at
        && plain_hosts
    {
        for (index, (target, position)) in targets
            .iter()
            .enumerate()
            .filter(|(_, (target, _))| target.contains('/'))
        {
            let shown = crate::yaml::redacted_url(target).into_owned();
            at.report_at(
                *position,
                &format!("[{index}]"),
                ProblemKind::TargetAddress { target: shown },
            );
        }
    }
    let entries = fields.take("labels").and_then(|at| at.entries()).unwrap_or_default();
    fields.finish();
    let label = |(name, value): (String, Cursor<'_>)| {
        if !is_label_name(&name, false) {
            value.report(ProblemKind::LabelName {
                name: name.clone(),
                legacy: false,
            });
        }
        Some((name, value.text()?))
    };
    let labels = entries.into_iter().filter_map(label).collect();
    Some(StaticGroup {
        targets: targets.into_iter().map(|(target, _)| target).collect(),
        labels,
    })
}
