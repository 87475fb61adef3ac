//! Answers of backends decoded, and nothing else: for benchmarks.
//!
//! **What decodes is what discoverers decode with**: the same functions, to the same types.

use std::any::Any;
use std::fmt::Display;

/// What an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A page of the pods of a Kubernetes cluster.
    Pods,
    /// EC2's `DescribeInstances`.
    Ec2,
    /// The instances of a service of Consul.
    Consul,
    /// A page of Hetzner Cloud's servers.
    Hetzner,
    /// A page of Azure's virtual machines.
    AzureMachines,
    /// A page of their network interfaces.
    AzureInterfaces,
    /// A page of the instances of a zone of Google Compute Engine.
    Gce,
}

/// What was decoded.
pub struct Decoded {
    count: usize,
    _all: Box<dyn Any>,
}

impl Decoded {
    /// How many machines, or what else the answer lists.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Answer {
    /// Decodes it, or says why not.
    pub fn decode(self, body: &[u8]) -> Result<Decoded, String> {
        match self {
            Self::Pods => decoded(crate::kubernetes::pods(body)),
            Self::Ec2 => decoded(crate::ec2::instances(body).map(|(instances, _)| instances)),
            Self::Consul => decoded(crate::consul::instances(body)),
            Self::Hetzner => decoded(crate::hetzner::servers(body)),
            Self::AzureMachines => decoded(crate::azure::machines(body)),
            Self::AzureInterfaces => decoded(crate::azure::interfaces(body)),
            Self::Gce => decoded(crate::gce::instances(body)),
        }
    }
}

fn decoded<T: 'static>(found: Result<Vec<T>, impl Display>) -> Result<Decoded, String> {
    let all = found.map_err(|error| error.to_string())?;
    Ok(Decoded {
        count: all.len(),
        _all: Box::new(all),
    })
}
