//! What no longer makes sense goes along with what is left out.
//!
//! A backend that goes takes those with it who look at it, and jobs that want nobody else; a host that never goes down
//! makes an input that says it is up again idle. Without that, each of them could go only after all that names it, and
//! much that can only go together would stay.

use super::tree::{Path, Tree};
use crate::Scenario;

/// The scenario without the entries that make no sense in it; none, if something else makes none.
pub(super) fn mended(mut scenario: Scenario) -> Option<Scenario> {
    loop {
        let Err(problems) = scenario.check() else {
            return Some(scenario);
        };
        let mut tree = Tree::of(&scenario)?;
        let entries = problems.iter().map(|problem| tree.entry(&problem.at));
        let mut entries: Vec<Path> = entries.collect::<Option<_>>()?;
        entries.sort_unstable();
        entries.dedup();
        // From behind, so that those before stay where they are.
        for entry in entries.iter().rev() {
            tree = without_entry(&tree, entry);
        }
        scenario = tree.read()?;
    }
}

/// Leaves an entry of a list out, and if it is the last one of a list within another entry, that one: none would mean
/// all.
fn without_entry(tree: &Tree, entry: &[usize]) -> Tree {
    let left = tree.without(entry);
    let Some((_, list)) = entry.split_last() else {
        return left;
    };
    let is_empty = matches!(left.at(list), Some(Tree::List(items)) if items.is_empty());
    match list {
        // The list of a field of an entry of a list.
        [field, number, _, ..] if is_empty => left.without(&[*field, *number]),
        _ => left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backend, BackendKind, Churn, Condition, Discoverers, Expectation, Fault, FaultKind, Happening, HostId, Hosts,
        Jobs, Span,
    };

    fn world() -> Scenario {
        Scenario::new("to be cut at")
            .hosts(Hosts::new(2))
            .backend(Backend::new("cmdb", BackendKind::Http))
            .backend(Backend::new("names", BackendKind::Dns))
            .discoverers(Discoverers::of("cmdb").name("first"))
            .discoverers(Discoverers::of("names").name("second"))
            .discoverers(Discoverers::of("names").name("third"))
            .jobs(Jobs::new("both").of("first").of("second"))
            .jobs(Jobs::new("one").of("second").of("third"))
            .jobs(Jobs::new("all"))
            .fault(Fault::new(FaultKind::Nxdomain).backend("names"))
            .fault(Fault::new(FaultKind::Drop).backend("cmdb"))
    }

    #[test]
    fn what_names_a_backend_goes_with_it_and_nobody_is_given_more() {
        let mut left = world();
        left.backends.remove(1);
        let wanted = Scenario::new("to be cut at")
            .hosts(Hosts::new(2))
            .backend(Backend::new("cmdb", BackendKind::Http))
            .discoverers(Discoverers::of("cmdb").name("first"))
            .jobs(Jobs::new("both").of("first"))
            .jobs(Jobs::new("all"))
            .fault(Fault::new(FaultKind::Drop).backend("cmdb"));
        assert_eq!(mended(left), Some(wanted));
    }

    #[test]
    fn inputs_that_say_nothing_any_more_go() {
        let looks = Hosts::new(2).looks(1);
        let scripted = world()
            .happens(Span::secs(2), Happening::Up { host: HostId(1), looks })
            .happens(Span::secs(3), Happening::Down { host: HostId(1) });
        let left = world().happens(Span::secs(3), Happening::Down { host: HostId(1) });
        assert_eq!(mended(scripted), Some(left));
    }

    #[test]
    fn what_is_no_entry_of_a_list_is_not_guessed() {
        assert_eq!(mended(world()), Some(world()));
        assert_eq!(mended(world().calm(Span::hours(2))), None);
        let lost = Churn::ZoneLoss {
            at: Span::ZERO,
            zone: 1,
            lasts: Span::ZERO,
        };
        assert_eq!(mended(world().churn(lost)), Some(world()));
    }

    #[test]
    fn an_expectation_goes_whole() {
        let expected = Expectation::Always(Condition::JobStaleAtMost {
            job: "gone".to_owned(),
            at_most: Span::secs(1),
        });
        let all = Expectation::Always(Condition::StaleAtMost(Span::secs(1)));
        let scenario = world().expect(expected).expect(all.clone());
        assert_eq!(mended(scenario), Some(world().expect(all)));
    }
}
