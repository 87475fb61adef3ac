//! What happens to hosts.

use serde::{Deserialize, Serialize};

use crate::{Ratio, Span, SpanRange};

/// Something that happens to hosts, once or for as long as the storm lasts.
///
/// Each host has draws of its own for each entry: who else there is does not matter to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Churn {
    /// Each host changes now and then, all through the storm.
    Steady {
        /// Which share of the hosts changes…
        rate: Ratio,
        /// …in each span of this length, on average.
        every: Span,
        /// What changes.
        #[serde(default, skip_serializing_if = "super::is_default")]
        change: Change,
    },
    /// Every host of a service gets the next release, one after the other: it goes, and comes
    /// back at another address.
    RollingDeploy {
        /// When it starts.
        at: Span,
        /// How long it takes from the first host to the last.
        over: Span,
        /// How long a host is away.
        #[serde(default = "away")]
        away: SpanRange,
        /// Which service; none is all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<u32>,
    },
    /// A second fleet comes up beside the first, which goes when the second one stands.
    BlueGreen {
        /// When the second fleet starts.
        at: Span,
        /// How long it takes until all of it is up.
        over: Span,
        /// How long both stand before the first one goes.
        overlap: Span,
    },
    /// The fleet grows, and shrinks back.
    Autoscale {
        /// When it grows.
        at: Span,
        /// By which share.
        by: Ratio,
        /// How long growing, and later shrinking, takes.
        over: Span,
        /// How long it stays large.
        lasts: Span,
    },
    /// A zone goes dark, and comes back.
    ZoneLoss {
        /// When.
        at: Span,
        /// Which one.
        zone: u32,
        /// For how long.
        lasts: Span,
    },
    /// A share of the hosts is taken away at short notice; others come instead.
    SpotReclaim {
        /// When the wave starts.
        at: Span,
        /// Which share goes.
        share: Ratio,
        /// How long the wave lasts.
        over: Span,
        /// How long it takes until another host stands in each one's place.
        #[serde(default = "away")]
        replaced_after: SpanRange,
    },
    /// All labels change, at every host.
    MassRelabel {
        /// When it starts.
        at: Span,
        /// How long it takes; zero is all at once.
        #[serde(default, skip_serializing_if = "Span::is_zero")]
        over: Span,
        /// How many labels each host has more from then on.
        #[serde(default, skip_serializing_if = "super::is_default")]
        more_labels: u16,
    },
    /// Some hosts come and go, all through the storm.
    Flapping {
        /// Which share of the hosts.
        share: Ratio,
        /// How long one is up.
        up: SpanRange,
        /// How long it is down.
        down: SpanRange,
    },
    /// Hosts go, and a host of another service gets their address at once.
    IpReuse {
        /// When.
        at: Span,
        /// Which share of the hosts goes.
        share: Ratio,
        /// How long all of it takes.
        over: Span,
    },
    /// Hosts go, and others come back under the same name, at another address.
    NameReuse {
        /// When.
        at: Span,
        /// Which share of the hosts.
        share: Ratio,
        /// How long all of it takes.
        over: Span,
        /// How long the name is nobody's.
        #[serde(default = "away")]
        away: SpanRange,
    },
    /// Hosts are copied with all they have: two hosts say the same name.
    HostClone {
        /// When.
        at: Span,
        /// Which share of the hosts is copied.
        share: Ratio,
    },
    /// The fleet follows the traffic by time of day: all of it is up when most is to be done, and the fewer hosts the
    /// further that is away, in a straight line. The run starts at midnight.
    Daily {
        /// When most is to be done, and all hosts are up.
        busiest: Span,
        /// Which share of the hosts is up when the least is to be done, half a day before and after.
        low: Ratio,
        /// How long a day lasts.
        #[serde(default = "a_day", skip_serializing_if = "is_a_day")]
        every: Span,
    },
}

/// What changes at a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Another host comes in its place, at another address.
    #[default]
    Replace,
    /// Its labels change, its address stays.
    Relabel,
}

fn a_day() -> Span {
    Span::hours(24)
}
fn is_a_day(span: &Span) -> bool {
    *span == a_day()
}
fn away() -> SpanRange {
    SpanRange::between(Span::secs(5), Span::secs(30))
}

impl Churn {
    /// So many of the hosts are replaced in each span of this length.
    pub const fn steady(rate: Ratio, every: Span) -> Self {
        Self::Steady {
            rate,
            every,
            change: Change::Replace,
        }
    }

    /// The word for it, as scenarios write it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Steady { .. } => "steady",
            Self::RollingDeploy { .. } => "rolling_deploy",
            Self::BlueGreen { .. } => "blue_green",
            Self::Autoscale { .. } => "autoscale",
            Self::ZoneLoss { .. } => "zone_loss",
            Self::SpotReclaim { .. } => "spot_reclaim",
            Self::MassRelabel { .. } => "mass_relabel",
            Self::Flapping { .. } => "flapping",
            Self::IpReuse { .. } => "ip_reuse",
            Self::NameReuse { .. } => "name_reuse",
            Self::HostClone { .. } => "host_clone",
            Self::Daily { .. } => "daily",
        }
    }
}
