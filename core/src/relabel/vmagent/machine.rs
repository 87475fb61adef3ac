//! Carrying out what is more than a value made of a source.

use super::{Condition, Graphite, Part, references};
use crate::MAX_VALUE_BYTES;
use crate::relabel::NameValidation;
use crate::relabel::compiled::Fill;
use crate::relabel::draft::{Draft, TooLarge};
use crate::relabel::matcher::{Groups, Matcher};
use crate::relabel::relabeler::{Machine, Scratch};
use crate::relabel::template::Template;

impl Machine {
    /// Whether a rule's condition is true of the labels. Where they stand is kept behind the plans of all rules.
    pub(in crate::relabel) fn holds(&mut self, condition: &Condition, place: usize, draft: &Draft<'_>) -> bool {
        let place = self.memories.len().saturating_add(place);
        let places = self.layouts.places(draft.layout(), place, &condition.names).iter();
        condition.holds(places.map(|slot| slot.map_or("", |slot| draft.value(&self.texts, slot))))
    }

    pub(in crate::relabel) fn graphite(
        &mut self,
        graphite: &Graphite,
        draft: &mut Draft<'_>,
        name: Option<u32>,
    ) -> Result<(), TooLarge> {
        let name = name.map_or("", |slot| draft.value(&self.texts, slot)).to_owned();
        let Some(taken) = graphite.matches(&name) else {
            return Ok(());
        };
        let value = &mut self.scratch.value;
        for (label, what) in &graphite.labels {
            value.clear();
            what.fill(&taken, value);
            draft.set_named(&mut self.layouts, label, value)?;
        }
        Ok(())
    }

    /// Fills labels into a replacement, and then in what came of it the groups of the expression.
    pub(in crate::relabel) fn fill(
        &mut self,
        names: NameValidation,
        fill: &Fill,
        separator: &str,
        sources: &[Option<u32>],
        draft: &mut Draft<'_>,
    ) -> Result<(), TooLarge> {
        let mut replacement = String::new();
        for part in references(&fill.replacement) {
            replacement.push_str(match part {
                Part::Text(text) => text,
                Part::Label(name) => draft.get(&self.layouts, &self.texts, name),
            });
            if replacement.len() > MAX_VALUE_BYTES {
                return Err(TooLarge);
            }
        }
        let Scratch { joined, name, value } = &mut self.scratch;
        name.clear();
        value.clear();
        // Where anything matches and nothing refers to a group, what came of labels is not looked at for references.
        let is_plain =
            matches!(fill.matcher, Matcher::Anything) && !fill.target.contains('$') && !fill.replacement.contains('$');
        if is_plain && replacement != "$1" {
            name.push_str(&fill.target);
            value.push_str(&replacement);
        } else {
            let source = draft.join(&self.texts, sources, separator, joined);
            let templates = (
                Template::read(&fill.target, &fill.regex),
                Template::read(&replacement, &fill.regex),
            );
            let templates = [(&templates.0, &mut *name), (&templates.1, &mut *value)];
            if !fill.matcher.expand(source, &mut Groups::default(), templates) || !names.allows(name) {
                return Ok(());
            }
        }
        draft.set_named(&mut self.layouts, name, value)
    }
}
