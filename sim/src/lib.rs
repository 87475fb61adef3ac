//! Runs the core under virtual time: a fleet, its backends, those who discover it, and all that
//! can go wrong, without waiting and without a network.
//!
//! The very manager that production runs is driven by a clock that jumps from event to event.
//! A day of 20,000 hosts costs what happens in it. **The same scenario and seed give the same
//! run, byte for byte, on every platform**, because nothing in here knows a clock, a thread, a
//! hash map's order or a float.
//!
//! ```
//! use headcount_sim::{Backend, BackendKind, Churn, Discoverers, Hosts, Ratio, Scenario, Simulation, Span};
//!
//! let scenario = Scenario::new("a small fleet")
//!     .until(Span::mins(10))
//!     .hosts(Hosts::new(50).zones(3))
//!     .backend(Backend::new("cmdb", BackendKind::Http))
//!     .discoverers(Discoverers::of("cmdb").refresh(Span::secs(15)))
//!     .churn(Churn::steady(Ratio::percent(5), Span::mins(1)));
//! let outcome = Simulation::new(&scenario, 7)?.run();
//! println!("{:#?}", outcome.metrics);
//! # Ok::<(), headcount_sim::Problems>(())
//! ```
//!
//! [`guide`] leads from nothing to a first scenario, a first rehearsal of your own discoverer, and a first bug found.
//!
//! # Where things are
//! * [`Scenario`] and what it is made of: pure data, for files and for builders.
//!   [`Scenario::check`] finds what makes no sense.
//!   [`Scenario::from_yaml`] reads one from a file; [`shipped`] is what comes with this crate, and
//!   [`SCHEMA`] says to editors what a file can hold.
//! * [`Span`], [`SpanRange`], [`Ratio`], [`ThrottleSetting`], [`Guard`]: values as scenarios write them
//!   (`30s`, `5ms..50ms`, `1%`, `backoff:100ms..5s`, `{max_drop: 30%, hold: 10m}`), with errors that say what would be right.
//! * [`Simulation`]: a run. [`Simulation::step`] does one instant, [`Simulation::run`] all of
//!   them; it is `Clone`, so a run can be forked.
//! * [`Outcome`], [`Metrics`], [`Violation`], [`Rule`]: what a run came to. [`Rule::endures`] is the
//!   atlas of faults: what each rule demands while and after something goes wrong.
//! * [`Work`], [`Simulation::work_done`]: what a run took, in comparisons and nodes instead of seconds.
//! * [`Input`], [`Happening`]: everything that is *decided* in a run, as plain values. They are
//!   drawn from the scenario's seed, or read from a list ([`Simulation::replay`]); either way they
//!   come by as [`TraceEvent::Input`], so recording them is listening.
//! * [`InputLog`], [`Recorder`]: those inputs as a file, and its replay.
//! * [`Incident`]: what happened in production, recorded and replayed.
//! * [`explain()`]: how the receiver came to know what it knows, hop by hop.
//! * [`Rehearsal`]: your own discoverers and receiver, as they are, in this world.
//! * [`Swarm`]: many seeds, each with some of the troubles left out, or each with a world of its own.
//! * [`drawn_world`], [`Weights`]: whole scenarios from seeds, and how often each part is in them.
//! * [`shrink()`]: from a run that failed to the smallest scenario that fails in the same way ([`Violation::is_like`]).
//! * [`twice`], [`compare`]: two runs side by side, and where they part.
//! * [`KeyedRng`]: random numbers by name. What is *noise* (latencies, phases) is drawn from them
//!   directly, by who draws it, what for, and for the how-manieth time.
//! * [`Simulation::listen`], [`TraceEvent`]: everything that happens, for timelines and
//!   explanations; costs nothing while nobody listens. [`short_log`] makes a line of each that
//!   changes a state.
//! * [`Subject`], [`Spec`]: the manager under test, and how to put another in its place
//!   ([`Simulation::of`]).
//! * [`Futures`]: from a moment of a recorded run on, many ways to go on.
//! * [`vary`], [`comparison`], [`verdict`]: the same run under other settings, as a table. [`Timeline`]: what
//!   happened over time, as a page. Neither prints or knows the wall's clock.
//! * [`Truth`]: which hosts really are up.
//!
//! Inside: `plan` (a scenario written out), `worlds` (draws scenarios), `generate` (draws inputs), `world` (truth, views,
//! rendering), `engine` (the queue of events, discoverers of every kind, the schedule of faults),
//! `oracle` (who watches), `simulation` (drives the manager).

mod allocators;
mod compare;
mod engine;
mod explain;
mod explore;
mod file;
mod generate;
#[doc = include_str!("guide.md")]
pub mod guide {}
mod ids;
mod incident;
mod input;
mod log;
mod metrics;
mod oracle;
mod outcome;
mod plan;
mod ratio;
mod record;
mod rehearsal;
mod report;
mod rng;
mod rule;
mod scenario;
mod schema;
mod sharing;
mod shipped;
mod shrink;
mod simulation;
mod size;
mod span;
mod subject;
mod swarm;
mod timeline;
mod trace;
mod vary;
mod work;
mod world;
mod worlds;

pub use allocators::{Allocated, AllocatorTable, compare_allocators};
pub use compare::{Comparison, Divergence, Parted, compare, twice, twice_of};
pub use explain::{Explanation, Hop, Way, explain};
pub use explore::{Explored, Futures, FuturesError};
pub use file::{Mistake, Mistakes, Place, Unwritable, Wrong, nearest};
pub use ids::{DiscovererId, HostId, JobId, ServiceId, ViewId};
pub use incident::{Emission, EmissionPair, HostHop, HostStory, Incident, IncidentError, IncidentOutcome, ReplayError};
pub use input::{Covered, Happening, Input, Looks};
pub use log::{Differs, EVENTS_PER_LINK, End, InputLog, Link, LogError, Replayed};
pub use outcome::{Metrics, Outcome, Violation};
pub use ratio::{Ratio, RatioError};
pub use record::Recorder;
pub use rehearsal::{Answer, NotThere, Page, Rehearsal, Shown, ShownHost, Site, Told, Wire, target_groups};
pub use report::{LEGEND, bytes, count, short_log, table};
pub use rng::{Entity, KeyedRng, Purpose};
pub use rule::{Endures, FailureClass, Rule};
pub use scenario::*;
pub use schema::{SCHEMA, described};
pub use shipped::{DEFAULT, Shipped, shipped};
pub use shrink::{ShrinkError, ShrinkLimits, Shrunk, one_line, shrink, shrink_of, shrink_watched};
pub use simulation::Simulation;
pub use size::{Size, SizeError};
pub use span::{Span, SpanError, SpanRange};
pub use subject::{Spec, Subject};
pub use swarm::{Swarm, SwarmFailure, SwarmReport};
pub use timeline::Timeline;
pub use trace::{TraceEvent, Traced};
pub use vary::{
    Combination, Variation, VariationError, Varied, combinations, comparison, comparison_page, judged, vary, verdict,
};
pub use work::Work;
pub use world::render::STAMP;
pub use world::truth::Truth;
pub use worlds::{Weights, drawn_seed, drawn_world};
