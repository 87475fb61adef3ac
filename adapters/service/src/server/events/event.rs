//! An event, for programs and for people.

use std::sync::Arc;

use headcount_core::{Cause, ChangeKind, Happening, HistoryEntry, MemberChange, Release, TargetsChange};
use serde::Serialize;

use crate::discovery::{because, release};
use crate::wall_clock::WallClock;

/// Addresses that a message names.
const MOST_NAMED: usize = 3;

/// Something that happened. What does not apply is absent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    /// A Unix timestamp.
    time: f64,
    /// The same for people.
    at: String,
    manager: &'static str,
    /// None, if it happened to no particular one.
    jobs: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_description: Option<Arc<str>>,
    message: String,
    #[serde(flatten)]
    what: What,
}

/// What happened, told apart by `what`.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum What {
    Disappeared {
        #[serde(flatten)]
        targets: Targets,
        /// The cause, for people.
        because: String,
    },
    Appeared {
        #[serde(flatten)]
        targets: Targets,
    },
    Changed {
        #[serde(flatten)]
        targets: Targets,
        /// Labels that are others than before: the first of them.
        labels: Vec<Arc<str>>,
    },
    Failing {
        error: Arc<str>,
    },
    Partial {
        missing: Arc<str>,
    },
    Recovered {
        failures: u64,
    },
    Held {
        job: Arc<str>,
        targets: usize,
        of: usize,
        until: f64,
    },
    Released {
        targets: usize,
        because: &'static str,
    },
    Expired {
        targets: usize,
    },
    CannotRun {
        error: Arc<str>,
    },
    Warned {
        warning: Arc<str>,
    },
    Reloaded {
        started: usize,
        stopped: usize,
        kept: usize,
    },
    ReloadRefused {
        error: Arc<str>,
    },
    MemberJoined {
        member: Arc<str>,
        targets: usize,
    },
    MemberRetired {
        member: Arc<str>,
        targets: usize,
    },
    MemberLost {
        member: Arc<str>,
        targets: usize,
    },
    /// Something that a newer core tells.
    Other,
}

#[derive(Debug, Serialize)]
struct Targets {
    /// How many.
    count: usize,
    /// All of them, or the first.
    addresses: Vec<String>,
    /// Of their group, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Arc<str>>,
    cause: &'static str,
}

impl Event {
    pub(super) fn of(manager: &'static str, entry: &HistoryEntry, clock: WallClock) -> Self {
        let provider = entry.provider();
        let name = provider.map_or("", |provider| provider.name());
        let (what, message) = match entry.what() {
            Happening::Targets(change) => targets(change, name),
            Happening::Failing(error) => (What::Failing { error: error.clone() }, format!("fails: {error}")),
            Happening::Partial(missing) => {
                let message = format!("got a part only, and not {missing}");
                let missing = missing.clone();
                (What::Partial { missing }, message)
            }
            Happening::Recovered { failures } => {
                let failures = *failures;
                let message = match failures {
                    0 => "got all again".to_owned(),
                    1 => "works again after a failure".to_owned(),
                    _ => format!("works again after {failures} failures"),
                };
                (What::Recovered { failures }, message)
            }
            Happening::Held {
                set,
                targets,
                of,
                until,
            } => {
                let at = clock.unix_seconds(*until);
                let message = format!(
                    "{targets} of the {of} targets of job {set:?} are gone at once; they are kept until that stays so \
                     or is confirmed"
                );
                let what = What::Held {
                    job: set.clone(),
                    targets: *targets,
                    of: *of,
                    until: at,
                };
                (what, message)
            }
            Happening::Released { targets, why } => {
                let because = release(*why);
                let targets = *targets;
                let message = format!("no drop is held any more ({because}); {} gone", targets_are(targets));
                (What::Released { targets, because }, message)
            }
            Happening::Expired { targets } => {
                let targets = *targets;
                let message = format!("failed for too long; {} too old, and dropped", targets_are(targets));
                (What::Expired { targets }, message)
            }
            Happening::CannotRun(error) => (
                What::CannotRun { error: error.clone() },
                format!("can't be run: {error}"),
            ),
            Happening::Warned(warning) => {
                let what = What::Warned {
                    warning: warning.clone(),
                };
                (what, format!("warns: {warning}"))
            }
            Happening::Reloaded { started, stopped, kept } => {
                let (started, stopped, kept) = (*started, *stopped, *kept);
                let message = format!(
                    "the configuration was applied: providers: {started} started, {stopped} stopped, {kept} kept"
                );
                (What::Reloaded { started, stopped, kept }, message)
            }
            Happening::ReloadRefused(error) => {
                let message = format!("the configuration was not applied, because it is wrong: {error}");
                (What::ReloadRefused { error: error.clone() }, message)
            }
            Happening::Member { name, change, targets } => member(name, *change, *targets),
            _ => (What::Other, "something that this version has no words for".to_owned()),
        };
        Self {
            time: clock.unix_seconds(entry.at()),
            at: clock.utc_seconds(entry.at()),
            manager,
            jobs: entry.sets().to_vec(),
            provider: provider.map(|provider| provider.name().clone()),
            provider_description: provider.map(|provider| provider.description().clone()),
            message,
            what,
        }
    }
}

fn member(name: &Arc<str>, change: MemberChange, targets: usize) -> (What, String) {
    let member = name.clone();
    let many = match targets {
        1 => "1 target".to_owned(),
        _ => format!("{targets} targets"),
    };
    match change {
        MemberChange::Joined => {
            let message = format!("member {name} joined, and is to scrape {many}");
            (What::MemberJoined { member, targets }, message)
        }
        MemberChange::Retired => {
            let message = format!("member {name} was taken out; it had {many}, and keeps each until another has begun");
            (What::MemberRetired { member, targets }, message)
        }
        MemberChange::Lost => {
            let message = format!("member {name} no longer asks; it had {many}, which others have now");
            (What::MemberLost { member, targets }, message)
        }
    }
}

fn targets(change: &TargetsChange, provider: &str) -> (What, String) {
    let addresses = change.addresses();
    let targets = Targets {
        count: addresses.count(),
        addresses: addresses.iter().map(str::to_owned).collect(),
        source: change.source().cloned(),
        cause: cause(change.cause()),
    };
    let named = named(change);
    match change.kind() {
        ChangeKind::Disappeared => {
            let because = because(change.cause(), provider);
            let message = format!("{named} disappeared: {because}");
            (What::Disappeared { targets, because }, message)
        }
        ChangeKind::Appeared => (What::Appeared { targets }, format!("{named} appeared")),
        ChangeKind::Changed => {
            let labels = change.labels().to_vec();
            let message = format!("{named} changed: {}", labels.join(", "));
            (What::Changed { targets, labels }, message)
        }
    }
}

/// The target, or the first of many.
fn named(change: &TargetsChange) -> String {
    let addresses = change.addresses();
    if addresses.count() == 1 {
        return addresses.iter().collect();
    }
    let some: Vec<_> = addresses.iter().take(MOST_NAMED).collect();
    format!("{} targets ({}, …)", addresses.count(), some.join(", "))
}

fn targets_are(count: usize) -> String {
    match count {
        1 => "1 target is".to_owned(),
        _ => format!("{count} targets are"),
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Update => "update",
        Cause::Configuration => "configuration",
        Cause::Released(Release::CameBack) => "releasedCameBack",
        Cause::Released(Release::HoldTime) => "releasedHoldTime",
        Cause::Released(Release::Confirmed) => "releasedConfirmed",
        Cause::Released(Release::Reload) => "releasedReload",
        Cause::Released(Release::Expired) | Cause::Expired => "expired",
        Cause::CannotRun => "cannotRun",
        Cause::Restored => "restored",
        _ => "other",
    }
}
