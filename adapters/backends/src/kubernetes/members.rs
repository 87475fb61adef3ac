//! All that one entry watches.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use headcount_discoverer::Env;

use super::kind::Kind;
use super::object::{Object, namespace_of};
use super::settings::KubernetesSd;
use super::watching::{Subject, Subscription};

/// What is watched of one kind, in one namespace or in all.
pub(super) struct Member {
    pub(super) kind: Kind,
    /// `None` for all, or where there are none.
    pub(super) namespace: Option<Arc<str>>,
    pub(super) subscription: Subscription,
}

/// All that is watched. Nothing is, unless somebody waits for [`drive`](Self::drive).
pub(super) struct Members {
    all: Vec<Member>,
    places: BTreeMap<(Kind, Option<Arc<str>>), usize>,
}

impl Members {
    /// What an entry needs in these namespaces; in all if there are none.
    pub(super) fn new(settings: &KubernetesSd, namespaces: &BTreeSet<String>, env: &Env) -> Self {
        let (mut all, mut places) = (Vec::new(), BTreeMap::new());
        for kind in settings.kinds() {
            let within: Vec<Option<Arc<str>>> = match namespaces.is_empty() || kind.is_of_the_cluster() {
                true => vec![None],
                false => namespaces.iter().map(|name| Some(Arc::from(name.as_str()))).collect(),
            };
            for namespace in within {
                let subject = Subject {
                    access: settings.access.clone(),
                    kind,
                    namespace: namespace.clone(),
                    selector: settings.selectors.get(&kind).cloned().unwrap_or_default(),
                };
                places.insert((kind, namespace.clone()), all.len());
                all.push(Member {
                    kind,
                    namespace,
                    subscription: Subscription::new(subject, env),
                });
            }
        }
        Self { all, places }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.all.iter()
    }

    /// The object of a kind with this key.
    pub(super) fn get(&self, kind: Kind, key: &str) -> Option<Arc<Object>> {
        let namespace = namespace_of(key).map(Arc::from);
        let place = self
            .places
            .get(&(kind, namespace))
            .or_else(|| self.places.get(&(kind, None)));
        self.all.get(*place?)?.subscription.get(key)
    }

    /// Follows all of it, for ever. The task that waits for this is woken when there is something new.
    pub(super) async fn drive(&self) {
        poll_fn(|context| {
            for member in &self.all {
                member.subscription.drive(context);
            }
            Poll::<()>::Pending
        })
        .await;
    }
}
