//! Members' lists cost what changed, and are those that would be made anew.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::list::Kept;
use super::tests::members;
use super::*;
use crate::discovery::{Encoded, Sets};
use crate::targets::Following;
use crate::targets::list::tests::job;

const FORMS: [Form; 4] = [
    Form::Of(ListKind::Discovered),
    Form::Of(ListKind::Relabelled),
    Form::Of(ListKind::RelabelledInUnderscores),
    Form::Allocator,
];

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn place(member: &str, form: Form) -> ListPlace {
    (member.into(), "node".into(), form)
}

fn list(targets: &Targets, place: &ListPlace) -> Arc<Encoded> {
    match targets.list_now(place) {
        Share::List(list, _) => list,
        other => panic!("{place:?} has {other:?}"),
    }
}

/// The same made by who knows of none before.
fn anew(targets: &Targets, place: &ListPlace) -> Arc<Encoded> {
    let kept = {
        let mut shared = targets.sharing.lock();
        std::mem::take(&mut shared.as_mut().expect("members").lists)
    };
    let made = list(targets, place);
    targets.sharing.lock().as_mut().expect("members").lists = kept;
    made
}

/// How many targets are written for the next list.
fn to_write(targets: &Targets, place: &ListPlace) -> usize {
    let shared = targets.sharing.lock();
    let shared = shared.as_ref().expect("members");
    match targets.read(|state| shared.look_up(state, place)).expect("it is there") {
        Kept::Drawn(drawn) => drawn.len(),
        Kept::Written(..) => 0,
    }
}

/// Hosts, each with a label, ten a group.
fn groups(hosts: &BTreeMap<usize, String>) -> Vec<(String, Vec<(String, String)>)> {
    let mut groups: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
    for (host, label) in hosts {
        let of_group = groups.entry(host / 10).or_default();
        of_group.push((format!("h{host}:1"), label.clone()));
    }
    groups
        .into_iter()
        .map(|(number, hosts)| (format!("s{number}"), hosts))
        .collect()
}

fn update(sets: &mut Sets, hosts: &BTreeMap<usize, String>) -> crate::discovery::View {
    let groups = groups(hosts);
    let parts = groups.iter().map(|(source, hosts)| {
        let hosts = hosts.iter();
        let hosts = hosts.map(|(address, label)| vec![("__address__", address.as_str()), ("__meta_x", label.as_str())]);
        (source.as_str(), vec![], hosts.collect())
    });
    sets.update(0, parts.collect());
    sets.view()
}

fn following(sets: &mut Sets, hosts: &BTreeMap<usize, String>, settings: &str) -> Following {
    let rules = "relabel_configs: [{source_labels: [__meta_x], regex: 'gone', action: drop}, \
                 {source_labels: [__meta_x], regex: 'to (.+)', target_label: x}, \
                 {source_labels: [__meta_x], regex: 'at (.+)', target_label: __address__}]";
    let options = vec![job(&format!("scrape_interval: 15s, scrape_timeout: 10s, {rules}"))];
    let mut following = Following::new(options.clone(), update(sets, &BTreeMap::new()));
    let targets = following.targets();
    targets.sharing.configure(at(0), Some(&members(settings)), &options);
    targets.read(|state| drop(targets.sharing.follow(at(0), state, &Changes::default())));
    following.follow(update(sets, hosts));
    following
}

/// Of a hundred thousand targets one changes.
#[test]
fn a_member_s_list_costs_what_changed() {
    let mut sets = Sets::new(&["node"]);
    let mut hosts: BTreeMap<usize, String> = (0..100_000).map(|host| (host, "a".to_owned())).collect();
    let names: Vec<String> = (0..10).map(|number| format!("m-{number}")).collect();
    let mut following = following(&mut sets, &hosts, &format!("{{names: [{}]}}", names.join(", ")));
    let targets = following.targets();
    let places: Vec<ListPlace> = names
        .iter()
        .map(|name| place(name, Form::Of(ListKind::Discovered)))
        .collect();
    let written = |targets: &Targets| -> Vec<usize> { places.iter().map(|place| to_write(targets, place)).collect() };
    assert_eq!(written(&targets).iter().sum::<usize>(), 100_000);
    places.iter().for_each(|place| drop(list(&targets, place)));
    assert_eq!(written(&targets), [0; 10]);

    // Its group has ten targets, and a run more than a hundred.
    for (what, change) in [
        ("another label", Some("b")),
        ("gone", Some("gone")),
        ("back", Some("c")),
    ] {
        hosts.insert(51_234, change.unwrap_or_default().to_owned());
        following.follow(update(&mut sets, &hosts));
        let written = written(&targets);
        let (most, all) = (
            written.iter().max().copied().unwrap_or_default(),
            written.iter().sum::<usize>(),
        );
        assert!((1..6_000).contains(&all) && most < 3_000, "{what}: {written:?}");
        places.iter().for_each(|place| drop(list(&targets, place)));
    }
    for place in &places {
        assert_eq!(list(&targets, place).tag(), anew(&targets, place).tag());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Targets come, go, have other labels that reach their samples or not, and are the same as others.
    #[test]
    fn a_list_that_follows_is_the_list_that_is_made_anew(
        steps in prop::collection::vec(
            (prop::collection::vec((0..1_500_usize, 0..6_u8), 1..80), 1..4_usize, any::<bool>()), 1..8),
    ) {
        let mut sets = Sets::new(&["node"]);
        let mut hosts: BTreeMap<usize, String> = (0..1_000).map(|host| (host, "a".to_owned())).collect();
        let mut following = following(&mut sets, &hosts, "{names: [m-0, m-1]}");
        let targets = following.targets();
        let options = vec![job("scrape_interval: 15s, scrape_timeout: 10s")];
        for (second, (changes, members_now, is_sent)) in (1_u64..).zip(steps) {
            for (host, change) in changes {
                match change {
                    0 => drop(hosts.remove(&host)),
                    1 => drop(hosts.insert(host, "gone".to_owned())),
                    2 => drop(hosts.insert(host, format!("to {second}"))),
                    // Several are one.
                    3 => drop(hosts.insert(host, format!("at h{}:2", host % 7))),
                    _ => drop(hosts.insert(host, format!("meta {second}"))),
                }
            }
            following.follow(update(&mut sets, &hosts));
            let names: Vec<String> = (0..members_now).map(|number| format!("m-{number}")).collect();
            let settings = members(&format!("{{names: [{}]}}", names.join(", ")));
            targets.sharing.configure(at(second * 100), Some(&settings), &options);
            for form in FORMS {
                for name in &names {
                    let place = place(name, form);
                    let (followed, made) = (list(&targets, &place), anew(&targets, &place));
                    prop_assert_eq!(String::from_utf8(followed.to_vec()), String::from_utf8(made.to_vec()));
                    prop_assert_eq!(followed.tag(), made.tag());
                    if is_sent && let Share::List(_, sent) = targets.list_now(&place) {
                        targets.sent_now(at(second * 100 + 1), &sent);
                    }
                }
            }
            targets.sharing.pass(at(second * 100 + 50));
        }
    }
}
