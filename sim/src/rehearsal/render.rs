//! What backends say, in formats that real discoverers read.

use serde::Serialize;

use super::ShownHost;

/// A list of target groups in JSON, one for each zone: what `http_sd` and `file_sd` read.
pub fn target_groups(hosts: &[ShownHost]) -> Vec<u8> {
    #[derive(Serialize)]
    struct TargetGroup<'a> {
        targets: Vec<&'a str>,
        labels: Labels,
    }
    #[derive(Serialize)]
    struct Labels {
        zone: String,
    }
    let mut zones: Vec<u32> = hosts.iter().map(|host| host.looks.zone).collect();
    zones.sort_unstable();
    zones.dedup();
    let groups: Vec<TargetGroup<'_>> = zones
        .into_iter()
        .map(|zone| TargetGroup {
            targets: hosts
                .iter()
                .filter(|host| host.looks.zone == zone)
                .map(|host| host.address.as_str())
                .collect(),
            labels: Labels {
                zone: format!("zone-{zone}"),
            },
        })
        .collect();
    // Strings and lists only: it can always be written.
    serde_json::to_vec(&groups).unwrap_or_default()
}
