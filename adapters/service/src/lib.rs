//! A running headcount as a library: a configuration goes in, lists of targets come out.
//!
//! * `builder`, `service`: what one does with it. `plan`: what a configuration asks for; `effective`: what counts of its
//!   settings. `check`: whether it would work, without running it.
//! * `app`: what the parts of a running service share, and how a configuration gets to all of them;
//!   `reload`: the configuration that runs, and where the next comes from; `trace`: what was looked at to read it.
//! * `discovery`: a running manager, and the view of its state that everything else reads. `once`: a
//!   discovery that is made once; `awaited`: who is waited for meanwhile.
//! * `targets`: what relabelling, checks and limits make of what is discovered.
//! * `scraping`: whether targets are really there, for those who ask for it.
//! * `server`: the HTTP API and the page. `output`: files that are kept up to date. `state`: what is kept over a
//!   restart.
//!
//! The one rule: **nothing that reads the state can hold it up.** Whoever answers a request or
//! writes a file reads an immutable view, and works on a thread where slow work is allowed.

mod app;
mod awaited;
mod builder;
mod check;
mod default_config;
mod discovery;
mod effective;
mod mechanisms;
mod once;
mod output;
mod overwritten;
mod plan;
mod reload;
mod scraping;
mod server;
mod service;
mod state;
mod targets;
mod trace;
mod wall_clock;
mod workers;

// What embeds a whole headcount.
pub use headcount_discoverer::Limits;

pub use awaited::Awaited;
pub use builder::{ListKind, ServiceBuilder, StartError};
pub use check::{Checked, check, check_file};
pub use mechanisms::loader;
pub use output::RecordError;
pub use plan::{MEMBERS_SET, Plan, Source};
pub use reload::{Changes, Entries, Providers, ReloadError};
pub use server::{
    BadCorsOrigin, BadExternalUrl, BadRoutePrefix, ConnectionLimits, CorsOrigin, ExternalUrl, ListenError, RoutePrefix,
    check_web_config, path_of as list_path,
};
pub use service::{Answer, ListError, Service, TargetList};
pub use state::{
    SavedMembersSummary, SavedProviderSummary, StateError, StateSummary, saved_members, saved_states, state_folder,
    state_root,
};
pub use workers::Workers;

// What looks at discoveries of its own, and writes of them as a service does.
pub use discovery::{ADDRESS, Observation, Provider, entries_with_own_labels, merged, sorted_groups, target_list};
pub use once::{Failure, discover, failures};
pub use targets::{
    Alertmanagers, FLAGS, LabelChange, alertmanagers, described, fate_in_words, label_changes, relabelled_list,
    scrape_url, shown_labels, state_name,
};
