//! What becomes of changes: groups that are made anew, and reports.
//!
//! The one rule: **a group is made anew when something that was looked at for it changed**, and for no other reason, so
//! an event costs its object and what it is attached to. A namespace's groups are not made before all that is attached to
//! them was listed once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_lite::future::or;
use headcount_core::{Failure, Group, Instant, Missing, MissingPart, Update};
use headcount_discoverer::on_demand::{Ended, OnDemand};
use headcount_discoverer::refresh::and_others;
use headcount_discoverer::{Env, Stopped, Updates};

use super::kind::Kind;
use super::labels::{Families, Look, Looks, Surroundings, add_group};
use super::made::Made;
use super::members::{Member, Members};
use super::metrics;
use super::object::namespace_of;
use super::settings::KubernetesSd;
use super::watching::{Changes, Place, Trouble};

/// How many groups are made before they are reported, once everything was reported.
const MOST_AT_ONCE: usize = 1_000;

/// Who makes the groups of one entry, and reports.
pub(super) struct Desk<'m> {
    settings: Arc<KubernetesSd>,
    members: &'m Members,
    env: Env,
    updates: Updates,
    on_demand: OnDemand,
    /// The groups that other entries made, too.
    made: Arc<Made>,
    /// How each member is, in their order.
    states: Vec<State>,
    /// The groups that were made and have targets.
    groups: BTreeMap<Arc<str>, Group>,
    looks: Looks,
    families: Families,
    /// Keys of objects whose groups have to be made.
    due: BTreeSet<Arc<str>>,
    /// Whether everything was reported once.
    is_whole: bool,
    /// Whether the last report was of something that is missing, or failed.
    is_troubled: bool,
    /// Failures that were reported.
    failures_told: u64,
}

/// How a member is.
#[derive(Debug, Default)]
struct State {
    place: Place,
    is_listed: bool,
    trouble: Option<Trouble>,
    failures: u64,
    answered: u64,
    /// The number of the list that somebody waits for.
    asked: Option<u64>,
}

impl<'m> Desk<'m> {
    pub(super) fn new(settings: Arc<KubernetesSd>, members: &'m Members, env: Env, updates: Updates) -> Self {
        Self {
            on_demand: OnDemand::new(&env, &updates),
            made: Made::shared(&settings.access, settings.role, &env),
            states: members.iter().map(|_| State::default()).collect(),
            settings,
            members,
            env,
            updates,
            groups: BTreeMap::new(),
            looks: Looks::default(),
            families: Families::default(),
            due: BTreeSet::new(),
            is_whole: false,
            is_troubled: false,
            failures_told: 0,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Stopped> {
        self.on_demand.begin();
        loop {
            self.take_in();
            loop {
                let groups = self.make();
                self.report(groups).await?;
                if !self.is_whole || self.due.is_empty() || self.blocked().is_all {
                    break;
                }
            }
            self.end_read().await?;
            if self.wait().await {
                self.on_demand.begin();
                for (state, member) in self.states.iter_mut().zip(self.members.iter()) {
                    state.asked = Some(member.subscription.ask());
                }
            }
        }
    }

    /// Waits for something new; true when somebody wants everything to be listed.
    async fn wait(&self) -> bool {
        // The task is woken by whoever drives the members, which it does itself.
        let news = async {
            poll_fn(|_| {
                let mut all = self.states.iter().zip(self.members.iter());
                match all.any(|(state, member)| member.subscription.has_news(&state.place)) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            false
        };
        let wanted = async {
            if self.on_demand.is_reading() {
                std::future::pending::<()>().await;
            }
            self.on_demand.wanted().await;
            true
        };
        or(news, wanted).await
    }

    /// Reads what changed.
    fn take_in(&mut self) {
        let members = self.members;
        let mut number = 0;
        for member in members.iter() {
            let Some(state) = self.states.get_mut(number) else {
                continue;
            };
            number += 1;
            if !member.subscription.has_news(&state.place) {
                continue;
            }
            let changes = member.subscription.read(&mut state.place);
            state.is_listed = changes.is_listed;
            state.trouble = changes.trouble.clone();
            state.failures = changes.failures;
            state.answered = changes.answered;
            match member.kind == self.settings.role {
                true => self.take_own(member, changes),
                false => self.take_other(member.kind, changes),
            }
        }
    }

    /// Objects of the role itself have changed.
    fn take_own(&mut self, member: &Member, changes: Changes) {
        let keys = changes.keys.unwrap_or_else(|| {
            let mut keys = member.subscription.keys();
            let is_of_member = |key: &&Arc<str>| match &member.namespace {
                Some(namespace) => namespace_of(key) == Some(namespace),
                None => true,
            };
            keys.extend(self.groups.keys().filter(is_of_member).cloned());
            keys
        });
        if self.settings.role == Kind::EndpointSlice {
            for key in &keys {
                let object = member.subscription.get(key);
                for service in self.families.set(key, object.as_deref()) {
                    self.due.extend(self.looks.of(&Look::Families(service)).cloned());
                }
            }
        }
        self.due.extend(keys);
    }

    /// Objects that are attached have changed.
    fn take_other(&mut self, kind: Kind, changes: Changes) {
        match changes.keys {
            Some(keys) => {
                for key in keys {
                    self.due.extend(self.looks.of(&Look::At(kind, key)).cloned());
                }
            }
            None => self.due.extend(self.looks.of_kind(kind).cloned()),
        }
    }

    /// What can't be made yet.
    fn blocked(&self) -> Blocked {
        let mut blocked = Blocked::default();
        let unlisted = self
            .states
            .iter()
            .zip(self.members.iter())
            .filter(|(state, _)| !state.is_listed);
        for (_, member) in unlisted {
            match &member.namespace {
                Some(namespace) => drop(blocked.namespaces.insert(namespace.clone())),
                None => blocked.is_all = true,
            }
        }
        blocked
    }

    /// Makes groups that are due and can be made; gives those that are other than before.
    fn make(&mut self) -> Vec<Group> {
        let blocked = self.blocked();
        if self.due.is_empty() || blocked.is_all {
            return Vec::new();
        }
        let is_blocked = |key: &str| namespace_of(key).is_some_and(|namespace| blocked.namespaces.contains(namespace));
        let mut due = std::mem::take(&mut self.due);
        let waiting: BTreeSet<Arc<str>> = match blocked.namespaces.is_empty() {
            true => BTreeSet::new(),
            false => due.extract_if(.., |key| is_blocked(key)).collect(),
        };
        self.due = waiting;
        if self.is_whole && due.len() > MOST_AT_ONCE {
            let rest = due.iter().nth(MOST_AT_ONCE).cloned();
            if let Some(rest) = rest {
                self.due.append(&mut due.split_off(&rest));
            }
        }
        let (role, attach, members) = (self.settings.role, self.settings.attach, self.members);
        let get = |kind: Kind, key: &str| members.get(kind, key);
        let mut shared = self.made.groups();
        let mut batch = shared.encoder.batch();
        // In the order in which the batch has them; who could not be made is not in it.
        let mut made: Vec<(Arc<str>, BTreeSet<Look>)> = Vec::new();
        let mut gone = Vec::new();
        for key in due {
            let Some(object) = members.get(role, &key) else {
                gone.push(key);
                continue;
            };
            let mut around = Surroundings::new(&get, &self.families);
            let source = format!("{}/{key}", role.source());
            match add_group(&mut batch, &source, &object, attach, &mut around) {
                Ok(()) => made.push((key, around.into_looks())),
                // What it was before stays; it is made again when it changes.
                Err(_) => {
                    metrics::skipped(&self.env.metrics, 1);
                    self.looks.set(&key, around.into_looks());
                }
            }
        }
        let mut changed = Vec::new();
        for (group, (key, looks)) in batch.finish().into_iter().zip(made) {
            self.looks.set(&key, looks);
            if group.target_count() == 0 {
                if self.groups.remove(&key).is_some() {
                    shared.gone(&key);
                    changed.push(group);
                }
            } else if self.groups.get(&key) != Some(&group) {
                let group = shared.share(&key, group);
                self.groups.insert(key, group.clone());
                changed.push(group);
            }
        }
        for key in gone {
            self.looks.set(&key, BTreeSet::new());
            if let Some(group) = self.groups.remove(&key) {
                shared.gone(&key);
                changed.push(Group::empty(group.source()));
            }
        }
        changed
    }

    async fn report(&mut self, changed: Vec<Group>) -> Result<(), Stopped> {
        let failures = self
            .states
            .iter()
            .fold(0_u64, |sum, state| sum.wrapping_add(state.failures));
        let is_listed = self.states.iter().all(|state| state.is_listed);
        let troubles: Vec<(&Member, &Trouble)> = self
            .members
            .iter()
            .zip(&self.states)
            .filter_map(|(member, state)| Some((member, state.trouble.as_ref()?)))
            .collect();
        if troubles.is_empty() {
            if !is_listed {
                // Something is being listed for the first time; what was made until then is told with it.
                return Ok(());
            }
            let update = match (self.is_whole, self.is_troubled) {
                (false, _) => Update::full(self.groups.values().cloned().collect()),
                (true, true) => Update::completing(changed),
                (true, false) if changed.is_empty() => return Ok(()),
                (true, false) => Update::delta(changed),
            };
            (self.is_whole, self.is_troubled) = (true, false);
            self.failures_told = failures;
            return self.updates.send(update).await;
        }
        // As long as something was neither listed nor failed it is not known what there is to tell.
        let is_known = self
            .states
            .iter()
            .all(|state| state.is_listed || state.trouble.is_some());
        let is_told = failures == self.failures_told && changed.is_empty();
        if is_told || (!is_known && !self.is_whole) {
            return Ok(());
        }
        let is_all = troubles.len() == self.states.len();
        self.failures_told = failures;
        self.is_troubled = true;
        if is_all && changed.is_empty() {
            let failure = failure(&troubles, self.env.clock.now());
            return self.updates.fail(failure).await;
        }
        let groups = match self.is_whole {
            true => changed,
            // What was made while something was being listed has not been told yet.
            false => {
                let gone = changed.into_iter().filter(|group| group.target_count() == 0);
                self.groups.values().cloned().chain(gone).collect()
            }
        };
        let parts = troubles
            .iter()
            .map(|(member, trouble)| MissingPart::new(name(member), trouble.reason.as_str()));
        let update = match Missing::of(parts) {
            Some(missing) => Update::partial(groups, missing),
            None => Update::delta(groups),
        };
        self.updates.send(update).await
    }

    /// Ends a read of everything, once each list was answered, or was in vain.
    async fn end_read(&mut self) -> Result<(), Stopped> {
        let is_answered = |state: &State| match state.asked {
            Some(asked) => state.answered >= asked,
            None => state.is_listed || state.trouble.is_some(),
        };
        if !self.on_demand.is_reading() || !self.states.iter().all(is_answered) {
            return Ok(());
        }
        let is_well = self.states.iter().all(|state| state.trouble.is_none());
        self.on_demand
            .end(if is_well { Ended::Well } else { Ended::Failed })
            .await
    }
}

/// What can't be made yet, because something was not listed.
#[derive(Debug, Default)]
struct Blocked {
    is_all: bool,
    namespaces: BTreeSet<Arc<str>>,
}

/// What a member is called in reports.
fn name(member: &Member) -> String {
    match &member.namespace {
        Some(namespace) => format!("{} in {namespace}", member.kind.plural()),
        None => member.kind.plural().to_owned(),
    }
}

/// A failure of everything, by the one that will be tried again first.
fn failure(troubles: &[(&Member, &Trouble)], now: Instant) -> Failure {
    let next = troubles.iter().map(|(_, trouble)| trouble.retry_at).min();
    let message = match troubles {
        [(member, trouble), others @ ..] => {
            let first = format!("watching {}: {}", name(member), trouble.reason);
            and_others(first, others.len(), "kind")
        }
        [] => String::new(),
    };
    Failure::new(message).retry_in(next.unwrap_or(now).saturating_duration_since(now))
}
