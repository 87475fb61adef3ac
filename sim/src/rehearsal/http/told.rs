//! What becomes of single events on their way, which an answer that goes on tells of.

use crate::FaultKind;
use crate::rehearsal::site::Told;

/// What arrives of what is told at once, and in which order.
pub(super) fn arriving(mut events: Vec<Told>, met: Option<FaultKind>) -> Vec<Told> {
    let come_twice = |is_hit: fn(&Told) -> bool, events: Vec<Told>| {
        let each = events.into_iter().flat_map(|event| {
            let again = is_hit(&event).then(|| event.clone());
            [Some(event), again]
        });
        each.flatten().collect()
    };
    match met {
        Some(FaultKind::LostDelete) => events.retain(|event| !event.gone),
        Some(FaultKind::Reorder) if events.len() > 1 => events.rotate_left(1),
        Some(FaultKind::Duplicate { .. }) => return come_twice(|_| true, events),
        Some(FaultKind::DuplicateDelete) => return come_twice(|event| event.gone, events),
        _ => {}
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Span, SpanRange};

    #[test]
    fn each_fault_of_events_does_what_it_says() {
        let duplicate = FaultKind::Duplicate {
            after: SpanRange::exactly(Span::ZERO),
        };
        for (met, arrives) in [
            (None, "+a -b +c"),
            (Some(FaultKind::Drop), "+a -b +c"),
            (Some(FaultKind::LostDelete), "+a +c"),
            (Some(FaultKind::DuplicateDelete), "+a -b -b +c"),
            (Some(duplicate), "+a +a -b -b +c +c"),
            (Some(FaultKind::Reorder), "-b +c +a"),
        ] {
            let events = ["+a", "-b", "+c"].map(|text| Told {
                text: text.to_owned(),
                gone: text.starts_with('-'),
            });
            let arrived = arriving(events.into(), met).into_iter().map(|event| event.text);
            assert_eq!(arrived.collect::<Vec<_>>().join(" "), arrives, "{met:?}");
        }
    }
}
