//! Drives the manager: what happens goes in, what it asks for is carried out, and the contract
//! is given both.

use headcount_core::reference::{Input as Given, PlainSnapshot};
use headcount_core::{Failure, Instant, Output, ProviderId, Update, UpdateOutcome};

use super::at_once::Turn;
use super::{SWEEP_EVERY, Simulation, told};
use crate::engine::{Body, Event, Report};
use crate::oracle::{Broken, Verdict};
use crate::scenario::{Checks, Mark};
use crate::subject::{Spec, Subject};
use crate::trace::TraceEvent;
use crate::{DiscovererId, Rule, Span};

/// How long it takes some providers to find that nothing can be built from their config.
const BUILDING: Span = Span::millis(200);

impl<M: Subject> Simulation<M> {
    /// Does all that happens now: inputs first, in their order, then events, in a seeded one.
    pub(crate) fn instant(&mut self) {
        let now = self.world.now;
        while let Some(input) = self.inputs.next(now, &self.world.truth) {
            self.world.meter.events += 1;
            if !self.may_happen(Turn::Input) {
                return;
            }
            self.decide(input);
            self.pump();
        }
        let overdue = self.manager.poll_timeout().is_some_and(|deadline| deadline <= now);
        if overdue && self.world.stands_until <= now && self.may_happen(Turn::Timeout) {
            self.give(Given::Timeout, None);
        }
        while self.violations.is_empty()
            && let Some(event) = self.world.next_event()
            && self.may_happen(Turn::Event(event))
        {
            match event {
                Event::GoesOn => self.goes_on(),
                Event::ReceiverReady { life } => self.receiver_ready(life),
                Event::QueueDone { life } => self.queue_done(life),
                Event::CannotBuild { provider, life } => self.cannot_build_after_all(provider, life),
                Event::Sweep => self.sweep(),
                event => self.world.handle(event),
            }
            self.pump();
        }
    }

    /// Takes what discoverers reported to the manager, or into the queue before it.
    pub(crate) fn pump(&mut self) {
        while let Some(report) = self.world.outbox.pop_front() {
            let queue = &self.plan.scenario.queue;
            if queue.takes.is_zero() {
                self.hand_over(report);
            } else if self.queue.reports.len() < queue.depth as usize {
                self.enqueue(report);
            } else {
                self.world.mark(Mark::QueueFull);
                self.world.discoverers[report.discoverer.place()].blocked = true;
                self.queue.blocked.push_back(report);
            }
        }
    }

    fn enqueue(&mut self, report: Report) {
        self.queue.reports.push_back(report);
        let peak = &mut self.world.meter.metrics.peak_queue;
        *peak = (*peak).max(self.queue.reports.len() as u64);
        if !core::mem::replace(&mut self.queue.busy, true) {
            self.work();
        }
    }

    fn work(&mut self) {
        let done = self.world.now + self.plan.scenario.queue.takes.into();
        self.world.queue.schedule(done, Event::QueueDone { life: self.lives });
    }

    fn queue_done(&mut self, life: u32) {
        if life != self.lives {
            return;
        }
        if let Some(report) = self.queue.reports.pop_front() {
            self.hand_over(report);
        }
        // One that waited has room now, and goes on with what it was to do meanwhile.
        if let Some(report) = self.queue.blocked.pop_front() {
            let id = report.discoverer;
            self.queue.reports.push_back(report);
            if !self.queue.blocked.iter().any(|other| other.discoverer == id) {
                let discoverer = &mut self.world.discoverers[id.place()];
                discoverer.blocked = false;
                for event in core::mem::take(&mut discoverer.waiting) {
                    self.world.queue.schedule(self.world.now, event);
                }
            }
        }
        self.queue.busy = !self.queue.reports.is_empty();
        if self.queue.busy {
            self.work();
        }
    }

    fn hand_over(&mut self, report: Report) {
        let Report {
            provider,
            discoverer,
            body,
        } = report;
        match body {
            Body::Found(update) => {
                for update in self.as_told(provider, discoverer, update) {
                    self.give(Given::Update(provider, update), Some(discoverer));
                }
            }
            Body::Failed(failure) => self.give(Given::Failure(provider, failure), Some(discoverer)),
        }
    }

    /// An update as its provider tells it. Where everything is checked, what comes to the same is told in other ways, too.
    fn as_told(&self, provider: ProviderId, discoverer: DiscovererId, update: Update) -> Vec<Update> {
        let plan = &self.plan.discoverers[discoverer.place()];
        if self.shadow.is_none() || plan.is_real || plan.is_numbered() || plan.looks_twice() {
            return vec![update];
        }
        let is_new = !self.contract.has_told(provider);
        match self.world.meter.events % 5 {
            0 => vec![told::naming_twice(update)],
            1 if is_new && self.contract.may_come_in_parts(provider) => told::in_parts(update),
            2 => told::after_a_part(update),
            // Nobody knows whether losses have stayed of whom the last thing heard is that he missed a part, so a drop of his may be held
            // for ever: only who soon reads everything again says so, and nobody in the calm.
            3 if !is_new && plan.kind.reads_again() && !self.expectations.is_calm() => {
                vec![told::with_a_gap(update, self.contract.sources(provider))]
            }
            _ => vec![update],
        }
    }

    fn receiver_ready(&mut self, life: u32) {
        if life != self.lives {
            return;
        }
        if self.consumer.paused_until > self.world.now {
            let until = self.consumer.paused_until;
            self.world.queue.schedule(until, Event::ReceiverReady { life });
            return;
        }
        self.world.trace(|| TraceEvent::Taken);
        self.give(Given::ReceiverReady, None);
    }

    fn sweep(&mut self) {
        let verdict = self
            .receiver
            .sweep(&self.world, &self.contract, self.expectations.is_calm());
        self.rule(verdict);
        self.check_expectations();
        if let Some(pools) = &mut self.pools {
            let verdict = pools.advance(self.world.now);
            self.rule(verdict);
        }
        self.advance_members();
        self.world
            .queue
            .schedule(self.world.now + SWEEP_EVERY.into(), Event::Sweep);
    }

    /// Members ask, come and go until now.
    pub(super) fn advance_members(&mut self) {
        if let Some(sharing) = self.sharing.as_mut().filter(|_| self.violations.is_empty()) {
            let verdict = sharing.advance(self.world.now);
            self.rule(verdict);
        }
    }

    /// Gives the manager an input, carries out what it asks for, and lets the contract judge.
    pub(super) fn give(&mut self, input: Given<Spec>, from: Option<DiscovererId>) {
        let now = self.world.now;
        let copy = self.shadow.is_some().then(|| input.clone());
        let touched = match &input {
            Given::Update(provider, _) => Some(*provider),
            _ => None,
        };
        // Whether a snapshot was kept from the receiver until this input.
        let waited = matches!(input, Given::ReceiverReady) && self.contract.receiver_ready();
        let verdict = self.hand_to_manager(now, input, from);
        self.rule(verdict);
        self.note_holds(touched);
        let outputs: Vec<Output<Spec>> = core::iter::from_fn(|| self.manager.poll_output()).collect();
        if let Some(input) = copy {
            let verdict = self.compare_with_model(input, &outputs);
            self.rule(verdict);
        }
        if let Some(complaint) = self.manager.complaint() {
            self.broken(*Broken::of(Rule::Model, complaint));
        }
        let delayed = self.manager.counters().updates_delayed;
        let emits = outputs.iter().any(|output| matches!(output, Output::Emit(_)));
        let mut unbuilt = Vec::new();
        let stopped: Vec<ProviderId> = outputs.iter().filter_map(stopped).collect();
        for output in outputs {
            self.carry_out(output, waited, &mut unbuilt);
        }
        if self.is_checked() && self.violations.is_empty() {
            let verdict = self.contract.settle(now, waited && !emits, &self.manager);
            self.rule(verdict);
        }
        if delayed > self.world.marks[Mark::UpdateDelayed as usize] {
            self.world.mark(Mark::UpdateDelayed);
        }
        // Somebody who is stopped may be about to say something.
        for provider in stopped {
            if self.shadow.is_none() || !self.violations.is_empty() {
                break;
            }
            self.give(Given::Failure(provider, Failure::new("it was stopped")), None);
        }
        for provider in unbuilt {
            // Where everything is checked some take longer to say so, and a snapshot may come before that.
            if self.shadow.is_some() && provider.number().is_multiple_of(2) {
                let (at, life) = (now + BUILDING.into(), self.lives);
                self.world.queue.schedule(at, Event::CannotBuild { provider, life });
                continue;
            }
            self.cannot_build(provider);
        }
    }

    fn cannot_build(&mut self, provider: ProviderId) {
        let reason = "the scenario says that nothing can be built from it".to_owned();
        self.give(Given::BuildFailure(provider, reason), None);
    }

    /// The same some time after its start: it may be stopped by then.
    fn cannot_build_after_all(&mut self, provider: ProviderId, life: u32) {
        if life == self.lives && self.manager.provider(provider).is_some() {
            self.cannot_build(provider);
        }
    }

    fn is_checked(&self) -> bool {
        self.plan.scenario.checks != Checks::None
    }

    /// Hands the manager an input, and the contract both that and what the manager made of it.
    fn hand_to_manager(&mut self, now: Instant, input: Given<Spec>, from: Option<DiscovererId>) -> Verdict {
        let checked = self.is_checked();
        match input {
            Given::Apply(sets) => {
                let applied = self.manager.apply(now, sets.clone());
                if !applied.kept.is_empty() {
                    self.world.mark(Mark::ProviderKept);
                }
                if checked {
                    self.contract.applied(now, &sets, &applied)?;
                }
                // Of what was saved some stand in for others, and run no more (B03).
                let retired: Vec<_> = self.contract.retired().collect();
                for (provider, discoverer) in retired {
                    self.note_provider(provider, discoverer);
                }
            }
            // No scenario gives these to a manager that runs.
            Given::Options(..) | Given::Throttle(..) => {}
            Given::Update(provider, update) => {
                // Only who checks needs the update once more.
                let found = if checked {
                    if from.is_some_and(|id| self.plan.discoverers[id.place()].is_numbered()) {
                        let verdict = self.contract.check_numbers(provider, &update);
                        self.rule(verdict);
                    }
                    if let Some(id) = from.filter(|id| self.plan.discoverers[id.place()].looks_twice()) {
                        let kind = self.plan.discoverers[id.place()].kind;
                        let looks = self.world.discoverers[id.place()].looks.as_ref();
                        let seen = looks.into_iter().flat_map(|looks| &looks.seen);
                        let verdict = self.contract.check_less(provider, &update, kind, seen);
                        self.rule(verdict);
                    }
                    let found = self.manager.handle_update(now, provider, update.clone());
                    let verdict = self.contract.updated(now, provider, &update, found);
                    self.rule(verdict);
                    found
                } else {
                    self.manager.handle_update(now, provider, update)
                };
                match found {
                    Ok(outcome) => self.updated(provider, from, outcome),
                    Err(_) => self.world.trace(|| TraceEvent::Ignored { provider }),
                }
            }
            Given::Failure(provider, failure) => {
                let found = self.manager.handle_failure(now, provider, failure);
                if self.contract.has_groups(provider) {
                    self.world.mark(Mark::FailureKept);
                }
                if let (Some(discoverer), Ok(())) = (from, found) {
                    self.world.trace(|| TraceEvent::Failure { provider, discoverer });
                }
                if checked {
                    self.contract.failed(now, provider, found)?;
                }
            }
            Given::BuildFailure(provider, reason) => {
                let known = self.manager.handle_build_failure(now, provider, reason).is_ok();
                self.world.mark(Mark::ConfigFailed);
                if checked && !known {
                    return Err(Broken::of(Rule::S11, "a config that was to be built is not known").by(provider));
                }
                if checked {
                    self.contract.build_failed(now, provider, &self.manager)?;
                }
            }
            Given::Confirm(provider) => {
                let found = self.manager.confirm_drop(now, provider);
                if found.is_ok_and(|targets| targets > 0) {
                    self.world.mark(Mark::DropConfirmed);
                }
                if checked {
                    self.contract.confirmed(now, provider, found)?;
                }
            }
            Given::ReceiverReady => {
                self.manager.handle_receiver_ready(now);
                self.contract.let_go_due(now)?;
            }
            Given::Timeout => {
                self.manager.handle_timeout(now);
                self.contract.let_go_due(now)?;
            }
        }
        Ok(())
    }

    fn updated(&mut self, provider: ProviderId, from: Option<DiscovererId>, outcome: UpdateOutcome) {
        if outcome.is_unchanged() {
            self.world.mark(Mark::UnchangedUpdate);
        }
        if let Some(discoverer) = from {
            let manager = &self.manager;
            self.world.trace(|| {
                let number = manager.provider(provider).map_or(0, |(health, _)| health.updates);
                TraceEvent::update(provider, discoverer, number, outcome)
            });
        }
    }

    fn carry_out(&mut self, output: Output<Spec>, waited: bool, unbuilt: &mut Vec<ProviderId>) {
        match output {
            Output::Start { provider, config, .. } => {
                let id = config.discoverer;
                self.note_provider(provider, id);
                self.world.trace(|| TraceEvent::Started {
                    provider,
                    discoverer: id,
                });
                if self.plan.discoverers[id.place()].broken {
                    unbuilt.push(provider);
                    return;
                }
                let found_before = self.found_before(id, provider);
                self.world.start(id, provider, found_before);
                self.receiver.runs(&self.world, id, true);
            }
            Output::Stop { provider } => {
                let Some(id) = self.who(provider) else {
                    return;
                };
                self.world.trace(|| TraceEvent::Stopped {
                    provider,
                    discoverer: id,
                });
                if self.world.discoverers[id.place()].provider == Some(provider) {
                    self.world.stop(id);
                    self.receiver.runs(&self.world, id, false);
                }
            }
            Output::Emit(snapshot) => self.emitted(snapshot, waited),
            // What it says of a report is in the report, which is traced.
            Output::Event(_) => {}
        }
    }

    /// The reference model is given the same, and must give the same.
    fn compare_with_model(&mut self, input: Given<Spec>, found: &[Output<Spec>]) -> Verdict {
        let Some(shadow) = &mut self.shadow else { return Ok(()) };
        let wrong = |reason: String| Broken::of(Rule::Model, reason);
        let step = shadow
            .step(self.world.now, input)
            .map_err(|disagreement| wrong(disagreement.to_string()))?;
        let words = |outputs: &[Output<Spec>]| outputs.iter().map(word).collect::<Vec<_>>();
        if words(&step.outputs) != words(found) {
            let (expected, found) = (words(&step.outputs), words(found));
            return Err(wrong(format!("the outputs: expected {expected:?}, found {found:?}")));
        }
        for (expected, found) in step.outputs.iter().zip(found) {
            if let (Output::Emit(expected), Output::Emit(found)) = (expected, found) {
                let read = |snapshot| PlainSnapshot::read(snapshot).map_err(|other| wrong(other.to_string()));
                if read(expected)? != read(found)? {
                    let version = found.version();
                    return Err(wrong(format!("snapshot {version} is not what the model emits")));
                }
            }
        }
        Ok(())
    }
}

fn stopped(output: &Output<Spec>) -> Option<ProviderId> {
    match output {
        Output::Stop { provider } => Some(*provider),
        _ => None,
    }
}

fn word(output: &Output<Spec>) -> String {
    match output {
        Output::Start { name, .. } => format!("start {name}"),
        Output::Stop { provider } => format!("stop {provider}"),
        Output::Emit(snapshot) => format!("emit {}", snapshot.version()),
        Output::Event(event) => format!("{event:?}"),
    }
}
