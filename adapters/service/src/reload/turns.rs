//! Who asked for a reload, and which reload answers whom.
//!
//! The one rule: **everybody gets the answer of a load that began after they asked, and no load is made that nobody
//! needs**: while one is under way, all who ask for the same wait for one more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_channel::Sender;
use headcount_core::planted;

use super::Outcome;
use crate::plan::Source;

/// The reloads to come.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Turn>,
    /// Whether somebody works them off.
    is_worked_off: bool,
}

/// A reload to be made.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Where the configuration is from; from where it is now, unless it is said.
    pub(crate) source: Option<Source>,
    /// Who waits for what comes of it.
    pub(crate) asked: Vec<Sender<Outcome>>,
}

impl Turns {
    /// Somebody asks for a reload. Whether whoever calls this has to see to it that they are worked off.
    pub(crate) fn ask(&self, source: Option<Source>, asked: Sender<Outcome>) -> bool {
        let mut state = self.state();
        match state.waiting.back_mut() {
            Some(last) if planted!(source.is_none() && last.source.is_none(), AnsweredByTheOneBefore, true) => {
                last.asked.push(asked);
            }
            _ => state.waiting.push_back(Turn {
                source,
                asked: vec![asked],
            }),
        }
        !std::mem::replace(&mut state.is_worked_off, true)
    }

    /// The next one, which begins now. With none, nobody works them off any more.
    pub(crate) fn next(&self) -> Option<Turn> {
        let mut state = self.state();
        let turn = state.waiting.pop_front();
        planted!(state.is_worked_off = turn.is_some(), NobodyWorksThemOff, ());
        turn
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(turns: &Turns, source: Option<Source>) -> bool {
        let (asked, _) = async_channel::bounded(1);
        turns.ask(source, asked)
    }

    #[test]
    fn forty_that_ask_at_once_are_two_reloads() {
        let turns = Turns::default();
        assert!(ask(&turns, None), "somebody has to begin");
        let first = turns.next().expect("it was asked for");
        assert!((0..39).all(|_| !ask(&turns, None)), "somebody is at it");
        let second = turns.next().expect("it was asked for");
        assert_eq!((first.asked.len(), second.asked.len()), (1, 39));
        assert!(turns.next().is_none());
        assert!(ask(&turns, None), "nobody is at it any more");
    }

    #[test]
    fn another_source_is_another_reload_and_they_keep_their_order() {
        let turns = Turns::default();
        ask(&turns, None);
        ask(&turns, Some(Source::text("a")));
        ask(&turns, None);
        ask(&turns, None);
        let order: Vec<_> = std::iter::from_fn(|| turns.next())
            .map(|turn| (turn.source.is_some(), turn.asked.len()))
            .collect();
        assert_eq!(order, [(false, 1), (true, 1), (false, 2)]);
    }
}
