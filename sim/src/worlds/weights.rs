//! How often each part of a drawn world is there.

use core::fmt;

use crate::BackendKind;

/// How often each part of a drawn world is there, as a swarm prints it.
///
/// ```
/// assert!(headcount_sim::Weights.to_string().contains("guard 35"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights;

/// How likely each kind of backend is, compared with the others.
pub(super) const KINDS: [(BackendKind, u32); 8] = [
    (BackendKind::Static, 2),
    (BackendKind::File, 4),
    (BackendKind::Dns, 4),
    (BackendKind::Http, 5),
    (BackendKind::Consul, 3),
    (BackendKind::Kubernetes, 4),
    (BackendKind::Zookeeper, 3),
    (BackendKind::Push, 3),
];

macro_rules! parts {
    ($($(#[$about:meta])* $part:ident $word:literal $percent:literal)*) => {
        /// Something that a drawn world can have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Part {
            $($(#[$about])* $part),*
        }

        impl Part {
            const ALL: &[Self] = &[$(Self::$part),*];

            const fn word(self) -> &'static str {
                match self {
                    $(Self::$part => $word),*
                }
            }

            /// In how many of a hundred cases it is there.
            pub(super) const fn percent(self) -> u32 {
                match self {
                    $(Self::$part => $percent),*
                }
            }
        }
    };
}

parts! {
    /// Jobs of their own, in the place of one for all.
    Jobs "jobs" 80
    /// A job that is there several times.
    AlikeJobs "alike jobs" 20
    /// Those share the discoverers out.
    SplitJobs "split jobs" 30
    /// Discoverers that nothing can be built from.
    Unbuildable "unbuildable" 12
    /// Several replicas of a backend.
    Replicas "replicas" 15
    /// A list in pages.
    Pages "pages" 12
    /// A cache before a backend.
    Cache "cache" 12
    /// A backend that shows changes late.
    LateBackend "late backend" 25
    /// Calls that take long.
    SlowCalls "slow calls" 15
    /// A list with numbered groups.
    Numbered "numbered lists" 30
    /// A list that is looked at twice.
    LookedAtTwice "looked at twice" 20
    /// Another throttle than the usual one.
    Throttle "throttle" 50
    /// A throttle for each set.
    PerSet "per set" 25
    /// A guard.
    Guard "guard" 35
    /// A reload restarts everything.
    Legacy "legacy reload" 10
    /// Nobody is waited for longer than so long.
    IncompleteAfter "incomplete after" 30
    /// Lists are served without what can't be built.
    ServeIncomplete "serve incomplete" 20
    /// A queue that takes its time.
    SlowQueue "slow queue" 35
    /// A receiver that takes its time.
    SlowReceiver "slow receiver" 50
    /// Something happens to hosts.
    Churn "churn" 90
    /// Something goes wrong.
    Faults "faults" 60
    /// Something happens to processes.
    Events "events" 80
    /// The events come at one moment, more or less.
    Burst "at one moment" 50
    /// Some of what is broken stays so.
    StaysBroken "stays broken" 20
    /// More hosts than a node of a tree of groups has room for.
    ManyHosts "many hosts" 6
    /// The reference model is asked at every input.
    Model "model" 80
    /// Targets are shared out among members.
    Members "members" 25
    /// Troubles by the clock or of one replica, slow disks, hosts that are listed and dead.
    Further "further troubles" 30
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = KINDS.map(|(kind, weight)| format!("{} {weight}", kind.word()));
        let parts: Vec<String> = Part::ALL
            .iter()
            .map(|part| format!("{} {}", part.word(), part.percent()))
            .collect();
        writeln!(f, "drawn backends, by weight: {}", kinds.join(", "))?;
        write!(f, "drawn parts, in so many of a hundred cases: {}", parts.join(", "))
    }
}
