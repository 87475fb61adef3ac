//! What tests ask of cloud servers and what these answer, checked against the descriptions of the clouds' own packages.
//!
//! The check is a program in Python, `tests/described.py`, as the packages are; `tests/setup` installs them beside moto.
//! Where they are not there, this says so. **A check that found nothing to check fails.**

// Helpers panic as tests do: it is the report.
#![allow(clippy::expect_used)]

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use headcount_discoverer::env::HttpRequest;
use serde_json::{Value, json};

/// The program of moto, in whose folder the Python is that has the packages.
const SERVER: &str = "/usr/local/bin/moto_server-5.2";

/// A request, and the body of the good answer to it.
pub(crate) type Exchange = (HttpRequest, Vec<u8>);

/// Checks what was asked and answered.
///
/// # Panics
/// It is otherwise than described, nothing of it is described at all, or the packages are missing and
/// `HEADCOUNT_REQUIRE_SERVERS` is 1.
#[track_caller]
pub(crate) fn check(exchanges: impl IntoIterator<Item = Exchange>) {
    if let Some(found) = problems(exchanges) {
        assert_eq!(found["problems"], json!([]), "otherwise than described");
        assert!(found["checked"].as_u64() > Some(0), "nothing of it is described");
    }
}

/// What `tests/described.py` says, where it can run.
fn problems(exchanges: impl IntoIterator<Item = Exchange>) -> Option<Value> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let exchanges: Vec<Value> = exchanges
        .into_iter()
        .map(|(request, answer)| {
            json!({"method": request.method, "url": request.url, "headers": request.headers, "body": text(&request.body),
                   "answer": text(&answer)})
        })
        .collect();
    let python = fs::canonicalize(SERVER)
        .ok()
        .map(|server| server.with_file_name("python"));
    let Some(python) = python.filter(|python| has_packages(python)) else {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let message =
            format!("NOT TESTED: {test}: not installed: botocore, google-api-python-client; tests/setup installs it");
        let is_required = env::var_os("HEADCOUNT_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(!is_required, "{message}, and HEADCOUNT_REQUIRE_SERVERS=1 asks for it");
        // Not with `eprintln!`, which the test runner keeps to itself when a test passes.
        writeln!(io::stderr(), "{message}").ok();
        return None;
    };
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let script = folders
        .map(|folder| folder.join("tests/described.py"))
        .find(|script| script.is_file())
        .expect("the repository has it");
    let mut program = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let asked = Value::from(exchanges).to_string();
    let mut input = program.stdin.take().expect("it is piped");
    input.write_all(asked.as_bytes()).expect("it reads");
    drop(input);
    let output = program.wait_with_output().expect("it ends");
    assert!(output.status.success(), "described.py failed");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn has_packages(python: &Path) -> bool {
    let import = Command::new(python)
        .args(["-c", "import botocore, googleapiclient"])
        .stderr(Stdio::null())
        .status();
    import.is_ok_and(|status| status.success())
}

/// Fields, types, parameters, paths and versions that are not there are found.
#[test]
fn what_is_otherwise_than_described_is_found() {
    let zone = "https://compute.googleapis.com/compute/v1/projects/p/zones/z";
    let ecs = |action: &str, body: &str| HttpRequest {
        body: body.as_bytes().to_vec(),
        ..HttpRequest::post("https://ecs.eu-west-1.amazonaws.com/", "application/x-amz-json-1.1", "")
            .header("X-Amz-Target", format!("AmazonEC2ContainerServiceV20141113.{action}"))
    };
    let rds = |form: &str| {
        let url = "https://rds.eu-west-1.amazonaws.com/";
        HttpRequest::post(url, "application/x-www-form-urlencoded", form)
    };
    let clusters = |inner: &str| {
        format!(
            "<DescribeDBClustersResponse><DescribeDBClustersResult>{inner}</DescribeDBClustersResult></DescribeDBClustersResponse>"
        )
    };
    for (request, answer, expected) in [
        (
            HttpRequest::get(format!("{zone}/instance")),
            "{}".to_owned(),
            "there is no such path",
        ),
        (
            HttpRequest::get(format!("{zone}/instances?page=x")),
            "{}".to_owned(),
            "no parameter 'page'",
        ),
        (
            HttpRequest::get(format!("{zone}/instances")),
            r#"{"items": [{"id": 5}]}"#.to_owned(),
            "5 is no string",
        ),
        (
            HttpRequest::get(format!("{zone}/instances")),
            r#"{"items": [{"id": "a"}]}"#.to_owned(),
            "'a' is no uint64",
        ),
        (
            HttpRequest::get(format!("{zone}/instances")),
            r#"{"items": [{"tag": {}}]}"#.to_owned(),
            "there is no 'tag'",
        ),
        (ecs("ListTask", "{}"), "{}".to_owned(), "there is no target"),
        (ecs("DescribeTasks", "{}"), "{}".to_owned(), "'tasks' has to be there"),
        (
            ecs("ListTasks", "{}"),
            r#"{"taskArns": [1]}"#.to_owned(),
            "1 is no string",
        ),
        (
            ecs("ListTasks", "{}"),
            r#"{"tasks": []}"#.to_owned(),
            "there is no 'tasks'",
        ),
        (
            rds("Action=DescribeDBClusters&Version=1"),
            clusters(""),
            "the version is 2014-10-31",
        ),
        (
            rds("Action=DescribeDBClusters&Version=2014-10-31&Filter.1.Name=a"),
            clusters(""),
            "there is no parameter 'Filter'",
        ),
        (
            rds("Action=DescribeDBClusters&Version=2014-10-31"),
            clusters("<DBClusters><member/></DBClusters>"),
            "its items are <DBCluster>",
        ),
    ] {
        let Some(found) = problems([(request, answer.into_bytes())]) else {
            return;
        };
        let found = found["problems"].to_string();
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
