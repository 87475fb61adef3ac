//! How the receiver came to know what it knows of a host, or why it does not know better.
//!
//! A change of the truth takes the same way each time: a backend shows it, a discoverer asks and
//! is answered, the manager takes the update in, a snapshot is emitted. **Every hop of that way
//! is an event of the run**; the explanation is those events, with the time that each waited for
//! the one before, and for what is missing the trouble that was met meanwhile.

use core::fmt;

use serde::Serialize;

use crate::plan::Plan;
use crate::world::render::visible_version;
use crate::{DiscovererId, Happening, HostId, Problems, Simulation, Span, Subject, TraceEvent, Traced, ViewId};

/// How a host's last change reached the receiver, or how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The host.
    pub host: HostId,
    /// As of when.
    pub at: Span,
    /// When it last changed before that; zero if it is as it was at the start.
    pub changed: Span,
    /// The version that it has since.
    pub version: u32,
    /// Whether it is up since.
    pub is_up: bool,
    /// The way through each discoverer that should report it.
    pub ways: Vec<Way>,
}

/// The way of a change through one discoverer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The discoverer.
    pub discoverer: DiscovererId,
    /// What it discovers.
    pub description: String,
    /// What happened, in order.
    pub hops: Vec<Hop>,
    /// Why the receiver does not know yet; none if it does.
    pub missing: Option<String>,
}

/// A hop of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// When.
    pub at: Span,
    /// How long after the hop before.
    pub waited: Span,
    /// What happened.
    pub what: String,
}

/// Runs `simulation` from its start until `at`, and explains what is known of `host` then. `None`
/// if there never was such a host by then.
///
/// ```
/// use headcount_sim::{Backend, BackendKind, Churn, Discoverers, HostId, Ratio, Scenario, Simulation, Span, explain};
///
/// let scenario = Scenario::new("explained")
///     .backend(Backend::new("cmdb", BackendKind::Http))
///     .discoverers(Discoverers::of("cmdb"))
///     .churn(Churn::steady(Ratio::percent(10), Span::mins(1)));
/// let explanation = explain(Simulation::new(&scenario, 7)?, HostId(3), Span::mins(30))?.expect("it is there");
/// println!("{explanation}");
/// # Ok::<(), headcount_sim::Problems>(())
/// ```
///
/// # Errors
/// Everything in the scenario that makes no sense.
pub fn explain<M: Subject>(simulation: Simulation<M>, host: HostId, at: Span) -> Result<Option<Explanation>, Problems> {
    Ok(explain_all(simulation, &[(at, host)])?.pop())
}

/// The same of several hosts, each as of its moment, in one run. The moments are in their order; of a host that there never
/// was by then, nothing is told.
pub(crate) fn explain_all<M: Subject>(
    mut simulation: Simulation<M>,
    asked: &[(Span, HostId)],
) -> Result<Vec<Explanation>, Problems> {
    let plan = Plan::new(simulation.scenario())?;
    simulation.listen(true);
    let mut then = Vec::new();
    for (at, host) in asked {
        simulation.run_until(*at);
        let truth = simulation.truth();
        if let Some(looks) = truth.looks(*host) {
            then.push((*at, *host, looks.service, truth.version(*host), truth.row(*host)));
        }
    }
    let events = simulation.take_events();
    let each = then.into_iter().map(|(at, host, service, version, row)| {
        let end = events.partition_point(|traced| traced.at <= at);
        let events = events.get(..end).unwrap_or_default();
        let last = events.iter().rev().find_map(|traced| match traced.event {
            TraceEvent::Truth { host: other, .. } if other == host => Some(traced.at),
            _ => None,
        });
        let changed = last.unwrap_or(Span::ZERO);
        let story = Story {
            plan: &plan,
            events,
            host,
            changed,
            version,
            row,
        };
        let service = plan.services.get(service.place());
        let discoverers = service.into_iter().flat_map(|service| &service.discoverers);
        Explanation {
            host,
            at,
            changed,
            version,
            is_up: story.row.is_some(),
            ways: discoverers.map(|id| story.way(*id)).collect(),
        }
    });
    Ok(each.collect())
}

struct Story<'a> {
    plan: &'a Plan,
    events: &'a [Traced],
    host: HostId,
    changed: Span,
    version: u32,
    row: Option<crate::world::truth::Row>,
}

impl Story<'_> {
    fn way(&self, id: DiscovererId) -> Way {
        let plan = &self.plan.discoverers[id.place()];
        let mut way = Way {
            discoverer: id,
            description: plan.description.to_string(),
            hops: Vec::new(),
            missing: None,
        };
        way.hop(
            self.changed,
            match (self.row.is_some(), self.changed.is_zero()) {
                (true, true) => "the host is up from the start".to_owned(),
                (true, false) => format!("the host is up, as version {}", self.version),
                (false, _) => "the host goes".to_owned(),
            },
        );
        let wanted = self.row.as_ref().map(|row| visible_version(plan.sees, row));
        let learned = self.first(self.changed, |event| {
            matches!(event, TraceEvent::Learned { discoverer, host, version, .. }
                if *discoverer == id && *host == self.host && *version == wanted)
        });
        let learned = learned.map(|(at, _)| at);
        let missing = self.follow(id, learned, &mut way).err();
        way.missing = missing.filter(|_| learned.is_none());
        way
    }

    /// Follows the change through a discoverer to the receiver, which learned of it at `learned`, if it
    /// did. An error says why it goes no further.
    fn follow(&self, id: DiscovererId, learned: Option<Span>, way: &mut Way) -> Result<(), String> {
        let until = learned.unwrap_or(Span::MAX);
        let (since, seen) = self.follow_to_backend(id, learned, way)?;
        let Some(answered) = self.follow_to_discoverer(id, since, seen, until, way) else {
            let at = learned.ok_or_else(|| format!("{id} has not seen it yet{}", self.trouble(id, since)))?;
            way.hop(at, "the receiver has it".to_owned());
            return Ok(());
        };
        let taken = self.follow_to_manager(id, answered, until, way)?;
        let at = learned.ok_or_else(|| self.not_emitted(taken))?;
        let version = self.events.iter().find_map(|traced| match traced.event {
            TraceEvent::Emission { version, .. } if traced.at >= at => Some(version),
            _ => None,
        });
        way.hop(
            at,
            format!("snapshot {} is emitted, and the receiver has it", version.unwrap_or(0)),
        );
        Ok(())
    }

    /// When the backend showed the change, and in which version of its view, if that is known.
    fn follow_to_backend(
        &self,
        id: DiscovererId,
        learned: Option<Span>,
        way: &mut Way,
    ) -> Result<(Span, Option<u64>), String> {
        let plan = &self.plan.discoverers[id.place()];
        let backend = &self.plan.scenario.backends[plan.backend];
        let views = plan.first_view..ViewId(plan.first_view.0 + backend.replicas);
        let shown = self.first(self.changed, |event| {
            matches!(event, TraceEvent::Shown { view, host, version, .. }
                if views.contains(view) && *host == self.host && *version >= self.version)
        });
        match shown {
            Some((at, TraceEvent::Shown { view, view_version, .. })) => {
                way.hop(
                    at,
                    format!("`{}` shows it ({view}, state {view_version})", backend.name),
                );
                Ok((at, Some(*view_version)))
            }
            // What is there from the start is shown from the start.
            _ if self.changed.is_zero() => Ok((Span::ZERO, None)),
            _ if learned.is_none() => Err(format!(
                "`{}` does not show it yet; a change takes {} there{}",
                backend.name,
                backend.delay,
                self.trouble(id, self.changed)
            )),
            _ => Ok((self.changed, None)),
        }
    }

    /// When the discoverer had an answer with the change, if it had one in time.
    fn follow_to_discoverer(
        &self,
        id: DiscovererId,
        since: Span,
        seen: Option<u64>,
        until: Span,
        way: &mut Way,
    ) -> Option<Span> {
        let answered = self.first(since, |event| {
            matches!(event, TraceEvent::Answer { discoverer, view_version: Some(version), failure: None, .. }
                if *discoverer == id && seen.is_none_or(|seen| *version >= seen))
        });
        let Some((answered, TraceEvent::Answer { call, .. })) = answered.filter(|(at, _)| *at <= until) else {
            return None;
        };
        let asked = self.first(Span::ZERO, |event| {
            matches!(event, TraceEvent::Call { discoverer, call: other, .. } if *discoverer == id && other == call)
        });
        if let Some((at, _)) = asked.filter(|(at, _)| *at >= since) {
            way.hop(
                at,
                format!("{id} asks (its call {}){}", call + 1, self.trouble_until(id, since, at)),
            );
        }
        way.hop(answered, format!("{id} is answered"));
        Some(answered)
    }

    /// When the manager took the update in, and the guard let it pass.
    fn follow_to_manager(&self, id: DiscovererId, answered: Span, until: Span, way: &mut Way) -> Result<Span, String> {
        let taken = self.first(
            answered,
            |event| matches!(event, TraceEvent::Update { discoverer, .. } if *discoverer == id),
        );
        let Some((taken, _)) = taken.filter(|(at, _)| *at <= until) else {
            return Err("the update waits in the queue before the manager".to_owned());
        };
        way.hop(taken, "the manager takes the update in".to_owned());
        if let Some(held) = self.held_since(id, taken) {
            way.hop(taken, format!("the guard holds it, with {held} targets in all"));
            let let_go = self.first(
                taken,
                |event| matches!(event, TraceEvent::Held { discoverer, held: 0, .. } if *discoverer == id),
            );
            let Some((at, _)) = let_go.filter(|(at, _)| *at <= until) else {
                return Err("the guard holds it still".to_owned());
            };
            way.hop(at, "the guard lets it go".to_owned());
        }
        Ok(taken)
    }

    fn first(&self, from: Span, wanted: impl Fn(&TraceEvent) -> bool) -> Option<(Span, &TraceEvent)> {
        let start = self.events.partition_point(|traced| traced.at < from);
        let found = self.events[start..].iter().find(|traced| wanted(&traced.event))?;
        Some((found.at, &found.event))
    }

    /// How many targets the guard holds of a discoverer after an update that came then, if the host is
    /// gone and so is one of them.
    fn held_since(&self, id: DiscovererId, taken: Span) -> Option<usize> {
        if self.row.is_some() {
            return None;
        }
        let end = self.events.partition_point(|traced| traced.at <= taken);
        let held = self.events[..end].iter().rev().find_map(|traced| match traced.event {
            TraceEvent::Held { discoverer, held, .. } if discoverer == id => Some(held),
            _ => None,
        });
        held.filter(|held| *held > 0)
    }

    /// Why what the manager has was not emitted.
    fn not_emitted(&self, since: Span) -> String {
        let last = |wanted: fn(&TraceEvent) -> bool| self.events.iter().rposition(|traced| wanted(&traced.event));
        let emitted = last(|event| matches!(event, TraceEvent::Emission { .. }));
        let taken = last(|event| matches!(event, TraceEvent::Taken));
        if emitted > taken {
            return "the receiver is still busy with the snapshot before".to_owned();
        }
        let throttle = self.plan.scenario.manager.throttle;
        format!("the throttle `{throttle}` holds it back since {since}")
    }

    fn trouble(&self, id: DiscovererId, since: Span) -> String {
        self.trouble_until(id, since, Span::MAX)
    }

    /// What went wrong for a discoverer meanwhile.
    fn trouble_until(&self, id: DiscovererId, since: Span, until: Span) -> String {
        let meanwhile = self
            .events
            .iter()
            .filter(|traced| traced.at >= since && traced.at <= until);
        let mut troubles: Vec<String> = Vec::new();
        let mut failures = 0;
        for traced in meanwhile {
            match &traced.event {
                TraceEvent::Answer {
                    discoverer,
                    failure: Some(reason),
                    ..
                } if *discoverer == id => {
                    failures += 1;
                    if failures == 1 {
                        troubles.push(format!("a call failed at {}: {reason}", traced.at));
                    }
                }
                TraceEvent::Input { input } => match &input.what {
                    Happening::Hit { discoverer, kind, .. } if *discoverer == id => {
                        troubles.push(format!("hit by `{}` at {}", kind.word(), traced.at));
                    }
                    Happening::RestartManager { .. } => {
                        troubles.push(format!("the manager restarted at {}", traced.at))
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        if failures > 1 {
            troubles.push(format!("{failures} failures in all"));
        }
        let more = troubles.len().saturating_sub(4);
        troubles.truncate(4);
        if more > 0 {
            troubles.push(format!("and {more} more"));
        }
        if troubles.is_empty() {
            String::new()
        } else {
            format!(" ({})", troubles.join(", "))
        }
    }
}

impl Way {
    fn hop(&mut self, at: Span, what: String) {
        let before = self.hops.last().map_or(at, |hop| hop.at);
        self.hops.push(Hop {
            at,
            waited: at.minus(before),
            what,
        });
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_up { "up" } else { "gone" };
        writeln!(f, "{} at {}: {state} since {}", self.host, self.at, fine(self.changed))?;
        for way in &self.ways {
            writeln!(f, "{}, {}:", way.discoverer, way.description)?;
            for hop in &way.hops {
                let waited = format!("+{}", fine(hop.waited));
                writeln!(f, "  {:<14} {waited:<14} {}", fine(hop.at).to_string(), hop.what)?;
            }
            match &way.missing {
                Some(missing) => writeln!(f, "  the receiver does not know at {}: {missing}", self.at)?,
                None => {
                    let end = way.hops.last().map_or(self.changed, |hop| hop.at);
                    writeln!(
                        f,
                        "  the receiver knows, {} after the change",
                        fine(end.minus(self.changed))
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// To the millisecond: what is shorter than that, nobody waits for.
fn fine(span: Span) -> Span {
    Span::from_nanos(span.as_nanos() / 1_000_000 * 1_000_000)
}

#[cfg(test)]
mod tests;
