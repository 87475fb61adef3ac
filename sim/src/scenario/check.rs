//! Whether a scenario makes sense as a whole.

mod faults;

use core::fmt;

use super::{BackendKind, Churn, Condition, Expectation, Less, ProcessEvent, Restarted, Scenario, Sources};
use crate::Span;

/// Something in a scenario that makes no sense, and what would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: the path of the field, such as `discoverers[0].backend`.
    pub at: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Everything in a scenario that makes no sense; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, in the order of the scenario's fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// More hosts than this don't fit into their addresses.
const MOST_HOSTS: u32 = 4_000_000;

impl Scenario {
    /// Says whether the scenario can be run.
    ///
    /// # Errors
    /// Everything that makes no sense, each with its place and what would be right.
    pub fn check(&self) -> Result<(), Problems> {
        let mut found = Found::default();
        self.check_whole(&mut found);
        self.check_discovery(&mut found);
        self.check_churn(&mut found);
        self.check_faults(&mut found);
        self.check_events(&mut found);
        self.check_script(&mut found);
        self.check_expectations(&mut found);
        if found.0.is_empty() {
            Ok(())
        } else {
            Err(Problems(found.0))
        }
    }

    fn check_events(&self, found: &mut Found) {
        for (number, event) in self.events.iter().enumerate() {
            let path = format!("events[{number}].{}", event.word());
            found.unless(event.at() < self.storm_ends(), &format!("{path}.at"), || {
                format!(
                    "{} is in the calm, or after the end; the storm ends at {}",
                    event.at(),
                    self.storm_ends()
                )
            });
            if let ProcessEvent::Restart {
                at,
                what,
                saved,
                age,
                version,
                ..
            } = event
            {
                let of_manager = *what == Restarted::Manager;
                found.unless(age.is_zero() || (of_manager && *saved), &format!("{path}.age"), || {
                    "only what a manager saved has an age; write `what: manager` and `saved: true`".to_owned()
                });
                found.unless(age <= at, &format!("{path}.age"), || {
                    format!("{age} before {at} is before the run's start")
                });
                found.unless(version.is_none() || of_manager, &format!("{path}.version"), || {
                    "only a manager has versions; write `what: manager`".to_owned()
                });
                found.unless(
                    version.is_none_or(|version| version.format != Some(0)),
                    &format!("{path}.version.format"),
                    || "there is no format 0; the first version saves in format 1".to_owned(),
                );
            }
        }
    }

    fn check_script(&self, found: &mut Found) {
        for (number, input) in self.script.iter().enumerate() {
            let wrong = input.problem().unwrap_or_default();
            found.unless(wrong.is_empty(), &format!("script[{number}]"), || wrong);
        }
        for (number, why) in self.idle_inputs() {
            found.unless(false, &format!("script[{number}]"), || why);
        }
    }

    fn check_expectations(&self, found: &mut Found) {
        let jobs = self.job_names();
        for (number, expectation) in self.expect.iter().enumerate() {
            if let Expectation::Mostly { share, .. } = expectation {
                let at = format!("expect[{number}].mostly.share");
                found.unless(!share.is_never(), &at, || {
                    "it need never hold; write for example `99%`, or remove the entry".to_owned()
                });
            }
            let Some((word, condition)) = expectation.condition() else {
                continue;
            };
            if let Condition::JobStaleAtMost { job, .. } = condition {
                let at = format!("expect[{number}].{word}.job_stale_at_most.job");
                found.unless(jobs.contains(job), &at, || {
                    let names: Vec<&str> = jobs.iter().map(String::as_str).collect();
                    format!("there is no job `{job}`; there is {}", listed(&names))
                });
            }
        }
    }

    fn check_whole(&self, found: &mut Found) {
        found.unless(!self.name.is_empty(), "name", || "a scenario needs a name".to_owned());
        found.unless(!self.until.is_zero(), "until", || {
            "the run lasts no time; write for example `until: 1h`".to_owned()
        });
        found.unless(self.calm <= self.until, "calm", || {
            format!(
                "the calm ({}) is longer than the run ({}); it is the run's last part",
                self.calm, self.until
            )
        });
        found.unless(self.heal.is_always() || !self.calm.is_zero(), "heal", || {
            "without a calm nothing heals; add for example `calm: 10m`, or remove `heal`".to_owned()
        });
        let hosts = &self.hosts;
        found.unless((1..=MOST_HOSTS).contains(&hosts.count), "hosts.count", || {
            format!("{} hosts; from 1 to {MOST_HOSTS} are possible", hosts.count)
        });
        for (field, number) in [("services", hosts.services), ("zones", hosts.zones)] {
            found.unless(
                (1..=hosts.count.max(1)).contains(&number),
                &format!("hosts.{field}"),
                || {
                    format!(
                        "{number}; from 1 to as many as there are hosts ({}) are possible",
                        hosts.count
                    )
                },
            );
        }
        for (field, what) in self.manager.guard.into_iter().flat_map(super::Guard::problems) {
            found.unless(false, &format!("manager.guard.{field}"), || what);
        }
        if let Some(what) = self.manager.disk.and_then(super::Disk::problem) {
            found.unless(false, "manager.disk.every", || what);
        }
        for (at, what) in self.members.iter().flat_map(super::Members::problems) {
            found.unless(false, &at, || what);
        }
        found.unless(self.queue.depth > 0, "queue.depth", || {
            "a queue that holds nothing lets nothing through; write 1 or more".to_owned()
        });
    }

    fn check_discovery(&self, found: &mut Found) {
        found.unless(!self.backends.is_empty(), "backends", || {
            "there is none, so nothing can be discovered; add for example `- {name: cmdb, kind: http}`".to_owned()
        });
        for (number, backend) in self.backends.iter().enumerate() {
            let at = format!("backends[{number}]");
            found.unless(!backend.name.is_empty(), &format!("{at}.name"), || {
                "a backend needs a name".to_owned()
            });
            let first = self.backends.iter().position(|other| other.name == backend.name);
            found.unless(first == Some(number), &format!("{at}.name"), || {
                format!("two backends are called `{}`; names tell them apart", backend.name)
            });
            found.unless((1..=64).contains(&backend.replicas), &format!("{at}.replicas"), || {
                format!("{}; from 1 to 64 are possible", backend.replicas)
            });
            found.unless(!backend.latency.high().is_zero(), &format!("{at}.latency"), || {
                "who is answered in no time and asks again at once never ends; write for example `1ms`".to_owned()
            });
            let blocks = backend.kind == BackendKind::Consul;
            found.unless(!blocks || !backend.wait.is_zero(), &format!("{at}.wait"), || {
                "asking again after no time never ends; write for example `5m`".to_owned()
            });
        }
        found.unless(!self.discoverers.is_empty(), "discoverers", || {
            "there are none, so nothing is discovered; add for example `- {backend: cmdb}`".to_owned()
        });
        let names: Vec<&str> = self.backends.iter().map(|backend| backend.name.as_str()).collect();
        for (number, discoverers) in self.discoverers.iter().enumerate() {
            let at = format!("discoverers[{number}]");
            found.unless(
                names.contains(&discoverers.backend.as_str()),
                &format!("{at}.backend"),
                || {
                    format!(
                        "there is no backend `{}`; there is {}",
                        discoverers.backend,
                        listed(&names)
                    )
                },
            );
            let kind = self.backends.iter().find(|backend| backend.name == discoverers.backend);
            let is_list = kind.is_none_or(|backend| matches!(backend.kind, BackendKind::File | BackendKind::Http));
            found.unless(
                discoverers.sources == Sources::Named || is_list,
                &format!("{at}.sources"),
                || {
                    "only the groups of a list have numbers; write `kind: http` or `kind: file` for the backend"
                        .to_owned()
                },
            );
            found.unless(
                discoverers.less == Less::AtOnce || is_list,
                &format!("{at}.less"),
                || "only lists are looked at twice; write `kind: http` or `kind: file` for the backend".to_owned(),
            );
            let is_consul = kind.is_none_or(|backend| backend.kind == BackendKind::Consul);
            found.unless(
                discoverers.allow_stale || is_consul,
                &format!("{at}.allow_stale"),
                || "only Consul has a leader to be asked; write `kind: consul` for the backend".to_owned(),
            );
            let watches = kind.is_none_or(|backend| backend.kind == BackendKind::Kubernetes);
            found.unless(discoverers.resync.is_none() || watches, &format!("{at}.resync"), || {
                "only who watches lists again; write `kind: kubernetes` for the backend".to_owned()
            });
            found.unless(
                discoverers.resync.is_none_or(|resync| !resync.is_zero()),
                &format!("{at}.resync"),
                || "listing again after no time never ends; write for example `1h`".to_owned(),
            );
            found.unless(!discoverers.refresh.is_zero(), &format!("{at}.refresh"), || {
                "asking again after no time never ends; write for example `30s`".to_owned()
            });
            found.unless(!discoverers.timeout.is_zero(), &format!("{at}.timeout"), || {
                "no call ends in no time; write for example `10s`".to_owned()
            });
            let first = self
                .discoverers
                .iter()
                .position(|other| other.known_as() == discoverers.known_as());
            found.unless(first == Some(number), &format!("{at}.name"), || {
                format!(
                    "two entries are called `{}`; give each a `name`",
                    discoverers.known_as()
                )
            });
        }
        let names: Vec<&str> = self.discoverers.iter().map(|entry| entry.known_as()).collect();
        for (number, jobs) in self.jobs.iter().enumerate() {
            let at = format!("jobs[{number}]");
            found.unless(!jobs.name.is_empty(), &format!("{at}.name"), || {
                "a job needs a name".to_owned()
            });
            found.unless(jobs.count > 0, &format!("{at}.count"), || {
                "no jobs; write 1 or more".to_owned()
            });
            let first = self.jobs.iter().position(|other| other.name == jobs.name);
            found.unless(first == Some(number), &format!("{at}.name"), || {
                format!(
                    "two entries are called `{}`; write `count` for jobs that are alike",
                    jobs.name
                )
            });
            for (place, name) in jobs.of.iter().enumerate() {
                found.unless(names.contains(&name.as_str()), &format!("{at}.of[{place}]"), || {
                    format!("there are no discoverers `{name}`; there is {}", listed(&names))
                });
            }
        }
    }

    fn check_churn(&self, found: &mut Found) {
        for (number, churn) in self.churn.iter().enumerate() {
            let at = format!("churn[{number}].{}", churn.word());
            let (start, zone) = match churn {
                Churn::Steady { every, rate, .. } => {
                    found.unless(!every.is_zero(), &format!("{at}.every"), || {
                        "a rate needs a time to be counted in; write for example `1m`".to_owned()
                    });
                    found.unless(!rate.is_never(), &format!("{at}.rate"), || {
                        "nothing ever changes; write for example `1%`, or remove the entry".to_owned()
                    });
                    (Span::ZERO, None)
                }
                Churn::Flapping { up, down, .. } => {
                    for (field, range) in [("up", up), ("down", down)] {
                        found.unless(!range.high().is_zero(), &format!("{at}.{field}"), || {
                            "flapping in no time never ends; write for example `30s..2m`".to_owned()
                        });
                    }
                    (Span::ZERO, None)
                }
                Churn::ZoneLoss { at, zone, .. } => (*at, Some(*zone)),
                Churn::RollingDeploy { at, .. }
                | Churn::BlueGreen { at, .. }
                | Churn::Autoscale { at, .. }
                | Churn::SpotReclaim { at, .. }
                | Churn::MassRelabel { at, .. }
                | Churn::IpReuse { at, .. }
                | Churn::NameReuse { at, .. }
                | Churn::HostClone { at, .. } => (*at, None),
                Churn::Daily { low, every, busiest } => {
                    found.unless(!every.is_zero(), &format!("{at}.every"), || {
                        "a day of no time never ends; write for example `24h`".to_owned()
                    });
                    found.unless(!low.is_always(), &format!("{at}.low"), || {
                        "as many as there are at most; write a smaller share, or remove the entry".to_owned()
                    });
                    found.unless(busiest < every || every.is_zero(), &format!("{at}.busiest"), || {
                        format!("{busiest} is not within a day, which lasts {every}")
                    });
                    (Span::ZERO, None)
                }
            };
            found.unless(start < self.storm_ends(), &format!("{at}.at"), || {
                format!(
                    "{start} is in the calm, or after the end; the storm ends at {}",
                    self.storm_ends()
                )
            });
            if let Some(zone) = zone {
                found.unless(zone < self.hosts.zones, &format!("{at}.zone"), || {
                    format!(
                        "there is no zone {zone}; there are {}, counted from 0",
                        self.hosts.zones
                    )
                });
            }
            if let Churn::RollingDeploy {
                service: Some(service), ..
            } = churn
            {
                found.unless(*service < self.hosts.services, &format!("{at}.service"), || {
                    format!(
                        "there is no service {service}; there are {}, counted from 0",
                        self.hosts.services
                    )
                });
            }
        }
    }
}

#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn unless(&mut self, fine: bool, at: &str, what: impl FnOnce() -> String) {
        if !fine {
            self.0.push(Problem {
                at: at.to_owned(),
                what: what(),
            });
        }
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use crate::{
        Backend, BackendKind, Churn, Discoverers, Fault, FaultKind, Guard, Jobs, Manager, Ratio, Scenario, Span,
        SpanRange,
    };

    #[test]
    fn says_everything_that_makes_no_sense() {
        let wrong = Scenario::new("")
            .until(Span::mins(1))
            .calm(Span::mins(2))
            .backend(Backend::new("cmdb", BackendKind::Http))
            .backend(Backend::new("cmdb", BackendKind::Http).replicas(0))
            .discoverers(Discoverers::of("consul").refresh(Span::ZERO))
            .jobs(Jobs::new("node").of("dns").count(0))
            .manager(Manager::default().guard(Guard::new(Ratio::new(1, 60).expect("a sixtieth"), Span::ZERO)))
            .churn(Churn::steady(Ratio::NEVER, Span::ZERO))
            .churn(Churn::ZoneLoss {
                at: Span::hours(2),
                zone: 7,
                lasts: Span::ZERO,
            })
            .fault(Fault::new(FaultKind::Nxdomain).backend("cmdb").from(Span::hours(1)));
        let problems = wrong.check().expect_err("it makes no sense");
        insta::assert_snapshot!(problems);
    }

    #[test]
    fn what_would_be_asked_for_without_end_is_refused() {
        let refused = |backend: Backend| {
            let scenario = Scenario::new("s").backend(backend).discoverers(Discoverers::of("b"));
            scenario.check().err().map(|problems| problems.to_string())
        };
        for kind in BackendKind::ALL {
            let backend = Backend::new("b", kind);
            let in_no_time = refused(backend.clone().latency(SpanRange::ZERO)).expect("it is refused");
            assert!(in_no_time.starts_with("backends[0].latency: "), "{in_no_time}");
            assert_eq!(
                refused(backend.clone().latency("0s..1ms".parse().expect("a range"))),
                None
            );
            // Only a query that blocks is begun again at once.
            let unblocked = refused(backend.wait(Span::ZERO));
            let is_refused = unblocked.is_some_and(|wrong| wrong.starts_with("backends[0].wait: "));
            assert_eq!(is_refused, kind == BackendKind::Consul, "{kind:?}");
        }
    }

    #[test]
    fn only_an_error_can_be_a_fault() {
        let answers = |code| {
            let status = FaultKind::Status {
                code,
                retry_after: None,
            };
            let scenario = Scenario::new("s").backend(Backend::new("cmdb", BackendKind::Http));
            let scenario = scenario.discoverers(Discoverers::of("cmdb")).fault(Fault::new(status));
            scenario.check().err().map(|problems| problems.to_string())
        };
        assert_eq!(answers(503), None);
        let wrong = "faults[0].kind: 200 is not the status of an error; those are 400 to 599";
        assert_eq!(answers(200).as_deref(), Some(wrong));
    }
}
