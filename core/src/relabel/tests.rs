use core::num::NonZeroU64;

use proptest::prelude::*;

use super::*;

mod vmagent;

fn source(names: &[&str]) -> SourceLabels {
    SourceLabels {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..SourceLabels::default()
    }
}

fn replace(names: &[&str], regex: &str, target: &str, replacement: &str) -> RelabelRule {
    RelabelRule::Replace {
        source: source(names),
        regex: RuleRegex::new(regex),
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
    }
}

fn run(rules: &[RelabelRule], labels: &[(&str, &str)]) -> Option<String> {
    run_with(rules, labels, NameValidation::Utf8)
}

fn run_with(rules: &[RelabelRule], labels: &[(&str, &str)], names: NameValidation) -> Option<String> {
    let relabeling = Relabeling::compile(rules.to_vec(), names).unwrap();
    let (verdict, labels) = Relabeler::new(relabeling).relabel(labels.iter().copied());
    let texts: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (verdict == Verdict::Kept).then(|| texts.join(" "))
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn replace_sets_copies_and_removes() {
    let labels = [("a", "foo"), ("b", "bar")];
    for (rule, expected) in [
        (replace(&["a"], "(.*)", "c", "$1"), "a=foo b=bar c=foo"),
        (replace(&["a"], "f(.*)", "a", "${1}x"), "a=oox b=bar"),
        (replace(&["a", "b"], "(.*);(.*)", "c", "$2-$1"), "a=foo b=bar c=bar-foo"),
        (replace(&["a", "none"], "(.*)", "c", "$1"), "a=foo b=bar c=foo;"),
        (replace(&["a"], "fo", "c", "x"), "a=foo b=bar"),
        (replace(&["a"], ".*", "b", ""), "a=foo"),
        (replace(&["a"], "(x)?foo", "b", "$1"), "a=foo"),
        (replace(&["none"], "(.*)", "b", "$1"), "a=foo"),
        (replace(&[], "(.*)", "c", "text"), "a=foo b=bar c=text"),
        (replace(&["none"], "", "c", "text"), "a=foo b=bar c=text"),
        (replace(&["a"], "(f)(.*)", "${1}_$2", "x"), "a=foo b=bar f_oo=x"),
        (replace(&["a"], "(.*)", "$1$2", "x$1"), "a=foo b=bar foo=xfoo"),
        (replace(&["a"], "(.*)", "$9", "x"), "a=foo b=bar"),
        (replace(&["b"], "(?P<all>.*)", "a", "$$${all}"), "a=$bar b=bar"),
        (replace(&["a"], "(.*)", "naïve-1.x", "$1"), "a=foo b=bar naïve-1.x=foo"),
    ] {
        assert_eq!(run(std::slice::from_ref(&rule), &labels), text(expected), "{rule:?}");
    }
}

#[test]
fn names_that_legacy_rules_refuse_are_not_set() {
    let rule = replace(&["a"], "(.*)", "$1", "x");
    assert_eq!(
        run_with(std::slice::from_ref(&rule), &[("a", "b-c")], NameValidation::Legacy),
        text("a=b-c")
    );
    assert_eq!(run(&[rule], &[("a", "b-c")]), text("a=b-c b-c=x"));
}

#[test]
fn expressions_match_the_whole_source_over_line_ends() {
    assert_eq!(run(&[replace(&["a"], "b", "c", "x")], &[("a", "abc")]), text("a=abc"));
    assert_eq!(run(&[replace(&["a"], "a|b", "c", "x")], &[("a", "ab")]), text("a=ab"));
    assert_eq!(
        run(&[replace(&["a"], "(.*)!", "a", "$1")], &[("a", "x\ny!")]),
        text("a=x\ny")
    );
}

#[test]
fn hashmod_is_prometheus_to_the_bit() {
    // From Prometheus's own tests and from `md5sum`.
    for (value, modulus, expected) in [
        ("baz", 1_000, "976"),
        ("foo\nbar", 1_000, "734"),
        ("", u64::MAX, "16825458760271544958"),
    ] {
        let rule = RelabelRule::HashMod {
            source: source(&["c"]),
            target_label: "d".to_owned(),
            modulus: NonZeroU64::new(modulus).unwrap(),
        };
        let (_, labels) =
            Relabeler::new(Relabeling::compile([rule], NameValidation::Utf8).unwrap()).relabel([("c", value)]);
        assert_eq!(
            labels.last().map(|(_, value)| value.as_str()),
            Some(expected),
            "{value:?}"
        );
    }
}

#[test]
fn labelmap_takes_values_as_they_were_and_the_last_counts() {
    let map = |regex: &str, replacement: &str| RelabelRule::LabelMap {
        regex: RuleRegex::new(regex),
        replacement: replacement.to_owned(),
    };
    assert_eq!(
        run(&[map("x_(.*)", "$1")], &[("x_a", "1"), ("a", "0"), ("x_b", "2")]),
        text("a=1 b=2 x_a=1 x_b=2")
    );
    // Each is copied from what was there before the rule.
    assert_eq!(
        run(&[map("a(.*)", "ab$1")], &[("a", "1"), ("ab", "2")]),
        text("a=1 ab=1 abb=2")
    );
    assert_eq!(
        run(&[map("x_.", "a")], &[("x_2", "first"), ("x_1", "second")]),
        text("a=second x_1=second x_2=first")
    );
}

#[test]
fn labels_are_kept_and_dropped_by_name() {
    let labels = [("a", "1"), ("b1", "2"), ("b2", "3")];
    let drop = RelabelRule::LabelDrop {
        regex: RuleRegex::new("b.*"),
    };
    let keep = RelabelRule::LabelKeep {
        regex: RuleRegex::new("b.*"),
    };
    assert_eq!(run(&[drop], &labels), text("a=1"));
    assert_eq!(run(&[keep], &labels), text("b1=2 b2=3"));
}

#[test]
fn equal_compares_with_absent_labels_as_with_empty_ones() {
    let keep = |names: &[&str], target: &str| RelabelRule::KeepEqual {
        source: source(names),
        target_label: target.to_owned(),
    };
    let drop = |names: &[&str], target: &str| RelabelRule::DropEqual {
        source: source(names),
        target_label: target.to_owned(),
    };
    let labels = [("a", "x"), ("b", "x"), ("c", "y")];
    assert!(run(&[keep(&["a"], "b"), drop(&["a"], "c"), keep(&["no"], "none")], &labels).is_some());
    assert_eq!(run(&[keep(&["a"], "c")], &labels), None);
    assert_eq!(run(&[drop(&["a"], "b")], &labels), None);
    assert_eq!(run(&[drop(&["no"], "none")], &labels), None);
}

#[test]
fn rules_that_double_something_end() {
    let double = replace(&["a"], "(.*)", "a", "${1}${1}");
    let relabeling = Relabeling::compile(vec![double; 60], NameValidation::Utf8).unwrap();
    let (verdict, _) = Relabeler::new(relabeling.clone()).relabel([("a", "x")]);
    assert_eq!(verdict, Verdict::TooLarge { rule: 20 });
    assert_eq!(relabeling.explain([("a", "x")]).verdict, verdict);
    let double = RelabelRule::LabelMap {
        regex: RuleRegex::new("(.*)"),
        replacement: "x$1".to_owned(),
    };
    let longer = RelabelRule::LabelMap {
        regex: RuleRegex::new("(.*)"),
        replacement: "$1$1".to_owned(),
    };
    for rule in [double, longer] {
        let many: Vec<(String, String)> = (0..100)
            .map(|n| (format!("n{}", "_".repeat(n)), "v".to_owned()))
            .collect();
        let relabeling = Relabeling::compile(vec![rule; 60], NameValidation::Utf8).unwrap();
        let (verdict, _) = Relabeler::new(relabeling).relabel(many.iter().map(|(name, value)| (&**name, &**value)));
        assert!(
            matches!(verdict, Verdict::TooLarge { .. }) || verdict == Verdict::Kept,
            "{verdict:?}"
        );
    }
}

#[test]
fn bad_rules_are_named() {
    let compile = |rule: RelabelRule, names| Relabeling::compile([rule], names).unwrap_err().to_string();
    let messages = [
        compile(replace(&["a"], "(", "b", "$1"), NameValidation::Utf8),
        compile(replace(&["a"], "(.*)", "", "$1"), NameValidation::Utf8),
        compile(replace(&["a"], "(.*)", "a-b", "$1"), NameValidation::Legacy),
        compile(replace(&["a"], "(.*)", "a-$1", "$1"), NameValidation::Legacy),
        compile(replace(&["a"], r"(\pL{1000}){1000}", "b", "$1"), NameValidation::Utf8),
        compile(
            RelabelRule::Lowercase {
                source: source(&["a"]),
                target_label: "1".to_owned(),
            },
            NameValidation::Legacy,
        ),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn an_explanation_says_what_each_rule_did() {
    let rules = [
        replace(&["__address__"], "([^:]*):(.*)", "host", "$1"),
        replace(&["none"], "(.*)", "rack", "$1"),
        RelabelRule::LabelDrop {
            regex: RuleRegex::new("__tmp.*"),
        },
        RelabelRule::Drop {
            source: source(&["host", "rack"]),
            regex: RuleRegex::new("web.*;"),
        },
        replace(&[], "(.*)", "never", "x"),
    ];
    let relabeling = Relabeling::compile(rules, NameValidation::Utf8).unwrap();
    let explanation = relabeling.explain([("__address__", "web1:80"), ("rack", "r1"), ("__tmp_x", "1")]);
    insta::assert_debug_snapshot!(explanation);
}

#[test]
fn a_thousand_kinds_of_sets_are_given_back() {
    let relabeling = Relabeling::compile([replace(&["a"], "(.*)", "$1", "x")], NameValidation::Utf8).unwrap();
    let mut relabeler = Relabeler::new(relabeling);
    for number in 0..60_000 {
        let name = format!("name{number}");
        let (verdict, labels) = relabeler.relabel([("a", name.as_str())]);
        assert_eq!((verdict, labels.len()), (Verdict::Kept, 2));
    }
    assert!(relabeler.layouts().words() < 1 << 20);
}

fn any_rule() -> impl Strategy<Value = RelabelRule> {
    let name = || prop::sample::select(vec!["a", "b", "c", "x_a", "x_b", "none"]).prop_map(str::to_owned);
    let source = (
        prop::collection::vec(name(), 0..3),
        prop::sample::select(vec![";", "", "-"]),
    )
        .prop_map(|(names, separator)| SourceLabels {
            names,
            separator: separator.to_owned(),
        });
    let values = prop::sample::select(vec![
        "(.*)",
        "(.+)",
        "v(.)",
        "v1|v2",
        "",
        "(.);(.*)",
        "(?P<n>v).*",
        "[^2]*",
    ]);
    let regex = values.prop_map(RuleRegex::new);
    let by_name = prop::sample::select(vec!["(.*)", "x_(.*)", "a|b", "(.)_(.)", "none"]).prop_map(RuleRegex::new);
    // Templates that Go and the `regex` crate read alike.
    let replacement =
        prop::sample::select(vec!["$1", "", "text", "${1}-${2}", "${n}x", "v2", "$$1"]).prop_map(str::to_owned);
    let target = prop::sample::select(vec!["a", "b", "new", "x_${1}", "${1}", "${n}"]).prop_map(str::to_owned);
    let new_name = prop::sample::select(vec!["$1", "y_${1}", "same", "a"]).prop_map(str::to_owned);
    let modulus = (1_u64..5).prop_map(|modulus| NonZeroU64::new(modulus).unwrap());
    (
        source,
        regex,
        by_name,
        replacement,
        target,
        new_name,
        name(),
        modulus,
        0..11,
    )
        .prop_map(
            |(source, regex, by_name, replacement, template, new_name, target_label, modulus, action)| match action {
                0 => RelabelRule::Keep { source, regex },
                1 => RelabelRule::Drop { source, regex },
                2 => RelabelRule::KeepEqual { source, target_label },
                3 => RelabelRule::DropEqual { source, target_label },
                4 => RelabelRule::HashMod {
                    source,
                    target_label,
                    modulus,
                },
                5 => RelabelRule::LabelMap {
                    regex: by_name,
                    replacement: new_name,
                },
                6 => RelabelRule::LabelDrop { regex: by_name },
                7 => RelabelRule::LabelKeep { regex: by_name },
                8 => RelabelRule::Lowercase { source, target_label },
                9 => RelabelRule::Uppercase { source, target_label },
                _ => RelabelRule::Replace {
                    source,
                    regex,
                    target_label: template,
                    replacement,
                },
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn results_are_those_of_the_model(
        rules in prop::collection::vec(any_rule(), 0..6),
        sets in prop::collection::vec(prop::collection::vec(
            (prop::sample::select(vec!["a", "b", "c", "x_a", "x_b", "x_"]), prop::sample::select(vec!["", "v", "v1", "V2", "v;v"])), 0..6), 1..12),
        names in prop::sample::select(vec![NameValidation::Utf8, NameValidation::Legacy]),
    ) {
        let Ok(relabeling) = Relabeling::compile(rules.clone(), names) else {
            return Ok(());
        };
        let mut relabeler = Relabeler::new(relabeling.clone());
        // Twice, so that the second time everything is remembered.
        for set in sets.iter().chain(&sets) {
            let mut expected = model::Labels::new();
            for (name, value) in set {
                model::set(&mut expected, name, value);
            }
            let verdict = model::relabel(&mut expected, &rules, names);
            expected.sort();
            let result = relabeler.relabel(set.iter().copied());
            prop_assert_eq!(&result, &(verdict, expected));
            let explanation = relabeling.explain(set.iter().copied());
            prop_assert_eq!((explanation.verdict, explanation.labels), result);
        }
    }

    #[test]
    fn any_template_and_any_value_is_answered(template in r"[a$1{}_é-]{0,12}", value in "\\PC{0,12}", regex in r"[a.*()|?+-]{0,8}") {
        let rules = [replace(&["a"], &regex, "b", &template), replace(&["a"], &regex, &format!("x$1{template}"), "y")];
        if let Ok(relabeling) = Relabeling::compile(rules, NameValidation::Utf8) {
            let (verdict, _) = Relabeler::new(relabeling).relabel([("a", value.as_str())]);
            prop_assert_eq!(verdict, Verdict::Kept);
        }
    }
}
