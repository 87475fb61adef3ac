//! Carrying out what is more than a value made of a source.

use super::{Condition, Fill, Graphite, Piece};
use crate::MAX_VALUE_BYTES;
use crate::relabel::NameValidation;
use crate::relabel::compiled::Compiled;
use crate::relabel::draft::{Draft, MAX_MADE_BYTES, TooLarge};
use crate::relabel::layout::Plan;
use crate::relabel::matcher::Groups;
use crate::relabel::relabeler::{Machine, Scratch};
use crate::relabel::template::Template;

/// What of a rule is kept behind the plans of all rules.
#[derive(Clone, Copy)]
enum Behind {
    Condition = 1,
    Filled,
    Sorted,
}

impl Machine {
    /// A place that no rule has.
    fn behind(&self, what: Behind, place: usize) -> usize {
        self.memories.len().saturating_mul(what as usize).saturating_add(place)
    }

    /// Sorts labels by name.
    pub(in crate::relabel) fn sort(&mut self, draft: &mut Draft<'_>) {
        let place = self.behind(Behind::Sorted, 0);
        let to = self.layouts.sorted(draft.layout(), place);
        draft.rearrange(to);
    }

    /// Whether a rule's condition is true of the labels.
    pub(in crate::relabel) fn holds(&mut self, condition: &Condition, place: usize, draft: &Draft<'_>) -> bool {
        let place = self.behind(Behind::Condition, place);
        let places = self.layouts.places(draft.layout(), place, &condition.names).iter();
        condition.holds(places.map(|slot| slot.map_or("", |slot| draft.value(&self.texts, slot))))
    }

    pub(in crate::relabel) fn graphite(
        &mut self,
        graphite: &Graphite,
        draft: &mut Draft<'_>,
        name: Option<u32>,
    ) -> Result<(), TooLarge> {
        // All values first: the name may be one of the labels that are set.
        let Scratch { value, ends, .. } = &mut self.scratch;
        let name = name.map_or("", |slot| draft.value(&self.texts, slot));
        let Some(taken) = graphite.matches(name) else {
            return Ok(());
        };
        value.clear();
        ends.clear();
        for (_, what) in &graphite.labels {
            what.fill(&taken, value);
            if value.len() > MAX_MADE_BYTES {
                return Err(TooLarge);
            }
            ends.push(value.len());
        }
        let mut start = 0;
        for ((label, _), &end) in graphite.labels.iter().zip(&*ends) {
            draft.set_named(&mut self.layouts, label, value.get(start..end).unwrap_or_default())?;
            start = end;
        }
        Ok(())
    }

    /// Fills labels into a replacement, and then in what came of it the groups of the expression.
    pub(in crate::relabel) fn fill(
        &mut self,
        names: NameValidation,
        place: usize,
        rule: &Compiled,
        fill: &Fill,
        draft: &mut Draft<'_>,
    ) -> Result<(), TooLarge> {
        let behind = self.behind(Behind::Filled, place);
        let Scratch {
            joined,
            name,
            value,
            filled,
            ..
        } = &mut self.scratch;
        filled.clear();
        let mut labels = self.layouts.places(draft.layout(), behind, &fill.labels).iter();
        for piece in &fill.pieces {
            filled.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Label => {
                    let slot = labels.next().copied().flatten();
                    slot.map_or("", |slot| draft.value(&self.texts, slot))
                }
            });
            if filled.len() > MAX_VALUE_BYTES {
                return Err(TooLarge);
            }
        }
        let (sources, target) = match self.layouts.plan(draft.layout(), place, rule) {
            Plan::Values { sources, target } => (&**sources, *target),
            Plan::Names { .. } | Plan::TooLarge => return Err(TooLarge),
        };
        name.clear();
        value.clear();
        // Where anything matches and nothing refers to a group, what came of labels is not looked at for references.
        if fill.is_plain && filled != "$1" {
            return draft.set(target, filled);
        }
        let source = draft.join(&self.texts, sources, &rule.separator, joined);
        let Some(named) = &fill.named else {
            if !filled.contains('$') {
                return match fill.matcher.is_match(source) {
                    true => draft.set(target, filled),
                    false => Ok(()),
                };
            }
            let template = Template::read(filled, &fill.regex);
            let matches = fill
                .matcher
                .expand(source, &mut Groups::default(), [(&template, &mut *value)]);
            return match matches {
                true => draft.set(target, value),
                false => Ok(()),
            };
        };
        let template = Template::read(filled, &fill.regex);
        let templates = [(named, &mut *name), (&template, &mut *value)];
        if !fill.matcher.expand(source, &mut Groups::default(), templates) || !names.allows(name) {
            return Ok(());
        }
        draft.set_named(&mut self.layouts, name, value)
    }
}
