//! A field of a scenario by its path, and other values in its place.
//!
//! The path is that of the scenario as it is written: `discoverers.cmdb.refresh`, `manager.guard.max_drop`,
//! `faults.0.rate`, `expect.0.always.stale_at_most`. An entry of a list is named by its place (from 0), by its name or its
//! backend's, or by the word that it begins with; `*` is all of them. **What comes of it is read as any scenario is**, so a
//! value is refused for the same reasons as in a file, and the field is named.

use serde_json::{Map, Value};

use super::VariationError;
use crate::{Scenario, nearest};

/// Stands where the value is to be written.
const PLACE: &str = "VALUE-THAT-VARIES";

/// The value that takes a field away, so that it has its default.
const NONE: &str = "none";

/// The scenario's lists that need not be written.
const LISTS: [&str; 6] = ["jobs", "churn", "faults", "events", "script", "expect"];

/// The scenario with this text in the place of a field's value.
pub(super) fn changed(scenario: &Scenario, path: &str, text: &str) -> Result<Scenario, VariationError> {
    let wrong = |what: String| VariationError::Path {
        path: path.to_owned(),
        text: text.to_owned(),
        what,
    };
    let mut tree = serde_json::to_value(scenario).map_err(|error| wrong(error.to_string()))?;
    let steps: Vec<&str> = steps(path).collect();
    put(&mut tree, &steps, text == NONE).map_err(&wrong)?;
    let yaml = serde_yaml::to_string(&tree).map_err(|error| wrong(error.to_string()))?;
    Scenario::from_yaml(&yaml.replace(PLACE, text)).map_err(|mistakes| {
        let each = mistakes.iter().map(|mistake| match mistake.field.as_str() {
            "" => mistake.wrong.to_string(),
            field => format!("{field}: {}", mistake.wrong),
        });
        wrong(each.collect::<Vec<_>>().join("; "))
    })
}

/// The steps of a path: `a[0].b` is `a.0.b`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty())
}

/// Writes the mark where the path leads, or takes away what is there.
fn put(at: &mut Value, steps: &[&str], takes_away: bool) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *at = Value::from(PLACE);
        return Ok(());
    };
    match at {
        Value::Object(fields) if rest.is_empty() && takes_away => {
            fields.remove(*step);
            Ok(())
        }
        Value::Object(fields) => {
            // What is not written is empty.
            let empty = || match LISTS.contains(step) {
                true => Value::Array(Vec::new()),
                false => Value::Object(Map::new()),
            };
            let field = fields.entry((*step).to_owned()).or_insert_with(empty);
            put(field, rest, takes_away)
        }
        Value::Array(items) => {
            for place in chosen(items, step)? {
                if let Some(item) = items.get_mut(place) {
                    // What begins with the word is within it.
                    match item.get(*step).is_some() {
                        true => item
                            .get_mut(*step)
                            .map_or(Ok(()), |within| put(within, rest, takes_away))?,
                        false => put(item, rest, takes_away)?,
                    }
                }
            }
            Ok(())
        }
        other => Err(format!("`{step}` is within nothing: {other} stands there")),
    }
}

/// The entries of a list that a step names.
fn chosen(items: &[Value], step: &str) -> Result<Vec<usize>, String> {
    if step == "*" {
        return Ok((0..items.len()).collect());
    }
    if let Ok(place) = step.parse::<usize>() {
        return match items.len() {
            _ if place < items.len() => Ok(vec![place]),
            0 => Err(format!("there is no entry {place}; there is none at all")),
            all => Err(format!("there is no entry {place}; there are {all}, counted from 0")),
        };
    }
    let named = items.iter().enumerate().filter(|(_, item)| names(item).contains(&step));
    let found: Vec<usize> = named.map(|(place, _)| place).collect();
    match found.as_slice() {
        [_] => Ok(found),
        [] => {
            let all: Vec<&str> = items.iter().flat_map(names).collect();
            let hint = match nearest(step, all.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if all.is_empty() => "the list is empty".to_owned(),
                None => format!("there is `{}`", all.join("`, `")),
            };
            Err(format!("there is no entry `{step}`; {hint}"))
        }
        several => {
            let places: Vec<String> = several.iter().map(ToString::to_string).collect();
            let places = places.join(" and ");
            Err(format!(
                "`{step}` is the entries {places}; write the place of one, or `*` for all"
            ))
        }
    }
}

/// What an entry of a list can be called: by its name, else by its backend, its kind, or the word that it begins with.
fn names(item: &Value) -> Vec<&str> {
    let text = |field: &str| item.get(field).and_then(Value::as_str);
    if let Some(name) = text("name").or(text("backend").filter(|_| item.get("kind").is_none())) {
        return vec![name];
    }
    let within = item.get("kind").unwrap_or(item);
    match within {
        Value::String(word) => vec![word.as_str()],
        Value::Object(fields) if fields.len() == 1 => fields.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Churn, Fault, FaultKind, Ratio, Shipped, Span};

    fn scenario() -> Scenario {
        let shipped = Shipped::named("split-replicas").expect("it comes with it").scenario();
        let scenario = shipped.expect("it can be read");
        scenario.fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(1)))
    }

    #[test]
    fn any_field_has_a_path() {
        let varied = |path: &str, text: &str| changed(&scenario(), path, text).expect(path);
        assert_eq!(varied("until", "2h").until, Span::hours(2));
        assert_eq!(
            varied("discoverers.cmdb.refresh", "15s").discoverers[0].refresh,
            Span::secs(15)
        );
        assert_eq!(
            varied("discoverers[2].refresh", "15s").discoverers[2].refresh,
            Span::secs(15)
        );
        let all = varied("discoverers.*.timeout", "3s").discoverers;
        assert!(all.iter().all(|entry| entry.timeout == Span::secs(3)));
        assert_eq!(varied("backends.k8s.replicas", "1").backends[1].replicas, 1);
        let Churn::Steady { rate, .. } = varied("churn.steady.rate", "50%").churn[0] else {
            panic!("it stays what it is");
        };
        assert_eq!(rate, Ratio::percent(50));
        assert_eq!(varied("faults.drop.rate", "7%").faults[2].rate, Ratio::percent(7));
        let guarded = varied("manager.guard", "{max_drop: 30%, hold: 10m}");
        assert_eq!(
            changed(&guarded, "manager.guard", "none").expect("away").manager.guard,
            None
        );
        let longer = changed(&guarded, "manager.guard.hold", "1h")
            .expect("within")
            .manager
            .guard;
        assert_eq!(longer.expect("there is one").hold, Span::hours(1));
    }

    #[test]
    fn wrong_paths_and_values_say_what_would_be_right() {
        let wrong = [
            ("discoverers.cmbd.refresh", "15s"),
            ("discoverers.cmdb.refesh", "15s"),
            ("discoverers.7.refresh", "15s"),
            ("discoverers.cmdb.refresh", "soon"),
            ("discoverers.cmdb.refresh.low", "1s"),
            ("jobs.node.count", "2"),
            ("manger.throttle", "immediate"),
            ("manager.guard.hold", "1h"),
            ("until", "0s"),
        ];
        let said = wrong.map(|(path, text)| changed(&scenario(), path, text).expect_err(path).to_string());
        insta::assert_snapshot!(said.join("\n"));
    }
}
