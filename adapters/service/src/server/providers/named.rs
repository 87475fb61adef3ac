//! The provider that a path names, and the manager that runs it.
//!
//! A name has a slash (`http/1`), and stands in the path as it is or as `http%2F1`. Names are of one manager; **without
//! `manager` in the query, jobs come first**: it is asked whether one of the Alertmanagers' is called so when none of the
//! jobs' is.

use std::sync::Arc;

use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::discovery::{Called, Managed, Provider};
use crate::server::respond::{self, Body};

/// A provider that runs.
pub(super) struct Named<'a> {
    pub(super) managed: &'a Arc<Managed>,
    pub(super) provider: Provider,
}

impl<'a> Named<'a> {
    /// The provider whose name is `escaped`, run by any of these managers.
    ///
    /// # Errors
    /// The answer that says why there is none.
    pub(super) async fn find(managers: &[&'a Arc<Managed>], escaped: &str) -> Result<Self, Response<Body>> {
        let name = percent_decode_str(escaped).decode_utf8_lossy();
        let mut failed = None;
        for managed in managers {
            match managed.called(&name).await {
                Ok(Called::Running(provider)) => {
                    return Ok(Self {
                        managed,
                        provider: *provider,
                    });
                }
                Ok(Called::Failed(reason)) => failed = Some(reason),
                Ok(Called::Nothing) => {}
                Err(_) => return Err(respond::gone()),
            }
        }
        Err(match failed {
            Some(reason) => {
                let message = format!("{name} can't be run: {reason}");
                respond::error(StatusCode::CONFLICT, message)
            }
            None => unknown(&name),
        })
    }
}

/// The managers that a query means, the jobs' first.
///
/// # Errors
/// That there is no such manager.
pub(super) fn managers<'a>(app: &'a App, manager: Option<&str>) -> Result<Vec<&'a Arc<Managed>>, String> {
    let all = app.managers();
    let Some(wanted) = manager else {
        return Ok(all.into());
    };
    let found: Vec<_> = all.into_iter().filter(|managed| managed.name() == wanted).collect();
    match found.is_empty() {
        true => {
            let names = all.map(|managed| managed.name()).join(" or ");
            Err(format!("manager is {names}"))
        }
        false => Ok(found),
    }
}

/// No provider is called so.
pub(super) fn unknown(name: &str) -> Response<Body> {
    let message = format!("no provider is called {name:?}; /api/v1/providers lists those there are");
    respond::error(StatusCode::NOT_FOUND, message)
}
