//! Jobs of which several targets have the same labels: what their scrapes say ends in the same series.
//!
//! **It is said once for each job**, with two of the targets, and again only when a configuration came in between that
//! mended it; the API says it of each target.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{State, scrape_url};

/// The jobs of which it was said.
#[derive(Debug, Default)]
pub(super) struct SharedLabels {
    said: BTreeSet<Arc<str>>,
}

/// Two targets of a job that have the same labels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shared {
    job: Arc<str>,
    urls: [String; 2],
    /// How many sets of labels are not one target's alone.
    sets: usize,
}

impl SharedLabels {
    /// What is new of it among these jobs.
    pub(super) fn news<'a>(
        &mut self,
        state: &State,
        jobs: impl IntoIterator<Item = &'a Arc<str>>,
        is_configured: bool,
    ) -> Vec<Shared> {
        let count = |job: &Arc<str>| state.pools.pool(job).map_or(0, |pool| pool.counts().shared_labels);
        if is_configured {
            self.said.retain(|job| count(job) > 0);
        }
        let mut news = Vec::new();
        for job in jobs {
            let sets = count(job);
            if sets == 0 || self.said.contains(job) {
                continue;
            }
            let Some(pool) = state.pools.pool(job) else { continue };
            let mut reader = pool.reader();
            let Some((one, other)) = pool.any_same_labels(&mut reader) else {
                continue;
            };
            let urls = [one, other].map(|target| {
                let labels = reader.labels(&target).unwrap_or_default();
                scrape_url(pool.options(), &labels)
            });
            self.said.insert(job.clone());
            news.push(Shared {
                job: job.clone(),
                urls,
                sets,
            });
        }
        news
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, urls, sets } = self;
        let [one, other] = urls;
        write!(
            f,
            "targets of {job:?} have the same labels in the end, so that their samples end in the same series: {one} and {other}"
        )?;
        match sets.saturating_sub(1) {
            0 => {}
            more => write!(f, ", and so do those of {more} more sets of labels")?,
        }
        f.write_str("; give them labels that tell them apart")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::view_of;
    use crate::targets::{list, targets_of};

    fn news(said: &mut SharedLabels, hosts: &[(&str, &str)], is_configured: bool) -> Vec<String> {
        let targets = hosts
            .iter()
            .map(|(host, name)| vec![("__address__", *host), ("instance", *name)]);
        let groups = vec![("s", vec![], targets.collect())];
        let targets = targets_of(
            vec![list::tests::job("params: {token: [hunter2]}")],
            view_of(vec![("node", groups)]),
        );
        let job: Arc<str> = "node".into();
        let news = targets.read(|state| said.news(state, [&job], is_configured));
        news.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn it_is_said_once_with_both_urls() {
        let mut said = SharedLabels::default();
        let (fine, shared) = ([("a:1", "x"), ("b:1", "y")], [("a:1", "x"), ("b:1", "x")]);
        assert_eq!(news(&mut said, &fine, true), [""; 0]);
        let first = news(&mut said, &shared, false);
        assert_eq!(first.len(), 1);
        for part in [
            "\"node\"",
            "http://a:1/metrics?token=<secret>",
            "http://b:1/metrics?token=<secret>",
            "tell them apart",
        ] {
            assert!(first[0].contains(part) && !first[0].contains("more sets"), "{first:?}");
        }
        assert_eq!(news(&mut said, &fine, false), [""; 0]);
        assert_eq!(news(&mut said, &shared, false), [""; 0], "it was said");
        assert_eq!(news(&mut said, &shared, true), [""; 0], "and nothing was mended");
        assert_eq!(news(&mut said, &fine, true), [""; 0]);
        let two = [("a:1", "x"), ("b:1", "x"), ("c:1", "y"), ("d:1", "y")];
        let again = news(&mut said, &two, false);
        assert!(again[0].contains("1 more sets of labels"), "{again:?}");
    }
}
