//! The bugs that can be planted, and which one is. What they are called and what each breaks stands in `in_core` and
//! `in_adapters`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Names the bug that is planted from the start of a process, for tests that know nothing of it.
pub const VARIABLE: &str = "HEADCOUNT_PLANTED";

/// What bugs are planted in. Each has a table of its own of what finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// This crate.
    Core,
    /// The crates of `adapters/`.
    Adapters,
}

macro_rules! bugs {
    ($($part:ident { $($kind:literal { $($bug:ident $breaks:literal)+ })+ })+) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($($(#[doc = $breaks] $bug,)+)+)+
        }

        impl Bug {
            /// All of them, part by part and kind by kind.
            pub const ALL: &[Self] = &[$($($(Self::$bug,)+)+)+];

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self {
                    $($($(Self::$bug => stringify!($bug),)+)+)+
                }
            }

            /// What it is planted in.
            pub const fn part(self) -> Part {
                match self {
                    $($($(Self::$bug => Part::$part,)+)+)+
                }
            }

            /// The kind of thing, within its part, that it breaks.
            pub const fn kind(self) -> &'static str {
                match self {
                    $($($(Self::$bug => $kind,)+)+)+
                }
            }

            /// What goes wrong with it.
            pub const fn breaks(self) -> &'static str {
                match self {
                    $($($(Self::$bug => $breaks,)+)+)+
                }
            }
        }
    };
}

in_core!();

/// The place in [`Bug::ALL`] of the one that is planted in this process; beyond it is none.
static PLANTED: AtomicUsize = AtomicUsize::new(UNKNOWN);
const NONE: usize = usize::MAX - 1;
/// The environment has not been asked.
const UNKNOWN: usize = usize::MAX;

impl Bug {
    /// The bug with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    /// The one that is planted, if one is.
    pub fn planted() -> Option<Self> {
        let place = match PLANTED.load(Ordering::Relaxed) {
            UNKNOWN => Self::plant_as_asked(),
            place => place,
        };
        Self::ALL.get(place).copied()
    }

    /// From now on this one is planted in the whole process, and no other; or none.
    pub fn plant(bug: Option<Self>) {
        PLANTED.store(bug.map_or(NONE, |bug| bug as usize), Ordering::Relaxed);
    }

    /// Plants what the environment asks for. A name that no bug has would look like a bug that nobody finds.
    #[expect(
        clippy::panic,
        reason = "a test that ran without its bug would say that it can't find it"
    )]
    fn plant_as_asked() -> usize {
        // An empty name is none, as an empty variable mostly is.
        let name = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
        let bug = name.map(|name| match Self::named(&name) {
            Some(bug) => bug,
            None => panic!("{VARIABLE} is {name:?}, and no bug is called so; `score list` says which there are"),
        });
        Self::plant(bug);
        PLANTED.load(Ordering::Relaxed)
    }
}
