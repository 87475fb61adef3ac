//! `kit/grafana`: a dashboard whose expressions are PromQL, and name what a daemon serves.

use super::*;

/// What Grafana puts in place of its own variables, for those that may not be any text.
const GRAFANAS: [(&str, &str); 1] = [("$__rate_interval", "5m")];

/// Each expression of the dashboard, with the title of who asks it.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(dashboard, "the dashboard", &mut found);
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let queries = variables.iter().filter_map(|variable| variable["definition"].as_str());
    for query in queries {
        let (metric, label) = query
            .strip_prefix("label_values(")
            .and_then(|query| query.strip_suffix(')')?.rsplit_once(", "))
            .unwrap_or_else(|| panic!("not label_values(metric, label): {query}"));
        found.push((query.to_owned(), format!("sum by ({label}) ({metric})")));
    }
    for (of, expression) in &mut found {
        for (variable, value) in GRAFANAS {
            *expression = expression.replace(variable, value);
        }
        assert!(!expression.contains("$__"), "{of}: an unknown variable in {expression}");
    }
    found
}

fn collect(value: &Value, title: &str, found: &mut Vec<(String, String)>) {
    let own = ["title", "name"].map(|field| value[field].as_str());
    let title = own[0].or(own[1]).unwrap_or(title);
    match value {
        Value::Object(fields) => {
            if let Some(expression) = value["expr"].as_str() {
                found.push((title.to_owned(), expression.to_owned()));
            }
            fields.values().for_each(|field| collect(field, title, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, title, found)),
        _ => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/headcount.json")).expect("JSON")
}

#[test]
fn the_dashboard_asks_for_what_is_served() {
    let served = Served::by_a_daemon();
    let expressions = expressions(&dashboard());
    assert!(expressions.len() > 20, "{expressions:?}");
    for (title, expression) in &expressions {
        served.check(title, expression);
    }
    let legends = text("grafana/headcount.json");
    let legends = legends.split("{{").skip(1).filter_map(|text| text.split("}}").next());
    for label in legends {
        let is_label = |labels: &BTreeMap<String, BTreeSet<String>>| labels.contains_key(label);
        let is_known = TARGET_LABELS.contains(&label) || served.0.values().any(is_label);
        assert!(is_known, "no metric has the label {label} of a legend");
    }
}

#[test]
fn the_dashboard_asks_in_promql() {
    require!("promtool");
    let folder = Folder::new();
    let expressions = expressions(&dashboard()).into_iter().enumerate();
    let rules: Vec<_> = expressions
        .map(|(number, (_, expression))| serde_json::json!({"record": format!("panel:{number}"), "expr": expression}))
        .collect();
    // JSON is YAML.
    let rules = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let file = folder.write("rules.yml", rules.to_string());
    promtool("promtool", &["check", "rules", file.to_str().unwrap()]);
}

#[test]
fn the_dashboard_can_be_imported_anywhere() {
    let dashboard = dashboard();
    // Since Grafana 12; an older one takes what it knows of it.
    assert_eq!(dashboard["schemaVersion"], 41);
    assert!(dashboard["id"].is_null(), "it would replace another one");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels
        .iter()
        .map(|panel| panel["id"].as_u64().expect("an id"))
        .collect();
    assert_eq!(ids.len(), panels.len());
    let (sources, mut found) = (serde_json::json!({"type": "prometheus", "uid": "${datasource}"}), 0);
    let mut waiting = vec![&dashboard];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(source) = fields.get("datasource") {
                    assert_eq!(source, &sources);
                    found += 1;
                }
                waiting.extend(fields.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(found > panels.len() / 2);
}

#[test]
fn panels_stand_beside_each_other() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a place");
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(taken.insert((x, y)), "{} covers another", panel["title"]);
        }
    }
}
