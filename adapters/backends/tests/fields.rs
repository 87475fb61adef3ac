//! What each field of each answer may be: null, absent, huge, of another type. Each mechanism that asks over HTTP.
//!
//! Each story of the corpus in which something is found is told of three objects in the place of each. In what is said of the
//! first, and around the lists, each field in turn becomes absent, and one of the other [`values`], or each of them with
//! `HEADCOUNT_LONG`; and there is one more, with an odd name. **The targets of the others stay, label by label; those of the
//! first do not become fewer**, unless a failure is said (then all stays), or the mechanism counts what it leaves
//! out, or it is what the field means: [`MEANT`]. A field of an object in a list that is null or absent, as many are by
//! themselves, is no failure of the list: [`NEEDED`] says whose is. When the field is good again, all is as it was.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is a test's report")]
#![allow(clippy::indexing_slicing, reason = "of a constant list")]

mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::testing::{Collected, World};
use serde_json::{Value, json};

use self::told::documents::{Document, Format, children, tag};
use self::told::excepted::{LEFT_OUT, MEANT, NEEDED};
use self::told::server::{List, Server, escaped};
use self::told::{Story, failures, found};

/// As many of each object.
const COUNT: usize = 3;

/// Longer than the intervals of the entries, and than what a watch waits.
const ROUND: Duration = Duration::from_secs(65);

/// No value that JSON has in Rust: it is written as it is.
const HUGE: &str = "\u{e001}1e400\u{e001}";

/// Names that nobody gives a field, but many a label.
const ODD_NAMES: [&str; 2] = ["0 odd\u{0}\n\"'{}$\\/~\u{202e}\u{ffff}é", ""];

/// An integer that has more than 64 bits; written as it is, too.
const LARGE: &str = "\u{e001}99999999999999999999\u{e001}";

/// What is said where a field that is nothing fails its list.
const COSTS_ALL: &str = "it costs the whole list";

/// Nothing stands there.
const ABSENT: &str = "\u{e001}absent\u{e001}";

/// What stands in a field's place.
fn values() -> Vec<Value> {
    vec![
        json!(ABSENT),
        Value::Null,
        json!(HUGE),
        json!(LARGE),
        json!(-1),
        json!(true),
        json!(""),
        json!("odd\u{0}\n\"'{}$\\\u{202e}\u{ffff}é"),
        json!("x".repeat(10_000)),
        json!([{"a": [1]}]),
        json!({"a": {"b": null}}),
    ]
}

/// What stands in an element's place.
fn texts() -> Vec<Value> {
    vec![
        json!(ABSENT),
        json!([]),
        json!(["99999999999999999999"]),
        json!(["-1"]),
        json!(["odd\n'{}$\\\u{202e}\u{ffff}é"]),
        json!(["x".repeat(10_000)]),
        json!([{"<": "a", "in": [{"<": "item", "in": ["b"]}]}]),
    ]
}

/// Whether each value is tried in each place.
fn is_long() -> bool {
    std::env::var_os("HEADCOUNT_LONG").is_some()
}

/// Whether a place is one that an odd name makes.
fn is_odd(place: &str) -> bool {
    ODD_NAMES
        .iter()
        .any(|name| place.rsplit_once('/').is_some_and(|(_, key)| key == escaped(name)))
}

/// The values that are tried in a place, or all. The first always is, and in every other place the second, else another one in
/// each. Where something is meant all are, so that what is never needed is found.
fn values_in(format: Format, place: usize, is_meant: bool) -> Vec<Value> {
    let mut values = match format {
        Format::Xml => texts(),
        Format::Json => values(),
    };
    if !is_long() && !is_meant {
        let others = values.split_off(2);
        if place % 2 == 1 {
            values[1] = others[place / 2 % others.len()].clone();
        }
    }
    values
}

/// Where something may be another: all fields of what is said of the first object, and what is around the lists.
fn places(document: &Document, lists: &[List]) -> Vec<String> {
    let mut places = Vec::new();
    walk(document, "", &document.tree, lists, &mut places);
    places
}

fn walk(document: &Document, at: &str, part: &Value, lists: &[List], places: &mut Vec<String>) {
    if !at.is_empty() {
        places.push(at.to_owned());
    }
    match part {
        Value::Object(_) if document.format == Format::Xml => {
            items(document, &format!("{at}/in"), children(part), lists, places);
        }
        Value::Object(entries) => {
            // Of what is known by a name with a number, the first.
            let entries = entries
                .iter()
                .filter(|(key, _)| !key.contains("--1") && !key.contains("--2"));
            for (key, value) in entries {
                walk(document, &format!("{at}/{}", escaped(key)), value, lists, places);
            }
            places.extend(ODD_NAMES.map(|name| format!("{at}/{}", escaped(name))));
        }
        Value::Array(list) => items(document, at, list, lists, places),
        _ => {}
    }
}

fn items(document: &Document, at: &str, items: &[Value], lists: &[List], places: &mut Vec<String>) {
    let of_many = lists.iter().find(|list| list.at == at);
    for (place, item) in items.iter().enumerate() {
        let is_of_the_first = of_many.is_none_or(|list| place < list.each || place >= list.each * COUNT);
        if is_of_the_first && !(document.format == Format::Xml && tag(item).is_empty()) {
            walk(document, &format!("{at}/{place}"), item, lists, places);
        }
    }
}

/// Whether a place is in what a list says of the first object; what follows there is of all.
fn is_in_the_first(list: &List, place: &str) -> bool {
    let rest = place.strip_prefix(&*list.at).and_then(|rest| rest.strip_prefix('/'));
    let item = rest.and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
    item.is_some_and(|item| item < list.each)
}

/// The document with something else in a place.
///
/// Nothing for what means that there are fewer objects: an item of a list that is not there, and another list in the place of
/// one with objects. An element of XML with something else in it is such a list, too.
fn with(document: &Document, lists: &[List], place: &str, value: &Value) -> Option<Vec<u8>> {
    let mut changed = document.clone();
    let (parent, key) = place.rsplit_once('/')?;
    let is_absent = *value == json!(ABSENT);
    let holds_list = lists.iter().any(|list| list.at == place && value.is_array());
    let holds_elements = lists.iter().any(|list| list.at == format!("{place}/in") && !is_absent);
    if holds_list || holds_elements {
        return None;
    }
    match (changed.tree.pointer_mut(parent)?, document.format) {
        (Value::Array(_), Format::Json) if is_absent => return None,
        (Value::Array(items), _) if is_absent => {
            if lists.iter().any(|list| list.at == parent) {
                return None;
            }
            items.remove(key.parse().ok()?);
        }
        (Value::Object(_), Format::Json) if is_absent && key.contains("--") => return None,
        (Value::Object(entries), Format::Json) if is_absent => {
            entries.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        (Value::Object(entries), Format::Json) if is_odd(place) => {
            entries.insert(key.replace("~1", "/").replace("~0", "~"), value.clone());
        }
        (_, Format::Json) => *changed.tree.pointer_mut(place)? = value.clone(),
        (_, Format::Xml) => *changed.tree.pointer_mut(&format!("{place}/in"))? = value.clone(),
    }
    let mut written = changed.write();
    for number in [HUGE, LARGE] {
        let plain = number.trim_matches('\u{e001}');
        written = written.replace(&format!("\"{number}\""), plain);
    }
    Some(written.into_bytes())
}

/// Whether what stands in a place is of another object, which may well have no targets: another name, another list, or an
/// object that says nothing. In XML an element with others in it is such an object or list.
fn is_another(document: &Document, place: &str, value: &Value) -> bool {
    match document.tree.pointer(place) {
        Some(Value::String(text)) => value.is_string() && text.contains("--"),
        Some(Value::Array(_)) => value.is_array(),
        Some(element) if document.format == Format::Xml => {
            let is_text = value.get(0).is_some_and(Value::is_string);
            let is_another = |child: &Value| match child.as_str() {
                Some(text) => is_text && text.contains("--"),
                None => true,
            };
            children(element).iter().any(is_another)
        }
        Some(Value::Object(_)) => value.is_object(),
        _ => false,
    }
}

/// The targets with all their labels, each as often as it is there.
fn targets(collected: &Collected) -> BTreeMap<String, usize> {
    let mut targets = BTreeMap::new();
    for source in collected.sources() {
        let group = collected.group(source).expect("it has just been named");
        for target in group.targets() {
            *targets.entry(format!("{target:?} {:?}", group.labels())).or_default() += 1;
        }
    }
    targets
}

/// Those that are in `all`, and not in `part`.
fn without(all: &BTreeMap<String, usize>, part: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let rest = all.iter().map(|(target, count)| {
        let count = count.saturating_sub(part.get(target).copied().unwrap_or_default());
        (target.clone(), count)
    });
    rest.filter(|(_, count)| *count > 0).collect()
}

/// The addresses of targets.
fn addresses(targets: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let mut addresses = BTreeMap::new();
    for (target, count) in targets {
        let address = target
            .split("\"__address__\": ")
            .nth(1)
            .and_then(|rest| rest.split('"').nth(1));
        *addresses.entry(address.unwrap_or_default().to_owned()).or_default() += count;
    }
    addresses
}

fn count(targets: &BTreeMap<String, usize>) -> usize {
    targets.values().sum()
}

/// How much was left out so far.
fn skipped(world: &World) -> f64 {
    let families = world.metrics.read();
    let families = families
        .iter()
        .filter(|(definition, _)| definition.name.contains("skipped"));
    let samples = families.flat_map(|(_, samples)| samples);
    samples.map(|sample| sample.value).sum()
}

/// A story while it is told of several objects.
struct Telling {
    world: World,
    server: Arc<Server>,
    collected: Collected,
}

impl Telling {
    fn begin(story: &Story, server: &Arc<Server>) -> Self {
        let (mut world, _) = story.begin().expect("a story");
        let server = server.clone();
        server.say_instead(None);
        server.serve(&world);
        let mut collected = Collected::default();
        collected.receive(&world.run_for(ROUND));
        Self {
            world,
            server,
            collected,
        }
    }
}

/// What is wrong with a story, and which of what is meant was needed.
fn wrong_with(story: &Story, needed: &mut BTreeSet<usize>) -> Vec<String> {
    let mut alone = Telling::begin(story, &Server::new(story, 1));
    let one = targets(&alone.collected);
    let skipped_before = skipped(&alone.world);
    alone.world.run_for(ROUND);
    let skipped_alone = skipped(&alone.world) - skipped_before;
    let server = Server::new(story, COUNT);
    let mut telling = Telling::begin(story, &server);
    let all = targets(&telling.collected);
    let others = without(&all, &one);
    if count(&others) < (COUNT - 1) * count(&one) {
        return vec![format!("{}: of one object: {one:#?}\nof three: {all:#?}", story.name)];
    }
    telling.server.take_said();
    let skipped_before = skipped(&telling.world);
    let received = telling.world.run_for(ROUND);
    let skipped_always = skipped(&telling.world) - skipped_before;
    let skipped_of_one = (skipped_always - skipped_alone) / (COUNT - 1) as f64;
    if !failures(&received).is_empty() {
        return vec![format!("{}: it fails by itself: {:?}", story.name, failures(&received))];
    }
    let mut wrong = Vec::new();
    for (asked, said) in telling.server.take_said() {
        let Some(document) = Document::read(said.body.as_bytes()) else {
            continue;
        };
        if said.about.iter().any(|number| *number > 0) && said.about.len() == 1 {
            continue;
        }
        for (number, place) in places(&document, &said.lists).into_iter().enumerate() {
            let is_it = |(name, of, at, _): &(&str, &str, &str, &str)| {
                *name == story.mechanism() && asked.contains(of) && place.ends_with(at)
            };
            let meant = MEANT.iter().position(is_it);
            let fails = NEEDED.iter().position(is_it);
            let values = match is_odd(&place) {
                true => vec![json!("x")],
                false => values_in(document.format, number, meant.is_some()),
            };
            for value in values {
                let Some(body) = with(&document, &said.lists, &place, &value) else {
                    continue;
                };
                let seen = Seen {
                    story,
                    all: &all,
                    others: &others,
                    // Without what is left out of the first object.
                    skipped_each: (skipped_always - skipped_of_one) / said.times as f64,
                    is_another: is_another(&document, &place, &value),
                    is_of_an_object: said.about.len() == 1
                        || said.lists.iter().any(|list| is_in_the_first(list, &place)),
                    is_one_of_a_list: said.lists.iter().any(|list| is_in_the_first(list, &place)),
                    is_nothing: value.is_null() || value == json!(ABSENT),
                };
                let told = catch_unwind(AssertUnwindSafe(|| seen.change(&mut telling, &asked, body)));
                let shown: String = value.to_string().chars().take(40).collect();
                let told = told.unwrap_or_else(|_| Err("it panics".to_owned()));
                if let Err(what) = told {
                    let fails = fails.filter(|_| what.starts_with(COSTS_ALL));
                    match meant.or(fails.map(|fails| MEANT.len() + fails)) {
                        Some(meant) => {
                            needed.insert(meant);
                        }
                        None => wrong.push(format!("{}, {asked}, {place}: {shown}: {what}", story.name)),
                    }
                    telling = Telling::begin(story, &server);
                }
            }
        }
    }
    wrong
}

/// What there was while all was well.
struct Seen<'a> {
    story: &'a Story,
    all: &'a BTreeMap<String, usize>,
    others: &'a BTreeMap<String, usize>,
    /// How much is left out of others each time that the answer is read.
    skipped_each: f64,
    /// Whether it is said of another object then.
    is_another: bool,
    /// Whether it is said of one object, and not of all.
    is_of_an_object: bool,
    /// Whether that one stands in a list with others.
    is_one_of_a_list: bool,
    /// Whether nothing is said.
    is_nothing: bool,
}

impl Seen<'_> {
    /// Lets something else be said, and then what was said before.
    fn change(&self, telling: &mut Telling, asked: &str, body: Vec<u8>) -> Result<(), String> {
        let Telling {
            world,
            server,
            collected,
        } = telling;
        server.say_instead(Some((asked.to_owned(), body)));
        let skipped_before = skipped(world);
        let received = world.run_for(ROUND);
        let has_failed = !failures(&received).is_empty();
        let always = self.skipped_each * server.times_instead() as f64;
        let is_counted = skipped(world) - skipped_before > always + 0.5;
        collected.receive(&received);
        let now = targets(collected);
        if world.running() != 1 {
            return Err("it has ended".to_owned());
        }
        // What is said of all may cost each a label, and none of them its place.
        let lost = match self.is_of_an_object {
            true => without(self.others, &now),
            false => without(&addresses(self.all), &addresses(&now)),
        };
        if !lost.is_empty() {
            return Err(format!(
                "others are lost, like {:?}, after {:?}",
                lost.keys().next(),
                failures(&received)
            ));
        }
        if count(&now) < count(self.all) && !is_counted && !self.is_another {
            let lost = without(self.all, &now);
            return Err(format!(
                "{} of {} targets, and nothing is counted; failures: {has_failed}; lost are {:?}",
                count(&now),
                count(self.all),
                lost.keys().next()
            ));
        }
        if has_failed && self.is_one_of_a_list && self.is_nothing {
            return Err(format!("{COSTS_ALL}: {:?}", failures(&received).first()));
        }
        server.say_instead(None);
        let mut is_as_before = false;
        for _ in 0..10 {
            collected.receive(&world.run_for(ROUND));
            is_as_before = targets(collected) == *self.all;
            if is_as_before {
                break;
            }
        }
        match is_as_before {
            true => Ok(()),
            false => Err(format!(
                "{}: it is not as before when all is well again",
                self.story.name
            )),
        }
    }
}

/// Tells stories, each to its end.
fn tell(stories: impl Iterator<Item = Story>) -> (Vec<String>, BTreeSet<usize>) {
    let (mut wrong, mut needed) = (Vec::new(), BTreeSet::new());
    stories.for_each(|story| wrong.extend(wrong_with(&story, &mut needed)));
    (wrong, needed)
}

#[test]
fn a_field_that_is_null_absent_huge_or_of_another_type_costs_no_other_object() {
    let mut stories = found();
    let unknown = LEFT_OUT
        .iter()
        .filter(|(name, _)| stories.iter().all(|story| story.name != *name));
    assert_eq!(unknown.collect::<Vec<_>>(), [&("", ""); 0]);
    stories.retain(|story| LEFT_OUT.iter().all(|(name, _)| *name != story.name));
    // One story of each entry is enough, that of which most is said.
    stories.sort_by_key(|story| std::cmp::Reverse(story.length()));
    let mut told = BTreeSet::new();
    stories.retain(|story| told.insert((story.mechanism(), story.entry())));
    // Two that work at the same time.
    let mut halves = [Vec::new(), Vec::new()];
    for (number, story) in stories.into_iter().enumerate() {
        halves[number % 2].push(story);
    }
    let told = std::thread::scope(|scope| {
        let threads = halves.map(|half| scope.spawn(move || tell(half.into_iter())));
        threads.map(|thread| thread.join().expect("it reports what is wrong"))
    });
    let wrong: Vec<String> = told.iter().flat_map(|(wrong, _)| wrong.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let needed: BTreeSet<usize> = told.iter().flat_map(|(_, needed)| needed.clone()).collect();
    let all = MEANT.iter().chain(&NEEDED);
    let superfluous = all.enumerate().filter(|(number, _)| !needed.contains(number));
    assert_eq!(
        superfluous.map(|(_, meant)| meant).collect::<Vec<_>>(),
        [&("", "", "", ""); 0]
    );
}
