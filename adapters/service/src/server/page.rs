//! `/`, and the files under `/page/` that it consists of: a web page over the API.
//!
//! The files stand in `src/page` and are part of the binary; there is no step that builds them.
//! The one rule: **the page gets nothing from anywhere else**, and its policy has the browser see to
//! it: no other scripts, no styles in attributes, and no way from text to HTML (trusted types).

use std::sync::LazyLock;

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, REFERRER_POLICY};
use http::{HeaderMap, Response, StatusCode};

use super::conditional::is_known;
use super::respond::{self, Body};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // Another version of the daemon has other files under the same names.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

struct File {
    /// Below `/page/`; empty for the page itself.
    name: &'static str,
    content_type: HeaderValue,
    content: &'static str,
    tag: String,
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let files = [
        ("", HTML, include_str!("../page/index.html")),
        ("style.css", CSS, include_str!("../page/style.css")),
        ("icon.svg", SVG, include_str!("../page/icon.svg")),
        ("api.js", SCRIPT, include_str!("../page/api.js")),
        ("configuration.js", SCRIPT, include_str!("../page/configuration.js")),
        ("dom.js", SCRIPT, include_str!("../page/dom.js")),
        ("events.js", SCRIPT, include_str!("../page/events.js")),
        ("fates.js", SCRIPT, include_str!("../page/fates.js")),
        ("history.js", SCRIPT, include_str!("../page/history.js")),
        ("identity.js", SCRIPT, include_str!("../page/identity.js")),
        ("live.js", SCRIPT, include_str!("../page/live.js")),
        ("main.js", SCRIPT, include_str!("../page/main.js")),
        ("overview.js", SCRIPT, include_str!("../page/overview.js")),
        ("polled.js", SCRIPT, include_str!("../page/polled.js")),
        ("providers.js", SCRIPT, include_str!("../page/providers.js")),
        ("relabel.js", SCRIPT, include_str!("../page/relabel.js")),
        ("steps.js", SCRIPT, include_str!("../page/steps.js")),
        ("target.js", SCRIPT, include_str!("../page/target.js")),
        ("targets.js", SCRIPT, include_str!("../page/targets.js")),
    ];
    let file = |(name, content_type, content): (_, _, &'static str)| File {
        name,
        content_type,
        content,
        tag: format!("\"{:016x}\"", rapidhash::v3::rapidhash_v3(content.as_bytes())),
    };
    files.into_iter().map(file).collect()
});

/// Whether there is a file of this name; of the empty one, the page itself.
pub(super) fn has(name: &str) -> bool {
    FILES.iter().any(|file| file.name == name)
}

/// The page, for the empty name, or one of its files; `None` when there is none of this name.
pub(super) fn file(name: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let file = FILES.iter().find(|file| file.name == name)?;
    let content_type = file.content_type.clone();
    let mut response = if is_known(headers, std::slice::from_ref(&file.tag)) {
        respond::whole(StatusCode::NOT_MODIFIED, content_type, "")
    } else {
        respond::whole(StatusCode::OK, content_type, file.content)
    };
    response.headers_mut().extend(HEADERS);
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{fs, path::Path};

    use http::header::IF_NONE_MATCH;

    use super::*;

    /// What stands after each `mark`, up to a double quote.
    fn quoted_after<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
        text.split(mark).skip(1).filter_map(|rest| rest.split('"').next())
    }

    #[test]
    fn every_file_of_the_folder_is_served_and_what_they_name_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        let entries = fs::read_dir(folder).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        let names: BTreeSet<_> = names.collect();
        let served = FILES
            .iter()
            .map(|file| if file.name.is_empty() { "index.html" } else { file.name });
        assert_eq!(names, served.map(str::to_owned).collect());
        for file in FILES.iter() {
            let imported = quoted_after(file.content, "from \"./");
            for name in imported.chain(quoted_after(file.content, "=\"page/")) {
                assert!(names.contains(name), "{} names {name}", file.name);
            }
        }
    }

    /// Besides the policy, for browsers that don't know it yet: what backends say becomes text, and nothing else.
    #[test]
    fn no_script_makes_markup_of_text() {
        for file in FILES.iter() {
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!file.content.contains(way), "{} has {way}", file.name);
            }
        }
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let first = file("main.js", &HeaderMap::new()).expect("the file");
        assert_eq!(first.headers()[CONTENT_SECURITY_POLICY], POLICY);
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        let second = file("main.js", &known).expect("the file");
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[ETAG], first.headers()[ETAG]);
        assert_ne!(
            file("", &known).expect("the page").status(),
            StatusCode::NOT_MODIFIED,
            "another file has another tag"
        );
        assert!(file("../page.rs", &HeaderMap::new()).is_none());
    }
}
