use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::job::FIELDS;
use super::super::tests::{JOBS, World};
use super::SETTINGS_SCHEMA;

/// Something that says of a file whether the schema allows it.
struct Checker {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Checker {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        let schema = serde_json::from_str(SETTINGS_SCHEMA).expect("the schema is JSON");
        compiler.add_resource("settings.json", schema).expect("it is a schema");
        let index = compiler.compile("settings.json", &mut schemas).expect("it is a schema");
        Self { schemas, index }
    }

    /// What is wrong with it, by the schema.
    fn refuses(&self, file: &Value) -> Option<String> {
        let validated = self.schemas.validate(file, self.index);
        validated.err().map(|error| error.to_string())
    }
}

/// The values that are tried for a field, right ones and wrong ones.
fn values(field: &str) -> Vec<Value> {
    let wrong = [json!(5), json!([]), json!({}), json!(""), json!("x")];
    let time = [
        json!("30s"),
        json!("1h30m"),
        json!("1y2d"),
        json!("0"),
        json!("0s"),
        json!("5"),
        json!("1m1h"),
        json!(true),
    ];
    let flag = [json!(true), json!(false), json!("yes"), json!(1)];
    let own: Vec<Value> = match field {
        "max_drop" => ["30%", "007%", "100%", "101%", "30", "+5%", "off", "off%"]
            .map(Value::from)
            .into(),
        "max_stale" => time.into_iter().chain([json!("off")]).collect(),
        "hold" | "incomplete_after" => time.into_iter().chain([json!("off")]).collect(),
        "count" => ["net", "gross", "both"].map(Value::from).into(),
        "serve_incomplete" | "per_set" | "enabled" => flag.into(),
        "policy" => [
            "ticker",
            "ticker:2s",
            "backoff",
            "backoff:100ms..5s",
            "backoff:0..5s",
            "backoff:5s",
            "ticker:",
        ]
        .map(Value::from)
        .into(),
        "listen" => [
            ":9099",
            "127.0.0.1:9099",
            "[::1]:80",
            "a-b.c:1",
            "localhost",
            "http://a:80",
            "a b:1",
        ]
        .map(Value::from)
        .into(),
        "allowed_hosts" => vec![
            json!(["sd.example.org", "*.b"]),
            json!([]),
            json!(["a:1"]),
            json!([""]),
            json!(["*"]),
            json!(["a", "http://b/"]),
            json!([["a"]]),
        ],
        // Numbers are texts, too, to who reads YAML.
        "names" => return vec![json!(["a", "b"]), json!([]), json!(["a", "a"]), json!([""]), json!({})],
        "allow" => return vec![json!("m-.+"), json!(""), json!([]), json!({})],
        "grace" => time.into(),
        "identity" => ["seat", "name", "node", "pod"].map(Value::from).into(),
        "strategy" => ["consistent", "per_node", "weighted", "nodes"].map(Value::from).into(),
        "weight_label" => {
            return vec![
                json!("__weight"),
                json!("a"),
                json!(""),
                json!("__meta_a"),
                json!([]),
                json!({}),
            ];
        }
        "static_configs" => return vec![json!([{"targets": ["a:1"]}]), json!([]), json!({}), json!([5])],
        "local_sd_configs" => return vec![json!([{}]), json!([]), json!({}), json!([5])],
        "relabel_configs" => return vec![json!([{"target_label": "a"}]), json!([]), json!({}), json!([5])],
        "replication_factor" => return vec![json!(2), json!(0), json!(4), json!(5), json!("x"), json!([])],
        "unshared_jobs" => return vec![json!(["node"]), json!([]), json!({})],
        // Any other text is a folder, too.
        "dir" => return vec![json!("x"), json!("/x"), json!(""), json!([]), json!({})],
        "no_such_field" => return vec![json!(5), json!("x")],
        _ => Vec::new(),
    };
    own.into_iter().chain(wrong).collect()
}

/// A mapping with some of these fields, or something else.
fn mapping(fields: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let entry = |field: &'static str| {
        // Right ones stand first; most files should be right in most fields.
        let values = values(field);
        let first = values.first().cloned().unwrap_or_default();
        let value = prop_oneof![4 => Just(first), 3 => prop::sample::select(values)];
        prop::option::weighted(if field == "no_such_field" { 0.05 } else { 0.4 }, value)
            .prop_map(move |value| value.map(|value| (field.to_owned(), value)))
    };
    let entries: Vec<_> = fields.iter().map(|field| entry(field).boxed()).collect();
    let made = entries.prop_map(|entries| Value::Object(entries.into_iter().flatten().collect()));
    prop_oneof![20 => made, 1 => Just(json!(5)), 1 => Just(json!([]))]
}

/// All that is there, and something that is not.
fn job_fields() -> Vec<&'static str> {
    FIELDS.into_iter().chain(["no_such_field"]).collect()
}

fn defaults() -> impl Strategy<Value = Value> {
    let throttle = prop::option::of(mapping(&["policy", "per_set", "no_such_field"]));
    (mapping(&job_fields()), throttle).prop_map(|(mut defaults, throttle)| {
        if let (Value::Object(fields), Some(throttle)) = (&mut defaults, throttle) {
            fields.insert("throttle".to_owned(), throttle);
        }
        defaults
    })
}

fn jobs() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(vec!["node", "cmdb"]), mapping(&job_fields()), 0..3)
        .prop_map(|jobs| Value::Object(jobs.into_iter().map(|(name, job)| (name.to_owned(), job)).collect()))
}

fn scrape_configs() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!([]),
        json!([{"job_name": "racks", "file_sd_configs": [{"files": ["a.json"]}]}]),
        json!([{"job_name": "racks", "local_sd_configs": [{}]}]),
        json!([{"job_name": ""}]),
        json!([{"metrics_path": "/x"}]),
        json!([5]),
        json!({}),
    ])
}

/// A whole file, as often right as wrong.
fn file() -> impl Strategy<Value = Value> {
    let sections = (
        prop::option::of(defaults()),
        prop::option::of(jobs()),
        prop::option::weighted(0.3, scrape_configs()),
        prop::option::weighted(0.3, mapping(&["listen", "allowed_hosts", "no_such_field"])),
        prop::option::weighted(0.3, mapping(&["dir", "enabled", "no_such_field"])),
        prop::option::weighted(
            0.3,
            mapping(&[
                "names",
                "allow",
                "grace",
                "replication_factor",
                "unshared_jobs",
                "strategy",
                "weight_label",
                "node_labels",
                "fallback",
                "identity",
                "no_such_field",
            ]),
        ),
        prop::option::weighted(
            0.05,
            prop::sample::select(vec!["records", "join", "cluster", "max_drop"]),
        ),
    );
    let found = prop::option::weighted(
        0.5,
        mapping(&[
            "static_configs",
            "local_sd_configs",
            "relabel_configs",
            "identity",
            "grace",
            "strategy",
            "weight_label",
        ]),
    );
    let found = (found, prop::option::weighted(0.3, mapping(&["names", "allow"])));
    (sections, found).prop_map(
        |((defaults, jobs, scrape_configs, web, state, members, refused), (found, others))| {
            // Members that are found, most often without those that are listed or ask.
            let members = match (found, others) {
                (Some(Value::Object(mut found)), others) => {
                    let others = others.as_ref().and_then(Value::as_object).cloned();
                    found.extend(others.unwrap_or_default());
                    Some(Value::Object(found))
                }
                _ => members,
            };
            let sections = [
                ("defaults", defaults),
                ("jobs", jobs),
                ("scrape_configs", scrape_configs),
                ("web", web),
                ("state", state),
                ("members", members),
            ];
            let mut file: Map<_, _> = sections
                .into_iter()
                .filter_map(|(name, section)| Some((name.to_owned(), section?)))
                .collect();
            file.extend(refused.map(|name| (name.to_owned(), json!({}))));
            Value::Object(file)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn schema_and_reader_take_the_same(file in file()) {
        let refused = Checker::new().refuses(&file);
        // JSON is YAML.
        let read = World::new(JOBS, &file.to_string()).load();
        prop_assert_eq!(refused.is_none(), read.is_ok(), "{}: {:?}, {:?}", file, refused, read.map(drop));
    }
}

/// The property above is worth little if hardly any file is right.
#[test]
fn files_with_every_word_are_right() {
    let job = json!({"max_drop": "off", "hold": "1h", "count": "net", "max_stale": "off", "incomplete_after": "1m", "serve_incomplete": true});
    let mut defaults = job.clone();
    defaults["throttle"] = json!({"policy": "ticker", "per_set": true});
    let file = json!({
        "defaults": defaults, "jobs": {"node": job}, "web": {"listen": ":1", "allowed_hosts": ["a"]}, "state": {"dir": "x", "enabled": true},
        "members": {"allow": "m-.+", "grace": "30s", "replication_factor": 2, "unshared_jobs": ["racks"], "strategy": "per_node", "node_labels": ["host"], "fallback": "none"},
        "scrape_configs": [{"job_name": "racks", "local_sd_configs": [{}]}],
    });
    assert_eq!(Checker::new().refuses(&file), None);
    World::new(JOBS, &file.to_string())
        .load()
        .expect("nothing is wrong with it");
    let file = json!({"members": {
        "local_sd_configs": [{}], "relabel_configs": [{"target_label": "a"}], "identity": "seat", "grace": "30s",
    }});
    assert_eq!(Checker::new().refuses(&file), None);
    World::new(JOBS, &file.to_string())
        .load()
        .expect("nothing is wrong with it");
}
