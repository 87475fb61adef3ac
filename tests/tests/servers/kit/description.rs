//! `kit/openapi.yaml`: what headcount answers is what is described, field by field, and all that is answered is described.

use serde_json::{Map, json};

use super::*;
use crate::support::{request, send};

const FILE: &str = "openapi.yaml";
/// Where every path stands that is answered.
const ROUTER: &str = include_str!("../../../../adapters/service/src/server/router.rs");
/// The page, which is for people.
const NOT_DESCRIBED: [&str; 3] = ["/", "/page/", "/sd/"];

/// A request with the answer that it has to get: its method, its path as described, what is asked, headers and the status.
/// Where rules are tried, they stand in the place of headers.
type Case = (&'static str, &'static str, &'static str, &'static str, u16);

const JSON: &str = "Accept: application/json\r\n";
const RULES: &str = "- {source_labels: [__meta_url], regex: a, action: keep}";
/// Stands for rules that are longer than what is taken.
const TOO_LONG: &str = "too long";
const CASES: [Case; 58] = [
    ("GET", "/sd", "/sd", "", 200),
    ("GET", "/sd/{job}", "/sd/node", "", 200),
    ("GET", "/sd/{job}", "/sd/node?relabelled=true", "", 200),
    ("GET", "/sd/{job}", "/sd/node?relabelled=1&names=underscores", "", 200),
    ("GET", "/sd/{job}", "/sd/files", "", 200),
    ("GET", "/sd/{job}", "/sd/node?relabelled=perhaps", "", 400),
    ("GET", "/sd/{job}", "/sd/nobody", "", 404),
    ("GET", "/sd/{job}", "/sd/down", "", 503),
    ("GET", "/api/v1/targets", "/api/v1/targets", "", 200),
    ("GET", "/api/v1/targets", "/api/v1/targets?state=any&limit=1", "", 200),
    ("GET", "/api/v1/targets", "/api/v1/targets?state=same_labels", "", 200),
    ("GET", "/api/v1/targets", "/api/v1/targets?total=true&limit=1", "", 200),
    ("GET", "/api/v1/targets", "/api/v1/targets?state=down", "", 200),
    ("GET", "/api/v1/targets", "/api/v1/targets?limit=x", "", 400),
    (
        "GET",
        "/api/v1/targets/relabel_steps",
        "/api/v1/targets/relabel_steps?scrapePool=node&labels=%7B%22__address__%22:%22a:1%22%7D",
        "",
        200,
    ),
    (
        "GET",
        "/api/v1/targets/relabel_steps",
        "/api/v1/targets/relabel_steps?labels=x",
        "",
        400,
    ),
    (
        "GET",
        "/api/v1/relabel/rules",
        "/api/v1/relabel/rules?scrapePool=node",
        "",
        200,
    ),
    (
        "GET",
        "/api/v1/relabel/rules",
        "/api/v1/relabel/rules?scrapePool=nobody",
        "",
        400,
    ),
    // Without rules, two more would be scraped.
    (
        "POST",
        "/api/v1/relabel/try",
        "/api/v1/relabel/try?scrapePool=node",
        "",
        200,
    ),
    (
        "POST",
        "/api/v1/relabel/try",
        "/api/v1/relabel/try?scrapePool=old&effect=stopped&effect=unchanged&limit=1",
        RULES,
        200,
    ),
    (
        "POST",
        "/api/v1/relabel/try",
        "/api/v1/relabel/try?scrapePool=node&labels=%7B%22__address__%22:%22a:1%22%7D",
        RULES,
        200,
    ),
    (
        "POST",
        "/api/v1/relabel/try",
        "/api/v1/relabel/try?scrapePool=node",
        "- x",
        400,
    ),
    (
        "POST",
        "/api/v1/relabel/try",
        "/api/v1/relabel/try?scrapePool=node",
        TOO_LONG,
        413,
    ),
    ("GET", "/api/v1/scrape_pools", "/api/v1/scrape_pools", "", 200),
    ("GET", "/api/v1/alertmanagers", "/api/v1/alertmanagers", "", 200),
    ("GET", "/sd/{job}", "/sd/files?member=a", "", 200),
    ("GET", "/sd/{job}", "/sd/files?member=c", "", 404),
    ("GET", "/api/v1/members", "/api/v1/members", "", 200),
    ("GET", "/scrape_configs", "/scrape_configs", "", 200),
    ("GET", "/jobs", "/jobs", "", 200),
    ("GET", "/jobs/{job}/targets", "/jobs/files/targets", "", 200),
    (
        "GET",
        "/jobs/{job}/targets",
        "/jobs/files/targets?collector_id=a",
        "",
        200,
    ),
    (
        "GET",
        "/jobs/{job}/targets",
        "/jobs/files/targets?collector_id=",
        "",
        400,
    ),
    (
        "GET",
        "/jobs/{job}/targets",
        "/jobs/files/targets?collector_id=c",
        "",
        404,
    ),
    (
        "GET",
        "/jobs/{job}/targets",
        "/jobs/nobody/targets?collector_id=a",
        "",
        404,
    ),
    (
        "GET",
        "/jobs/{job}/targets",
        "/jobs/down/targets?collector_id=a",
        "",
        503,
    ),
    ("GET", "/livez", "/livez", "", 200),
    ("GET", "/readyz", "/readyz", "", 200),
    ("GET", "/api/v1/providers", "/api/v1/providers", "", 200),
    (
        "POST",
        "/api/v1/providers/{name}/refresh",
        "/api/v1/providers/file/1/refresh?wait=30s",
        "",
        200,
    ),
    (
        "POST",
        "/api/v1/providers/{name}/refresh",
        "/api/v1/providers/http/2/refresh",
        "",
        202,
    ),
    (
        "POST",
        "/api/v1/providers/{name}/refresh",
        "/api/v1/providers/file/1/refresh?wait=x",
        "",
        400,
    ),
    (
        "POST",
        "/api/v1/providers/{name}/refresh",
        "/api/v1/providers/file/99/refresh",
        "",
        404,
    ),
    (
        "POST",
        "/api/v1/providers/{name}/confirm",
        "/api/v1/providers/file/1/confirm",
        "",
        200,
    ),
    (
        "POST",
        "/api/v1/providers/{name}/confirm",
        "/api/v1/providers/file/99/confirm",
        "",
        404,
    ),
    ("GET", "/api/v1/guard", "/api/v1/guard", "", 200),
    ("GET", "/api/v1/events", "/api/v1/events?limit=100", "", 200),
    ("GET", "/api/v1/events", "/api/v1/events?limit=0", "", 400),
    (
        "GET",
        "/api/v1/status/runtimeinfo",
        "/api/v1/status/runtimeinfo",
        "",
        200,
    ),
    ("GET", "/api/v1/status/buildinfo", "/api/v1/status/buildinfo", "", 200),
    ("GET", "/metrics", "/metrics", "", 200),
    ("GET", "/config", "/config", "", 200),
    ("GET", "/-/healthy", "/-/healthy", "", 200),
    ("GET", "/-/ready", "/-/ready", "", 200),
    ("POST", "/-/reload", "/-/reload", JSON, 200),
    ("POST", "/-/reload", "/-/reload", "", 200),
    // After these it has a configuration that is wrong.
    ("POST", "/-/reload", "/-/reload", JSON, 500),
    ("POST", "/-/reload", "/-/reload", "", 500),
];

/// The description, in which an object has no field that it does not name.
fn description() -> Value {
    let mut described = yaml(FILE);
    let mut waiting = vec![&mut described];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                let is_object = |kind: &Value| {
                    *kind == "object" || kind.as_array().is_some_and(|all| all.contains(&json!("object")))
                };
                if fields.get("type").is_some_and(is_object) && !fields.contains_key("additionalProperties") {
                    fields.insert(
                        "additionalProperties".to_owned(),
                        json!(!fields.contains_key("properties")),
                    );
                }
                waiting.extend(fields.values_mut());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    described
}

/// A daemon with targets of every fate, held ones, and a source that can't be read.
fn daemon(folder: &Folder) -> Headcount {
    let many: Vec<_> = (0..10).map(|number| format!("h{number}:1")).collect();
    folder.write("list.json", json!([{"targets": many}]).to_string());
    folder.write("old.json", json!([{"targets": ["old:1"]}]).to_string());
    let config = folder.write(
        "prometheus.yml",
        "scrape_configs:\n\
         - job_name: node\n\
         \x20 target_limit: 1\n\
         \x20 label_value_length_limit: 20\n\
         \x20 static_configs: [{targets: ['a:1', 'a:1', 'b:2', 'c/', 'a-name-that-is-long.example:1']}]\n\
         \x20 relabel_configs:\n\
         \x20 - {source_labels: [__address__], regex: 'b.*', action: drop}\n\
         - {job_name: files, file_sd_configs: [{files: [list.json]}]}\n\
         - {job_name: down, http_sd_configs: [{url: 'http://127.0.0.1:1/'}]}\n\
         - job_name: old\n\
         \x20 file_sd_configs: [{files: [old.json]}]\n\
         \x20 relabel_configs: [{source_labels: [__meta_url], target_label: url}]\n\
         - job_name: same\n\
         \x20 static_configs:\n\
         \x20 - {targets: ['x:1'], labels: {a.b: '1', a_b: '1'}}\n\
         \x20 - {targets: ['x:1'], labels: {a.b: '1', a_b: '1', __metrics_path__: /other}}\n\
         alerting: {alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]}\n",
    );
    folder.write("headcount.yml", "members: {names: [a, b]}");
    let arguments = ["--config", config.to_str().unwrap(), "--max-drop", "30%", "--no-state"];
    let headcount = Headcount::start(folder, &arguments);
    headcount.wait_for_failure("http", &[]);
    until("all of the list is there", || match headcount.list("files")?.len() {
        10 => Ok(()),
        other => Err(format!("{other} targets")),
    });
    headcount.wait_for("old", &["old:1"]);
    folder.write("list.json", json!([{"targets": ["h1:1"]}]).to_string());
    folder.write("old.json", "[{");
    until("a target is stale", || {
        let stale = headcount.get("/api/v1/targets?state=stale")?.json()?;
        match stale["data"]["activeTargets"].as_array() {
            Some(targets) if !targets.is_empty() => Ok(()),
            _ => Err(stale.to_string()),
        }
    });
    until("a drop is held, and Alertmanagers are there", || {
        let holds = headcount.get("/api/v1/guard")?.json()?;
        let found = headcount.get("/api/v1/alertmanagers")?.json()?;
        let is_there = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
        match is_there(&holds["data"]["holds"]) && is_there(&found["data"]["activeAlertmanagers"]) {
            true => Ok(()),
            false => Err(format!("{holds} {found}")),
        }
    });
    headcount
}

/// What the description says of an answer: its content, by kind.
fn content<'a>(described: &'a Value, (method, path, .., status): &Case) -> &'a Map<String, Value> {
    let answer = &described["paths"][path][method.to_lowercase()]["responses"][status.to_string()];
    answer["content"]
        .as_object()
        .unwrap_or_else(|| panic!("{method} {path}: {status} is not described"))
}

#[test]
fn what_is_answered_is_what_is_described() {
    let (folder, described) = (Folder::new(), description());
    let headcount = daemon(&folder);
    let mut missed = Vec::new();
    for case in &CASES {
        let (method, _, asked, headers, status) = *case;
        if status == 500 {
            folder.write("prometheus.yml", "scrape_configs: [{jobname: x}]");
        }
        let rules = match headers {
            TOO_LONG => " ".repeat(64 * 1024 + 1),
            rules => rules.to_owned(),
        };
        let answer = match case.1 {
            "/api/v1/relabel/try" => send(headcount.address(), method, asked, "", rules.as_bytes()),
            _ => request(headcount.address(), method, asked, headers),
        };
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, status, "{method} {asked}: {}", answer.text());
        let kind = answer
            .header("content-type")
            .expect("a kind")
            .split(';')
            .next()
            .unwrap_or_default();
        let Some(described_as) = content(&described, case).get(kind) else {
            panic!("{method} {asked}: {kind} is not described");
        };
        let value = match kind {
            "application/json" => answer.json().expect("JSON"),
            _ => Value::String(answer.text()),
        };
        // The schema by itself, with what it refers to.
        let mut schema = described_as["schema"].clone();
        schema["components"] = described["components"].clone();
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler
            .add_resource("http://localhost/schema.json", schema)
            .expect("a schema");
        let index = compiler
            .compile("http://localhost/schema.json", &mut schemas)
            .expect("a schema");
        if let Err(error) = schemas.validate(&value, index) {
            missed.push(format!("{method} {asked}: {error:#}\n{value}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
    let seen = headcount.text("/api/v1/targets") + &headcount.text("/api/v1/scrape_pools");
    for field in ["sameLabels", "underscoresError", "overwritten"] {
        assert!(
            seen.contains(&format!("\"{field}\":")),
            "{field} is there to be compared"
        );
    }
    // All of it was counted under its own name.
    let counted = Served::read(&headcount.text("/metrics"));
    let handlers = &counted.0["headcount_http_requests_total"]["handler"];
    for (path, _) in described["paths"].as_object().expect("paths") {
        let handler = path.replace('{', ":").replace('}', "");
        assert!(handlers.contains(&handler), "{handler} is not counted: {handlers:?}");
    }
}

#[test]
fn all_that_is_described_is_asked_for_and_all_that_is_answered_is_described() {
    let described = description();
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            for status in operation["responses"].as_object().expect("answers").keys() {
                // A 304 has no body, whether it is ready at once is luck, and `collectors` refuses the jobs.
                let is_luck =
                    ["/-/ready", "/readyz", "/jobs", "/scrape_configs"].contains(&path.as_str()) && status == "503";
                let is_bare = status == "304" || is_luck || (path == "/scrape_configs" && status == "409");
                let is_asked = CASES.iter().any(|(asked_method, asked_path, .., asked_status)| {
                    asked_method.eq_ignore_ascii_case(method)
                        && asked_path == path
                        && asked_status.to_string() == *status
                });
                assert!(is_asked || is_bare, "{method} {path}: nobody asks for {status}");
            }
        }
    }
    let code = ROUTER.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    let answered: BTreeSet<_> = quoted.filter(|text| text.starts_with('/')).collect();
    assert!(answered.len() > 15, "{answered:?}");
    let paths = described["paths"].as_object().expect("paths");
    for path in answered.iter().filter(|path| !NOT_DESCRIBED.contains(path)) {
        let is_described =
            paths.contains_key(*path) || (path.ends_with('/') && paths.keys().any(|known| known.starts_with(path)));
        assert!(is_described, "{path} is not described");
    }
    let version = headcount_version();
    assert_eq!(described["info"]["version"], json!(version));
    assert!(text("kubernetes/headcount.yaml").contains(&format!("image: headcount:{version}\n")));
}

fn headcount_version() -> String {
    let output = Command::new(crate::support::headcount_binary())
        .arg("--version")
        .output();
    let said = String::from_utf8(output.expect("running headcount").stdout).expect("UTF-8");
    said.trim().trim_start_matches("headcount ").to_owned()
}
