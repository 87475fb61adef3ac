//! What goes into a manager and what comes out of it, in full.

use std::collections::BTreeMap;

use super::snapshot::PlainSnapshot;
use crate::{Applied, Failure, ManagerEvent, ProviderId, SetOptions, Throttle, UnknownProvider, Update, UpdateOutcome};

/// One input of a manager.
#[derive(Debug, Clone)]
pub enum Input<C> {
    /// [`Manager::apply`](crate::Manager::apply).
    Apply(Vec<(String, Vec<C>)>),
    /// [`Manager::set_options`](crate::Manager::set_options).
    Options(SetOptions, BTreeMap<String, SetOptions>),
    /// [`Manager::set_throttle`](crate::Manager::set_throttle).
    Throttle(Throttle, bool),
    /// [`Manager::handle_update`](crate::Manager::handle_update).
    Update(ProviderId, Update),
    /// [`Manager::handle_failure`](crate::Manager::handle_failure).
    Failure(ProviderId, Failure),
    /// [`Manager::handle_build_failure`](crate::Manager::handle_build_failure).
    BuildFailure(ProviderId, String),
    /// [`Manager::confirm_drop`](crate::Manager::confirm_drop).
    Confirm(ProviderId),
    /// [`Manager::handle_receiver_ready`](crate::Manager::handle_receiver_ready).
    ReceiverReady,
    /// [`Manager::handle_timeout`](crate::Manager::handle_timeout).
    Timeout,
}

/// What an input returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: a receiver or a timeout.
    Nothing,
    /// To an apply.
    Applied(Applied),
    /// To an update.
    Updated(Result<UpdateOutcome, UnknownProvider>),
    /// To a failure of either sort.
    Noted(Result<(), UnknownProvider>),
    /// To an operator's confirmation.
    Confirmed(Result<usize, UnknownProvider>),
}

/// An [`Output`](crate::Output) in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainOutput<C> {
    /// Start a provider.
    Start {
        /// Which one.
        provider: ProviderId,
        /// `kind/N`.
        name: String,
        /// What it runs.
        config: C,
        /// Who subscribes.
        sets: Vec<String>,
    },
    /// Stop a provider.
    Stop(ProviderId),
    /// Hand this to the receiver.
    Emit(PlainSnapshot),
    /// Somebody may want to hear this.
    Event(ManagerEvent),
}

/// What an input does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction<C> {
    /// What it returns.
    pub answer: Answer,
    /// What the driver has to do.
    pub outputs: Vec<PlainOutput<C>>,
}
