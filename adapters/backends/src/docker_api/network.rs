//! The networks of an Engine or a swarm, of which targets get labels.

use std::collections::BTreeMap;

use headcount_discoverer::rest::ReadError;
use serde::Deserialize;

use super::{Filters, Labels, Session, Texts, boolean, or_default};

/// The labels of networks, by their ids.
pub(crate) type Networks = BTreeMap<String, Labels>;

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Network {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    scope: String,
    #[serde(deserialize_with = "or_default")]
    internal: bool,
    #[serde(deserialize_with = "or_default")]
    ingress: bool,
    #[serde(deserialize_with = "or_default")]
    labels: Texts,
}

/// Asks for all networks; `prefix` is what their labels begin with. Gives how many made no sense, too.
pub(crate) async fn networks(session: &Session<'_>, prefix: &str) -> Result<(Networks, usize), ReadError> {
    let (networks, skipped) = session.list::<Network>("/networks", &Filters::default()).await?;
    // Who is in no network names one that has no id.
    let (networks, nameless): (Vec<_>, Vec<_>) = networks.into_iter().partition(|network| !network.id.is_empty());
    let labels = |network: Network| {
        let mut labels = Labels::default();
        let mut put = |name: &str, value: &str| labels.put(&format!("{prefix}network_{name}"), value);
        put("id", &network.id);
        put("name", &network.name);
        put("scope", &network.scope);
        put("internal", boolean(network.internal));
        put("ingress", boolean(network.ingress));
        labels.put_texts(&format!("{prefix}network_label_"), &network.labels);
        (network.id, labels)
    };
    let skipped = skipped.saturating_add(nameless.len());
    Ok((networks.into_iter().map(labels).collect(), skipped))
}
