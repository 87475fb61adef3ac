//! One of each word, for tests and tools that go through all of them.

use super::{Churn, FaultKind};
use crate::{Ratio, Span, SpanRange};

impl FaultKind {
    /// One of each, with usual settings.
    pub const EXAMPLES: [Self; 40] = [
        Self::Delay {
            by: SpanRange::between(Span::secs(1), Span::secs(5)),
        },
        Self::Drop,
        Self::Duplicate {
            after: SpanRange::between(Span::ZERO, Span::secs(30)),
        },
        Self::Reorder,
        Self::Clog,
        Self::Partition,
        Self::OneWay,
        Self::Reset,
        Self::Refused,
        Self::Drip {
            each: Span::millis(200),
        },
        Self::Swizzle,
        Self::Empty,
        Self::PartialPage,
        Self::Truncated,
        Self::Garbled,
        Self::Status {
            code: 503,
            retry_after: None,
        },
        Self::BackInTime { by: Span::mins(5) },
        Self::Freeze,
        Self::Disagree { by: Span::mins(1) },
        Self::IndexReset,
        Self::WatchTooOld,
        Self::LostDelete,
        Self::DuplicateDelete,
        Self::TooManyRequests {
            retry_after: Span::secs(45),
        },
        Self::Nxdomain,
        Self::Servfail,
        Self::NoData,
        Self::TtlZero,
        Self::TornWrite,
        Self::RenameGap,
        Self::LostNotify,
        Self::SessionExpiry,
        Self::Pause,
        Self::Skew { permille: 200 },
        Self::Wobble {
            permille: 300,
            each: Span::secs(20),
        },
        Self::Step {
            by: Span::secs(20),
            back: false,
        },
        Self::WallJump {
            by: Span::secs(30),
            back: true,
        },
        Self::LeaderLoss,
        Self::StaleRead { by: Span::secs(20) },
        Self::ApiPriority {
            retry_after: Span::secs(20),
        },
    ];
}

impl Churn {
    /// One of each, with usual settings: all within the first ten minutes.
    pub fn examples() -> [Self; 12] {
        let away = SpanRange::between(Span::secs(5), Span::secs(30));
        let (at, over, share) = (Span::mins(2), Span::mins(3), Ratio::percent(30));
        [
            Self::steady(Ratio::percent(10), Span::mins(1)),
            Self::RollingDeploy {
                at,
                over,
                away,
                service: None,
            },
            Self::BlueGreen {
                at,
                over,
                overlap: Span::mins(2),
            },
            Self::Autoscale {
                at,
                by: share,
                over,
                lasts: Span::mins(4),
            },
            Self::ZoneLoss {
                at,
                zone: 0,
                lasts: Span::mins(5),
            },
            Self::SpotReclaim {
                at,
                share,
                over,
                replaced_after: away,
            },
            Self::MassRelabel {
                at,
                over: Span::ZERO,
                more_labels: 3,
            },
            Self::Flapping {
                share,
                up: SpanRange::between(Span::secs(10), Span::mins(1)),
                down: away,
            },
            Self::IpReuse { at, share, over },
            Self::NameReuse { at, share, over, away },
            Self::HostClone { at, share },
            Self::Daily {
                busiest: at,
                low: share,
                every: Span::mins(8),
            },
        ]
    }
}
