//! Inventories in JSON and YAML: lists of names, of objects, or of target groups.
//!
//! A list may stand alone, or be the one list within an object, as APIs answer; JSON may also be a
//! value a line.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::{InventoryError, Place, Wrong};
use super::fields::{self, is_likely};
use super::{Named, Read};

type Object = Map<String, Value>;

/// What aliases may expand to, in parser events.
const REPLAYED_EVENTS_LIMIT: usize = 4_000_000;

/// The hosts of a JSON text.
pub(super) fn read_json(text: &str, wanted: Option<&str>) -> Result<Read, InventoryError> {
    let mut values = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut read_to) = (1, 0);
    while let Some(value) = stream.next() {
        let value = value.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let place = format!(" at line {line} column {column}");
            syntax("JSON", error.to_string().trim_end_matches(&place)).at_line(line, column)
        })?;
        let end = stream.byte_offset();
        line += text.get(read_to..end).unwrap_or_default().matches('\n').count();
        read_to = end;
        values.push((Place::Line { line, column: 1 }, value));
    }
    of_values(values, wanted)
}

/// The hosts of a YAML text.
pub(super) fn read_yaml(text: &str, wanted: Option<&str>) -> Result<Read, InventoryError> {
    let events = text.len() + 16 + REPLAYED_EVENTS_LIMIT;
    // The limits bound what aliases do; a long list is no reason to refuse it.
    let options = serde_yaml::options! {
        emit_comments: false,
        with_snippet: false,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: REPLAYED_EVENTS_LIMIT },
        budget: serde_yaml::budget! {
            max_events: events,
            max_nodes: events,
            max_aliases: events,
            max_anchors: events,
            max_merge_keys: events,
            max_total_scalar_bytes: text.len() + (64 << 20),
            enforce_alias_anchor_ratio: false,
        },
    };
    let value: Value = serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let location = error.location();
        let (line, column) = location.map_or((1, 1), |place| {
            (
                usize::try_from(place.line()).unwrap_or(1),
                usize::try_from(place.column()).unwrap_or(1),
            )
        });
        let place = format!(" at line {line}, column {column}");
        let reason = error.without_snippet().to_string();
        syntax("YAML", reason.trim_end_matches(&place)).at_line(line, column)
    })?;
    of_values(vec![(Place::Whole, value)], wanted)
}

fn syntax(format: &'static str, reason: &str) -> Wrong {
    Wrong::Syntax {
        format,
        reason: reason.to_owned(),
    }
}

fn of_values(mut values: Vec<(Place, Value)>, wanted: Option<&str>) -> Result<Read, InventoryError> {
    // One value is the list, or holds it; of several, each is an entry.
    let entries = match values.pop() {
        Some((place, value)) if values.is_empty() => list_of(value, wanted).map_err(|wrong| wrong.at(place))?,
        Some(last) => {
            values.push(last);
            values
        }
        None => Vec::new(),
    };
    let mut read = Read::default();
    let mut records = Vec::new();
    for (place, entry) in entries {
        match entry {
            Value::Object(object) if object.contains_key("targets") => {
                of_group(object, wanted, place, &mut read, &mut records)?;
            }
            Value::Object(object) => records.push((place, object)),
            Value::Null => read.nameless += 1,
            value => {
                let found = found(&value);
                let name = name_of(value).ok_or_else(|| Wrong::NotAnEntry { found }.at(place))?;
                read.hosts.push(Named { name, place });
            }
        }
    }
    match wanted {
        Some(wanted) if records.is_empty() && !read.hosts.is_empty() => {
            return Err(Wrong::NoFields(wanted.to_owned()).at(Place::Whole));
        }
        _ if records.is_empty() => {}
        _ => of_records(&records, wanted, &mut read)?,
    }
    Ok(read)
}

/// The entries of a value that is a list, holds one, or is the only entry itself.
fn list_of(value: Value, wanted: Option<&str>) -> Result<Vec<(Place, Value)>, Wrong> {
    let list = match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        Value::Object(mut object) => {
            let lists: Vec<String> = object
                .iter()
                .filter(|(_, value)| value.is_array())
                .map(|(name, _)| name.clone())
                .collect();
            let is_entry = object.contains_key("targets")
                || match wanted {
                    Some(wanted) => lookup(&object, wanted).is_some(),
                    None => object.iter().any(|(name, value)| is_likely(name) && value.is_string()),
                };
            match &lists[..] {
                [only] if !is_entry => {
                    if let Some(next) = object.get("next").and_then(Value::as_str) {
                        return Err(Wrong::Paged { next: next.to_owned() });
                    }
                    match object.remove(only) {
                        Some(Value::Array(list)) => list,
                        _ => Vec::new(),
                    }
                }
                _ => vec![Value::Object(object)],
            }
        }
        value => vec![value],
    };
    Ok((1..)
        .zip(list)
        .map(|(entry, value)| (Place::Entry(entry), value))
        .collect())
}

/// A target group as file_sd and http_sd have it; a field is one of its labels.
fn of_group(
    mut group: Object,
    wanted: Option<&str>,
    place: Place,
    read: &mut Read,
    records: &mut Vec<(Place, Object)>,
) -> Result<(), InventoryError> {
    if wanted.is_some() {
        if let Some(Value::Object(labels)) = group.remove("labels") {
            records.push((place, labels));
        } else {
            read.nameless += 1;
        }
        return Ok(());
    }
    let Some(Value::Array(targets)) = group.remove("targets") else {
        return Err(Wrong::NotTargets.at(place));
    };
    for target in targets {
        let Value::String(name) = target else {
            return Err(Wrong::NotTargets.at(place));
        };
        read.hosts.push(Named { name, place });
    }
    Ok(())
}

fn of_records(records: &[(Place, Object)], wanted: Option<&str>, read: &mut Read) -> Result<(), InventoryError> {
    let mut names = BTreeSet::new();
    records.iter().for_each(|(_, record)| add_names(record, "", &mut names));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let field = fields::choose(&names, wanted)
        .map_err(|wrong| wrong.at(Place::Whole))?
        .name;
    for (place, record) in records {
        let value = match lookup(record, &field) {
            None | Some(Value::Null) => {
                read.nameless += 1;
                continue;
            }
            Some(value) => value.clone(),
        };
        let found = found(&value);
        let wrong = || Wrong::NotAName {
            field: field.clone(),
            found,
        };
        let name = name_of(value).ok_or_else(|| wrong().at(*place))?;
        if name.trim().is_empty() {
            read.nameless += 1;
        } else {
            read.hosts.push(Named { name, place: *place });
        }
    }
    read.field = Some(field);
    Ok(())
}

/// The names of an object's fields, and of those of objects in it as `a.b`.
fn add_names(object: &Object, before: &str, names: &mut BTreeSet<String>) {
    for (name, value) in object {
        let name = format!("{before}{name}");
        match value {
            Value::Object(inner) => add_names(inner, &format!("{name}."), names),
            _ => drop(names.insert(name)),
        }
    }
}

fn lookup<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    object.iter().find_map(|(outer, value)| {
        let inner = name.strip_prefix(outer.as_str())?.strip_prefix('.')?;
        lookup(value.as_object()?, inner)
    })
}

/// Texts, and whole numbers, which inventories give their assets.
fn name_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number; write it in quotes",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str, wanted: Option<&str>) -> Result<String, String> {
        let read = read_json(text, wanted).map_err(|error| error.to_string())?;
        Ok(summary(&read))
    }

    fn summary(read: &Read) -> String {
        let names: Vec<_> = read.hosts.iter().map(|named| named.name.as_str()).collect();
        format!("{} {:?} {}", names.join(" "), read.field, read.nameless)
    }

    #[test]
    fn all_sorts_of_lists_are_read() {
        for (text, wanted, says) in [
            (r#"["a", "b", null]"#, None, "a b None 1"),
            (r#"[{"id": 1, "Name": "a"}, {"id": 2}]"#, None, "a Some(\"Name\") 1"),
            (
                r#"[{"id": 1, "Name": "a"}, {"id": 2}]"#,
                Some("id"),
                "1 2 Some(\"id\") 0",
            ),
            ("\"a\"\n\"b\"\n", None, "a b None 0"),
            (
                "{\"host\":\"a\"}\n\n{\"host\":\"b\",\"x\":[1]}\n",
                None,
                "a b Some(\"host\") 0",
            ),
            (r#"{"host": "a", "tags": ["x"]}"#, None, "a Some(\"host\") 0"),
            (
                r#"{"count": 1, "next": null, "results": [{"name": "a"}]}"#,
                None,
                "a Some(\"name\") 0",
            ),
            (
                r#"{"results": [{"name": "a", "primary": {"ip": {"address": "10.0.0.1/24"}}}]}"#,
                Some("primary.ip.address"),
                "10.0.0.1/24 Some(\"primary.ip.address\") 0",
            ),
            (
                r#"[{"targets": ["a:1", "b:1"], "labels": {"x": "y"}}]"#,
                None,
                "a:1 b:1 None 0",
            ),
            (
                r#"[{"targets": ["a:1"], "labels": {"x": "y"}}, {"targets": []}]"#,
                Some("x"),
                "y Some(\"x\") 1",
            ),
            ("[]", None, " None 0"),
            ("", None, " None 0"),
        ] {
            assert_eq!(names(text, wanted), Ok(says.to_owned()), "{text}");
        }
        let yaml = |text| read_yaml(text, None).map(|read| summary(&read));
        assert_eq!(
            yaml("# x\n- a\n- b: c\n  host: 10.0.0.1\n"),
            Ok("a 10.0.0.1 Some(\"host\") 0".to_owned())
        );
        assert_eq!(yaml("hosts:\n- a\n"), Ok("a None 0".to_owned()));
        assert_eq!(yaml("- targets: [a:1]\n"), Ok("a:1 None 0".to_owned()));
        assert_eq!(yaml(""), Ok(" None 0".to_owned()));
    }

    #[test]
    fn mistakes_are_said_with_their_places() {
        for (text, wanted, says) in [
            ("[\"a\",\n  ]", None, ":2:3: not valid JSON: trailing comma"),
            (
                "\"a\"\n\n{\"x\"",
                None,
                ":3:4: not valid JSON: EOF while parsing an object",
            ),
            ("\"a\"\n\n[1]\n", None, ":3:1: this is a list"),
            ("[\"a\", true]", None, ": entry 2: this is true or false"),
            ("[1.5]", None, ": entry 1: this is a number; write it in quotes"),
            ("[\"a\"]", Some("x"), ": the entries are no objects"),
            (
                "[{\"a\": {\"b\": 1}, \"c\": 1}]",
                None,
                ": none of the fields is known to name a host; there are \"a.b\", \"c\"",
            ),
            ("[{\"a\": 1}]", Some("x"), ": no field \"x\"; there are \"a\""),
            ("[{\"name\": [\"a\"]}]", None, ": entry 1: \"name\" is a list"),
            ("[{\"targets\": \"a\"}]", None, ": entry 1: a target group"),
            (
                "{\"next\": \"http://x/2\", \"results\": []}",
                None,
                ":1:1: the list goes on at \"http://x/2\"",
            ),
        ] {
            let error = names(text, wanted).expect_err(text);
            assert!(error.starts_with(says), "{error}");
        }
        let error = read_yaml("- a\n- {b", None).expect_err("wrong").to_string();
        assert!(error.starts_with(":2:"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(hosts in prop::collection::vec("\\PC{1,5}", 0..8)) {
            let all: Vec<_> = hosts.iter().map(|host| serde_json::json!({"x": 1, "host": host})).collect();
            let named: Vec<&String> = hosts.iter().filter(|host| !host.trim().is_empty()).collect();
            let lines: String = all.iter().map(|value| format!("{value}\n")).collect();
            let list = serde_json::to_string_pretty(&all).expect("JSON");
            for read in [read_json(&lines, None), read_json(&list, None), read_yaml(&list, None)] {
                let read = read.expect("valid");
                let read: Vec<&String> = read.hosts.iter().map(|named| &named.name).collect();
                prop_assert_eq!(&read, &named);
            }
        }

        #[test]
        fn any_text_is_answered(text in "[\\[\\]{}\",:a1 \\n-]{0,20}|\\PC{0,20}") {
            let _ = read_json(&text, None);
            let _ = read_yaml(&text, None);
        }
    }
}
