//! The fleet: how many hosts there are, and what they look like.

use serde::{Deserialize, Serialize};

use crate::{Looks, ServiceId};

/// The fleet as it is at the start. Host `n` runs service `n % services` in zone `n % zones`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Hosts {
    /// How many there are.
    pub count: u32,
    /// How many services they run; each host runs one. A discoverer looks at one service.
    pub services: u32,
    /// How many zones they stand in.
    pub zones: u32,
    /// How many labels each has beyond its address, zone, service and release.
    #[serde(skip_serializing_if = "super::is_default")]
    pub labels: u16,
    /// The number of the first one's address; 0 is 0.0.0.0, which some take for none.
    #[serde(skip_serializing_if = "super::is_default")]
    pub first_address: u32,
}

impl Default for Hosts {
    fn default() -> Self {
        Self {
            count: 10,
            services: 1,
            zones: 1,
            labels: 0,
            first_address: 0,
        }
    }
}

impl Hosts {
    /// So many hosts of one service in one zone.
    pub fn new(count: u32) -> Self {
        Self {
            count,
            ..Self::default()
        }
    }

    /// Sets how many services they run.
    #[must_use]
    pub fn services(self, services: u32) -> Self {
        Self { services, ..self }
    }

    /// Sets how many zones they stand in.
    #[must_use]
    pub fn zones(self, zones: u32) -> Self {
        Self { zones, ..self }
    }

    /// Sets the number of the first one's address.
    #[must_use]
    pub fn first_address(self, first_address: u32) -> Self {
        Self { first_address, ..self }
    }

    /// How a host of the fleet looks at the start, by its number.
    pub(crate) fn looks(&self, number: u32) -> Looks {
        Looks {
            service: ServiceId(number % self.services.max(1)),
            zone: number % self.zones.max(1),
            address: self.first_address.wrapping_add(number),
            name: number,
            release: 0,
            labels: self.labels,
        }
    }

    /// Sets how many more labels each has.
    #[must_use]
    pub fn labels(self, labels: u16) -> Self {
        Self { labels, ..self }
    }
}
