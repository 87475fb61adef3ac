//! What settings say, field by field, as it can be compared and shown.

use std::collections::BTreeMap;
use std::time::Duration;

use headcount_core::{Count, ProviderConfig, format_duration};

use super::{JobSettings, Limit, MemberIdentity, MemberStrategy, MembersSettings, Settings, Who};

impl Settings {
    /// Each field that is said, by its path in the file, with its value in one form: two files that say the same have
    /// the same. Nothing in it is secret.
    ///
    /// ```
    /// use headcount_config::{JobSettings, Settings};
    ///
    /// let defaults = JobSettings { serve_incomplete: Some(true), ..JobSettings::default() };
    /// let said = Settings { defaults, ..Settings::default() }.fields();
    /// assert_eq!(said["defaults.serve_incomplete"], "true");
    /// ```
    #[must_use]
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut said = Vec::new();
        write_job(&mut said, "defaults", &self.defaults);
        push(
            &mut said,
            "defaults.throttle",
            "policy",
            self.throttle.policy.map(|policy| policy.to_string()),
        );
        push(
            &mut said,
            "defaults.throttle",
            "per_set",
            self.throttle.per_set.map(|flag| flag.to_string()),
        );
        for (name, job) in &self.jobs {
            write_job(&mut said, &format!("jobs.{name}"), job);
        }
        push(&mut said, "web", "listen", self.web.listen.clone());
        let hosts = &self.web.allowed_hosts;
        let hosts = (!hosts.is_empty()).then(|| hosts.join(", "));
        push(&mut said, "web", "allowed_hosts", hosts);
        push(
            &mut said,
            "state",
            "dir",
            self.state.dir.as_ref().map(|dir| dir.display().to_string()),
        );
        push(
            &mut said,
            "state",
            "enabled",
            self.state.enabled.map(|flag| flag.to_string()),
        );
        if let Some(members) = &self.members {
            write_members(&mut said, members);
        }
        said.into_iter().collect()
    }
}

fn write_members(said: &mut Vec<(String, String)>, members: &MembersSettings) {
    let mut say = |name: &str, value: String| push(said, "members", name, Some(value));
    match &members.who {
        Who::Listed(names) => say("names", names.iter().cloned().collect::<Vec<_>>().join(", ")),
        Who::Asking {
            allow,
            grace,
            has_seats,
        } => {
            say("allow", allow.written().to_owned());
            say("grace", format_duration(*grace));
            if *has_seats {
                say("identity", MemberIdentity::Seat.word().to_owned());
            }
        }
        Who::Found(found) => {
            let mut by_mechanism: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for config in &found.sd {
                let name = match config.mechanism() {
                    "static" => "static_configs".to_owned(),
                    other => format!("{other}_sd_configs"),
                };
                by_mechanism.entry(name).or_default().push(config.describe());
            }
            for (name, entries) in by_mechanism {
                say(&name, entries.join("; "));
            }
            if !found.relabeling.rules().is_empty() {
                let rules = crate::written::compared(&found.relabeling);
                say("relabel_configs", rules.join(", "));
            }
            say("identity", found.identity.word().to_owned());
            say("grace", format_duration(found.grace));
        }
    }
    say("replication_factor", members.replicas.to_string());
    if !members.unshared_jobs.is_empty() {
        let jobs = members.unshared_jobs.iter().cloned().collect::<Vec<_>>();
        say("unshared_jobs", jobs.join(", "));
    }
    match &members.strategy {
        MemberStrategy::Consistent => {}
        MemberStrategy::PerNode { labels, has_fallback } => {
            say("strategy", "per_node".to_owned());
            if !labels.is_empty() {
                say("node_labels", labels.join(", "));
            }
            say("fallback", if *has_fallback { "consistent" } else { "none" }.to_owned());
        }
        MemberStrategy::Weighted { label } => {
            say("strategy", "weighted".to_owned());
            say("weight_label", label.clone());
        }
    }
}

fn write_job(said: &mut Vec<(String, String)>, place: &str, job: &JobSettings) {
    let time = |time: Option<Duration>| time.map(format_duration);
    push(
        said,
        place,
        "max_drop",
        job.max_drop.map(|limit| limited(limit, |share| share.to_string())),
    );
    push(said, place, "hold", time(job.hold));
    let count = |count: Count| match count {
        Count::Net => "net".to_owned(),
        Count::Gross => "gross".to_owned(),
    };
    push(said, place, "count", job.count.map(count));
    push(
        said,
        place,
        "max_stale",
        job.max_stale.map(|limit| limited(limit, format_duration)),
    );
    push(said, place, "incomplete_after", time(job.incomplete_after));
    push(
        said,
        place,
        "serve_incomplete",
        job.serve_incomplete.map(|flag| flag.to_string()),
    );
}

fn limited<T>(limit: Limit<T>, shown: impl Fn(T) -> String) -> String {
    limit.get().map_or_else(|| "off".to_owned(), shown)
}

fn push(said: &mut Vec<(String, String)>, place: &str, name: &str, value: Option<String>) {
    said.extend(value.map(|value| (format!("{place}.{name}"), value)));
}
