//! The atlas of faults: for how long a change may be on its way, if nothing is wrong.
//!
//! A change of the truth has to reach the receiver within its discoverer's bound, counted from
//! the change or from the moment at which the last fault let go of that discoverer, whichever is
//! later. **So a run is never failed for what a fault made impossible**, and always for what it
//! did not. Some faults leave a trace behind that only a new connection removes, such as a lost
//! deletion; after those the bound is longer by the connection's lifetime, or by the time until everything is listed again.

use headcount_core::Throttle;

use crate::plan::{DiscovererPlan, Plan};
use crate::{BackendKind, Churn, Span};

/// How long a change may be on its way through one discoverer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// When no fault touches it.
    pub(crate) usual: Span,
    /// After a fault whose trace only a new connection removes.
    pub(crate) deep: Span,
}

impl Bound {
    pub(crate) fn new(plan: &Plan, discoverer: &DiscovererPlan) -> Self {
        let scenario = &plan.scenario;
        let backend = &scenario.backends[discoverer.backend];
        let entry = &scenario.discoverers[discoverer.entry];
        let pages = if backend.page == 0 {
            1
        } else {
            u64::from(most_hosts(plan).div_ceil(backend.page).max(1))
        };
        let call = backend.latency.high().times(pages).min(entry.timeout.times(pages));
        // A call may have been on its way when the fault let go, and may still fail; then comes
        // the longest wait for another try.
        let recovers = call.plus(entry.timeout.times(pages)).plus(entry.retry.high());
        let asks = match discoverer.kind {
            BackendKind::Static => Span::ZERO,
            BackendKind::Dns | BackendKind::Http => entry.refresh.plus(backend.cache),
            // A notification can pass unheard while the discoverer starts or has its file read.
            BackendKind::File => entry.refresh,
            BackendKind::Consul => backend.wait,
            BackendKind::Kubernetes | BackendKind::Zookeeper | BackendKind::Push => backend.latency.high(),
        };
        // A list whose pages are of different moments is right only with the next one; views of
        // several replicas move at different times.
        let looks = if pages > 1 || backend.replicas > 1 { 2 } else { 1 };
        let queue = scenario
            .queue
            .takes
            .times(u64::from(scenario.queue.depth) + plan.discoverers.len() as u64);
        let throttles = scenario
            .throttles()
            .map(|setting| Throttle::from(setting).longest_wait());
        let throttle = throttles.max().unwrap_or_default();
        let throttle = Span::from_nanos(u64::try_from(throttle.as_nanos()).unwrap_or(u64::MAX));
        let usual = backend
            .delay
            .high()
            .plus(backend.lingers.high())
            .plus(asks.plus(call).times(looks))
            .plus(recovers)
            .plus(queue)
            .plus(throttle.times(2))
            .plus(scenario.receiver.takes.high().times(2));
        let lives = match discoverer.kind {
            BackendKind::Kubernetes | BackendKind::Zookeeper | BackendKind::Push => {
                entry.resync.unwrap_or(backend.lifetime.high())
            }
            BackendKind::File => entry.refresh,
            _ => Span::ZERO,
        };
        let usual = discoverer.within.unwrap_or(usual);
        Self {
            usual,
            deep: usual.plus(lives).plus(recovers),
        }
    }
}

/// The most hosts that a list can have: those of the fleet, and those that entries of the churn
/// add to it.
fn most_hosts(plan: &Plan) -> u32 {
    let hosts = &plan.scenario.hosts;
    let fleets = plan.scenario.churn.iter().filter(|churn| adds_hosts(churn)).count() as u32;
    hosts.count.div_ceil(hosts.services).saturating_mul(fleets + 1)
}

fn adds_hosts(churn: &Churn) -> bool {
    matches!(
        churn,
        Churn::BlueGreen { .. } | Churn::Autoscale { .. } | Churn::IpReuse { .. } | Churn::HostClone { .. }
    )
}
