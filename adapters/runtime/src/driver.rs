//! The driver: one task that owns the manager.
//!
//! It turns what happens outside into the manager's inputs, and the manager's outputs into running
//! discoverers and snapshots. The one rule: **a turn of the loop handles a bounded amount of each
//! kind of input**, so that no flood of one kind keeps the others, or other tasks, waiting.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_channel::Sender;
use futures_lite::FutureExt;
use futures_lite::future;
use headcount_core::{
    Failure, Instant, Manager, ManagerOptions, Output, ProviderConfig, ProviderId, RecordedOptions, RecordingManager,
    SavedState, Sink, UnknownProvider, Update, planted,
};
use headcount_discoverer::{BoxFuture, BuildError, Discoverer, Env, Message, Report, ReportQueue, Requests, Updates};

use crate::bounds::{Bounds, Verdict};
use crate::events::{EventReceiver, EventSender, queue};
use crate::handle::{Command, Commands, Handle};
use crate::refresh::{PendingRefresh, RefreshRequest};
use crate::refreshes::Refreshes;
use crate::runtime::SharedRuntime;
use crate::slot::{SnapshotReceiver, SnapshotSlot, slot};
use crate::task::{Task, panic_message};

/// What reports that wait for the manager may take, in bytes: a quarter of what a million targets take. The largest one
/// is taken whatever it takes.
const QUEUE: usize = 64 << 20;
/// Commands that wait for the manager.
const COMMANDS: usize = 16;
/// Messages that are handled in one turn.
const MESSAGES_A_TURN: usize = 32;
/// Time that discoverers are given to be dropped when the driver stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A manager that runs, and what comes out of it. Whoever does not want one part drops it.
#[derive(Debug)]
#[must_use = "the driver ends when its last handle is dropped"]
pub struct Running<C: ProviderConfig> {
    /// Speaks to it.
    pub handle: Handle<C>,
    /// Where its snapshots arrive.
    pub snapshots: SnapshotReceiver,
    /// Where it is heard at once how providers fare.
    pub events: EventReceiver,
}

/// Starts a manager on `runtime`. Time is that of `env.clock`.
///
/// `build` makes a discoverer from a provider config. It is called whenever the manager starts a
/// provider; an error is counted and shown as a failed config, and harms no other.
///
/// A discoverer that panics is reported as a failed refresh, and does not run again until its
/// provider is started anew.
pub fn start<C, B>(runtime: &SharedRuntime, options: ManagerOptions, env: Env, build: B) -> Running<C>
where
    C: ProviderConfig + Send + Sync + 'static,
    B: Fn(&C) -> Result<Box<dyn Discoverer>, BuildError> + Send + 'static,
{
    launch(runtime, options, env, build, None, |_| None)
}

/// As [`start`], with what another manager had saved: its groups are there at once, and stay until they are known
/// better ([`Manager::restore`]). Its times are those of `env.clock`, which has to count from the same epoch.
pub fn start_restored<C, B>(
    runtime: &SharedRuntime,
    options: ManagerOptions,
    env: Env,
    build: B,
    saved: SavedState<C>,
) -> Running<C>
where
    C: ProviderConfig + Send + Sync + 'static,
    B: Fn(&C) -> Result<Box<dyn Discoverer>, BuildError> + Send + 'static,
{
    launch(runtime, options, env, build, Some(saved), |_| None)
}

/// As [`start`], and all that the manager is given and says is told to a sink, for a replay. `record` makes
/// the sink; the options that it gets are what a recording begins with.
///
/// The sink is called on the driver's task: one that takes its time holds everybody up.
pub fn start_recorded<C, B>(
    runtime: &SharedRuntime,
    options: ManagerOptions,
    env: Env,
    build: B,
    record: impl FnOnce(RecordedOptions) -> Sink,
) -> Running<C>
where
    C: ProviderConfig + Send + Sync + 'static,
    B: Fn(&C) -> Result<Box<dyn Discoverer>, BuildError> + Send + 'static,
{
    launch(runtime, options, env, build, None, |options| Some(record(options)))
}

fn launch<C, B>(
    runtime: &SharedRuntime,
    options: ManagerOptions,
    env: Env,
    build: B,
    saved: Option<SavedState<C>>,
    record: impl FnOnce(RecordedOptions) -> Option<Sink>,
) -> Running<C>
where
    C: ProviderConfig + Send + Sync + 'static,
    B: Fn(&C) -> Result<Box<dyn Discoverer>, BuildError> + Send + 'static,
{
    let now = env.clock.now();
    let sink = record(RecordedOptions::of(now, &options));
    let (command_sender, commands) = async_channel::bounded(COMMANDS);
    let reports = ReportQueue::new(QUEUE);
    let (closing, bounds) = (reports.clone(), Bounds::new(env.limits));
    let (ending, ended) = async_channel::bounded::<Infallible>(1);
    let (snapshots, snapshot_receiver) = slot();
    let (events, event_receiver) = queue();
    let manager = match saved {
        Some(saved) => Manager::restore(now, options, saved),
        None => Manager::new(now, options),
    };
    let driver = Driver {
        refreshes: Refreshes::new(env.metrics.clone()),
        manager: RecordingManager::new(manager, sink),
        runtime: runtime.clone(),
        env,
        build,
        commands: Commands(commands),
        reports: reports.clone(),
        bounds,
        snapshots,
        events,
        tasks: HashMap::new(),
        timer: None,
    };
    runtime.spawn(Box::pin(async move {
        // A panic here is a bug in the manager. It ends the driver, which all handles then say, and
        // not the executor's thread with everything else on it.
        AssertUnwindSafe(driver.run()).catch_unwind().await.ok();
        closing.close();
        drop(ending);
    }));
    Running {
        handle: Handle::new(command_sender, ended, reports),
        snapshots: snapshot_receiver,
        events: event_receiver,
    }
}

struct Driver<C: ProviderConfig, B> {
    manager: RecordingManager<C>,
    runtime: SharedRuntime,
    env: Env,
    build: B,
    commands: Commands<C>,
    reports: ReportQueue,
    bounds: Bounds,
    refreshes: Refreshes,
    snapshots: SnapshotSlot,
    events: EventSender,
    tasks: HashMap<ProviderId, Discovering>,
    /// The deadline that is slept for, kept so that a message does not cost a new timer.
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
}

/// A discoverer that was started.
struct Discovering {
    task: Task,
    requests: Requests,
    /// Who waits for the answer to which request. They learn from its end, too.
    waiting: Vec<(u64, Sender<()>)>,
}

/// What ended the driver's wait.
enum Event<C: ProviderConfig> {
    Command(Command<C>),
    Wanted,
    Timeout,
    Message(Message),
}

impl<C, B> Driver<C, B>
where
    C: ProviderConfig + Send + Sync + 'static,
    B: Fn(&C) -> Result<Box<dyn Discoverer>, BuildError>,
{
    async fn run(mut self) {
        loop {
            let event = self.next_event().await;
            let now = self.env.clock.now();
            match event {
                Event::Command(Command::Stop) => break,
                Event::Command(Command::With(question)) => question(&self.manager),
                Event::Command(Command::Apply { sets, reply }) => {
                    // The caller may have given up waiting; the sets are applied all the same.
                    let applied = self.manager.apply(now, sets);
                    self.refreshes.follow(&self.manager);
                    reply.try_send(applied).ok();
                }
                Event::Command(Command::Options { defaults, by_set }) => {
                    planted!(
                        self.manager.set_options(now, defaults, by_set),
                        OptionsComeTooLate,
                        drop((defaults, by_set))
                    );
                }
                Event::Command(Command::Throttle { throttle, per_set }) => {
                    self.manager.set_throttle(now, throttle, per_set);
                }
                Event::Command(Command::Confirm { provider, reply }) => {
                    reply.try_send(self.manager.confirm_drop(now, provider)).ok();
                }
                Event::Command(Command::Refresh { provider, reply }) => {
                    reply.try_send(self.refresh(provider)).ok();
                }
                Event::Wanted => self.manager.handle_receiver_ready(now),
                Event::Timeout => {
                    self.start_anew(now);
                    self.manager.handle_timeout(now);
                }
                Event::Message(message) => self.handle_message(now, message),
            }
            self.handle_waiting_messages(now);
            self.handle_outputs(now);
            // Without this a driver that always finds a message would never let go of its thread.
            future::yield_now().await;
        }
        self.stop().await;
    }

    /// Waits for something to do. What is asked first wins when several are there; every turn
    /// handles messages besides, so none of them starves.
    async fn next_event(&mut self) -> Event<C> {
        let now = self.env.clock.now();
        let deadline = self.manager.poll_timeout().map(|(deadline, _)| deadline);
        match deadline.into_iter().chain(self.bounds.deadline()).min() {
            None => self.timer = None,
            // A timer may fire late under load; the clock decides.
            Some(deadline) if deadline <= now => return Event::Timeout,
            Some(deadline) => {
                if self
                    .timer
                    .as_ref()
                    .is_none_or(|(set, _)| planted!(*set != deadline, TimerIsNotMoved, false))
                {
                    let sleep = self.env.clock.sleep(deadline.saturating_duration_since(now));
                    self.timer = Some((deadline, sleep));
                }
            }
        }
        let command = async { Event::Command(self.commands.0.recv().await.unwrap_or(Command::Stop)) };
        let wanted = async {
            self.snapshots.wanted().await;
            Event::Wanted
        };
        let timeout = async {
            match &mut self.timer {
                Some((_, sleep)) => sleep.await,
                None => future::pending().await,
            }
            Event::Timeout
        };
        let message = async { Event::Message(self.reports.next().await) };
        let event = command.or(wanted).or(timeout).or(message).await;
        if matches!(event, Event::Timeout) {
            self.timer = None;
        }
        event
    }

    fn handle_waiting_messages(&mut self, now: Instant) {
        for _ in 0..MESSAGES_A_TURN {
            match self.reports.try_next() {
                Some(message) => self.handle_message(now, message),
                None => break,
            }
        }
    }

    fn handle_message(&mut self, now: Instant, message: Message) {
        // An error means that the provider was stopped while its message was in the queue (S06).
        let took = match &message.report {
            Report::Update(update) => update.duration(),
            Report::Failure(failure) => failure.duration(),
            Report::Warning(_) | Report::Answered(_) => None,
        };
        self.refreshes.note(now, &self.manager, message.provider, took);
        match message.report {
            Report::Update(update) => self.handle_update(now, message.provider, update),
            Report::Failure(failure) => self.manager.handle_failure(now, message.provider, failure).ok(),
            Report::Warning(warning) => self.manager.handle_warning(now, message.provider, warning).ok(),
            Report::Answered(request) => {
                if let Some(discovering) = self.tasks.get_mut(&message.provider) {
                    // Dropping it says that it was answered.
                    discovering.waiting.retain(|(number, _)| {
                        planted!(
                            *number > request,
                            AnswerIsForLaterOnes,
                            false,
                            AnswerIsForOneAlone,
                            *number != request
                        )
                    });
                }
                None
            }
        };
    }

    /// Hands an update on, if it is within the provider's bounds; else the provider fails, and begins anew later.
    fn handle_update(&mut self, now: Instant, provider: ProviderId, update: Update) -> Option<()> {
        if self.manager.provider(provider).is_none() {
            return self.manager.handle_update(now, provider, update).map(drop).ok();
        }
        let groups = self.manager.reported_groups(provider);
        match self.bounds.judge(now, provider, update, groups) {
            Verdict::Take(update) => self.manager.handle_update(now, provider, update).map(drop).ok(),
            Verdict::Wait => None,
            Verdict::Refuse(failure) => {
                // What it says from now on makes no sense without this.
                planted!(drop(self.tasks.remove(&provider)), RefusedRunsOn, ());
                self.reports.forget(provider);
                self.manager.handle_failure(now, provider, failure).ok()
            }
        }
    }

    /// Starts those anew that exceeded a bound, and have had their pause.
    fn start_anew(&mut self, now: Instant) {
        for provider in self.bounds.due(now) {
            let config = self.manager.provider(provider).map(|status| status.config.clone());
            if let Some(config) = planted!(config, RefusedStaysAway, None) {
                self.start(now, provider, &config);
            }
        }
    }

    fn handle_outputs(&mut self, now: Instant) {
        while let Some(output) = self.manager.poll_output() {
            match output {
                Output::Start { provider, config, .. } => self.start(now, provider, &config),
                Output::Stop { provider } => {
                    planted!(drop(self.tasks.remove(&provider)), StoppedRunsOn, ());
                    self.reports.forget(provider);
                    self.bounds.forget(provider);
                }
                Output::Emit(snapshot) => self.snapshots.put(snapshot),
                Output::Event(event) => self.events.put(event),
            }
        }
    }

    fn start(&mut self, now: Instant, provider: ProviderId, config: &C) {
        let built = planted!(
            std::panic::catch_unwind(AssertUnwindSafe(|| (self.build)(config))),
            BuildPanicEndsTheDriver,
            Ok((self.build)(config))
        );
        let reason = match built {
            Ok(Ok(discoverer)) => {
                let found_before = planted!(
                    self.manager.found_before(provider).cloned().collect(),
                    NothingWasFoundBefore,
                    Vec::new()
                );
                let updates = Updates::new(provider, self.reports.clone()).after(found_before);
                let requests = updates.requests();
                let run = supervise(discoverer, self.env.clone(), updates);
                let discovering = Discovering {
                    task: Task::spawn(&*self.runtime, run),
                    requests,
                    waiting: Vec::new(),
                };
                self.tasks.insert(provider, discovering);
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("building the discoverer panicked: {}", panic_message(&*panic)),
        };
        // An error would mean that the provider is unknown, and the manager has just named it.
        self.manager.handle_build_failure(now, provider, reason).ok();
    }

    /// Asks a discoverer to ask its backend now.
    fn refresh(&mut self, provider: ProviderId) -> Result<RefreshRequest, UnknownProvider> {
        if let Some(until) = planted!(self.bounds.paused_until(provider), PausedIsUnknown, None) {
            let now = self.env.clock.now();
            return Ok(RefreshRequest::Paused(until.saturating_duration_since(now)));
        }
        let Some(discovering) = self.tasks.get_mut(&provider) else {
            return Err(UnknownProvider(provider));
        };
        if planted!(discovering.task.has_ended(), EndedIsAsked, false) {
            return Ok(RefreshRequest::NothingToAsk);
        }
        let number = discovering.requests.ask();
        let (waiting, answered) = async_channel::bounded(1);
        discovering.waiting.retain(|(_, waiting)| waiting.receiver_count() > 0);
        discovering.waiting.push((number, waiting));
        Ok(RefreshRequest::Asked(PendingRefresh::new(
            answered,
            discovering.requests.clone(),
        )))
    }

    async fn stop(self) {
        // Discoverers that wait for room in the queue learn that nobody listens.
        self.reports.close();
        self.commands.end();
        let grace = self.env.clock.sleep(STOP_GRACE);
        let tasks: Vec<_> = self.tasks.into_values().map(|it| it.task.cancel()).collect();
        let all = async {
            for task in tasks {
                task.await;
            }
        };
        all.or(grace).await;
    }
}

/// Runs a discoverer, and says so when it panics.
async fn supervise(discoverer: Box<dyn Discoverer>, env: Env, updates: Updates) {
    let run = {
        let updates = updates.clone();
        // Inside the block, so that a panic before the first await is caught too.
        async move { discoverer.run(env, updates).await }
    };
    if let Err(panic) = AssertUnwindSafe(run).catch_unwind().await {
        let reason = format!("the discoverer panicked and no longer runs: {}", panic_message(&*panic));
        planted!(updates.fail(Failure::new(reason)).await.ok(), PanicIsSilent, None);
    }
}
