//! The simulator's cheap models of `dns`, `consul` and `kubernetes` against the discoverers themselves.
//!
//! One and the same story, of hosts that change, faults and restarts, is told to both. **At each moment at
//! which nothing has happened for longer than anybody needs, both show the same**: in the middle of a fault as
//! well as after it.
//!
//! Of Kubernetes that is the same wrong, too: what a list showed wrongly and what a watch did not tell stays, at both, until
//! everything is listed. So a chapter has a third part there, in which the server forgets what happened and both list, and
//! that puts all of it right.

use std::collections::BTreeMap;

use headcount_sim::{
    Backend, BackendKind, Covered, DiscovererId, Discoverers, FaultKind, Happening, HostId, Hosts, Looks, Outcome,
    Ratio, Scenario, ServiceId, Simulation, Span, SpanRange, TraceEvent, Traced, Version,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::kubernetes_site::Kubernetes;
use super::{consul, dns, kubernetes};

const HOSTS: u32 = 12;
const SERVICES: u32 = 2;
const ZONES: u32 = 3;

/// A chapter's parts, since its start. Between them, everybody has more time than anybody needs: the longest that
/// is waited for anything is a watch that says nothing, for 150 seconds. One that was open before a fault began, and lasts
/// 300, may still bring news, so nothing happens before the last of them is over.
const BEFORE: Span = Span::mins(1);
const OPENS: Span = Span::mins(2);
const WHILE: Span = Span::mins(8);
const SHUTS: Span = Span::mins(14);
const AFTER: Span = Span::mins(15);
const FORGETS: Span = Span::mins(23);
const REMEMBERS: Span = Span::mins(30);
const LENGTH: Span = Span::mins(38);

/// Something that happens, and then a long time in which nothing else does.
#[derive(Debug, Clone)]
struct Chapter {
    before: Vec<Happening>,
    fault: Option<(FaultKind, Ratio)>,
    during: Vec<Happening>,
    after: Vec<Happening>,
}

fn changes() -> impl Strategy<Value = Happening> {
    let up = (0..HOSTS, 0..2_u32, 0..ZONES, 0..3_u32).prop_map(|(host, moved, zone, release)| {
        let looks = Looks {
            service: ServiceId(host % SERVICES),
            zone,
            address: host + moved * 100,
            name: host,
            release,
            labels: 0,
        };
        Happening::Up {
            host: HostId(host),
            looks,
        }
    });
    let everyone: Vec<DiscovererId> = (0..SERVICES).map(DiscovererId).collect();
    let process = vec![
        Happening::Reload,
        Happening::ChangeConfig {
            discoverers: everyone.clone(),
        },
        Happening::RestartDiscoverers {
            discoverers: everyone,
            saved: false,
        },
        Happening::RestartManager {
            saved: false,
            version: Version::default(),
        },
    ];
    prop_oneof![
        4 => up,
        2 => (0..HOSTS).prop_map(|host| Happening::Down { host: HostId(host) }),
        1 => select(process),
    ]
}

fn chapters(kind: BackendKind) -> impl Strategy<Value = Vec<Chapter>> {
    let by = |minutes| FaultKind::BackInTime {
        by: Span::mins(minutes),
    };
    let status = |code, retry_after| FaultKind::Status { code, retry_after };
    let more = [
        // What is shown in the end is from after what happened, and from before it.
        by(2),
        by(9),
        status(500, None),
        status(403, None),
        status(503, Some(Span::secs(40))),
    ];
    let faults: Vec<FaultKind> = FaultKind::EXAMPLES
        .into_iter()
        .chain(more)
        // With several replicas it depends on the last one that was asked; swizzling is drawn.
        .filter(|fault| !matches!(fault, FaultKind::Disagree { .. } | FaultKind::Swizzle))
        .filter(|fault| fault.applies_to(kind))
        .collect();
    let rate = prop_oneof![3 => Just(Ratio::ALWAYS), 1 => Just(Ratio::percent(30))];
    let some = || prop::collection::vec(changes(), 0..4);
    let chapter = (
        some(),
        prop::option::weighted(0.9, (select(faults), rate)),
        some(),
        some(),
    );
    let chapter = chapter.prop_map(|(before, fault, mut during, after)| {
        // What a follower shows is what it told whoever asks, as it was then; the cheap model has nothing of that for who begins
        // without a leader.
        if matches!(fault, Some((FaultKind::LeaderLoss, _))) {
            during.retain(|change| matches!(change, Happening::Up { .. } | Happening::Down { .. }));
        }
        Chapter {
            before,
            fault,
            during,
            after,
        }
    });
    prop::collection::vec(chapter, 1..4)
}

/// The story, and the moments at which everything has settled.
fn story(kind: BackendKind, chapters: &[Chapter]) -> (Scenario, Vec<Span>) {
    let is_kubernetes = kind == BackendKind::Kubernetes;
    let length = if is_kubernetes { LENGTH } else { FORGETS };
    let until = length.times(chapters.len() as u64 + 1);
    // As the real ones do it: their own time-outs and waits.
    let backend = Backend::new("cmdb", kind)
        .wait(Span::secs(128))
        .lifetime(SpanRange::between(Span::secs(240), Span::secs(300)));
    let mut discoverers = Discoverers::of("cmdb")
        .refresh(Span::secs(15))
        .timeout(Span::secs(60))
        .retry(SpanRange::between(Span::secs(1), Span::secs(15)));
    discoverers.resync = is_kubernetes.then_some(kubernetes::RESYNC);
    let mut scenario = Scenario::new("story")
        .until(until)
        .calm(length.minus(Span::mins(1)))
        .hosts(Hosts::new(HOSTS).services(SERVICES).zones(ZONES))
        .backend(backend)
        .discoverers(discoverers);
    let mut settled = Vec::new();
    let moment = Span::secs(1);
    let mut addresses = 1_u32..;
    for (number, chapter) in (0..).zip(chapters) {
        let start = length.times(number);
        for (at, happenings) in [
            (BEFORE, &chapter.before),
            (WHILE, &chapter.during),
            (AFTER, &chapter.after),
        ] {
            for what in happenings {
                let mut what = what.clone();
                // An address names a host, but not how often it had been there before.
                if let (BackendKind::Dns, Happening::Up { looks, .. }) = (kind, &mut what) {
                    looks.address = looks.name + 100 * addresses.next().unwrap_or_default();
                }
                scenario = scenario.happens(start.plus(at), what);
            }
        }
        let window = |kind, rate, lasts, fault| Happening::Window {
            kind,
            covers: Covered::Everyone,
            rate,
            lasts,
            fault,
        };
        let mut is_drawn = false;
        if let Some((kind, rate)) = chapter.fault {
            scenario = scenario.happens(
                start.plus(OPENS),
                window(kind, rate, SHUTS.minus(OPENS), number as u16 * 2),
            );
            // Whom a fault hits that does not hit always is drawn for each call, and their calls differ.
            is_drawn = !rate.is_always();
        }
        if !is_drawn {
            settled.push(start.plus(SHUTS).minus(moment));
        }
        if is_kubernetes {
            // What a fault that was drawn left behind is not the same at both.
            let leaves_a_trace = chapter.fault.is_some_and(|(kind, _)| kind.leaves_a_trace());
            if !(is_drawn && leaves_a_trace) {
                settled.push(start.plus(FORGETS).minus(moment));
            }
            let forgets = window(
                FaultKind::WatchTooOld,
                Ratio::ALWAYS,
                REMEMBERS.minus(FORGETS),
                number as u16 * 2 + 1,
            );
            scenario = scenario.happens(start.plus(FORGETS), forgets);
        }
        settled.push(start.plus(length).minus(moment));
    }
    (scenario.without_idle_inputs(), settled)
}

/// What is shown of each host, as of which of its versions.
type Shown = BTreeMap<(DiscovererId, HostId), u32>;

/// What the receiver had at each of these moments.
fn shown(events: &[Traced], moments: &[Span]) -> Vec<Shown> {
    let mut events = events.iter().peekable();
    let mut now = Shown::new();
    let mut at = |moment: &Span| {
        while let Some(traced) = events.next_if(|traced| traced.at <= *moment) {
            match &traced.event {
                // The receiver begins anew with the manager, and nobody says of what it had that it is gone.
                TraceEvent::Input { input } if matches!(input.what, Happening::RestartManager { .. }) => now.clear(),
                TraceEvent::Learned {
                    discoverer,
                    host,
                    version: Some(version),
                    ..
                } => drop(now.insert((*discoverer, *host), *version)),
                TraceEvent::Learned { discoverer, host, .. } => drop(now.remove(&(*discoverer, *host))),
                _ => {}
            }
        }
        now.clone()
    };
    moments.iter().map(&mut at).collect()
}

fn modelled(scenario: &Scenario) -> (Outcome, Vec<Traced>) {
    let mut simulation: Simulation = Simulation::new(scenario, 1).expect("it makes sense");
    simulation.listen(true);
    while simulation.step() {}
    (simulation.outcome(), simulation.take_events())
}

/// Gives what both showed at each of the moments at which everything had settled.
fn compare(kind: BackendKind, chapters: &[Chapter], real: impl Fn(&Scenario) -> (Outcome, Vec<Traced>)) -> Vec<Shown> {
    let (scenario, settled) = story(kind, chapters);
    let ((modelled, model_events), (real, real_events)) = (modelled(&scenario), real(&scenario));
    assert!(modelled.is_clean(), "the model: {:?}", modelled.violations);
    assert!(real.is_clean(), "the discoverer: {:?}", real.violations);
    let (of_model, of_real) = (shown(&model_events, &settled), shown(&real_events, &settled));
    for ((moment, of_model), of_real) in settled.iter().zip(&of_model).zip(&of_real) {
        assert_eq!(
            of_model, of_real,
            "left the model, right the discoverer, after {moment}"
        );
    }
    of_real
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_model_of_dns_shows_what_the_discoverer_shows(chapters in chapters(BackendKind::Dns)) {
        compare(BackendKind::Dns, &chapters, |scenario| dns::rehearsal(scenario, 1, "A").run_traced());
    }

    #[test]
    fn the_model_of_consul_shows_what_the_discoverer_shows(chapters in chapters(BackendKind::Consul)) {
        compare(BackendKind::Consul, &chapters, |scenario| {
            consul::rehearsal(scenario, 1, super::consul_site::Consul::default).run_traced()
        });
    }

    #[test]
    fn the_model_of_kubernetes_shows_what_the_discoverer_shows(
        chapters in chapters(BackendKind::Kubernetes),
        streams in any::<bool>(),
    ) {
        let site = if streams { Kubernetes::streaming } else { Kubernetes::paging };
        compare(BackendKind::Kubernetes, &chapters, |scenario| kubernetes::rehearsal(scenario, 1, site).run_traced());
    }
}

/// The model is worth nothing where it would know better than who believes what it is told.
#[test]
fn what_kubernetes_told_wrongly_stays_until_everything_is_listed() {
    let id = DiscovererId(0);
    let restart = Happening::RestartDiscoverers {
        discoverers: vec![id],
        saved: false,
    };
    let down = Happening::Down { host: HostId(4) };
    // The watch breaks when it is to tell of that, and the next one tells it.
    let breaks = Happening::Hit {
        discoverer: id,
        kind: FaultKind::Reset,
        after: 0,
    };
    let looks = Looks {
        service: ServiceId(0),
        zone: 1,
        address: 2,
        name: 2,
        release: 1,
        labels: 0,
    };
    let host = HostId(2);
    let changed = Happening::Up { host, looks };
    let by = Span::mins(9);
    for (fault, is_wrong) in [
        (FaultKind::Empty, true),
        (FaultKind::PartialPage, true),
        (FaultKind::LostDelete, true),
        // What happened since then is told to who watches from then on.
        (FaultKind::BackInTime { by }, false),
        (FaultKind::Freeze, false),
        (FaultKind::Reorder, false),
        (FaultKind::DuplicateDelete, false),
    ] {
        let chapter = Chapter {
            before: vec![],
            fault: Some((fault, Ratio::ALWAYS)),
            during: match fault {
                FaultKind::LostDelete => vec![down.clone()],
                _ => vec![down.clone(), restart.clone()],
            },
            after: vec![breaks.clone(), changed.clone()],
        };
        for site in [Kubernetes::paging, Kubernetes::streaming] {
            let chapters = std::slice::from_ref(&chapter);
            let settled = compare(BackendKind::Kubernetes, chapters, |scenario| {
                kubernetes::rehearsal(scenario, 1, site).run_traced()
            });
            let [during, after, listed] = settled.as_slice() else {
                panic!("{settled:?}");
            };
            assert_eq!(listed.len(), HOSTS as usize - 1, "{fault:?}");
            let with_news = during.clone().into_iter().chain([((id, host), 2)]);
            assert_eq!(after, &with_news.collect::<Shown>(), "{fault:?}");
            assert_eq!(after != listed, is_wrong, "{fault:?}");
        }
    }
}

/// A long outage, in which services were asked for more often than their pace allows, left each with minutes to wait
/// before it was watched again.
#[test]
fn after_an_outage_services_are_watched_at_once() {
    let up = |host: u32, address: u32, zone: u32| {
        let looks = Looks {
            service: ServiceId(1),
            zone,
            address,
            name: host,
            release: 0,
            labels: 0,
        };
        let host = HostId(host);
        Happening::Up { host, looks }
    };
    let too_many = FaultKind::TooManyRequests {
        retry_after: Span::secs(45),
    };
    let chapter = |before, fault, during, after| Chapter {
        before,
        fault,
        during,
        after,
    };
    let always = |kind| Some((kind, Ratio::ALWAYS));
    let chapters = [
        chapter(vec![], None, vec![], vec![]),
        chapter(vec![], always(too_many), vec![], vec![up(5, 105, 0)]),
        chapter(
            vec![up(5, 5, 0)],
            always(FaultKind::Truncated),
            vec![up(9, 9, 1)],
            vec![up(7, 7, 0)],
        ),
    ];
    compare(BackendKind::Consul, &chapters, |scenario| {
        consul::rehearsal(scenario, 1, super::consul_site::Consul::default).run_traced()
    });
}
