//! Empty answers that are not taken for nothing.
//!
//! **Who may not see something is answered as if it were not there**: with status 200 and less, or nothing. Consul
//! says that it left something out since version 1.11 only, and with a header ([`doubtful`]). What is known besides:
//!
//! * A catalog is never empty: the servers are registered in it, as the service `consul`. An empty list that nothing
//!   narrowed means that the token may not see services, or none of those that there are.
//! * A service that is listed has instances. Where none is shown, the token may see services, but not nodes. The
//!   service may also be gone since, which the list will say in a moment.
//!
//! Nothing is known of a service that is asked for because `services` alone names it, nor of one whose instances
//! `health_filter` or several `tags` may all leave out: there an empty answer is believed.
//!
//! Both hold for Consul itself. What imitates it often has empty catalogs, and rarely the header that says whether
//! there is a leader; without that header an empty answer is believed.

use headcount_discoverer::env::HttpResponse;

use super::settings::ConsulSd;
use crate::consul_api::{LEADER_HEADER, Rejected, doubtful};

/// What is known of the answers to one entry's questions.
#[derive(Debug)]
pub(super) struct Belief {
    /// Whether the list has everything that the token may see in the default namespace and partition.
    lists_everything: bool,
    /// Whether each service that is asked for is listed, and each instance that makes it so is asked for.
    shows_what_is_listed: bool,
}

impl Belief {
    /// `is_elsewhere` says that another namespace or partition than the default is asked for.
    pub(super) fn new(settings: &ConsulSd, is_elsewhere: bool) -> Self {
        let lists_everything = settings.filter.is_empty() && settings.node_meta.is_empty() && !is_elsewhere;
        // A service is listed if each tag is some instance's, and has no instances if no one has them all.
        let is_narrower = settings.tags.len() > 1 || !settings.health_filter.is_empty();
        Self {
            lists_everything,
            shows_what_is_listed: settings.needs_list() && !is_narrower,
        }
    }

    /// Why an empty list is not believed.
    pub(super) fn of_empty_list(&self, answer: &HttpResponse) -> Option<Rejected> {
        let reason = "the list is empty, although Consul itself is in each: the token may not see it; \
                      give it service:read, at least for the service consul";
        let is_known = || self.lists_everything && is_consul(answer);
        doubtful(answer).or_else(|| is_known().then(|| Rejected::Question(reason.to_owned())))
    }

    /// Why it is not believed that a service has no instances.
    pub(super) fn of_no_instances(&self, answer: &HttpResponse) -> Option<Rejected> {
        let reason = "it is listed, but no instance is shown; if it stays so the token may not see its nodes: \
                      give it node:read";
        let is_known = || self.shows_what_is_listed && is_consul(answer);
        doubtful(answer).or_else(|| is_known().then(|| Rejected::Question(reason.to_owned())))
    }
}

/// Whether Consul itself answered.
fn is_consul(answer: &HttpResponse) -> bool {
    answer.header(LEADER_HEADER).is_some()
}
