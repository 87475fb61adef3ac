use std::path::Path;

use headcount_reader::Nowhere;
use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "/etc/prometheus/prometheus.yml";

fn load(bytes: &[u8]) -> Result<Config, LoadErrors> {
    headcount_service::loader().parse(bytes, Path::new(ORIGIN), &Nowhere)
}

fn adopted(text: &str) -> Result<Adopted, AdoptError> {
    adopted_for(Reader::Prometheus3, text)
}

fn adopted_for(reader: Reader, text: &str) -> Result<Adopted, AdoptError> {
    let headcount = Url::parse("http://headcount:9099").expect("a URL");
    adopt(text.as_bytes(), Path::new(ORIGIN), &headcount, reader, load, None)
}

/// What is said of an error, and of what it comes from.
fn said(error: &AdoptError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

fn text(before: &str) -> String {
    adopted(before).unwrap_or_else(|error| panic!("{before}\n{error}")).text
}

#[test]
fn what_discovers_becomes_a_list_and_a_comment() {
    let before = "\
# ours
global: {scrape_interval: 30s} # half a minute
scrape_configs:
  # the racks
  - job_name: node
    # all of them
    file_sd_configs:
      - files: [a.json]
        # soon
        refresh_interval: 1m

    # with TLS
    scheme: https
    static_configs:
    - targets: [x:1]

  - job_name: 'web/eu'
    http_sd_configs: [{url: 'http://cmdb/'}]
# the end
rule_files: []
";
    let after = "\
# ours
global: {scrape_interval: 30s} # half a minute
scrape_configs:
  # the racks
  - job_name: node
    # all of them
    # headcount discovers this job's targets now
    http_sd_configs:
      - url: 'http://headcount:9099/sd/node'
        refresh_interval: 5s
    # file_sd_configs:
    #   - files: [a.json]
    #     # soon
    #     refresh_interval: 1m

    # with TLS
    scheme: https
    # static_configs:
    # - targets: [x:1]

  - job_name: 'web/eu'
    # headcount discovers this job's targets now
    http_sd_configs:
      - url: 'http://headcount:9099/sd/web%2Feu'
        refresh_interval: 5s
    # http_sd_configs: [{url: 'http://cmdb/'}]
# the end
rule_files: []
";
    assert_eq!(text(before), after);
    assert_eq!(text(&before.replace('\n', "\r\n")), after.replace('\n', "\r\n"));
}

#[test]
fn the_line_with_the_dash_keeps_it() {
    let before = "\
scrape_configs:
- static_configs:
  - targets: [x:1]
  job_name: a
-   relabel_configs:
    - {source_labels: [__meta_url], action: keep, regex: .+}
    job_name: b
    static_configs: [{targets: [y:1]}]
";
    let after = "\
scrape_configs:
- http_sd_configs:
    - url: 'http://headcount:9099/sd/a'
      refresh_interval: 5s
  # headcount discovers this job's targets now
  # static_configs:
  # - targets: [x:1]
  job_name: a
-   http_sd_configs:
      - url: 'http://headcount:9099/sd/b?relabelled=true'
        refresh_interval: 5s
    # headcount discovers and relabels this job's targets now: relabel_configs[0] looks at __meta_url, which Prometheus overwrites when it reads a list
    # relabel_configs:
    # - {source_labels: [__meta_url], action: keep, regex: .+}
    job_name: b
    # static_configs: [{targets: [y:1]}]
";
    assert_eq!(text(before), after);
}

#[test]
fn a_job_in_braces_stays_in_braces() {
    let before = "\
scrape_configs:
  - {job_name: a, static_configs: [{targets: ['x:1', \"y,]:1\"]}], scheme: https} # a
  - {dns_sd_configs: [{names: [a.b]}], job_name: b,
     static_configs: [{targets: [don't:1]}]}
";
    let after = "\
scrape_configs:
  # headcount discovers this job's targets now
  # static_configs: [{targets: ['x:1', \"y,]:1\"]}]
  - {job_name: a, http_sd_configs: [{url: 'http://headcount:9099/sd/a', refresh_interval: 5s}], scheme: https} # a
  # headcount discovers this job's targets now
  # dns_sd_configs: [{names: [a.b]}]
  # static_configs: [{targets: [don't:1]}]
  - {http_sd_configs: [{url: 'http://headcount:9099/sd/b', refresh_interval: 5s}], job_name: b}
";
    assert_eq!(text(before), after);
    // Lists and mappings in braces from the top on.
    let text = text("{scrape_configs: [{job_name: a, static_configs: [{targets: [x]}]}, {job_name: b}]}");
    assert!(text.contains("# static_configs: [{targets: [x]}]"), "{text}");
}

#[test]
fn jobs_in_braces_may_stand_on_one_line() {
    let after =
        text("scrape_configs: [{job_name: a, static_configs: [{targets: [x]}]}, {static_configs: [], job_name: b}]\n");
    let expected = "\
scrape_configs: [
  # headcount discovers this job's targets now
  # static_configs: [{targets: [x]}]
  {job_name: a, http_sd_configs: [{url: 'http://headcount:9099/sd/a', refresh_interval: 5s}]},\x20
  # headcount discovers this job's targets now
  # static_configs: []
  {http_sd_configs: [{url: 'http://headcount:9099/sd/b', refresh_interval: 5s}], job_name: b}]
";
    assert_eq!(after, expected);
}

#[test]
fn rules_stay_unless_they_look_at_what_is_overwritten() {
    let of_rule = |rule: &str| {
        let text = format!(
            "scrape_configs: [{{job_name: a, static_configs: [{{targets: [x]}}], relabel_configs: [{{target_label: y}}, {rule}]}}]"
        );
        adopted(&text).expect("it can be").jobs[0].relabelled.clone()
    };
    for reads in [
        "{source_labels: [env, __meta_url], target_label: x}",
        "{action: labelmap, regex: '__meta_(.+)'}",
        "{action: keepequal, source_labels: [env], target_label: __meta_url}",
    ] {
        assert_eq!(of_rule(reads), Some(Because::Overwritten { rule: 1 }), "{reads}");
    }
    for other in [
        "{source_labels: [__meta_filepath], target_label: x}",
        "{action: labelmap, regex: '__meta_tag_(.+)'}",
        "{action: labeldrop, regex: '__meta_url'}",
        "{target_label: __meta_url, replacement: x}",
    ] {
        assert_eq!(of_rule(other), None, "{other}");
    }
}

#[test]
fn a_prometheus_2_is_given_names_that_it_takes() {
    let before = "\
scrape_configs:
- job_name: a
  file_sd_configs: [{files: [a.json]}]
  relabel_configs: [{target_label: x}]
- job_name: b
  static_configs: [{targets: [x:1], labels: {env: prod}}]
";
    let after = "\
scrape_configs:
- job_name: a
  # headcount discovers and relabels this job's targets now: file_sd_configs may find names of labels for which Prometheus 2 refuses the whole list
  http_sd_configs:
    - url: 'http://headcount:9099/sd/a?relabelled=true&names=underscores'
      refresh_interval: 5s
  # file_sd_configs: [{files: [a.json]}]
  # relabel_configs: [{target_label: x}]
- job_name: b
  # headcount discovers this job's targets now
  http_sd_configs:
    - url: 'http://headcount:9099/sd/b'
      refresh_interval: 5s
  # static_configs: [{targets: [x:1], labels: {env: prod}}]
";
    let adopted = adopted_for(Reader::Prometheus2, before).expect("it can be");
    assert_eq!(adopted.text, after);
}

#[test]
fn a_prometheus_2_reads_relabelled_lists_only_where_names_may_be_others() {
    let because = |reader, fields: &str| {
        let text = format!("scrape_configs: [{{job_name: a, {fields}}}]");
        let jobs = adopted_for(reader, &text)
            .unwrap_or_else(|error| panic!("{text}: {}", said(&error)))
            .jobs;
        jobs[0].relabelled.clone()
    };
    let fixed = "static_configs: [{targets: [x], labels: {env: prod}}]";
    let of_rule = |rule: &str| {
        because(
            Reader::Prometheus2,
            &format!("{fixed}, relabel_configs: [{{target_label: y}}, {rule}]"),
        )
    };
    for rule in [
        "{source_labels: [env, k8s.app], target_label: x}",
        "{source_labels: [env], target_label: k8s.app}",
        "{action: labelmap, regex: '__meta_x_(.+)', replacement: 'x.$1'}",
        "{action: keepequal, source_labels: [env], target_label: 'job:env'}",
    ] {
        assert_eq!(of_rule(rule), Some(Because::RuleWithName { rule: 1 }), "{rule}");
    }
    for rule in [
        "{source_labels: [env], target_label: '${1}', regex: '(a)'}",
        "{action: labelmap, regex: '__meta_x_(.+)'}",
        "{action: labeldrop, regex: 'k8s[.]app'}",
    ] {
        assert_eq!(of_rule(rule), None, "{rule}");
    }
    let found = |field: &str| {
        Some(Because::FoundNames {
            field: field.to_owned(),
        })
    };
    for (fields, expected) in [
        (fixed, None),
        (
            "static_configs: [{targets: [x]}, {targets: [y], labels: {k8s.app: a}}]",
            found("static_configs"),
        ),
        ("dns_sd_configs: [{names: [a.b]}]", None),
        ("consul_sd_configs: [{}]", None),
        (
            "dns_sd_configs: [{names: [a.b]}], http_sd_configs: [{url: 'http://cmdb/'}]",
            found("http_sd_configs"),
        ),
        ("file_sd_configs: [{files: [a.json]}]", found("file_sd_configs")),
    ] {
        assert_eq!(because(Reader::Prometheus2, fields), expected, "{fields}");
        assert_eq!(because(Reader::Prometheus3, fields), None, "{fields}");
    }
    // What a list can't say is left to Prometheus, which refuses of it what it refused before.
    let with_rule = |rule: &str| {
        because(
            Reader::Prometheus2,
            &format!("params: {{m: [x]}}, file_sd_configs: [{{files: [a.json]}}], relabel_configs: [{rule}]"),
        )
    };
    for removes in [
        "{source_labels: [__meta_s], target_label: job}",
        "{source_labels: [__meta_s], target_label: job, regex: '(a)?b', replacement: '${1}'}",
        "{target_label: job, replacement: ''}",
        "{source_labels: [__meta_s], target_label: '__${1}__', regex: '(.+)|'}",
        "{action: labeldrop, regex: 'jo.'}",
        "{action: labelkeep, regex: '__.*'}",
        "{action: lowercase, source_labels: [x], target_label: __scheme__}",
        "{source_labels: [x], target_label: __param_m}",
    ] {
        assert_eq!(with_rule(removes), None, "{removes}");
    }
    for keeps in [
        "{source_labels: [__meta_s], target_label: job, regex: '(.+)'}",
        "{source_labels: [__meta_s], target_label: job, replacement: 'x-$1'}",
        "{source_labels: [__meta_s], target_label: instance}",
        "{source_labels: [__meta_s], target_label: __param_n}",
        "{action: labeldrop, regex: 'x'}",
        "{action: labelmap, regex: '(.+)'}",
    ] {
        let because = with_rule(keeps);
        assert!(
            because == found("file_sd_configs") || because == Some(Because::Overwritten { rule: 0 }),
            "{keeps}: {because:?}"
        );
    }
    // What is overwritten comes first, and the list is one for a Prometheus 2 all the same.
    let text = format!(
        "scrape_configs: [{{job_name: a, {fixed}, relabel_configs: [{{source_labels: [__meta_url], target_label: x}}]}}]"
    );
    let job = adopted_for(Reader::Prometheus2, &text)
        .expect("it can be")
        .jobs
        .remove(0);
    assert_eq!(job.relabelled, Some(Because::Overwritten { rule: 0 }));
    assert!(job.url.ends_with("?relabelled=true&names=underscores"), "{}", job.url);
    assert_eq!(job.refilled, None);
    let text = text.replace("target_label: x}", "target_label: job}");
    let job = adopted_for(Reader::Prometheus3, &text)
        .expect("it can be")
        .jobs
        .remove(0);
    assert_eq!(job.refilled, Some((0, "job".to_owned())));
}

#[test]
fn what_is_merged_in_is_written_over() {
    let before = "\
scrape_configs:
  - &base
    job_name: a
    static_configs: [{targets: [x]}]
    scheme: https
  - <<: *base
    job_name: b
";
    let after = "\
scrape_configs:
  - &base
    job_name: a
    # headcount discovers this job's targets now
    http_sd_configs:
      - url: 'http://headcount:9099/sd/a'
        refresh_interval: 5s
    # static_configs: [{targets: [x]}]
    scheme: https
  - <<: *base
    job_name: b
    # headcount discovers this job's targets now
    http_sd_configs:
      - url: 'http://headcount:9099/sd/b'
        refresh_interval: 5s
    static_configs: []
";
    assert_eq!(text(before), after);
    // In braces, and with what is shared by name alone.
    let flow = "base: &base {static_configs: [{targets: [x]}], dns_sd_configs: [{names: [a]}]}
scrape_configs: [{<<: *base, job_name: a}]";
    let error = said(&adopted(flow).expect_err("Prometheus knows no such section"));
    assert!(error.contains("unknown field `base`"), "{error}");
    let flow = "scrape_configs: [&base {job_name: a, static_configs: [{targets: [x]}]}, {<<: *base, job_name: b}]";
    assert!(text(flow).contains("{<<: *base, job_name: b, http_sd_configs: [{url: 'http://headcount:9099/sd/b', refresh_interval: 5s}], static_configs: []}"), "{}", text(flow));
}

#[test]
fn a_job_that_would_mean_something_else_is_named() {
    let before = "\
scrape_configs:
  - {job_name: a, params: {x: &p [one]}}
  - job_name: b
    static_configs: [{targets: &p [two]}]
  - {job_name: c, params: {x: *p}}
";
    let error = adopted(before)
        .expect_err("the alias would be of another anchor")
        .to_string();
    assert!(error.contains("job \"c\" can't be rewritten"), "{error}");
}

#[test]
fn what_others_refer_to_can_not_become_a_comment() {
    let before = "\
scrape_configs:
  - job_name: a
    static_configs: &lists [{targets: [x]}]
alerting: {alertmanagers: [{static_configs: *lists}]}
";
    let error = adopted(before)
        .expect_err("the alias would refer to nothing")
        .to_string();
    assert!(error.contains("anchors, aliases or merge keys"), "{error}");
}

#[test]
fn what_follows_the_document_is_left_alone() {
    for end in ["---\nscrape_configs: [{job_name: b}]\n", "...\n# the end\n"] {
        let before = format!("scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: [x]\n{end}");
        let after = text(&before);
        assert!(after.ends_with(&format!("  # - targets: [x]\n{end}")), "{after}");
    }
}

#[test]
fn what_does_not_discover_is_left_alone() {
    let before = "scrape_configs:\n  - job_name: a # nothing yet\n";
    assert_eq!(text(before), before);
    assert_eq!(text(""), "");
    let error = said(&adopted("scrape_configs: [{job_name: 7, oops: 1}]").unwrap_err());
    assert!(error.contains("unknown field `oops`"), "{error}");
}

/// Configurations of all kinds that Prometheus takes.
#[test]
fn whatever_is_a_configuration_is_adopted_or_refused_with_the_job_that_stands_in_the_way() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tests/corpus/accepted");
    let (mut adopted_with_jobs, mut refused) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("it can be read");
        let Ok(before) = load(&bytes) else { continue };
        let headcount = Url::parse("http://headcount:9099").expect("a URL");
        for reader in [Reader::Prometheus2, Reader::Prometheus3] {
            match adopt(&bytes, Path::new(ORIGIN), &headcount, reader, load, None) {
                Ok(adopted) => {
                    let after = load(adopted.text.as_bytes())
                        .expect("it was read before")
                        .scrape_configs;
                    assert_eq!(after.len(), before.scrape_configs.len(), "{}", path.display());
                    let mut sd = after.iter().flat_map(|job| &job.sd);
                    assert!(sd.all(|sd| sd.mechanism() == "http"), "{}", adopted.text);
                    adopted_with_jobs += usize::from(!adopted.jobs.is_empty());
                }
                Err(error) => refused.push(format!("{}: {}", path.display(), said(&error))),
            }
        }
    }
    assert!(adopted_with_jobs > 40, "{adopted_with_jobs}");
    // For both readers; what others refer to can not become a comment.
    let of_anchors = |refused: &String| refused.contains("/anchors_and_merges.yml: the file can't be rewritten");
    assert!(refused.len() == 2 && refused.iter().all(of_anchors), "{refused:#?}");
}

/// Fields of a job, each in one of its forms.
fn any_field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "scheme: https",
        "static_configs: [{targets: ['a:1', \"b:2\"]}]",
        "static_configs:\n- targets:\n  - a:1 # one\n  labels: {x: '#'}\n# between\n- targets: [b:1]",
        "file_sd_configs:\n  - files:\n      - a.json\n\n      - b.yml",
        "http_sd_configs: &list [{url: http://cmdb/x}]",
        "dns_sd_configs:\n- names: [\n    a.b,\n  c.d ]",
        "relabel_configs:\n- source_labels: [__meta_url]\n  target_label: url",
        "relabel_configs:\n  - {action: labelmap, regex: '__meta_x_(.+)'}",
        "params: {a: [b, 'c']}",
        "metric_relabel_configs:\n  # none of these\n  - {action: drop, source_labels: [__name__], regex: go_.+}",
    ])
}

/// A job with fields of different names, in this order; some with comments between.
fn any_job() -> impl Strategy<Value = Vec<(bool, &'static str)>> {
    let fields = prop::collection::vec((any::<bool>(), any_field()), 0..5);
    fields.prop_map(|mut fields| {
        let mut names = Vec::new();
        fields.retain(|(_, field)| {
            let name = field.split(':').next().unwrap_or_default().to_owned();
            let is_new = !names.contains(&name);
            names.push(name);
            is_new
        });
        fields
    })
}

fn written(jobs: &[(usize, Vec<(bool, &'static str)>)]) -> String {
    let mut out = "scrape_configs:\n".to_owned();
    for (number, (place, fields)) in jobs.iter().enumerate() {
        let mut all: Vec<(bool, String)> = fields
            .iter()
            .map(|(comment, field)| (*comment, (*field).to_owned()))
            .collect();
        all.insert((*place).min(all.len()), (false, format!("job_name: job-{number}")));
        let mut head = "  - ";
        for (comment, field) in all {
            for line in field.replace("&list", &format!("&list{number}")).lines() {
                out.push_str(&format!("{head}{line}\n"));
                head = "    ";
            }
            if comment {
                out.push_str("    # what comes next\n\n");
            }
        }
    }
    out
}

proptest! {
    /// `adopt` sees to it by itself that all means the same; here it has to be able to.
    #[test]
    fn jobs_of_any_form_can_be_adopted(
        jobs in prop::collection::vec((0..5_usize, any_job()), 1..4),
        reader in prop::sample::select(vec![Reader::Prometheus2, Reader::Prometheus3]),
    ) {
        let before = written(&jobs);
        let adopted = adopted_for(reader, &before).unwrap_or_else(|error| panic!("{before}\n{error}"));
        let comments = |text: &str| text.matches("# what comes next").count();
        prop_assert_eq!(comments(&before), comments(&adopted.text), "{}\n{}", &before, &adopted.text);
        let jobs = load(adopted.text.as_bytes()).expect("read before").scrape_configs;
        for job in &jobs {
            prop_assert!(job.sd.iter().all(|sd| sd.mechanism() == "http"), "{}", &adopted.text);
        }
    }
}

/// The same for a file of vmagent's.
fn adopted_of_vmagent(reader: Reader, text: &str) -> Result<Adopted, AdoptError> {
    use headcount_config::Dialect;
    let headcount = Url::parse("http://headcount:9099").expect("a URL");
    let load = |dialect| {
        move |bytes: &[u8]| {
            headcount_service::loader()
                .dialect(dialect)
                .parse(bytes, Path::new(ORIGIN), &Nowhere)
        }
    };
    let by_prometheus = load(Dialect::Prometheus);
    let after: Option<&dyn Fn(&[u8]) -> _> = match reader {
        Reader::Vmagent => None,
        Reader::Prometheus2 | Reader::Prometheus3 => Some(&by_prometheus),
    };
    adopt(
        text.as_bytes(),
        Path::new(ORIGIN),
        &headcount,
        reader,
        load(Dialect::Vmagent),
        after,
    )
}

#[test]
fn a_job_whose_rules_prometheus_refuses_or_means_otherwise_is_relabelled() {
    let because = |rule: &str| {
        let text = format!(
            "scrape_configs: [{{job_name: a, static_configs: [{{targets: ['a:1']}}], relabel_configs: [{rule}]}}]"
        );
        let adopted = adopted_of_vmagent(Reader::Prometheus3, &text).unwrap_or_else(|error| panic!("{}", said(&error)));
        adopted.jobs.into_iter().next().expect("a job").relabelled
    };
    let of_vmagent = Some(Because::RuleOfVmagent { rule: 0 });
    for rule in [
        "{action: labeldrop, regex: a, source_labels: [b]}",
        "{action: labelkeep, regex: a, replacement: b}",
        "{action: keepequal, source_labels: [a], target_label: b, separator: ','}",
        "{action: lowercase, source_labels: [a], target_label: b, replacement: c}",
        "{action: labelmap, regex: '(a|b).*', replacement: c}",
        "{action: labelmap, regex: 'a_(.+)', replacement: 'b_$1'}",
        "{target_label: a, replacement: 'x$1', regex: '((.*))', source_labels: [b], if: []}",
    ] {
        assert_eq!(because(rule), of_vmagent, "{rule}");
    }
    for rule in [
        "{action: keep, source_labels: [a], regex: '(?:.*)'}",
        "{action: labelmap, regex: 'a_(.+)'}",
        "{action: labeldrop, regex: '.*'}",
        "{action: drop, source_labels: [a], regex: b}",
    ] {
        assert_eq!(because(rule), None, "{rule}");
    }
}

#[test]
fn what_a_prometheus_would_refuse_is_named_where_it_stands() {
    let text = "global: {relabel_configs: [{target_label: a}]}\n\
        scrape_configs: [{job_name: a, stream_parse: true, static_configs: [{targets: ['a:1']}]}]";
    let error = adopted_of_vmagent(Reader::Prometheus3, text).expect_err("vmagent's");
    assert_eq!(
        error.to_string(),
        "a Prometheus would refuse global.relabel_configs, scrape_configs[0].stream_parse, so it can't take the file over; \
         remove that, or adopt the file --for vmagent"
    );
    assert!(adopted_of_vmagent(Reader::Vmagent, text).is_ok());
}

#[test]
fn no_prometheus_gets_a_rule_of_vmagents() {
    let job =
        |name: &str, more: &str| format!("- {{job_name: {name}, static_configs: [{{targets: ['a:1']}}], {more}}}\n");
    let jobs = |more: &str| {
        format!(
            "scrape_configs:\n{}{}{}{}",
            job(
                "if",
                r#"relabel_configs: [{target_label: a, replacement: b, if: '{c="d"}'}]"#
            ),
            job(
                "hash",
                "relabel_configs: [{target_label: a}, {action: hashmod, source_labels: [b], modulus: 2, target_label: c}]"
            ),
            job(
                "both",
                "relabel_configs: [{target_label: a, regex: '.*', replacement: b}]"
            ),
            job("more", more)
        )
    };
    let text = jobs("honor_labels: true");
    let because = |reader| {
        let adopted = adopted_of_vmagent(reader, &text).unwrap_or_else(|error| panic!("{}", said(&error)));
        let because = |job: AdoptedJob| (job.name, job.relabelled);
        adopted
            .jobs
            .into_iter()
            .map(because)
            .filter(|(_, because)| because.is_some())
            .collect::<Vec<_>>()
    };
    for reader in [Reader::Prometheus2, Reader::Prometheus3] {
        let of_vmagent = |job: &str, rule| (job.to_owned(), Some(Because::RuleOfVmagent { rule }));
        assert_eq!(because(reader), [of_vmagent("if", 0), of_vmagent("hash", 1)]);
    }
    assert_eq!(because(Reader::Vmagent), []);
    // It refuses what it does not know.
    let for_vmagent = adopted_of_vmagent(Reader::Vmagent, &text).expect("it is right").text;
    assert!(
        for_vmagent.contains("/sd/if") && !for_vmagent.contains("refresh_interval"),
        "{for_vmagent}"
    );
    for (more, expected) in [
        ("stream_parse: true", "scrape_configs[3].stream_parse"),
        (
            "metric_relabel_configs: [{action: keep_metrics, regex: a}]",
            "metric_relabel_configs[0] is vmagent's",
        ),
        (
            "metric_relabel_configs: [{target_label: a}, {action: hashmod, source_labels: [b], modulus: 2, target_label: c}]",
            "\"more\": metric_relabel_configs[1]",
        ),
    ] {
        let error = adopted_of_vmagent(Reader::Prometheus3, &jobs(more)).expect_err(more);
        assert!(said(&error).contains(expected), "{}", said(&error));
        assert!(adopted_of_vmagent(Reader::Vmagent, &jobs(more)).is_ok(), "{more}");
    }
}
