//! `/`: a page with links to everything.

use std::fmt::Write;

use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use http::{Response, StatusCode};

use super::respond::{self, Body};
use super::sd;
use crate::app::App;

/// Jobs that are listed; `/sd` lists all.
const MOST_JOBS: usize = 200;

const LINKS: [(&str, &str); 9] = [
    ("/sd", "all jobs, as JSON"),
    ("/api/v1/targets", "every target, and what became of it"),
    ("/api/v1/scrape_pools", "the jobs' names"),
    ("/api/v1/alertmanagers", "where alerts would be sent"),
    ("/api/v1/providers", "what runs, and how it fares"),
    ("/metrics", "metrics"),
    ("/config", "the configuration, without secrets"),
    ("/-/healthy", "whether headcount runs"),
    ("/-/ready", "whether everything has been looked at once"),
];

/// The page.
pub(super) fn home(app: &App) -> Response<Body> {
    const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = respond::whole(StatusCode::OK, HTML, html(app));
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn html(app: &App) -> String {
    let view = app.scrape.view();
    let mut page = String::from(concat!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>headcount</title>\n",
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:50rem;padding:0 1rem}",
        "td,th{text-align:left;padding:.1rem 1.5rem .1rem 0}td.n{text-align:right}</style>\n",
        "<h1>headcount</h1>\n<h2>Jobs</h2>\n<table>\n<tr><th>Job<th>Targets<th>State</tr>\n",
    ));
    for (name, job) in view.jobs.iter().take(MOST_JOBS) {
        let (path, state) = (
            sd::path_of(name),
            if job.is_complete() { "complete" } else { "waiting" },
        );
        let (name, targets) = (escaped(name), job.targets);
        // Writing into memory does not fail.
        writeln!(
            page,
            "<tr><td><a href=\"{path}\">{name}</a><td class=\"n\">{targets}<td>{state}</tr>"
        )
        .ok();
    }
    page.push_str("</table>\n");
    if view.jobs.len() > MOST_JOBS {
        writeln!(
            page,
            "<p>The first {MOST_JOBS} of {}; <a href=\"/sd\">all of them</a>.",
            view.jobs.len()
        )
        .ok();
    }
    page.push_str("<h2>More</h2>\n<ul>\n");
    for (path, what) in LINKS {
        writeln!(page, "<li><a href=\"{path}\"><code>{path}</code></a>: {what}").ok();
    }
    page.push_str("</ul>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_can_not_break_out() {
        assert_eq!(super::escaped("<b onload=\"x\">&"), "&lt;b onload=&quot;x&quot;>&amp;");
    }
}
