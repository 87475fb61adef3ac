//! Shares over real pools, in time that stands still until it is told to pass.

use std::collections::BTreeSet;

use super::*;
use crate::discovery::view_of;
use crate::targets::list::tests::job;
use crate::targets::targets_of;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

pub(crate) fn members(text: &str) -> MembersSettings {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("headcount.yml");
    std::fs::write(&path, format!("members: {text}")).expect("written");
    let loader = crate::loader().settings(path);
    let jobs = b"scrape_configs: [{job_name: node}, {job_name: self}]";
    let config = loader.parse(jobs, "/p.yml".as_ref(), &headcount_config::Machine);
    config
        .expect("nothing is wrong with it")
        .settings
        .members
        .expect("members")
}

/// Targets of the job `node`, of which one is dropped and one is there twice.
fn targets(hosts: usize) -> Arc<Targets> {
    let names: Vec<String> = (0..hosts).map(|host| format!("h{host}:1")).collect();
    let mut parts: Vec<Vec<(&str, &str)>> = names.iter().map(|name| vec![("__address__", name.as_str())]).collect();
    parts.push(vec![("__address__", "dropped:1"), ("rack", "2")]);
    parts.push(vec![("__address__", "h0:1"), ("__meta_x", "y")]);
    let options = job(
        "scrape_interval: 15s, scrape_timeout: 10s, relabel_configs: [{source_labels: [rack], regex: '2', action: drop}]",
    );
    targets_of(
        vec![options],
        view_of(vec![("node", vec![("s", vec![("__meta_site", "a")], parts)])]),
    )
}

/// Those of `node` that are there, shared out among these.
pub(crate) fn shared(hosts: usize, settings: &str) -> Arc<Targets> {
    let targets = targets(hosts);
    let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
    targets.sharing.configure(at(0), Some(&members(settings)), &options);
    targets.read(|state| drop(targets.sharing.follow(at(0), state, &Changes::default())));
    targets
}

fn ask(targets: &Targets, now: Instant, member: &str, kind: ListKind) -> Share {
    let refresh = Some(Duration::from_secs(30));
    targets.share_now(now, member, "node", Form::Of(kind), refresh)
}

/// The addresses on a member's list, which it is sent.
fn listed(targets: &Targets, now: Instant, member: &str, kind: ListKind) -> BTreeSet<String> {
    let Share::List(list, sent) = ask(targets, now, member, kind) else {
        panic!("{member} gets nothing")
    };
    targets.sent_now(now, &sent);
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&list.to_vec()).expect("JSON");
    let address = |entry: serde_json::Value| entry["targets"][0].as_str().expect("a text").to_owned();
    entries.into_iter().map(address).collect()
}

#[test]
fn each_target_is_on_one_list_whatever_kind_it_is_of() {
    let targets = shared(100, "{names: [a, b, c]}");
    for kind in [
        ListKind::Discovered,
        ListKind::Relabelled,
        ListKind::RelabelledInUnderscores,
    ] {
        let lists = ["a", "b", "c"].map(|member| listed(&targets, at(1), member, kind));
        let all: BTreeSet<String> = lists.iter().flatten().cloned().collect();
        assert_eq!(all, (0..100).map(|host| format!("h{host}:1")).collect());
        assert_eq!(lists.iter().map(BTreeSet::len).sum::<usize>(), 100);
        assert!(lists.iter().all(|list| (30..=35).contains(&list.len())), "{lists:?}");
    }
}

#[test]
fn a_list_has_the_labels_that_its_reader_needs() {
    let targets = shared(1, "{names: [a]}");
    let text = |kind| match ask(&targets, at(1), "a", kind) {
        Share::List(list, _) => String::from_utf8(list.to_vec()).expect("UTF-8"),
        other => panic!("{other:?}"),
    };
    let expected = "[\n{\"targets\":[\"h0:1\"],\"labels\":{\"__meta_site\":\"a\",\"__meta_x\":\"y\"}}\n]";
    assert_eq!(text(ListKind::Discovered), expected);
    let place = ("a".into(), "node".into(), Form::Allocator);
    let Share::List(list, _) = targets.list_now(&place) else {
        panic!("it is there")
    };
    let as_allocated = expected.replace("{\"__meta_site", "{\"__address__\":\"h0:1\",\"__meta_site");
    assert_eq!(String::from_utf8(list.to_vec()).expect("UTF-8"), as_allocated);
    assert!(text(ListKind::Relabelled).contains("\"instance\":\"h0:1\",\"job\":\"node\""));
}

#[test]
fn who_is_taken_out_keeps_what_others_have_not_begun_with() {
    let targets = shared(100, "{names: [a, b]}");
    let (a, b) = (
        listed(&targets, at(1), "a", ListKind::Relabelled),
        listed(&targets, at(1), "b", ListKind::Relabelled),
    );
    let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
    targets
        .sharing
        .configure(at(2), Some(&members("{names: [a]}")), &options);
    assert_eq!(listed(&targets, at(3), "b", ListKind::Relabelled), b);
    assert_eq!(listed(&targets, at(10), "a", ListKind::Relabelled).len(), 100);
    assert_eq!(listed(&targets, at(34), "b", ListKind::Relabelled), b);
    let overview = targets.sharing.overview(at(34)).expect("members");
    let entries: Vec<_> = overview
        .members
        .iter()
        .map(|member| (&*member.name, member.retired, member.targets))
        .collect();
    assert_eq!(entries, [("a", false, 100), ("b", true, 0)]);
    assert_eq!(overview.moved as usize, 100 - a.len());
    assert_eq!(listed(&targets, at(35), "b", ListKind::Relabelled), BTreeSet::new());
    assert_eq!(targets.sharing.overview(at(36)).expect("members").members.len(), 1);
    assert!(
        matches!(ask(&targets, at(40), "c", ListKind::Relabelled), Share::NoMember(why) if why.contains("has 1 of them: a"))
    );
}

#[test]
fn those_that_ask_are_members_and_no_list_is_empty_meanwhile() {
    let targets = shared(100, "{allow: 'm-[ab]', grace: 1m}");
    let is_waiting = |seconds, member| {
        matches!(
            ask(&targets, at(seconds), member, ListKind::Relabelled),
            Share::NotYet(_)
        )
    };
    for second in [1, 31, 61] {
        assert!(is_waiting(second, "m-a"), "{second}");
    }
    assert!(is_waiting(40, "m-b"), "it asks once");
    assert!(matches!(ask(&targets, at(61), "x", ListKind::Relabelled), Share::NoMember(why) if why.contains("m-[ab]")));
    // Two intervals of 30 s, and five for who is late.
    assert_eq!(listed(&targets, at(66), "m-a", ListKind::Relabelled).len(), 100);
    let other = listed(&targets, at(70), "m-b", ListKind::Relabelled);
    assert!((40..60).contains(&other.len()));
    assert_eq!(
        listed(&targets, at(94), "m-a", ListKind::Relabelled).len(),
        100,
        "b has not begun"
    );
    assert_eq!(
        listed(&targets, at(95), "m-a", ListKind::Relabelled).len(),
        100 - other.len()
    );
    // b does not ask for its interval and the grace.
    assert_eq!(
        listed(&targets, at(159), "m-a", ListKind::Relabelled).len(),
        100 - other.len()
    );
    assert_eq!(listed(&targets, at(160), "m-a", ListKind::Relabelled).len(), 100);
}

#[test]
fn whose_a_target_is_is_known_and_what_is_not_shared_out_is_all_of_it() {
    let targets = shared(10, "{names: [a, b], replication_factor: 2, unshared_jobs: [self]}");
    let id = targets.read(|state| {
        let pool = state.pools.pool("node").expect("the job");
        pool.targets().find_map(|view| match view.fate {
            headcount_core::Fate::Active { id } => Some(id),
            _ => None,
        })
    });
    let owned = targets.sharing.owned("node", id.expect("one")).expect("it is known");
    assert_eq!(owned.owners, ["a".into(), "b".into()]);
    let unshared = targets.share_now(at(0), "a", "self", Form::Of(ListKind::Discovered), None);
    assert!(matches!(unshared, Share::Whole));
    targets.sharing.configure(at(0), None, &[]);
    assert!(matches!(ask(&targets, at(1), "a", ListKind::Discovered), Share::Nobody));
}

/// Whoever was a member does not lose what it scrapes because the names that are taken are others now.
#[test]
fn members_that_another_allow_does_not_take_keep_their_lists_until_others_have_begun() {
    let targets = shared(100, "{allow: 'old-.*', grace: 1m}");
    let options = || vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
    for second in [0, 30, 60] {
        drop(ask(&targets, at(second), "old-a", ListKind::Relabelled));
    }
    assert_eq!(listed(&targets, at(66), "old-a", ListKind::Relabelled).len(), 100);
    let other = members("{allow: 'new-.*', grace: 1m}");
    targets.sharing.configure(at(70), Some(&other), &options());
    // As long as it asks: it is no member, and not lost.
    for second in (90..=600).step_by(30) {
        assert_eq!(
            listed(&targets, at(second), "old-a", ListKind::Relabelled).len(),
            100,
            "{second}"
        );
    }
    // Two come, and none of them is given everything.
    let ask_both = |second| ["new-a", "new-b"].map(|name| ask(&targets, at(second), name, ListKind::Relabelled));
    assert!(ask_both(610).iter().all(|share| matches!(share, Share::NotYet(_))));
    let shares = ask_both(640).map(|share| match share {
        Share::List(list, _) => list.to_vec().len(),
        other => panic!("{other:?}"),
    });
    assert!(shares.iter().all(|bytes| *bytes > 1_000), "{shares:?}");
    assert_eq!(listed(&targets, at(650), "old-a", ListKind::Relabelled).len(), 100);
    for member in ["new-a", "new-b"] {
        assert!((40..60).contains(&listed(&targets, at(660), member, ListKind::Relabelled).len()));
    }
    assert_eq!(listed(&targets, at(684), "old-a", ListKind::Relabelled).len(), 100);
    assert_eq!(listed(&targets, at(685), "old-a", ListKind::Relabelled).len(), 0);
    assert!(matches!(
        ask(&targets, at(700), "old-a", ListKind::Relabelled),
        Share::NoMember(_)
    ));
}

#[test]
fn what_was_sent_of_shares_that_are_no_more_does_not_count() {
    let targets = shared(100, "{names: [a, b]}");
    let Share::List(_, before) = ask(&targets, at(1), "b", ListKind::Relabelled) else {
        panic!("b has a list")
    };
    let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
    targets.sharing.configure(at(2), None, &options);
    targets
        .sharing
        .configure(at(3), Some(&members("{names: [a]}")), &options);
    let follow = |second| targets.read(|state| drop(targets.sharing.follow(at(second), state, &Changes::default())));
    follow(4);
    assert_eq!(listed(&targets, at(5), "a", ListKind::Relabelled).len(), 100);
    targets
        .sharing
        .configure(at(6), Some(&members("{names: [a, b]}")), &options);
    targets.sent_now(at(7), &before);
    assert_eq!(
        listed(&targets, at(600), "a", ListKind::Relabelled).len(),
        100,
        "b was sent nothing of these"
    );
}

/// What panics while shares follow is worked out anew, and nobody is told that it has nothing.
#[test]
fn shares_that_nobody_knows_are_made_anew() {
    let targets = shared(100, "{names: [a, b]}");
    let before = listed(&targets, at(1), "a", ListKind::Relabelled);
    drop(targets.sharing.lose_track());
    assert!(matches!(
        ask(&targets, at(2), "a", ListKind::Relabelled),
        Share::NotYet(_)
    ));
    targets.read(|state| drop(targets.sharing.follow(at(3), state, &Changes::default())));
    assert_eq!(listed(&targets, at(4), "a", ListKind::Relabelled), before);
}

#[test]
fn a_target_is_on_the_list_of_the_member_of_its_node() {
    const KIND: &str = "__meta_kubernetes_endpointslice_address_target_kind";
    const NAME: &str = "__meta_kubernetes_endpointslice_address_target_name";
    let names: Vec<String> = (0..40).map(|host| format!("h{host}:1")).collect();
    let labels = [
        vec![("__meta_kubernetes_pod_node_name", "n1")],
        vec![("__meta_kubernetes_node_name", "n2")],
        vec![(KIND, "Node"), (NAME, "n1")],
        // What is no node, a node without a member, and none at all.
        vec![(KIND, "Pod"), (NAME, "n1")],
        vec![("__meta_kubernetes_endpoint_node_name", "n3")],
    ];
    let parts = names.iter().enumerate().map(|(number, name)| {
        let own = labels.get(number % 8).cloned().unwrap_or_default();
        std::iter::once(("__address__", name.as_str())).chain(own).collect()
    });
    let targets = targets_of(
        vec![job("scrape_interval: 15s, scrape_timeout: 10s")],
        view_of(vec![("node", vec![("s", vec![], parts.collect())])]),
    );
    let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
    let share = |second, settings: &str| {
        targets
            .sharing
            .configure(at(second), Some(&members(settings)), &options);
        targets.read(|state| drop(targets.sharing.follow(at(second), state, &Changes::default())));
    };
    let on = |second, member, kinds: &[usize]| {
        let list = listed(&targets, at(second), member, ListKind::Discovered);
        let is_of = |name: &&String| kinds.contains(&(names.iter().position(|other| other == *name).expect("one") % 8));
        (list.iter().filter(is_of).count(), list.len())
    };
    share(0, "{names: [n1, n2], strategy: per_node}");
    let (of_one, of_other) = (on(1, "n1", &[0, 2]), on(1, "n2", &[1]));
    assert_eq!((of_one.0, of_other.0), (10, 5), "all of its own");
    assert_eq!(of_one.1 + of_other.1, 40, "and all others are somebody's");
    assert_eq!(targets.sharing.overview(at(2)).expect("members").unassigned, 0);

    share(3, "{names: [n1, n2], strategy: per_node, fallback: none}");
    let overview = targets.sharing.overview(at(4)).expect("members");
    assert_eq!((overview.targets, overview.unassigned), (40, 5), "those of n3");
    share(5, "{names: [n1, n2, n3], strategy: per_node, fallback: none}");
    assert_eq!(on(6, "n3", &[4]).0, 5);

    share(
        7,
        "{names: [n1, n2, n3], strategy: per_node, node_labels: [__meta_kubernetes_node_name]}",
    );
    targets.sharing.overview(at(8)).expect("members");
    share(9, "{names: [n1, n2, n3]}");
    let counts: Vec<usize> = ["n1", "n2", "n3"].map(|name| on(100, name, &[]).1).into();
    targets.sharing.pass(at(200));
    let overview = targets.sharing.overview(at(200)).expect("members");
    let owned: Vec<usize> = overview.members.iter().map(|member| member.targets).collect();
    assert_eq!(owned.iter().sum::<usize>(), 40);
    assert!(
        owned.iter().all(|count| (10..=16).contains(count)),
        "{owned:?} {counts:?}"
    );
}

/// What it is shared out by after a restart is another: what moves by that is on the list of who has it until others have begun.
#[test]
fn another_strategy_after_a_restart_hands_targets_over() {
    let ways = [
        "{names: [a, b, c]}",
        "{names: [a, b, c], strategy: per_node, node_labels: [__meta_host], fallback: none}",
        "{names: [a, b, c], strategy: weighted, weight_label: __weight}",
        "{names: [a, b, c], unshared_jobs: [self]}",
    ];
    let parts: Vec<Vec<(String, String)>> = (0..90)
        .map(|host| {
            let weight = if host < 6 { "100000" } else { "1" };
            let labels = [
                ("__address__", format!("h{host}:1")),
                ("__meta_host", ["a", "b", "d"][host % 3].to_owned()),
                ("__weight", weight.to_owned()),
            ];
            labels.map(|(name, value)| (name.to_owned(), value)).to_vec()
        })
        .collect();
    let of = |kept: Option<KeptMembers>, second: u64, settings: &str| {
        let parts = parts.iter().map(|labels| {
            labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect()
        });
        let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
        let view = view_of(vec![("node", vec![("s", vec![], parts.collect())])]);
        let targets = targets_of(options.clone(), view);
        targets.sharing.begin_with(kept);
        targets
            .sharing
            .configure(at(second), Some(&members(settings)), &options);
        targets.read(|state| drop(targets.sharing.follow(at(second), state, &Changes::default())));
        targets
    };
    let lists = |targets: &Targets, second| {
        ["a", "b", "c"].map(|member| listed(targets, at(second), member, ListKind::Discovered))
    };
    for before in ways {
        for after in ways {
            let targets = of(None, 0, before);
            let had = lists(&targets, 1);
            let ToKeep::Members(kept) = targets.sharing.to_keep() else {
                panic!("there are members")
            };
            let read = KeptMembers::read(&kept.write().expect("JSON")).expect("it is whole");
            let targets = of(Some(read), 10, after);
            let has = lists(&targets, 11);
            for (had, has) in had.iter().zip(&has) {
                assert!(had.is_subset(has), "from {before} to {after}: {had:?}, {has:?}");
            }
            targets.sharing.pass(at(100));
            let alone = of(None, 0, after);
            assert_eq!(lists(&targets, 101), lists(&alone, 101), "from {before} to {after}");
        }
    }
}

/// Eight of a hundred targets have nine tenths of the weight.
#[test]
fn what_members_scrape_weighs_about_the_same() {
    let names: Vec<String> = (0..100).map(|host| format!("h{host}:1")).collect();
    let weight = |host: usize| {
        if host < 8 {
            "1000"
        } else {
            ["10", "9", "", "many"][host % 4]
        }
    };
    let parts = names.iter().enumerate();
    let parts = parts.map(|(host, name)| vec![("__address__", name.as_str()), ("__meta_weight", weight(host))]);
    let rule = "relabel_configs: [{source_labels: [__meta_weight], target_label: __weight}]";
    let options = job(&format!("scrape_interval: 15s, scrape_timeout: 10s, {rule}"));
    let targets = targets_of(
        vec![options.clone()],
        view_of(vec![("node", vec![("s", vec![], parts.collect())])]),
    );
    let options = vec![options];
    let share = |second, settings: &str| {
        targets
            .sharing
            .configure(at(second), Some(&members(settings)), &options);
        targets.read(|state| drop(targets.sharing.follow(at(second), state, &Changes::default())));
    };
    let weights = |second| {
        let overview = targets.sharing.overview(at(second)).expect("members");
        overview.members.iter().map(|member| member.weight).collect::<Vec<_>>()
    };
    share(0, "{names: [a, b, c, d]}");
    assert_eq!(weights(1), [None; 4]);
    let before = ["a", "b", "c", "d"].map(|member| listed(&targets, at(1), member, ListKind::Relabelled));

    share(2, "{names: [a, b, c, d], strategy: weighted, weight_label: __weight}");
    // Those of which nothing is said count as the typical one: 46 say 8.
    let all = 8 * 1_024 + 92 * 8;
    let shown: Vec<u64> = weights(3).into_iter().flatten().collect();
    assert_eq!(shown.iter().sum::<u64>(), all);
    assert!(
        shown.iter().all(|weight| *weight <= all * 110 / 400),
        "two heavy ones each, and the rest: {shown:?}"
    );
    // What moves by that is handed over: who has it keeps it.
    let listed = ["a", "b", "c", "d"].map(|member| listed(&targets, at(3), member, ListKind::Relabelled));
    assert!(
        before
            .iter()
            .zip(&listed)
            .all(|(before, listed)| before.is_subset(listed))
    );
    assert!(targets.sharing.overview(at(3)).expect("members").handovers > 0);
    let id = targets.read(|state| {
        let pool = state.pools.pool("node").expect("the job");
        pool.targets().find_map(|view| view.fate.scraped()).expect("a target")
    });
    assert_eq!(
        targets.sharing.owned("node", id).expect("shared out").weight,
        Some(1_024)
    );

    // A target that weighs something else is the same one.
    share(
        4,
        "{names: [a, b, c, d], strategy: weighted, weight_label: none_has_it}",
    );
    assert_eq!(weights(5).into_iter().flatten().sum::<u64>(), 100);
    share(6, "{names: [a, b, c, d]}");
    assert_eq!(weights(7), [None; 4]);
    let again = ["a", "b", "c", "d"].map(|member| {
        targets.sharing.overview(at(7)).map(|all| {
            let found = all.members.into_iter().find(|other| &*other.name == member);
            found.map_or(0, |member| member.targets)
        })
    });
    assert_eq!(
        again,
        before.map(|list| Some(list.len())),
        "as it was before there were weights"
    );
}

/// The state of the manager of members in which these are found.
fn found(names: &[&str]) -> crate::discovery::View {
    let targets = names.iter().map(|name| vec![("__address__", *name)]).collect();
    view_of(vec![(crate::plan::MEMBERS_SET, vec![("s", vec![], targets)])])
}

const FOUND: &str = "{static_configs: [{targets: [x]}], grace: 1m}";

fn names(targets: &Targets, second: u64) -> Vec<String> {
    let overview = targets.sharing.overview(at(second)).expect("members");
    let shown = |member: MemberEntry| {
        let seat = member.seat.map(|seat| format!("{seat}:")).unwrap_or_default();
        let is_missing = if member.missing.is_some() { "-" } else { "" };
        let is_retired = if member.retired { "!" } else { "" };
        format!("{is_retired}{is_missing}{seat}{}", member.name)
    };
    let waiting = overview.waiting.into_iter().map(|name| format!("?{name}"));
    overview.members.into_iter().map(shown).chain(waiting).collect()
}

#[test]
fn members_are_found_and_nobody_is_gone_by_what_was_not_read() {
    let targets = shared(100, FOUND);
    let sharing = &targets.sharing;
    sharing.find(at(0), &found(&["z"]));
    assert!(
        matches!(ask(&targets, at(1), "z", ListKind::Relabelled), Share::NotYet(why) if why.contains("being found"))
    );
    assert!(
        !sharing.overview(at(1)).expect("members").settled,
        "that was of another configuration"
    );
    sharing.found_from(0);
    // Nothing was read, and not all of it.
    sharing.find(at(1), &view_of(vec![]));
    let mut sets = crate::discovery::Sets::new(&[crate::plan::MEMBERS_SET]);
    sets.fails(0, headcount_core::Failure::new("no"));
    sharing.find(at(1), &sets.view());
    assert!(matches!(
        ask(&targets, at(1), "a", ListKind::Relabelled),
        Share::NotYet(_)
    ));

    sharing.find(at(2), &found(&["a", "b"]));
    let lists = ["a", "b"].map(|name| listed(&targets, at(3), name, ListKind::Relabelled));
    assert_eq!(lists.iter().map(BTreeSet::len).sum::<usize>(), 100);
    assert!(
        matches!(ask(&targets, at(3), "c", ListKind::Relabelled), Share::NoMember(why) if why.contains("finds 2 of them: a, b"))
    );

    // b is not found any more, and is a member for a minute: a restart takes less.
    sharing.find(at(10), &found(&["a"]));
    assert_eq!(names(&targets, 11), ["a", "-b"]);
    sharing.find(at(60), &found(&["a", "b"]));
    sharing.pass(at(80));
    assert_eq!(names(&targets, 80), ["a", "b"]);
    assert_eq!(
        listed(&targets, at(80), "b", ListKind::Relabelled),
        lists[1],
        "nothing moved"
    );
    assert_eq!(sharing.overview(at(80)).expect("members").moved, 0);

    // It is gone for longer, but asks, and so keeps what it has until a has begun.
    sharing.find(at(90), &found(&["a"]));
    let (next, _) = sharing.pass(at(149));
    assert_eq!(next, Some(at(150)), "when the grace is over");
    assert_eq!(names(&targets, 149), ["a", "-b"]);
    listed(&targets, at(149), "b", ListKind::Relabelled);
    sharing.pass(at(150));
    assert_eq!(names(&targets, 150), ["a", "!b"]);
    assert_eq!(listed(&targets, at(151), "b", ListKind::Relabelled), lists[1]);
    assert_eq!(listed(&targets, at(152), "a", ListKind::Relabelled).len(), 100);
    assert_eq!(listed(&targets, at(176), "b", ListKind::Relabelled), lists[1]);
    assert_eq!(listed(&targets, at(177), "b", ListKind::Relabelled).len(), 0);
    assert_eq!(names(&targets, 178), ["a"]);
    // The other way of members has them, and they stay while nothing is known of it.
    let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
    sharing.configure(at(200), Some(&members("{names: [a, c]}")), &options);
    sharing.configure(at(201), Some(&members(FOUND)), &options);
    assert_eq!(names(&targets, 202), ["a", "c"]);
    sharing.found_from(0);
    sharing.find(at(203), &found(&["c"]));
    assert_eq!(names(&targets, 203), ["!a", "c"]);
}

/// Each member of a Deployment is replaced by one of another name.
#[test]
fn a_newcomer_takes_the_seat_of_one_that_is_gone_and_all_that_it_had() {
    let targets = shared(90, "{static_configs: [{targets: [x]}], grace: 1m, identity: seat}");
    let sharing = &targets.sharing;
    sharing.found_from(0);
    sharing.find(at(0), &found(&["a", "b", "c"]));
    assert_eq!(names(&targets, 0), ["0:a", "1:b", "2:c"]);
    let list = |second, name| listed(&targets, at(second), name, ListKind::Relabelled);
    let of_b = list(1, "b");
    sharing.find(at(2), &found(&["a", "b", "c", "x"]));
    assert!(
        matches!(ask(&targets, at(3), "x", ListKind::Relabelled), Share::NotYet(why) if why.contains("waits for the seat"))
    );
    assert_eq!(names(&targets, 4), ["0:a", "1:b", "2:c", "?x"]);
    sharing.find(at(30), &found(&["a", "c", "x"]));
    assert_eq!(names(&targets, 30), ["0:a", "!b", "2:c", "1:x"]);
    assert_eq!(list(31, "x"), of_b);
    assert_eq!(list(55, "b"), of_b, "it asks yet, and x has not begun");
    assert_eq!(list(56, "b").len(), 0);
    // One that never asked is not there: nobody waits for it, and a newcomer that finds no seat opens one.
    sharing.find(at(60), &found(&["a", "x", "y"]));
    assert_eq!(names(&targets, 60), ["0:a", "1:x", "2:y"]);
    sharing.find(at(70), &found(&["a", "x", "y", "z"]));
    sharing.pass(at(129));
    assert_eq!(names(&targets, 129), ["0:a", "1:x", "2:y", "?z"]);
    sharing.pass(at(130));
    assert_eq!(names(&targets, 130), ["0:a", "1:x", "2:y", "3:z"]);
    let owned = sharing.overview(at(130)).expect("members").members;
    assert_eq!(owned.iter().map(|member| member.targets).sum::<usize>(), 90);
}

/// The same where members ask: who is gone is known after its interval and the grace.
#[test]
fn members_that_ask_have_seats_too() {
    let targets = shared(90, "{allow: 'p-.*', grace: 1m, identity: seat}");
    for second in [0, 30, 60] {
        for name in ["p-a", "p-b"] {
            drop(ask(&targets, at(second), name, ListKind::Relabelled));
        }
    }
    let list = |second, name| listed(&targets, at(second), name, ListKind::Relabelled);
    let (a, _) = (list(66, "p-a"), list(66, "p-b"));
    assert_eq!(names(&targets, 66), ["0:p-a", "1:p-b"]);
    for second in [70, 100, 130] {
        assert!(matches!(
            ask(&targets, at(second), "p-x", ListKind::Relabelled),
            Share::NotYet(_)
        ));
        list(second + 1, "p-b");
    }
    assert_eq!(names(&targets, 131), ["0:p-a", "1:p-b", "?p-x"]);
    targets.sharing.pass(at(156));
    assert_eq!(names(&targets, 156), ["1:p-b", "0:p-x"]);
    assert_eq!(list(157, "p-x"), a);
}

/// A rule has one target be scraped each two minutes, and the job has it at 15 s.
#[test]
fn a_target_that_is_scraped_less_often_stays_for_longer() {
    let options = || {
        vec![job(
            "scrape_interval: 15s, scrape_timeout: 10s, relabel_configs: [{target_label: __scrape_interval__, replacement: 2m}]",
        )]
    };
    let slow = targets_of(
        options(),
        view_of(vec![("node", vec![("s", vec![], vec![vec![("__address__", "h0:1")]])])]),
    );
    slow.sharing
        .configure(at(0), Some(&members("{names: [a]}")), &options());
    slow.read(|state| drop(slow.sharing.follow(at(0), state, &Changes::default())));
    assert_eq!(listed(&slow, at(1), "a", ListKind::Relabelled).len(), 1);
    slow.sharing
        .configure(at(2), Some(&members("{names: [b]}")), &options());
    assert_eq!(listed(&slow, at(3), "b", ListKind::Relabelled).len(), 1);
    assert_eq!(listed(&slow, at(132), "a", ListKind::Relabelled).len(), 1);
    assert_eq!(listed(&slow, at(133), "a", ListKind::Relabelled).len(), 0);
}
