//! What paths there are, what may be done with each, and which is meant by one that is nearly one of them.
//!
//! **A path that is written with a slash too many is answered with the one that is meant**, as by Prometheus's router:
//! its clients put URLs together from parts.

use super::{page, sd};

const READ: &str = "GET, HEAD, OPTIONS";

/// The paths that are always there, and the methods that each takes.
const FIXED: [(&str, &str); 24] = [
    ("/", READ),
    ("/-/healthy", READ),
    ("/-/ready", READ),
    ("/-/reload", "POST, PUT, OPTIONS"),
    ("/api/v1/alertmanagers", READ),
    ("/api/v1/events", READ),
    ("/api/v1/guard", READ),
    ("/api/v1/members", READ),
    ("/api/v1/providers", READ),
    ("/api/v1/relabel/rules", READ),
    ("/api/v1/relabel/try", "POST, OPTIONS"),
    ("/api/v1/scrape_pools", READ),
    ("/api/v1/status/buildinfo", READ),
    ("/api/v1/status/runtimeinfo", READ),
    ("/api/v1/targets", READ),
    ("/api/v1/targets/relabel_steps", READ),
    ("/config", READ),
    ("/jobs", READ),
    ("/livez", READ),
    ("/metrics", READ),
    ("/readyz", READ),
    ("/scrape_configs", READ),
    ("/sd", READ),
    ("/sd/", READ),
];

/// Below it, names of jobs stand as they are.
const LISTS: &str = "/sd/";

/// A path that is always there, if it is one.
pub(super) fn fixed(path: &str) -> Option<&'static str> {
    let mut all = FIXED.iter().map(|(fixed, _)| *fixed);
    all.find(|fixed| *fixed == path)
}

/// What is asked of one provider: its name, as it stands in the path, and what to do.
pub(super) fn of_provider(path: &str) -> Option<(&str, &str)> {
    let asked = path.strip_prefix("/api/v1/providers/")?.rsplit_once('/')?;
    matches!(asked.1, "confirm" | "refresh").then_some(asked)
}

/// The job whose targets collectors ask for, as it stands in the path.
pub(super) fn of_collectors(path: &str) -> Option<&str> {
    let job = path.strip_prefix("/jobs/")?.strip_suffix("/targets")?;
    (!job.is_empty() && !job.contains('/')).then_some(job)
}

/// Whether collectors ask there, who take a refusal for what it says only if it is a line of text.
pub(super) fn is_allocators(path: &str) -> bool {
    matches!(path, "/scrape_configs" | "/jobs") || of_collectors(path).is_some()
}

/// The name of the page's file at a path, empty for the page itself.
pub(super) fn of_page(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/page/").filter(|name| !name.is_empty());
    name.or((path == "/").then_some(""))
}

/// The methods that a path takes; `None` where there is nothing.
pub(super) fn methods(path: &str) -> Option<&'static str> {
    if let Some((_, methods)) = FIXED.iter().find(|(fixed, _)| *fixed == path) {
        return Some(methods);
    }
    if of_provider(path).is_some() {
        return Some("POST, OPTIONS");
    }
    let is_list = path.starts_with(LISTS);
    (is_list || of_collectors(path).is_some() || of_page(path).is_some_and(page::has)).then_some(READ)
}

/// Whether what is sent with a `POST` there is read.
pub(super) fn takes_body(path: &str) -> bool {
    path == "/api/v1/relabel/try"
}

/// Whether all of Prometheus's API stands there, which answers whoever asks what it takes.
pub(super) fn is_api(path: &str) -> bool {
    path.starts_with("/api/v1/")
}

/// The path that is meant by one that is not there, or written otherwise; `has_job` says whether there is a job of a name.
pub(super) fn meant(path: &str, has_job: impl Fn(&str) -> bool) -> Option<String> {
    if let Some(written) = path.strip_prefix(LISTS) {
        let trimmed = written.trim_matches('/');
        let is_meant = trimmed != written && sd::name(trimmed).is_some_and(|name| has_job(&name));
        let is_there = sd::name(written).is_some_and(|name| has_job(&name));
        return (is_meant && !is_there).then(|| format!("{LISTS}{trimmed}"));
    }
    let cleaned = clean(path);
    if cleaned != path {
        return Some(cleaned);
    }
    if methods(path).is_some() {
        return None;
    }
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let near = FIXED.iter().find(|(fixed, _)| fixed.eq_ignore_ascii_case(trimmed));
    near.map(|(fixed, _)| (*fixed).to_owned())
        .or_else(|| methods(trimmed).map(|_| trimmed.to_owned()))
}

/// Without empty steps, `.` and `..`; a slash at the end stays. What follows `/sd/` is left as it is.
pub(super) fn clean(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let mut rest = path;
    while let Some((step, after)) = rest.split_once('/') {
        push(&mut steps, step);
        if steps == ["sd"] && !after.is_empty() {
            return format!("{LISTS}{after}");
        }
        rest = after;
    }
    push(&mut steps, rest);
    let is_ended = matches!(rest, "" | "." | "..") && !steps.is_empty();
    format!("/{}{}", steps.join("/"), if is_ended { "/" } else { "" })
}

fn push<'a>(steps: &mut Vec<&'a str>, step: &'a str) {
    match step {
        "" | "." => {}
        ".." => drop(steps.pop()),
        step => steps.push(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(path: &str) -> Option<String> {
        meant(path, |job| matches!(job, "node" | "a/" | "b//c"))
    }

    #[test]
    fn a_slash_too_many_and_other_cases_lead_to_what_is_meant() {
        for (path, expected) in [
            ("//metrics", "/metrics"),
            ("/api//v1/targets", "/api/v1/targets"),
            ("/x/../metrics", "/metrics"),
            ("/./metrics", "/metrics"),
            ("/metrics/", "/metrics"),
            ("/METRICS", "/metrics"),
            ("/Api/v1/Targets/", "/api/v1/targets"),
            ("/-/reload/", "/-/reload"),
            (
                "/api/v1/providers/file%2F0/refresh/",
                "/api/v1/providers/file%2F0/refresh",
            ),
            ("/page/main.js/", "/page/main.js"),
            ("/jobs/a+b/targets/", "/jobs/a+b/targets"),
            ("/Scrape_Configs", "/scrape_configs"),
            ("//", "/"),
            ("//nothing//", "/nothing/"),
            ("/../..", "/"),
            ("//sd/node", "/sd/node"),
            ("/sd//node", "/sd/node"),
            ("/sd/node/", "/sd/node"),
        ] {
            assert_eq!(to(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_there_and_what_is_nothing_stay() {
        let fixed = FIXED.iter().map(|(path, _)| *path);
        let others = [
            "/nothing",
            "/nothing/",
            "/sd/node",
            "/sd/a/",
            "/sd/b//c",
            "/sd/other/",
            "/sd/%ff/",
            "/page/main.js",
            "/jobs/a%2Fb/targets",
            "/jobs/a/b/targets",
            "/page/",
            "/api/v1/",
        ];
        for path in fixed.chain(others) {
            assert_eq!(to(path), None, "{path}");
        }
    }
}
