//! `headcount sim list`: scenarios, and the words that scenarios can use.

use headcount_sim::{BackendKind, Churn, FaultKind, Rule, described, one_line};

use super::cli::Listed;

pub(super) fn list(what: Listed) -> anyhow::Result<String> {
    let rows = match what {
        Listed::Scenarios => scenarios()?,
        Listed::Backends => described("BackendKind"),
        Listed::Churn => described("Churn"),
        Listed::Events => described("ProcessEvent"),
        Listed::Faults => described("FaultKind"),
        Listed::Marks => described("Mark"),
        Listed::Rules => return Ok(rules()),
    };
    let mut text = lines(&rows);
    match what {
        Listed::Churn => {
            let each = Churn::examples();
            let words = each.iter().map(|churn| format!("- {}\n", one_line(churn)));
            text.push_str(&format!("\nFor example:\nchurn:\n{}", words.collect::<String>()));
        }
        Listed::Faults => {
            let words = FaultKind::EXAMPLES.iter().map(fault);
            text.push_str(&format!("\nFor example:\nfaults:\n{}", words.collect::<String>()));
        }
        _ => {}
    }
    Ok(text)
}

/// Each scenario's name and the first sentence about it.
fn scenarios() -> anyhow::Result<Vec<(String, String)>> {
    let each = headcount_sim::shipped().iter().map(|shipped| {
        let about = shipped.scenario()?.about;
        let sentence = about.split_inclusive(". ").next().unwrap_or_default().trim_end();
        Ok((shipped.name.to_owned(), sentence.to_owned()))
    });
    each.collect()
}

fn lines(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = rows.iter().map(|(name, about)| format!("{name:width$}  {about}\n"));
    lines.collect()
}

/// What stands for a fault in a scenario, and the backends whose discoverers can meet it.
fn fault(kind: &FaultKind) -> String {
    let kinds = BackendKind::ALL.into_iter().filter(|backend| kind.applies_to(*backend));
    let kinds: Vec<&str> = kinds.map(BackendKind::word).collect();
    let who = if kinds.len() + 1 == BackendKind::ALL.len() {
        "all but static".to_owned()
    } else {
        kinds.join(", ")
    };
    format!("{:<58}# {who}\n", format!("- {{kind: {}}}", one_line(kind)))
}

fn rules() -> String {
    let mut rows = vec![["rule", "what it says", "endures"].map(str::to_owned)];
    for rule in Rule::ALL {
        // What it endures at worst.
        let endures = FaultKind::EXAMPLES.iter().map(|kind| rule.endures(*kind)).max();
        rows.push([
            rule.to_string(),
            rule.says().to_owned(),
            endures.map_or_else(String::new, |endures| endures.to_string()),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let lines = rows
        .iter()
        .map(|[rule, says, endures]| format!("{rule:first$}  {says:second$}  {endures}\n"));
    lines.collect()
}
