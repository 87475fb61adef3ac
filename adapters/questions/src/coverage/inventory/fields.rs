//! Which field of an entry has the host's name.
//!
//! The one rule: **a guess is said, and a wrong name is answered with the right ones.**

use super::error::Wrong;

/// Names of fields that have a host's name, the likeliest first.
const LIKELY: [&str; 17] = [
    "host",
    "hostname",
    "host_name",
    "host name",
    "name",
    "fqdn",
    "dns_name",
    "server",
    "node",
    "instance",
    "address",
    "ip",
    "ip_address",
    "ip address",
    "ipaddress",
    "primary_ip",
    "primary_ip4",
];

/// A field that was chosen, and its place among those that are there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) place: usize,
}

/// Chooses the field `wanted`, or else the likeliest, in any case.
pub(super) fn choose(there: &[&str], wanted: Option<&str>) -> Result<Chosen, Wrong> {
    let exactly = |name: &str| there.iter().position(|other| *other == name);
    let in_any_case = |name: &str| there.iter().position(|other| other.eq_ignore_ascii_case(name));
    let place = match wanted {
        Some(wanted) => exactly(wanted).or_else(|| in_any_case(wanted)),
        None => LIKELY.iter().find_map(|name| in_any_case(name)),
    };
    if let Some(place) = place
        && let Some(name) = there.get(place)
    {
        return Ok(Chosen {
            name: (*name).to_owned(),
            place,
        });
    }
    let there = listed(there);
    Err(match wanted {
        Some(wanted) => Wrong::NoSuchField {
            wanted: wanted.to_owned(),
            there,
        },
        None => Wrong::NoKnownField { there },
    })
}

/// Whether a field is likely to have a host's name.
pub(super) fn is_likely(name: &str) -> bool {
    LIKELY.iter().any(|likely| likely.eq_ignore_ascii_case(name))
}

fn listed(names: &[&str]) -> String {
    const MOST: usize = 30;
    let mut listed: Vec<_> = names.iter().take(MOST).map(|name| format!("{name:?}")).collect();
    if names.len() > MOST {
        listed.push("…".to_owned());
    }
    if listed.is_empty() {
        "none".to_owned()
    } else {
        listed.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_field_is_chosen() {
        let chosen = |there: &[&str], wanted| choose(there, wanted).map(|chosen| chosen.name);
        assert_eq!(chosen(&["ip", "Name", "x"], None), Ok("Name".to_owned()));
        assert_eq!(chosen(&["ip", "Name", "name"], Some("name")), Ok("name".to_owned()));
        assert_eq!(chosen(&["ip", "Name"], Some("name")), Ok("Name".to_owned()));
        let none = Wrong::NoKnownField {
            there: "\"x\", \"y\"".to_owned(),
        };
        assert_eq!(chosen(&["x", "y"], None), Err(none));
    }
}
