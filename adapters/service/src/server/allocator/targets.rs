//! `/jobs/<job>/targets`: whose targets are which.

use std::sync::Arc;

use async_channel::Sender;
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;
use url::form_urlencoded;

use super::super::respond::{self, Body};
use super::super::sd;
use super::{escaped, path_of, starting};
use crate::app::App;
use crate::discovery::{Encoded, Part};
use crate::targets::{Form, Share, ShareLater, may_be_member};

/// Pieces that wait for the client.
const PIECES_AHEAD: usize = 2;

/// The targets of the job whose name is `segment` of the path: a collector's, or everybody's.
pub(in crate::server) async fn targets(
    app: &Arc<App>,
    segment: &str,
    query: &str,
    headers: &HeaderMap,
) -> Response<Body> {
    let Some(job) = job_of(segment) else {
        return respond::error(StatusCode::BAD_REQUEST, "the job's name is not UTF-8");
    };
    let Some(collector) = Collector::of(query) else {
        return of_all(app, &job).await;
    };
    let collector = collector.known(|name| app.targets.sharing.takes(name));
    if !may_be_member(&collector) {
        let message = "collector_id is a name of 1 to 256 bytes, without control characters";
        return respond::bad_data(message);
    }
    sd::list(app, &job, Form::Allocator, Some(&collector), headers).await
}

/// A job's name in a path, where it is written as in a query. `None` where it is not UTF-8.
pub(in crate::server) fn job_of(segment: &str) -> Option<String> {
    let spaced = segment.replace('+', " ");
    let name = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(name.into_owned())
}

/// Who asks: the first `collector_id` of a query.
#[derive(Debug, PartialEq, Eq)]
struct Collector<'q> {
    /// As it stands there. Collectors write their own names without escaping anything.
    written: &'q str,
    /// As it would be read.
    read: String,
}

impl<'q> Collector<'q> {
    fn of(query: &'q str) -> Option<Self> {
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, written) = pairs.find(|(name, _)| *name == "collector_id")?;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (_, read) = pairs.find(|(name, _)| name == "collector_id")?;
        let read = read.into_owned();
        Some(Self { written, read })
    }

    /// Its name: as it was read, unless it is known by what was written, and not by that.
    fn known(self, is_known: impl Fn(&str) -> bool) -> String {
        match self.read != self.written && !is_known(&self.read) && is_known(self.written) {
            true => self.written.to_owned(),
            false => self.read,
        }
    }
}

/// What each collector has of a job, piece by piece.
async fn of_all(app: &Arc<App>, job: &str) -> Response<Body> {
    let view = app.scrape.view();
    if !view.is_started() {
        return starting();
    }
    if !view.jobs.contains_key(job) {
        let message = format!("there is no job {job:?}; /jobs lists those that have targets");
        return respond::error(StatusCode::NOT_FOUND, message);
    }
    let Some(shares) = app.targets.shares(job, Form::Allocator).await else {
        return respond::bad_data(sd::nobody(Form::Allocator));
    };
    let (pieces, receiver) = async_channel::bounded(PIECES_AHEAD);
    let (app, job, executor) = (app.clone(), job.to_owned(), app.executor.clone());
    let write = async move {
        // An error means that the client has gone.
        write_all(&app, &job, shares, &pieces).await.ok();
    };
    executor.spawn(write).detach();
    respond::pieces(respond::JSON, receiver)
}

async fn write_all(
    app: &App,
    job: &str,
    shares: Vec<(Arc<str>, ShareLater)>,
    pieces: &Sender<Bytes>,
) -> Result<(), async_channel::SendError<Bytes>> {
    let mut before = "{";
    for (collector, share) in shares {
        let link = format!("{}?collector_id={}", path_of(job), escaped(&collector));
        let head = format!(
            "{before}{}:{{\"_link\":{},\"targets\":",
            json!(&*collector),
            json!(link)
        );
        pieces.send(head.into()).await?;
        before = ",\n";
        let list = match share.now().await {
            Share::List(list, _) => Some(list),
            Share::Whole => whole(app, job).await,
            Share::NotYet(_) | Share::NoMember(_) | Share::Nobody => None,
        };
        match list {
            Some(list) => write_list(&list, pieces).await?,
            // It is worked out, or has just been taken away.
            None => pieces.send(Bytes::from_static(b"[]")).await?,
        }
        pieces.send(Bytes::from_static(b"}")).await?;
    }
    let end = if before == "{" { "{}\n" } else { "}\n" };
    pieces.send(Bytes::from_static(end.as_bytes())).await
}

async fn whole(app: &App, job: &str) -> Option<Arc<Encoded>> {
    sd::whole_list(app, &app.scrape.view(), job, Form::Allocator)?
        .json()
        .await
}

async fn write_list(list: &Arc<Encoded>, pieces: &Sender<Bytes>) -> Result<(), async_channel::SendError<Bytes>> {
    let mut parts = list.parts();
    // What is not compressed is always there.
    while let Part::Ready(part) = parts.next() {
        pieces.send(part).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_name_is_read_as_collectors_write_it() {
        for (segment, job) in [
            ("node", "node"),
            ("serviceMonitor%2Fa%2F0", "serviceMonitor/a/0"),
            ("a+b%2Bc", "a b+c"),
            ("%C3%BC%7E", "ü~"),
            ("100%", "100%"),
        ] {
            assert_eq!(job_of(segment).as_deref(), Some(job), "{segment}");
        }
        assert_eq!(job_of("%ff"), None);
    }

    #[test]
    fn a_collector_is_known_by_what_it_wrote() {
        let known = |query, names: &[&str]| {
            let collector = Collector::of(query)?;
            Some(collector.known(|name| names.contains(&name)))
        };
        for (query, names, expected) in [
            ("", &[][..], None),
            ("member=a", &[], None),
            ("collector_id=a", &[], Some("a")),
            ("x&collector_id=a&collector_id=b", &["b"], Some("a")),
            ("collector_id", &[], Some("")),
            // As they were written, and as they should have been.
            ("collector_id=a+b", &["a+b"], Some("a+b")),
            ("collector_id=a+b", &["a b"], Some("a b")),
            ("collector_id=a%20b", &["a b", "a%20b"], Some("a b")),
            ("collector_id=a%zz", &["a%zz"], Some("a%zz")),
            ("collector_id=a=b", &["a=b"], Some("a=b")),
            ("collector_id=a+b", &[], Some("a b")),
        ] {
            assert_eq!(known(query, names).as_deref(), expected, "{query}");
        }
    }
}
