//! Managers that get a restart wrong, and a run that finds each: who starts with what another one saved
//! has to be caught at it.

use headcount_core::{Instant, Manager, ManagerOptions, STATE_FORMAT};
use headcount_sim::{
    Backend, BackendKind, Churn, Discoverers, Hosts, ProcessEvent, Ratio, Restarted, Rule, Scenario, Simulation, Span,
    Subject, Version,
};

use crate::faulty::{Bug, Core, Faulty};

/// A manager of a later version starts with a state, and then one of the first version.
fn skewed() -> Scenario {
    let restart = |at, format| ProcessEvent::Restart {
        at,
        what: Restarted::Manager,
        share: Ratio::ALWAYS,
        saved: true,
        age: Span::secs(20),
        version: Some(Version::with_format(format)),
    };
    Scenario::new("skewed")
        .until(Span::mins(10))
        .calm(Span::mins(5))
        .hosts(Hosts::new(12).services(3))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb"))
        .churn(Churn::steady(Ratio::percent(20), Span::mins(1)))
        .event(restart(Span::mins(2), 2))
        .event(restart(Span::mins(4), 1))
}

/// Takes a state, and starts from nothing.
#[derive(Debug, Clone, Default)]
struct ForgetsAll;

impl Bug for ForgetsAll {
    fn restore(now: Instant, options: ManagerOptions, _saved: &str) -> Result<Core, String> {
        Ok(Manager::new(now, options))
    }
}

/// Takes a state of any version for one of its own.
#[derive(Debug, Clone, Default)]
struct ReadsAnything;

impl Bug for ReadsAnything {
    fn restore(now: Instant, options: ManagerOptions, saved: &str) -> Result<Core, String> {
        let (later, own) = (
            format!("\"format\":{}", STATE_FORMAT + 1),
            format!("\"format\":{STATE_FORMAT}"),
        );
        Subject::restore(now, options, &saved.replacen(&later, &own, 1))
    }
}

/// Reads nothing, not even what it wrote itself.
#[derive(Debug, Clone, Default)]
struct ReadsNothing;

impl Bug for ReadsNothing {
    fn restore(_: Instant, _: ManagerOptions, _: &str) -> Result<Core, String> {
        Err("not today".to_owned())
    }
}

/// Reads a state, and leaves half of it out.
#[derive(Debug, Clone, Default)]
struct ForgetsAProvider;

impl Bug for ForgetsAProvider {
    fn restore(now: Instant, options: ManagerOptions, saved: &str) -> Result<Core, String> {
        let mut state: serde_json::Value = serde_json::from_str(saved).map_err(|error| error.to_string())?;
        if state["format"] != STATE_FORMAT {
            return Err("another format".to_owned());
        }
        state["providers"].as_array_mut().map(Vec::pop);
        let providers = &state["providers"];
        let state = format!("{{\"format\":{STATE_FORMAT},\"manager\":\"\",\"at\":0,\"providers\":{providers}}}");
        Subject::restore(now, options, &state)
    }
}

fn breaks<B: Bug>() -> Option<(Rule, Span)> {
    let outcome = Simulation::<Faulty<B>>::of(&skewed(), 1).unwrap().run();
    outcome
        .violations
        .first()
        .map(|violation| (violation.rule, violation.at))
}

#[test]
fn a_restart_that_goes_wrong_is_found() {
    let core = Simulation::new(&skewed(), 1).unwrap().run();
    assert!(core.is_clean(), "{:?}", core.violations);
    let rules = [
        breaks::<ForgetsAll>(),
        breaks::<ReadsAnything>(),
        breaks::<ReadsNothing>(),
        breaks::<ForgetsAProvider>(),
    ];
    let soon = |minutes| Span::mins(minutes)..=Span::mins(minutes).plus(Span::secs(1));
    for (found, minutes) in rules.into_iter().zip([2, 4, 2, 2]) {
        let (rule, at) = found.unwrap();
        assert_eq!(rule, Rule::Restart);
        assert!(soon(minutes).contains(&at), "{at}");
    }
}
