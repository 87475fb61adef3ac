//! The name server: what it knows of a name, and what hits its answers.
//!
//! **That there is nothing is an answer, that nobody can say is trouble**: each fault is one or the other.

use std::io::ErrorKind;

use headcount_core::Instant;
use headcount_discoverer::env::{DomainName, Found, SERVFAIL, ServerTrouble};

use super::{Line, Question, Stream};
use crate::engine::World;
use crate::rehearsal::Records;
use crate::rehearsal::shown::hosts;
use crate::rehearsal::timeline::Timeline;
use crate::{DiscovererId, FaultKind};

/// The name server that one discoverer asks.
pub(in crate::rehearsal) struct NameServer {
    id: DiscovererId,
    names: Vec<(DomainName, Records)>,
    /// Questions whose answer somebody may still wait for.
    open: Vec<Stream>,
    timeline: Timeline<super::Arrival>,
}

impl NameServer {
    pub(in crate::rehearsal) fn new(id: DiscovererId, names: Vec<(DomainName, Records)>) -> Self {
        Self {
            id,
            names,
            open: Vec::new(),
            timeline: Timeline::default(),
        }
    }

    /// When something happens next, if nobody asks.
    pub(in crate::rehearsal) fn next_at(&self) -> Option<Instant> {
        self.timeline.next_at()
    }

    /// Does what there is to do now; says whether there was anything.
    pub(in crate::rehearsal) fn turn(&mut self, world: &mut World, line: &Line) -> bool {
        let mut any = false;
        while let Some((question, stream)) = line.take() {
            self.serve(world, &question, &stream);
            self.open.push(stream);
            any = true;
        }
        self.timeline.deliver(world.now) || any
    }

    /// Whether somebody waits for an answer.
    pub(in crate::rehearsal) fn is_asked(&mut self) -> bool {
        self.open.retain(|stream| !stream.is_left());
        !self.open.is_empty()
    }

    /// What is on its way gets lost.
    pub(in crate::rehearsal) fn cut(&mut self) {
        self.timeline.cut();
    }

    fn serve(&mut self, world: &mut World, question: &Question, stream: &Stream) {
        let call = world.call(self.id, false);
        let kind = call.met.map(|met| met.kind);
        let mut arrives = call.arrives;
        let trouble = match kind {
            // It stays silent until whoever asked gives up.
            Some(FaultKind::Partition | FaultKind::OneWay | FaultKind::Drop) => return,
            Some(FaultKind::Refused) => Some(ServerTrouble::Unreachable(ErrorKind::ConnectionRefused.into())),
            Some(FaultKind::Reset) => Some(ServerTrouble::Unreachable(ErrorKind::ConnectionReset.into())),
            Some(FaultKind::Truncated) => Some(ServerTrouble::Truncated),
            Some(FaultKind::Garbled) => Some(ServerTrouble::Malformed(ErrorKind::InvalidData.into())),
            Some(FaultKind::Servfail) => Some(ServerTrouble::Code(SERVFAIL)),
            _ => None,
        };
        let answer = match (trouble, kind) {
            (Some(trouble), _) => Err(trouble),
            (None, Some(FaultKind::Nxdomain)) => {
                // Asked all the same, so that the fault is noted with what it hides.
                world.shown(self.id, call.view, kind);
                Ok(Found::NoSuchName)
            }
            (None, kind) => {
                let (_, rows) = world.shown(self.id, call.view, kind);
                if let Some(FaultKind::Drip { each }) = kind {
                    arrives = arrives + each.times(rows.len() as u64).into();
                }
                let (name, record_type) = question;
                let known = self.names.iter().find(|(known, _)| known == name);
                Ok(known.map_or(Found::NoSuchName, |(_, records)| {
                    let records = records(&hosts(&rows)).into_iter();
                    Found::records(records.filter(|record| record.record_type() == *record_type).collect())
                }))
            }
        };
        self.timeline.send(arrives, stream, answer);
    }
}
