//! What is watched is seen when it is wrong, and is not accused when it is right.

use super::Sharing;
use crate::{
    Absence, Away, Backend, BackendKind, Checks, Churn, Discoverers, Hosts, Known, Members, Ratio, Rule, Scenario,
    Simulation, Span,
};

impl Sharing {
    /// Targets are taken from those who scrape them before others have begun.
    fn let_go_early(&mut self) {
        let later = self.now + core::time::Duration::from_secs(3_000);
        let members: Vec<_> = self.members.iter().map(|member| member.name.clone()).collect();
        let jobs: Vec<_> = self.process.shares.jobs().map(|(job, _)| job).collect();
        for member in &members {
            for job in &jobs {
                self.process.shares.sent(self.now, member, job, u64::MAX);
            }
        }
        self.process.shares.handle_timeout(later);
    }

    fn between_two(&self) -> usize {
        self.process.shares.handovers().0
    }
}

fn fleet(members: Members) -> Scenario {
    Scenario::new("members")
        .until(Span::mins(12))
        .calm(Span::mins(4))
        .hosts(Hosts::new(40))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(10)))
        .churn(Churn::steady(Ratio::percent(5), Span::mins(1)))
        .members(members)
        .checks(Checks::All)
}

fn joins(member: u32, after: Span) -> Away {
    Away {
        member,
        how: Absence::Crashed,
        at: Span::ZERO,
        lasts: after,
    }
}

/// Steps until something is between two members.
fn until_something_moves(scenario: &Scenario) -> Simulation {
    let mut run = Simulation::new(scenario, 3).expect("it makes sense");
    while run.sharing().is_none_or(|sharing| sharing.between_two() == 0) {
        assert!(run.step(), "nothing ever moves");
    }
    run
}

fn broken(mut run: Simulation) -> Vec<Rule> {
    while run.step() {}
    run.outcome()
        .violations
        .iter()
        .map(|violation| violation.rule)
        .collect()
}

#[test]
fn a_newcomer_gets_its_share_and_no_target_is_left_alone() {
    for known in [Known::Asking, Known::Found, Known::Listed] {
        let members = Members::new(4).known(known).away(joins(3, Span::mins(4)));
        let run = until_something_moves(&fleet(members));
        assert_eq!(broken(run), [], "{known:?}");
    }
}

#[test]
fn a_target_that_is_let_go_too_early_is_seen() {
    let members = Members::new(4).known(Known::Found).away(joins(3, Span::mins(4)));
    let mut run = until_something_moves(&fleet(members));
    run.sharing_mut().expect("it has members").let_go_early();
    assert_eq!(broken(run), [Rule::Handover]);
}

#[test]
fn members_that_make_no_sense_are_told_so() {
    let mut members = Members::new(0).known(Known::Listed).seats().replicas(9);
    members.refresh = Span::ZERO;
    members.away = vec![joins(7, Span::ZERO)];
    let problems = fleet(members).check().expect_err("they make no sense");
    let at: Vec<&str> = problems.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(
        at,
        [
            "members.count",
            "members.replicas",
            "members.refresh",
            "members.seats",
            "members.away[0].member",
            "members.away[0].lasts"
        ]
    );
}
