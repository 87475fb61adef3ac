//! Whatever the bytes, there is an answer: no panic, in bounded time, with bounded memory.

// Helpers of tests may panic as tests may; clippy exempts test functions only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::time::{Duration, Instant};

use headcount_config::{Loader, ProblemKind};
use proptest::prelude::*;

/// Pieces of configurations and of YAML, which random text would hardly ever hit.
fn loader() -> Loader {
    Loader::new(headcount_backends::registry()).allow_unsupported(true)
}

fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "scrape_configs:",
        "- job_name: a",
        "global:",
        "static_configs:",
        "- targets: [a]",
        "labels:",
        "relabel_configs:",
        "- regex: ",
        "(.*)",
        "http_sd_configs:",
        "- url: http://a",
        "file_sd_configs:",
        "- files: [a.yml]",
        "basic_auth:",
        "alerting:",
        "alertmanagers:",
        "- &a ",
        "*a",
        "<<: *a",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "|\n",
        "\"",
        "'",
        "# ",
        "!!int ",
        "!!binary ",
        "---\n",
        "~",
        "yes",
        "1",
        "5s",
        "10MB",
        "$x",
    ]);
    prop_oneof![4 => words.prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = loader().parse_isolated(&bytes);
    }

    #[test]
    fn anything_like_a_configuration_is_answered(pieces in prop::collection::vec(piece(), 0..40)) {
        match loader().parse_isolated(pieces.concat().as_bytes()) {
            Ok(config) => prop_assert!(config.scrape_configs.iter().all(|job| !job.job_name.is_empty())),
            Err(errors) => {
                prop_assert!(!errors.problems.is_empty());
                for problem in &errors.problems {
                    prop_assert!(!problem.to_string().contains('\n'), "one line a problem: {problem:?}");
                }
            }
        }
    }
}

fn kinds(text: &str) -> Vec<ProblemKind> {
    loader()
        .parse_isolated(text.as_bytes())
        .unwrap_err()
        .problems
        .into_iter()
        .map(|problem| problem.kind)
        .collect()
}

#[test]
fn many_problems_are_counted_and_not_kept() {
    let text = "x: 1\n".repeat(5000);
    let errors = loader().parse_isolated(text.as_bytes()).unwrap_err();
    assert_eq!(errors.problems.len(), 1000);
    assert_eq!(errors.omitted, 4000);
    assert!(errors.to_string().ends_with("… and 4000 more"));
}

#[test]
fn aliases_cannot_explode() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(matches!(kinds(&text).as_slice(), [ProblemKind::TooManyAliases { .. }]));
}

#[test]
fn merges_cannot_explode() {
    let mut text = "scrape_configs:\n- &a0 {job_name: a, honor_labels: true}\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("- &a{level} {{<<: [{aliases}]}}\n"));
    }
    assert!(
        kinds(&text)
            .iter()
            .any(|kind| matches!(kind, ProblemKind::TooManyAliases { .. }))
    );
}

#[test]
fn depth_is_bounded() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        assert!(!kinds(&text).is_empty());
    }
}

/// Many fields of one mapping cost time in proportion, known or not.
#[test]
fn wide_mappings_are_linear() {
    let text: String = (0..200_000).map(|number| format!("field{number}: 1\n")).collect();
    let began = Instant::now();
    let errors = loader().parse_isolated(text.as_bytes()).unwrap_err();
    assert_eq!(errors.problems.len() + errors.omitted, 200_000);
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "quadratic time would take hours"
    );
}

#[test]
fn twenty_thousand_hosts_load() {
    let targets: String = (0..20_000)
        .map(|host| format!("      - host{host}.example:9100\n"))
        .collect();
    let text = format!("scrape_configs:\n- job_name: node\n  static_configs:\n  - targets:\n{targets}");
    let config = loader().parse_isolated(text.as_bytes()).unwrap();
    assert_eq!(config.scrape_configs[0].sd.len(), 1);
}
