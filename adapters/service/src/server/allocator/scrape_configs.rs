//! `/scrape_configs`: the jobs as Prometheus writes them, by their names.
//!
//! **A secret is told only to who was vouched for by a certificate** when the connection was made, under a web configuration
//! that demands one of everybody; whoever else asks gets `<secret>` in its place. How targets are discovered is left out:
//! collectors put the allocator's own list in its place, and one that does not know a mechanism would refuse all jobs.

use std::sync::{Arc, Mutex, PoisonError};

use blocking::unblock;
use bytes::Bytes;
use headcount_config::{OnlyVmagents, Secrets};
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::super::respond::{self, Body};
use super::starting;
use crate::app::App;
use crate::plan::Plan;

/// Jobs that are named in a message.
const MOST_NAMED: usize = 10;

/// The jobs of the configuration that runs, once they were asked for.
#[derive(Debug, Default)]
pub(crate) struct WrittenJobs(Mutex<Option<Written>>);

/// The jobs of a configuration, by whether secrets are shown.
#[derive(Debug)]
struct Written {
    plan: Arc<Plan>,
    shown: Option<Result<Bytes, Refused>>,
    hidden: Option<Result<Bytes, Refused>>,
}

/// Why the jobs can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error(
        "the configuration has no jobs, and a collector that is told so drops all that it scrapes; one that is to do that has to be stopped"
    )]
    NoJobs,
    #[error(
        "{0}, which no collector knows; have it ask for /sd/<job>?member=NAME&relabelled=true, where the rules were carried out"
    )]
    OnlyVmagents(#[from] OnlyVmagents),
}

/// The jobs, with secrets if who asks is `vouched` for.
pub(in crate::server) async fn scrape_configs(app: &Arc<App>, vouched: bool) -> Response<Body> {
    // A configuration counts when there is something for it: until then its jobs have no lists.
    if !app.scrape.view().is_started() {
        return starting();
    }
    let app = app.clone();
    let secrets = if vouched { Secrets::Shown } else { Secrets::Hidden };
    match unblock(move || app.written_jobs.of(app.reloader.plan(), secrets)).await {
        Ok(bytes) => respond::whole(StatusCode::OK, respond::JSON, bytes),
        Err(refused) => respond::error(StatusCode::CONFLICT, refused.to_string()),
    }
}

impl WrittenJobs {
    /// The jobs of a configuration, which are written when they are first asked for.
    fn of(&self, plan: Arc<Plan>, secrets: Secrets) -> Result<Bytes, Refused> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match &mut *kept {
            Some(kept) if Arc::ptr_eq(&kept.plan, &plan) => kept,
            other => other.insert(Written {
                plan,
                shown: None,
                hidden: None,
            }),
        };
        let place = match secrets {
            Secrets::Shown => &mut kept.shown,
            Secrets::Hidden => &mut kept.hidden,
        };
        let plan = &kept.plan;
        place
            .get_or_insert_with(|| {
                let written = write(plan, secrets);
                if secrets == Secrets::Hidden && written.is_ok() {
                    warn_of_secrets(plan);
                }
                written
            })
            .clone()
    }
}

fn write(plan: &Plan, secrets: Secrets) -> Result<Bytes, Refused> {
    if plan.jobs.is_empty() {
        return Err(Refused::NoJobs);
    }
    let mut jobs = Map::new();
    for job in &plan.jobs {
        jobs.insert(job.job_name.clone(), Value::Object(job.written(secrets)?));
    }
    Ok(Value::Object(jobs).to_string().into())
}

/// Says which jobs collectors will not be able to scrape.
fn warn_of_secrets(plan: &Plan) {
    let jobs = plan.jobs.iter().filter(|job| job.has_secrets() == Some(true));
    let jobs: Vec<&str> = jobs.map(|job| job.job_name.as_str()).collect();
    if jobs.is_empty() {
        return;
    }
    let named = jobs.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    tracing::warn!(
        count = jobs.len(),
        jobs = named,
        "collectors are told `<secret>` for the secrets of these jobs; they are told secrets where --web.config.file demands a \
         certificate of everybody (client_auth_type: RequireAndVerifyClientCert), or have them in files"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Arc<Plan> {
        let config = crate::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        Arc::new(Plan::from(config.expect("valid")))
    }

    #[test]
    fn jobs_are_written_once_for_each_configuration() {
        let written = WrittenJobs::default();
        let first = plan("scrape_configs: [{job_name: b, basic_auth: {password: hush}}, {job_name: a/b}]");
        let hidden = written.of(first.clone(), Secrets::Hidden).expect("jobs");
        let shown = written.of(first.clone(), Secrets::Shown).expect("jobs");
        assert_ne!(hidden, shown);
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        assert!(text(&shown).contains("hush") && !text(&hidden).contains("hush"));
        assert!(text(&hidden).starts_with("{\"a/b\":{\"always_"), "{}", text(&hidden));
        assert_eq!(
            written.of(first.clone(), Secrets::Hidden).expect("jobs").as_ptr(),
            hidden.as_ptr()
        );
        let second = plan("scrape_configs: [{job_name: c}]");
        assert!(text(&written.of(second, Secrets::Hidden).expect("jobs")).starts_with("{\"c\":"));
        assert_eq!(written.of(first, Secrets::Shown).expect("jobs"), shown);
    }

    #[test]
    fn no_jobs_are_no_answer() {
        let written = WrittenJobs::default();
        assert_eq!(written.of(plan("global: {}"), Secrets::Hidden), Err(Refused::NoJobs));
    }
}
