//! `/api/v1/members`: among whom targets are shared out, how much each has, and what is under way.

use std::sync::Arc;

use blocking::unblock;
use http::Response;

use super::respond::{self, Body};
use crate::app::App;

/// The members; `null` if targets are not shared out.
pub(super) async fn members(app: &Arc<App>) -> Response<Body> {
    let app = app.clone();
    let overview = unblock(move || app.targets.sharing.overview(app.env.clock.now())).await;
    respond::success(&overview)
}
