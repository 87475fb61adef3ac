//! Which targets are asked for.

use std::fmt;

use anyhow::bail;
use headcount_core::Address;

use crate::lookup::Target;

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    pub(super) job: Option<String>,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Each label has its value, as discovered or in the end.
    Labels(Vec<(String, String)>),
    /// As it was written, and as it is understood.
    Address(String, Address),
}

impl Wanted {
    /// Reads `[JOB] LABEL=VALUE…` or `[JOB] ADDRESS`.
    ///
    /// # Errors
    /// When the words make no sense.
    pub fn parse(words: &[String]) -> anyhow::Result<Self> {
        let is_label = |word: &String| word.contains('=');
        let plain = words.iter().take_while(|word| !is_label(word)).count();
        let (plain, labels) = words.split_at(plain);
        let address = |text: &String| What::Address(text.clone(), Address::of(text));
        let (job, what) = match (plain, labels) {
            ([one], []) => (None, address(one)),
            ([job, one], []) => (Some(job), address(one)),
            ([], labels) => (None, What::Labels(pairs(labels)?)),
            ([job], labels) => (Some(job), What::Labels(pairs(labels)?)),
            ([_, second, ..], _) => {
                bail!("{second:?} is no LABEL=VALUE; ask for [JOB] ADDRESS or [JOB] LABEL=VALUE…")
            }
        };
        if let What::Address(text, address) = &what
            && address.host.is_empty()
        {
            bail!("{text:?} is no address; write a host, with or without a port");
        }
        Ok(Self {
            job: job.cloned(),
            what,
        })
    }

    /// What to ask the API for: all that match, and maybe others.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        if let Some(job) = &self.job {
            query.push(("scrapePool", job.clone()));
        }
        // The API searches in what was discovered and in the labels that are not for scraping.
        let text = match &self.what {
            What::Address(_, address) if is_searched_as_written(&address.host) => Some(&address.host),
            What::Address(..) => None,
            What::Labels(labels) => {
                let mut searched = labels
                    .iter()
                    .filter(|(name, value)| is_searched(name) && !value.is_empty());
                searched.next().map(|(_, value)| value)
            }
        };
        if let Some(text) = text {
            query.push(("search", text.clone()));
        }
        query
    }

    /// Whether a target is one of those that are asked for.
    pub(super) fn matches(&self, target: &Target) -> bool {
        match &self.what {
            What::Labels(labels) => labels.iter().all(|(name, value)| {
                let final_value = target.labels.get(name).map(String::as_str);
                target.discovered(name) == value || final_value == Some(value)
            }),
            What::Address(_, wanted) => addresses(target).any(|address| wanted.covers(&address)),
        }
    }

    /// What else could have been meant.
    pub(super) fn hint<'a>(&self, mut jobs: impl Iterator<Item = &'a str>) -> Option<String> {
        let What::Address(text, _) = &self.what else {
            return None;
        };
        let is_job = self.job.is_none() && jobs.any(|job| job == text);
        is_job.then(|| format!("{text:?} is a job; name a target of it, too: {text} ADDRESS, or {text} LABEL=VALUE"))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Address(text, _) => f.write_str(text)?,
            What::Labels(labels) => {
                for (place, (name, value)) in labels.iter().enumerate() {
                    let gap = if place == 0 { "" } else { " " };
                    write!(f, "{gap}{name}={value:?}")?;
                }
            }
        }
        match &self.job {
            Some(job) => write!(f, " in job {job:?}"),
            None => Ok(()),
        }
    }
}

/// Where a target is, as discovered, after relabelling, and by its name.
pub(super) fn addresses(target: &Target) -> impl Iterator<Item = Address> {
    let url = target.scrape_url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let scraped = url.and_then(|url| {
        let host = url.host_str()?;
        let port = url.port_or_known_default()?;
        Some(Address::of(&format!("{host}:{port}")))
    });
    let instance = target.labels.get("instance").map(|text| Address::of(text));
    let discovered = (!target.address().is_empty()).then(|| Address::of(target.address()));
    [discovered, instance, scraped].into_iter().flatten()
}

/// IPv6 addresses can be written in several ways, and text that is not ASCII in several cases.
fn is_searched_as_written(host: &str) -> bool {
    !host.contains(':') && host.is_ascii()
}

fn is_searched(name: &str) -> bool {
    !name.starts_with("__") || name.starts_with("__meta_")
}

fn pairs(words: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |word: &String| match word.split_once('=') {
        Some(("", _)) => bail!("{word:?}: there is no label before `=`; write LABEL=VALUE"),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => bail!("{word:?} is no LABEL=VALUE; a job or an address comes first, and there is one of either"),
    };
    words.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Wanted::parse(&words)
            .map(|wanted| wanted.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn questions_are_read() {
        assert_eq!(parse(&["a:1"]), Ok("a:1".to_owned()));
        assert_eq!(parse(&["node", "a"]), Ok("a in job \"node\"".to_owned()));
        assert_eq!(
            parse(&["node", "rack=1", "x="]),
            Ok("rack=\"1\" x=\"\" in job \"node\"".to_owned())
        );
        assert_eq!(parse(&["a=b=c"]), Ok("a=\"b=c\"".to_owned()));
        for (words, says) in [
            (&["node", "a", "b=1"][..], "\"a\" is no LABEL=VALUE"),
            (&["=1"], "no label before"),
            (&["a=1", "b"], "\"b\" is no LABEL=VALUE"),
            (&[" "], "\" \" is no address"),
        ] {
            let error = parse(words).expect_err("wrong");
            assert!(error.contains(says), "{error}");
        }
    }
}
