//! Rules that only vmagent has.

use super::*;

fn any_vmagent_rule() -> impl Strategy<Value = RelabelRule> {
    let name = || prop::sample::select(vec!["a", "b", "c", "x_a", "__name__", "none"]).prop_map(str::to_owned);
    let source = prop::collection::vec(name(), 0..3).prop_map(|names| SourceLabels {
        names,
        ..SourceLabels::default()
    });
    let part = prop::sample::select(vec!["v", "[;_]", "x_?", "(v)(1)?", "^.", "", ".*"]);
    let part = part.prop_map(|regex| RuleRegex::translated(regex, regex.to_owned()));
    let whole = prop::sample::select(vec!["(.*)", "(v).*"]).prop_map(RuleRegex::new);
    let replacement = prop::sample::select(vec!["", "-", "${1}x", "y"]).prop_map(str::to_owned);
    let filled = prop::sample::select(vec!["{{a}}", "{{a}}:${1}", "$1{{none}}", "{{b}}{{c}}"]).prop_map(str::to_owned);
    let template = prop::sample::select(vec!["*", "v.*", "v*", "*.*"]).prop_map(str::to_owned);
    let modulus = (1_u64..5).prop_map(|modulus| NonZeroU64::new(modulus).unwrap());
    let name_of = prop::sample::select(vec!["(x_)?(.*)", "(a|b|c)", "x_(a)"]).prop_map(RuleRegex::new);
    let renamed = prop::sample::select(vec!["$2", "$1", "c", "${1}b"]).prop_map(str::to_owned);
    (
        source,
        (part, name_of),
        (whole, renamed),
        replacement,
        filled,
        template,
        name(),
        modulus,
        0..10,
    )
        .prop_map(
            |(
                source,
                (part, name_of),
                (whole, renamed),
                replacement,
                filled,
                template,
                target_label,
                modulus,
                action,
            )| {
                RelabelRule::Vmagent(match action {
                    0 => VmagentRule::KeepIfEqual { source },
                    1 => VmagentRule::DropIfEqual { source },
                    2 => VmagentRule::KeepIfContains { source, target_label },
                    3 => VmagentRule::DropIfContains { source, target_label },
                    4 => VmagentRule::ReplaceAll {
                        source,
                        regex: part,
                        target_label,
                        replacement,
                    },
                    5 => VmagentRule::Fill {
                        source,
                        regex: whole,
                        target_label,
                        replacement: filled,
                    },
                    6 => VmagentRule::HashMod {
                        source,
                        target_label,
                        modulus,
                    },
                    7 => VmagentRule::LabelMapAll {
                        regex: part,
                        replacement,
                    },
                    8 => VmagentRule::LabelMap {
                        regex: name_of,
                        replacement: renamed,
                    },
                    _ => VmagentRule::Graphite {
                        template,
                        labels: vec![("a".to_owned(), "${1}".to_owned()), (target_label, "${0}-".to_owned())],
                    },
                })
            },
        )
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let label = prop::sample::select(vec!["a", "b", "x_a", "__name__", "none"]).prop_map(str::to_owned);
    let test = prop::sample::select(vec![
        FilterTest::Is(String::new()),
        FilterTest::Is("v".to_owned()),
        FilterTest::IsNot(String::new()),
        FilterTest::IsNot("v1".to_owned()),
        FilterTest::Matches(RuleRegex::new("v.?|")),
        FilterTest::Matches(RuleRegex::new(".+")),
        FilterTest::MatchesNot(RuleRegex::new("v1|V2")),
    ]);
    let filter = (label, test).prop_map(|(label, test)| Filter { label, test });
    prop::collection::vec(prop::collection::vec(filter, 1..3), 0..3).prop_map(|any_of| Selector {
        written: String::new(),
        any_of,
    })
}

/// Any rule, and often one of vmagent's.
fn any_rule_of_both() -> impl Strategy<Value = RelabelRule> {
    let rule = || prop_oneof![any_rule(), any_vmagent_rule()];
    let selectors = prop::collection::vec(any_selector(), 1..3);
    prop_oneof![
        3 => rule(),
        1 => (selectors, rule()).prop_map(|(selectors, rule)| RelabelRule::If { selectors, rule: Box::new(rule) }),
    ]
}

fn vmagent(rule: VmagentRule, labels: &[(&str, &str)]) -> Option<String> {
    run(&[RelabelRule::Vmagent(rule)], labels)
}

#[test]
fn a_condition_holds_when_one_list_does_and_keep_drops_the_others() {
    let is = |label: &str, value: &str| Filter {
        label: label.to_owned(),
        test: FilterTest::Is(value.to_owned()),
    };
    let with = |any_of: Vec<Vec<Filter>>, rule: RelabelRule| {
        let written = String::new();
        RelabelRule::If {
            selectors: vec![Selector { written, any_of }],
            rule: Box::new(rule),
        }
    };
    let keep = || RelabelRule::Keep {
        source: source(&[]),
        regex: RuleRegex::default(),
    };
    let drop = || RelabelRule::Drop {
        source: source(&[]),
        regex: RuleRegex::default(),
    };
    let labels = [("a", "1"), ("b", "2")];
    let two = || vec![vec![is("a", "1"), is("b", "x")], vec![is("b", "2")]];
    assert!(run(&[with(two(), keep())], &labels).is_some());
    assert_eq!(run(&[with(two(), drop())], &labels), None);
    assert_eq!(run(&[with(vec![vec![is("a", "2")]], keep())], &labels), None);
    assert!(run(&[with(vec![vec![is("a", "2")]], drop())], &labels).is_some());
    // No list is true of nothing; what is absent is empty, and what has no name has not the empty one.
    assert!(run(&[with(vec![], drop())], &labels).is_some());
    assert_eq!(run(&[with(vec![vec![is("c", "")]], drop())], &labels), None);
    assert!(run(&[with(vec![vec![is("__name__", "")]], drop())], &labels).is_some());
    let twice = with(vec![], with(vec![], drop()));
    let error = Relabeling::compile([drop(), twice], NameValidation::Utf8).unwrap_err();
    assert_eq!(error, RelabelError::NestedIf { rule: 1 });
}

#[test]
fn where_one_label_goes_another_rule_of_the_layout_is_not_asked() {
    // The condition's labels stand elsewhere than those of the rule behind it; both are remembered by layout.
    let rule = |value: &str, target: &str| RelabelRule::If {
        selectors: vec![Selector {
            written: String::new(),
            any_of: vec![vec![Filter {
                label: "a".to_owned(),
                test: FilterTest::Is(value.to_owned()),
            }]],
        }],
        rule: Box::new(replace(&["b"], "(.*)", target, "$1")),
    };
    let relabeling = Relabeling::compile([rule("1", "c"), rule("2", "d")], NameValidation::Utf8).unwrap();
    let mut relabeler = Relabeler::new(relabeling);
    for (a, name) in [("1", "c"), ("2", "d"), ("1", "c")] {
        let (_, labels) = relabeler.relabel([("a", a), ("b", "x")]);
        let last = labels.last().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(last, Some((name, "x")));
    }
}

#[test]
fn replacing_all_replaces_every_match_and_says_nothing_of_none() {
    let replace_all = |regex: &str, replacement: &str| VmagentRule::ReplaceAll {
        source: source(&["a", "b"]),
        regex: RuleRegex::translated(regex, regex.to_owned()),
        target_label: "c".to_owned(),
        replacement: replacement.to_owned(),
    };
    let labels = [("a", "x-y-z"), ("b", "-"), ("c", "old")];
    for (regex, replacement, expected) in [
        ("-", "_", "a=x-y-z b=- c=x_y_z;_"),
        ("([a-z])-", "$1$1", "a=x-y-z b=- c=xxyyz;-"),
        ("q", "_", "a=x-y-z b=- c=old"),
        ("-", "-", "a=x-y-z b=- c=old"),
        (".*", "", "a=x-y-z b=-"),
        ("y?", ".", "a=x-y-z b=- c=.x.-.-.z.;.-."),
    ] {
        assert_eq!(
            vmagent(replace_all(regex, replacement), &labels),
            text(expected),
            "{regex}"
        );
    }
}

#[test]
fn renaming_leaves_the_first_of_one_name() {
    let rename = |regex: &str, replacement: &str| VmagentRule::LabelMapAll {
        regex: RuleRegex::translated(regex, regex.to_owned()),
        replacement: replacement.to_owned(),
    };
    let labels = [("b_c", "2"), ("b-c", "1"), ("d-e-f", "3")];
    assert_eq!(vmagent(rename("-", "_"), &labels), text("b_c=1 d_e_f=3"));
    assert_eq!(vmagent(rename("^b.c$", ""), &labels), text("d-e-f=3"));
}

#[test]
fn labels_are_mapped_in_vmagents_order() {
    let map = |regex: &str, replacement: &str| {
        RelabelRule::Vmagent(VmagentRule::LabelMap {
            regex: RuleRegex::new(regex),
            replacement: replacement.to_owned(),
        })
    };
    // Sorted by name, and the last counts: by Prometheus it would be the one that came last.
    let labels = [("b", "2"), ("a", "1")];
    assert_eq!(run(&[map("a|b", "c")], &labels), text("a=1 b=2 c=2"));
    // What rules added comes behind.
    let added = [replace(&[], "(.*)", "a", "3"), map("a|b", "c")];
    assert_eq!(run(&added, &[("b", "2")]), text("a=3 b=2 c=3"));
    // What was set before its turn passes that on, and one without a name is none.
    assert_eq!(
        run(&[map("(.).*", "${1}_x")], &[("a", "1"), ("a_x", "2"), ("b", "3")]),
        text("a=1 a_x=1 b=3 b_x=3")
    );
    assert_eq!(
        run(&[map("(a|ax)", "${1}x")], &[("a", "1"), ("ax", "2")]),
        text("a=1 ax=1 axx=1")
    );
    assert_eq!(
        run(&[map("a(.*)", "$1")], &[("a", "1"), ("ab", "2")]),
        text("a=1 ab=2 b=2")
    );
}

#[test]
fn the_hash_is_vmagents() {
    let hash = |value: &str, modulus: u64| {
        let rule = VmagentRule::HashMod {
            source: source(&["a"]),
            target_label: "a".to_owned(),
            modulus: NonZeroU64::new(modulus).unwrap(),
        };
        vmagent(rule, &[("a", value)])
    };
    // XXH64 of nothing is ef46db3751d8e999, of `a` d24ec4f1a98c6e5b.
    assert_eq!(hash("", 1 << 32), text(&format!("a={}", 0x51d8_e999)));
    assert_eq!(hash("a", 1 << 32), text(&format!("a={}", 0xa98c_6e5b_u32)));
    assert_eq!(
        hash("a", u64::MAX),
        text(&format!("a={}", 0xd24e_c4f1_a98c_6e5b_u64.cast_signed()))
    );
}

#[test]
fn what_labels_are_filled_in_may_refer_to_groups() {
    let fill = |regex: &str, target: &str, replacement: &str| VmagentRule::Fill {
        source: source(&["a"]),
        regex: RuleRegex::new(regex),
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
    };
    let labels = [("a", "v:1"), ("d", "$1"), ("e", "$1-")];
    for (rule, expected) in [
        (fill("(.*)", "x", "{{a}}/{{none}}"), "x=v:1/"),
        (fill("(.*):.*", "x", "$1-{{a}}"), "x=v-v:1"),
        (fill("(.*):.*", "x", "{{e}}"), "x=v-"),
        // Where anything matches, a value is not looked at, but for one that is the whole of the source.
        (fill("(.*)", "x", "{{e}}"), "x=$1-"),
        (fill("(.*)", "x", "{{d}}"), "x=v:1"),
        (fill("(.*):.*", "x_$1", "{{a}}"), "x_v=v:1"),
    ] {
        assert_eq!(
            vmagent(rule.clone(), &labels),
            Some(format!("a=v:1 d=$1 e=$1- {expected}")),
            "{rule:?}"
        );
    }
    assert_eq!(vmagent(fill("none", "x", "{{a}}"), &labels), text("a=v:1 d=$1 e=$1-"));
}

#[test]
fn rules_of_vmagents_that_blow_something_up_end() {
    let long = "x".repeat(1 << 16);
    let rules = [
        VmagentRule::ReplaceAll {
            source: source(&["a"]),
            regex: RuleRegex::translated("x", "x".to_owned()),
            target_label: "a".to_owned(),
            replacement: "x".repeat(100),
        },
        VmagentRule::Fill {
            source: source(&[]),
            regex: RuleRegex::default(),
            target_label: "a".to_owned(),
            replacement: "{{a}}".repeat(100),
        },
        VmagentRule::LabelMapAll {
            regex: RuleRegex::translated(".", ".".to_owned()),
            replacement: "xx".to_owned(),
        },
    ];
    for rule in rules {
        let relabeling = Relabeling::compile(vec![RelabelRule::Vmagent(rule); 40], NameValidation::Utf8).unwrap();
        let (verdict, _) = Relabeler::new(relabeling).relabel([("a", long.as_str())]);
        assert!(matches!(verdict, Verdict::TooLarge { .. }), "{verdict:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn results_with_vmagents_rules_are_those_of_the_model(
        rules in prop::collection::vec(any_rule_of_both(), 0..5),
        sets in prop::collection::vec(prop::collection::vec(
            (prop::sample::select(vec!["a", "b", "x_a", "x_", "__name__"]), prop::sample::select(vec!["", "v", "v1", "V2", "v;v", "v.x"])), 0..6), 1..8),
    ) {
        let Ok(relabeling) = Relabeling::compile(rules.clone(), NameValidation::Utf8) else {
            return Ok(());
        };
        let mut relabeler = Relabeler::new(relabeling.clone());
        for set in sets.iter().chain(&sets) {
            let mut expected = model::Labels::new();
            for (name, value) in set {
                model::set(&mut expected, name, value);
            }
            let verdict = model::relabel(&mut expected, &rules, NameValidation::Utf8);
            expected.sort();
            let result = relabeler.relabel(set.iter().copied());
            prop_assert_eq!(&result, &(verdict, expected));
            let explanation = relabeling.explain(set.iter().copied());
            prop_assert_eq!((explanation.verdict, explanation.labels), result);
        }
    }
}
