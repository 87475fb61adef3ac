//! Discoverers that do as they are told, when they are told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use headcount_core::{Encoder, Failure, ProviderConfig, Update};
use headcount_discoverer::{BuildError, Discoverer, Env, Updates};
use proptest::prelude::*;

/// A provider's configuration: a number. From that of [`UNBUILDABLE`] nothing can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Rack(pub(super) u8);

pub(super) const UNBUILDABLE: Rack = Rack(5);

impl ProviderConfig for Rack {
    fn kind(&self) -> &str {
        "rack"
    }

    fn describe(&self) -> String {
        self.0.to_string()
    }
}

/// What a discoverer is told to do.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// So many groups are all that there are.
    Full(u8),
    /// A group comes or is another.
    Group(u8, u8),
    /// It can't ask.
    Fail,
    /// It panics.
    Panic,
    /// It has nothing more to do.
    End,
    /// It takes its time.
    Wait(u16),
}

pub(super) fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        4 => (0..6_u8).prop_map(Order::Full),
        4 => (0..6_u8, 0..3_u8).prop_map(|(source, label)| Order::Group(source, label)),
        2 => Just(Order::Fail),
        1 => Just(Order::Panic),
        1 => Just(Order::End),
        2 => (1..3_000_u16).prop_map(Order::Wait),
    ]
}

type Orders = (Sender<Order>, Receiver<Order>);

/// The racks, and who looks at them.
#[derive(Clone, Default)]
pub(super) struct Racks {
    orders: Arc<Mutex<BTreeMap<Rack, Orders>>>,
    living: Arc<Mutex<BTreeMap<Rack, Arc<AtomicUsize>>>>,
}

/// Counts those that live.
struct Living(Arc<AtomicUsize>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Racks {
    pub(super) fn tell(&self, rack: Rack, order: Order) {
        self.channel(rack).0.try_send(order).unwrap();
    }

    /// What was told and nobody heard is forgotten.
    pub(super) fn forget(&self, rack: Rack) {
        let (_, orders) = self.channel(rack);
        while orders.try_recv().is_ok() {}
    }

    /// How many discoverers look at a rack.
    pub(super) fn living(&self, rack: Rack) -> usize {
        self.counter(rack).load(Ordering::Relaxed)
    }

    pub(super) fn build(&self, rack: Rack) -> Result<Box<dyn Discoverer>, BuildError> {
        if rack == UNBUILDABLE {
            return Err(BuildError::Unsupported {
                mechanism: "rack".to_owned(),
            });
        }
        let (_, orders) = self.channel(rack);
        let counter = self.counter(rack);
        let discoverer = move |env: Env, updates: Updates| {
            counter.fetch_add(1, Ordering::Relaxed);
            let living = Living(counter.clone());
            look(living, rack, orders, env, updates)
        };
        Ok(Box::new(discoverer))
    }

    fn channel(&self, rack: Rack) -> Orders {
        let mut orders = self.orders.lock().unwrap();
        orders.entry(rack).or_insert_with(async_channel::unbounded).clone()
    }

    fn counter(&self, rack: Rack) -> Arc<AtomicUsize> {
        self.living.lock().unwrap().entry(rack).or_default().clone()
    }
}

/// A rack's groups are called by their numbers.
fn update(rack: Rack, groups: impl IntoIterator<Item = (u8, u8)>, is_full: bool) -> Update {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for (number, label) in groups {
        let address = format!("10.0.{}.{number}:9100", rack.0);
        let label = label.to_string();
        batch
            .group(&number.to_string(), [("v", &*label)], [[("__address__", &*address)]])
            .unwrap();
    }
    match is_full {
        true => Update::full(batch.finish()),
        false => Update::delta(batch.finish()),
    }
}

async fn look(living: Living, rack: Rack, orders: Receiver<Order>, env: Env, updates: Updates) {
    let _living = living;
    while let Ok(order) = orders.recv().await {
        let sent = match order {
            Order::Full(count) => {
                updates
                    .send(update(rack, (0..count).map(|group| (group, 0)), true))
                    .await
            }
            Order::Group(source, label) => updates.send(update(rack, [(source, label)], false)).await,
            Order::Fail => updates.fail(Failure::new("it can't be asked")).await,
            Order::Panic => panic!("as it was told"),
            Order::End => return,
            Order::Wait(millis) => {
                env.clock.sleep(Duration::from_millis(millis.into())).await;
                Ok(())
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
