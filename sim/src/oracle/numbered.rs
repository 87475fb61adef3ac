//! A group of a list that stays keeps its source: rule B13.
//!
//! Sources of lists that end in a number stand for a place in the list. **What an update takes from one such source it
//! must not give to another**: that would be two changes, where nothing changed.

use std::collections::BTreeMap;

use headcount_core::{Group, ProviderId, Update, UpdateKind};

use super::contract::Contract;
use super::{Broken, Verdict};
use crate::Rule;

impl Contract {
    /// An update of a list is about to be taken in.
    pub(crate) fn check_numbers(&self, id: ProviderId, update: &Update) -> Verdict {
        let Some(given) = self.providers.get(id) else {
            return Ok(());
        };
        let named: BTreeMap<&str, &Group> = update.groups().iter().map(|group| (group.source(), group)).collect();
        let stays = |known: &Group| match named.get(known.source()) {
            Some(group) => group.same_content(known),
            None => update.kind() != UpdateKind::Full,
        };
        let before = given.actual();
        let gone: Vec<&Group> = before
            .values()
            .map(|known| &known.group)
            .filter(|known| !stays(known))
            .collect();
        let is_new = |group: &&&Group| {
            let known = before.get(group.source());
            group.target_count() > 0 && known.is_none_or(|known| !known.group.same_content(group))
        };
        for group in named.values().filter(is_new) {
            let Some(list) = list(group.source()) else { continue };
            let moved = |old: &&&Group| self::list(old.source()) == Some(list) && old.same_content(group);
            if let Some(old) = gone.iter().find(moved) {
                let reason = format!(
                    "a group that stays in its list went from {} to another source",
                    old.source()
                );
                return Err(Broken::of(Rule::B13, reason).by(id).about(group.source()));
            }
        }
        Ok(())
    }
}

/// The list in which a source is a number.
fn list(source: &str) -> Option<&str> {
    let (list, number) = source.rsplit_once([':', '/'])?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(list)
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn a_number_stands_for_a_place() {
        assert_eq!(list("http://cmdb/list:12"), Some("http://cmdb/list"));
        assert_eq!(list("/sd/a.json:0"), Some("/sd/a.json"));
        assert_eq!(list("http/3/7"), Some("http/3"));
        for named in ["lines", "zone-1", "a:", "10.0.0.1:x", ""] {
            assert_eq!(list(named), None, "{named}");
        }
    }
}
