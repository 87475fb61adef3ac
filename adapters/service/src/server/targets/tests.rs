use std::collections::BTreeSet;

use headcount_core::{Instant, ProviderId};
use headcount_discoverer::mechanism::{SdConfig, Unsupported};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::discovery::{Observation, OwnedParts, view_of};
use crate::plan::Plan;
use crate::targets::{Targets, targets_of};

fn plan(jobs: &str) -> Plan {
    let text = format!("scrape_configs: [{jobs}]");
    let config = crate::mechanisms::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
    Plan::from(config.expect("valid"))
}

/// Targets of one job `node` with these rules and limits.
fn node(settings: &str, groups: Vec<OwnedParts<'_>>) -> Arc<Targets> {
    let plan = plan(&format!("{{job_name: node, {settings}}}"));
    targets_of(plan.job_options(), view_of(vec![("node", groups)]))
}

fn walk(targets: &Arc<Targets>, query: &str, stale: Stale) -> Walk {
    Walk::new(
        targets.clone(),
        Query::parse(query).expect("a query"),
        stale,
        Healths::default(),
        None,
    )
}

fn ask(targets: &Arc<Targets>, query: &str) -> Value {
    let (sender, pieces) = async_channel::unbounded();
    smol::block_on(send(walk(targets, query, Stale::default()), sender)).expect("somebody listens");
    let sent: Vec<Bytes> = std::iter::from_fn(|| pieces.try_recv().ok()).collect();
    let answer: Value = serde_json::from_slice(&sent.concat()).expect("JSON");
    assert_eq!(answer["status"], "success");
    answer["data"].clone()
}

const LISTS: [&str; 4] = ["activeTargets", "droppedTargets", "duplicateTargets", "invalidTargets"];

/// The addresses in each list.
fn addresses(data: &Value) -> [Vec<String>; 4] {
    LISTS.map(|list| {
        let targets = data[list].as_array().expect("a list").iter();
        let address = |target: &Value| {
            target["discoveredLabels"]["__address__"]
                .as_str()
                .unwrap_or("")
                .to_owned()
        };
        targets.map(address).collect()
    })
}

fn fates() -> Arc<Targets> {
    let settings = "params: {module: [a, b]}, label_value_length_limit: 9, relabel_configs: [\
                    {source_labels: [env, dc], regex: 'prod;.*', action: keep}, \
                    {source_labels: [__meta_rack], target_label: rack}, {regex: env, action: labeldrop}]";
    let one = |address| vec![("__address__", address)];
    node(
        settings,
        vec![
            (
                "a.json:0",
                vec![("env", "prod"), ("__meta_rack", "7")],
                vec![one("a:1"), one("a:1"), one("long-name:1")],
            ),
            ("b.json:0", vec![("env", "test"), ("dc", "x\"y")], vec![one("b:1")]),
            (
                "c.json:0",
                vec![("env", "prod")],
                vec![vec![("no", "address")], one("http://c/")],
            ),
        ],
    )
}

#[test]
fn every_target_says_what_became_of_it() {
    let mut data = ask(&fates(), "");
    for list in LISTS {
        for target in data[list].as_array_mut().expect("a list") {
            // What an identity is, is for the core to say.
            if let Some(id) = target.get_mut("id") {
                *id = "ID".into();
            }
        }
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&data).expect("JSON"));
}

#[test]
fn those_whose_samples_end_in_the_same_series_name_each_other() {
    let one = |address, name| vec![("__address__", address), ("instance", name)];
    let many: Vec<_> = ["d:1", "e:1", "f:1", "g:1", "h:1", "i:1", "j:1"]
        .map(|address| one(address, "z"))
        .into();
    let groups = vec![
        ("s", vec![], vec![one("a:1", "x"), one("b:1", "x"), one("c:1", "y")]),
        ("t", vec![], many),
    ];
    let data = ask(&node("params: {token: [hunter2]}", groups), "state=same_labels");
    let active = data["activeTargets"].as_array().expect("a list");
    let first = active
        .iter()
        .find(|target| target["discoveredLabels"]["__address__"] == "a:1");
    let expected = serde_json::json!([{
        "provider": "node/0", "source": "s", "address": "b:1", "scrapeUrl": "http://b:1/metrics?token=<secret>",
    }]);
    assert_eq!(first.expect("the target")["sameLabels"], expected);
    let named: Vec<_> = active
        .iter()
        .map(|target| target["sameLabels"].as_array().map(Vec::len))
        .collect();
    assert_eq!(named.iter().filter(|named| **named == Some(1)).count(), 2, "{named:?}");
    assert_eq!(
        named.iter().filter(|named| **named == Some(5)).count(),
        7,
        "the first of them: {named:?}"
    );
    assert_eq!(active.len(), 9, "c:1 is like no other");
    let all = ask(
        &node("", vec![("s", vec![], vec![one("a:1", "x"), one("b:1", "y")])]),
        "",
    );
    assert_eq!(all["activeTargets"][0].get("sameLabels"), None);
}

#[test]
fn all_that_match_are_counted_where_that_is_asked_for_whatever_the_limit() {
    let targets = fates();
    for (query, total, next) in [
        ("total=true", 6, false),
        ("total=true&limit=1", 6, true),
        ("total=true&limit=5", 6, true),
        ("total=true&limit=6", 6, false),
        ("total=true&limit=1&state=active", 2, true),
        ("total=true&limit=1&search=b:1", 1, false),
        ("total=true&search=nobody", 0, false),
    ] {
        let data = ask(&targets, query);
        assert_eq!(data["total"], total, "{query}");
        assert_eq!(data["nextToken"].is_string(), next, "{query}");
    }
    assert_eq!(ask(&targets, "limit=1").get("total"), None);
    // What is counted does not change what is written, nor what comes next.
    let mut seen = Vec::new();
    let mut next = String::new();
    for left in (1..=6).rev() {
        let data = ask(&targets, &format!("total=true&limit=1&next_token={next}"));
        assert_eq!(data["total"], left);
        seen.extend(addresses(&data).concat());
        next = data["nextToken"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(seen, addresses(&ask(&targets, "")).concat());
}

#[test]
fn sorted_pages_have_the_names_of_all_of_a_job_in_order() {
    let targets = many(1_200);
    let mut names = Vec::new();
    let mut next = String::new();
    loop {
        let data = ask(
            &targets,
            &format!("sort=name&limit=500&search=host-1&next_token={next}"),
        );
        names.extend(addresses(&data)[0].clone());
        let Some(token) = data["nextToken"].as_str() else { break };
        next = token.to_owned();
    }
    let expected: Vec<String> = (0..1_200)
        .filter(|number: &usize| number.to_string().starts_with('1'))
        .map(|number| format!("host-{number}:9100"))
        .collect();
    assert_eq!(names, expected);
    let counted = ask(&targets, "sort=name&limit=1&total=true&search=host-1");
    assert_eq!(counted["total"], expected.len());
}

#[test]
fn targets_are_chosen_by_state_labels_and_text() {
    let targets = fates();
    let found = |query: &str| {
        let [active, dropped, duplicate, invalid] = addresses(&ask(&targets, query)).map(|list| list.join(" "));
        format!("{active}|{dropped}|{duplicate}|{invalid}")
    };
    for (query, expected) in [
        ("", "a:1 long-name:1|b:1|a:1|http://c/ "),
        ("state=any&scrapePool=node", "a:1 long-name:1|b:1|a:1|http://c/ "),
        ("scrapePool=other", "|||"),
        ("state=active", "a:1 long-name:1|||"),
        ("state=dropped", "|b:1||"),
        ("state=duplicate", "||a:1|"),
        ("state=invalid", "|||http://c/ "),
        ("state=over_limit", "long-name:1|||"),
        ("state=stale", "|||"),
        ("state=up", "|||"),
        ("match[]={rack=\"7\"}", "a:1 long-name:1||a:1|"),
        ("match[]={env=\"prod\",rack=\"\"}", "|||http://c/ "),
        (
            "match[]={instance=~\"long.*\"}&match[]={env=\"test\"}",
            "long-name:1|b:1||",
        ),
        ("search=LONG", "long-name:1|||"),
        ("search=B.JSON", "|b:1||"),
        ("search=x%22Y&state=dropped", "|b:1||"),
        ("search=no%20such", "|||"),
        ("search=b:1&match[]={dc=\"z\"}", "|||"),
    ] {
        assert_eq!(found(query), expected, "{query}");
    }
    let counts = |query: &str| ask(&targets, query)["droppedTargetCounts"].clone();
    assert_eq!(counts("scrapePool=other"), serde_json::json!({"node": 1}));
    assert_eq!(counts("state=active"), Value::Null);
}

#[test]
fn as_many_dropped_targets_are_listed_as_the_job_keeps() {
    let addresses_of = |numbers: std::ops::Range<u8>| numbers.map(|number| format!("h:{number}")).collect::<Vec<_>>();
    let all = addresses_of(0..9);
    let own = all
        .iter()
        .map(|address| vec![("__address__", address.as_str())])
        .collect();
    let settings = "keep_dropped_targets: 4, relabel_configs: [{regex: '', action: keep}, {action: drop}]";
    let targets = node(settings, vec![("s", vec![], own)]);
    let data = ask(&targets, "");
    assert_eq!(addresses(&data)[1], all[..4]);
    assert_eq!(data["droppedTargetCounts"]["node"], 9);
    let first = ask(&targets, "limit=3");
    let token = first["nextToken"].as_str().expect("more");
    let second = ask(&targets, &format!("limit=3&next_token={token}"));
    assert_eq!(
        (addresses(&second)[1].as_slice(), &second["nextToken"]),
        (&all[3..4], &Value::Null)
    );
}

#[test]
fn targets_of_a_provider_that_fails_are_stale() {
    let mut manager = headcount_core::Manager::<SdConfig>::new(Instant::ZERO, Default::default());
    let config = SdConfig::unsupported(Unsupported {
        mechanism: "node".to_owned(),
        entry: String::new(),
    });
    manager.apply(Instant::ZERO, [("node".to_owned(), vec![config])]);
    let failure = headcount_core::Failure::new("no route");
    manager
        .handle_failure(Instant::ZERO, ProviderId::from_number(0), failure)
        .expect("running");
    let observation = Observation::of(&manager, Instant::ZERO);
    let world = headcount_discoverer::testing::World::new();
    let stale = Stale::of(&observation, crate::wall_clock::WallClock::read(&*world.env().clock));
    let mut out = Vec::new();
    let mut walk = walk(&fates(), "state=stale&limit=1", stale);
    while walk.step(&mut out) {}
    let answer: Value = serde_json::from_slice(&out).expect("JSON");
    let expected = serde_json::json!({"since": null, "error": "no route"});
    assert_eq!(answer["data"]["activeTargets"][0]["stale"], expected);
}

/// One group of so many targets.
fn many(count: usize) -> Arc<Targets> {
    let names: Vec<String> = (0..count).map(|number| format!("host-{number}:9100")).collect();
    let own = names.iter().map(|name| vec![("__address__", name.as_str())]).collect();
    let rules = "relabel_configs: [{target_label: a, replacement: b}]";
    node(rules, vec![("s", vec![("rack", "1")], own)])
}

#[test]
fn the_memory_for_an_answer_does_not_grow_with_it() {
    let peak = |count: usize| {
        let targets = many(count);
        let mut written = 0;
        let peak = allocation_counter::measure(|| {
            let (mut walk, mut out) = (walk(&targets, "", Stale::default()), Vec::new());
            while walk.step(&mut out) {
                if out.len() >= PIECE {
                    written += out.len();
                    out = Vec::new();
                }
            }
        });
        (peak.bytes_max, written)
    };
    let ((short, _), (long, written)) = (peak(1_000), peak(30_000));
    assert!(written > 200 * PIECE, "it is a long answer: {written} bytes");
    assert!(
        long < short + short / 10,
        "{short} bytes for 1,000 targets, {long} for 30,000"
    );
}

/// However many targets there are and however few are wanted, a step is short and its bytes few.
#[test]
fn an_answer_is_written_in_pieces_of_bounded_size() {
    let targets = many(20_000);
    let (sender, pieces) = async_channel::unbounded();
    smol::block_on(send(walk(&targets, "", Stale::default()), sender)).expect("somebody listens");
    let sizes: Vec<usize> = std::iter::from_fn(|| pieces.try_recv().ok())
        .map(|piece| piece.len())
        .collect();
    assert!(sizes.iter().all(|size| *size < PIECE + 4_096), "{sizes:?}");
    assert!(sizes.iter().sum::<usize>() > 100 * PIECE, "it is a long answer");
    let mut seldom = walk(&targets, "search=host-19999:", Stale::default());
    let (mut out, mut steps) = (Vec::new(), 1);
    while seldom.step(&mut out) {
        steps += 1;
    }
    assert!(steps >= 20_000 / 1_000, "{steps} steps");
    assert!(out.len() < 2_000, "{} bytes", out.len());
}

#[test]
fn steps_are_those_of_prometheus() {
    let rules = plan(
        "{job_name: node, relabel_configs: [{source_labels: [a, b], separator: '-', target_label: c, \
         regex: '(.+)-(.*)', replacement: '$2.$1'}, {regex: 'a', action: labeldrop}, \
         {source_labels: [b], modulus: 4, target_label: shard, action: hashmod}, \
         {source_labels: [c], regex: x, action: drop}, {source_labels: [c], regex: y, action: keep}, \
         {source_labels: [c], target_label: d, action: uppercase}]}",
    );
    let relabeling = &rules.jobs[0].relabel_configs;
    let labels = [("a", "1"), ("b", "2"), ("empty", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let explained = relabeling.explain(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let steps = steps::steps(relabeling, labels.into(), explained);
    insta::assert_snapshot!(serde_json::to_string_pretty(&steps).expect("JSON"));
}

#[test]
fn labels_are_read_as_go_reads_them() {
    let parsed = |text: &str| steps::parse(text).map(|labels| labels.into_iter().collect::<Vec<_>>());
    assert_eq!(parsed("null").expect("no labels"), []);
    let expected = [("a", "1"), ("b", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parsed("{\"a\":\"1\",\"b\":null}").expect("labels"), expected);
    for wrong in ["", "[]", "\"a\"", "{\"a\":1}", "{\"a\":\"1\"} x", "{\"a\":{}}"] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Pages of any size together are the whole answer.
    #[test]
    fn pages_together_are_the_whole(
        groups in proptest::collection::vec(proptest::collection::vec((0..6_u8, 0..4_u8), 0..8), 0..6),
        limit in 1..7_u8,
    ) {
        let sources: Vec<String> = (0..groups.len()).map(|source| source.to_string()).collect();
        let names: Vec<Vec<(String, String)>> = groups
            .iter()
            .map(|group| group.iter().map(|(host, env)| (["", "/", "a", "b", "c", "d"][usize::from(*host)].to_owned(), env.to_string())).collect())
            .collect();
        let parts = |names: &'_ [(String, String)]| -> Vec<Vec<(String, String)>> {
            names.iter().map(|(host, env)| vec![("__address__".to_owned(), host.clone()), ("env".to_owned(), env.clone())]).collect()
        };
        let owned: Vec<_> = names.iter().map(|names| parts(names)).collect();
        let borrowed = || sources.iter().zip(&owned).map(|(source, targets)| {
            let targets = targets.iter().map(|labels| labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
            (source.as_str(), vec![], targets.collect())
        });
        let plan = plan("{job_name: x, relabel_configs: [{source_labels: [env], regex: '0', action: drop}, {regex: env, action: labeldrop}]}, {job_name: y}");
        let targets = targets_of(plan.job_options(), view_of(vec![("x", borrowed().collect()), ("y", borrowed().collect())]));
        let whole = ask(&targets, "");
        let sorted = ask(&targets, "sort=name&limit=2000");
        for (whole, order) in [(&whole, ""), (&sorted, "&sort=name")] {
            let mut paged: [Vec<Value>; 4] = Default::default();
            let mut query = format!("limit={limit}{order}");
            loop {
                let page = ask(&targets, &query);
                let mut listed = 0;
                for (list, paged) in LISTS.into_iter().zip(&mut paged) {
                    let list = page[list].as_array().expect("a list");
                    listed += list.len();
                    paged.extend(list.iter().cloned());
                }
                let Some(token) = page["nextToken"].as_str() else { break };
                prop_assert_eq!(listed, usize::from(limit));
                query = format!("limit={limit}{order}&next_token={}", url::form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>());
            }
            for (list, paged) in LISTS.into_iter().zip(paged) {
                prop_assert_eq!(&whole[list], &Value::Array(paged));
            }
        }
        // Sorted, it is the same by jobs and names.
        for list in LISTS {
            let place = |target: &Value| {
                let name = target["labels"]["instance"].as_str().or(target["discoveredLabels"]["__address__"].as_str());
                (target["scrapePool"].to_string(), name.unwrap_or_default().to_owned())
            };
            let mut expected: Vec<_> = whole[list].as_array().expect("a list").iter().map(place).collect();
            expected.sort();
            let found: Vec<_> = sorted[list].as_array().expect("a list").iter().map(place).collect();
            prop_assert_eq!(found, expected);
        }
        // And each target stands in one list, once.
        let listed: usize = LISTS.iter().map(|list| whole[list].as_array().map_or(0, Vec::len)).sum();
        prop_assert_eq!(listed, 2 * groups.iter().map(Vec::len).sum::<usize>());
        let ids: BTreeSet<_> = whole["activeTargets"].as_array().expect("a list").iter().map(|target| target["id"].to_string()).collect();
        prop_assert_eq!(ids.len(), whole["activeTargets"].as_array().map_or(0, Vec::len));
    }
}
