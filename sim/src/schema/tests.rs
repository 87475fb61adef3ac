use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::made::schema;
use super::{SCHEMA, described};
use crate::{
    Absence, Away, Backend, BackendKind, Condition, Covered, DiscovererId, Discoverers, Disk, Expectation, Fault,
    FaultKind, Guard, Happening, HostId, Hosts, JobId, Jobs, Known, Less, Looks, Manager, Mark, Members, Mistakes,
    ProcessEvent, Ratio, ReloadMode, Repeats, Restarted, Scenario, ServiceId, Size, Sources, Span, SpanRange,
    ThrottleSetting, Version, Wrong, shipped,
};

/// Something that says of a file whether the schema allows it.
struct Checker {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Checker {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        compiler.add_resource("scenario.json", schema).expect("it is a schema");
        let index = compiler.compile("scenario.json", &mut schemas).expect("it is a schema");
        Self { schemas, index }
    }

    /// What is wrong with it, by the schema.
    fn refuses(&self, file: &Value) -> Option<String> {
        self.schemas
            .validate(file, self.index)
            .err()
            .map(|error| error.to_string())
    }
}

#[test]
fn the_file_is_what_the_types_say() {
    let made = schema();
    if std::env::var_os("HEADCOUNT_WRITE_SCHEMA").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/scenario.schema.json");
        std::fs::write(path, &made).expect("the tree can be written to");
        return;
    }
    assert!(
        made == SCHEMA,
        "sim/scenarios/scenario.schema.json is not what the types say; \
         run this test with HEADCOUNT_WRITE_SCHEMA=1 and review the difference"
    );
}

#[test]
fn shipped_scenarios_are_valid_and_say_where_the_schema_is() {
    let checker = Checker::new();
    for shipped in shipped() {
        let first = shipped.text.lines().next();
        assert_eq!(
            first,
            Some("# yaml-language-server: $schema=scenario.schema.json"),
            "{}",
            shipped.name
        );
        let file: Value = serde_yaml::from_str(shipped.text).expect(shipped.name);
        assert_eq!(checker.refuses(&file), None, "{}", shipped.name);
    }
}

/// A scenario that has every word there is.
fn every_word() -> Scenario {
    let at = Span::mins(1);
    let mut scenario = Scenario::new("every word")
        .about("everything")
        .seed(3)
        .calm(Span::mins(10))
        .heal(Ratio::percent(50))
        .hosts(Hosts::new(4).services(2).zones(2).labels(1))
        .manager(
            Manager::default()
                .guard(Guard::new(Ratio::percent(30), at))
                .per_set()
                .incomplete_after(at)
                .serve_incomplete()
                .disk(
                    Disk::written_each(at)
                        .writes(SpanRange::exactly(at))
                        .reads(SpanRange::exactly(at)),
                ),
        )
        .members(
            Members::new(3)
                .known(Known::Found)
                .seats()
                .weighted()
                .replicas(2)
                .refresh(at)
                .grace(at)
                .interval(at)
                .away(Away {
                    member: 1,
                    how: Absence::Crashed,
                    at,
                    lasts: at,
                }),
        )
        .jobs(Jobs::new("job").of("dns").count(2).split())
        .expect(Expectation::Always(Condition::ShowsAtLeast(Ratio::percent(1))))
        .expect(Expectation::Always(Condition::StaleAtMost(Span::hours(1))))
        .expect(Expectation::Always(Condition::JobStaleAtMost {
            job: "job/1".to_owned(),
            at_most: at,
        }))
        .expect(Expectation::Always(Condition::ListsShowAtLeast(Ratio::percent(1))))
        .expect(Expectation::Eventually {
            that: Condition::Converged,
            within: at,
        })
        .expect(Expectation::Mostly {
            that: Condition::DeadAtMost(Ratio::percent(5)),
            share: Ratio::percent(99),
        })
        .expect(Expectation::Always(Condition::MemoryAtMost(Size::of(64 << 20))))
        .fault(Fault::new(FaultKind::Drop).repeats(Repeats::daily(at, at)))
        .fault(
            Fault::new(FaultKind::Drop)
                .every(at)
                .together()
                .backends(["dns", "http"]),
        )
        .fault(Fault::new(FaultKind::Drop).backend("dns").replica(1));
    for mark in Mark::ALL {
        scenario = scenario.expect(Expectation::Sometimes(mark));
    }
    for kind in BackendKind::ALL {
        let backend = Backend::new(kind.word(), kind)
            .replicas(2)
            .cache(at)
            .page(7)
            .history(9)
            .wait(at)
            .lingers(SpanRange::exactly(at));
        let sources = match kind {
            BackendKind::File => Sources::Place,
            BackendKind::Http => Sources::Sticky,
            _ => Sources::Named,
        };
        let less = match kind {
            BackendKind::File => Less::Twice,
            _ => Less::AtOnce,
        };
        let mut discoverers = Discoverers::of(kind.word()).broken(1).sources(sources).less(less);
        if kind == BackendKind::Consul {
            discoverers = discoverers.from_the_leader();
        }
        discoverers.resync = (kind == BackendKind::Kubernetes).then_some(at);
        scenario = scenario.backend(backend).discoverers(discoverers);
    }
    for kind in FaultKind::EXAMPLES {
        scenario = scenario.fault(
            Fault::new(kind)
                .rate(Ratio::percent(5))
                .every(at)
                .share(Ratio::percent(9)),
        );
    }
    for churn in crate::Churn::examples() {
        scenario = scenario.churn(churn);
    }
    for event in process_events(at) {
        scenario = scenario.event(event);
    }
    for what in happenings(at) {
        scenario = scenario.happens(at, what);
    }
    scenario
}

/// One of each that happens to processes, restarts first.
fn process_events(at: Span) -> Vec<ProcessEvent> {
    let restart = |what: Restarted| {
        let of_manager = what == Restarted::Manager;
        let ticker = ThrottleSetting::Ticker(Span::secs(5));
        ProcessEvent::Restart {
            at,
            what,
            share: Ratio::ALWAYS,
            saved: true,
            age: if of_manager { Span::secs(30) } else { Span::ZERO },
            version: of_manager.then(|| Version::with_format(2).throttle(ticker).reload(ReloadMode::Legacy)),
        }
    };
    vec![
        restart(Restarted::Manager),
        restart(Restarted::Discoverers),
        ProcessEvent::Reload {
            at,
            times: 2,
            every: at,
        },
        ProcessEvent::ChangeConfig {
            at,
            share: Ratio::ALWAYS,
        },
        ProcessEvent::RemoveJobs {
            at,
            share: Ratio::ALWAYS,
            lasts: Some(at),
        },
        ProcessEvent::Suspend { at, lasts: at },
        ProcessEvent::PauseReceiver { at, lasts: at },
        ProcessEvent::Confirm {
            at,
            share: Ratio::percent(50),
        },
    ]
}

/// One of each that can be decided.
fn happenings(at: Span) -> Vec<Happening> {
    let (host, discoverer) = (HostId(0), DiscovererId(0));
    let looks = Looks {
        service: ServiceId(0),
        zone: 0,
        address: 9,
        name: 9,
        release: 0,
        labels: 0,
    };
    let window = |covers| Happening::Window {
        kind: FaultKind::Drop,
        covers,
        rate: Ratio::ALWAYS,
        lasts: at,
        fault: 0,
    };
    vec![
        Happening::Up { host, looks },
        Happening::Down { host },
        window(Covered::Everyone),
        window(Covered::These(vec![discoverer])),
        window(Covered::Replica {
            of: vec![discoverer],
            replica: 1,
        }),
        Happening::Hit {
            discoverer,
            kind: FaultKind::Reset,
            after: 1,
        },
        Happening::Reload,
        Happening::ChangeConfig {
            discoverers: vec![discoverer],
        },
        Happening::RemoveJobs { jobs: vec![JobId(0)] },
        Happening::AddJobs { jobs: vec![JobId(0)] },
        Happening::RestartDiscoverers {
            discoverers: vec![discoverer],
            saved: true,
        },
        Happening::SaveManager,
        Happening::RestartManager {
            saved: true,
            version: Version::with_format(2),
        },
        Happening::Suspend { lasts: at },
        Happening::PauseReceiver { lasts: at },
        Happening::Confirm {
            discoverers: vec![discoverer],
        },
        Happening::Reseed { seed: 7 },
        Happening::Calm {
            broken: vec![discoverer],
        },
    ]
}

#[test]
fn every_word_is_valid() {
    let scenario = every_word();
    scenario.check().expect("it makes sense");
    let file = serde_json::to_value(&scenario).expect("it can be written");
    assert_eq!(Checker::new().refuses(&file), None);
}

/// Everything in a file, by its path.
fn places(file: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), file)];
    while let Some((path, value)) = left.pop() {
        match value {
            Value::Object(fields) => left.extend(fields.iter().map(|(name, value)| (format!("{path}/{name}"), value))),
            Value::Array(items) => left.extend(
                items
                    .iter()
                    .enumerate()
                    .map(|(n, value)| (format!("{path}/{n}"), value)),
            ),
            _ => {}
        }
        found.push(path);
    }
    found
}

/// Whether the parser can't read a file. One that it reads and that makes no sense is readable: what
/// makes sense in a scenario is no matter of its words.
fn misreads(file: &Value) -> Option<Mistakes> {
    let mistakes = Scenario::from_yaml(&file.to_string()).err()?;
    let readable = mistakes
        .iter()
        .all(|mistake| matches!(mistake.wrong, Wrong::Senseless(_)));
    (!readable).then_some(mistakes)
}

/// Files with a word each, which together have every word.
fn each_word() -> Vec<Value> {
    let whole = serde_json::to_value(every_word()).expect("it can be written");
    let Value::Object(fields) = whole else {
        panic!("a scenario is a mapping");
    };
    let file = |name: &str, value: Value| json!({ "name": "x", name: value });
    let files = fields.iter().flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| file(name, json!([item]))).collect(),
        value => vec![file(name, value.clone())],
    });
    files.collect()
}

/// Each place of each file, spoiled in every way: the parser and the schema refuse the same.
#[test]
fn what_the_parser_refuses_the_schema_does_and_nothing_else() {
    let checker = Checker::new();
    let (mut tried, mut refused, mut differ) = (0, 0, String::new());
    let mut compare = |file: &Value| {
        let (parser, schema) = (misreads(file), checker.refuses(file));
        tried += 1;
        refused += usize::from(parser.is_some());
        if parser.is_some() != schema.is_some() {
            writeln!(differ, "{file}: the parser says {parser:?}, the schema {schema:?}").expect("a string");
        }
    };
    let wrong = [
        json!([]),
        json!({}),
        json!(null),
        json!(true),
        json!(-1),
        json!(3),
        json!("nonsense"),
        json!("-5s"),
        json!("130%"),
        json!("5 s"),
        json!(99_999_999_999_u64),
    ];
    for good in each_word() {
        compare(&good);
        for place in places(&good) {
            let Some((above, name)) = place.rsplit_once('/') else {
                continue;
            };
            for value in &wrong {
                let mut file = good.clone();
                *file.pointer_mut(&place).expect("it is there") = value.clone();
                compare(&file);
            }
            let mut file = good.clone();
            if let Some(Value::Object(fields)) = file.pointer_mut(above) {
                let value = fields.remove(name).expect("it is there");
                compare(&file);
                if let Some(Value::Object(fields)) = file.pointer_mut(above) {
                    fields.insert(format!("{name}x"), value);
                }
                compare(&file);
            }
        }
    }
    assert!(differ.is_empty(), "{differ}");
    assert!(tried > 3_000 && refused > tried / 2, "{refused} of {tried} refused");
}

#[test]
fn every_word_is_described() {
    let all = |words: Vec<&'static str>, definition| {
        let described = described(definition);
        assert!(described.iter().all(|(_, about)| about.len() > 10), "{described:?}");
        let found: BTreeSet<&str> = described.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(found, words.into_iter().collect(), "{definition}");
    };
    all(
        FaultKind::EXAMPLES.iter().map(|kind| kind.word()).collect(),
        "FaultKind",
    );
    all(
        crate::Churn::examples().iter().map(|churn| churn.word()).collect(),
        "Churn",
    );
    all(Mark::ALL.iter().map(|mark| mark.word()).collect(), "Mark");
    all(BackendKind::ALL.iter().map(|kind| kind.word()).collect(), "BackendKind");
    assert_eq!(described("Nobody"), []);
}
