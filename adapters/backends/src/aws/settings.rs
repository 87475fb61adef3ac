//! What an entry of `aws_sd_configs` says: a role, and what an entry of the role's own mechanism would say.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::{Fields, ProblemKind};

use crate::aws_api::{Kind, read_clusters, read_filters, skipped_metric};
use crate::ec2::Ec2Sd;
use crate::ecs::EcsSd;
use crate::elasticache::ElasticacheSd;
use crate::lightsail::LightsailSd;
use crate::msk::MskSd;
use crate::rds::RdsSd;

const SKIPPED: Definition = skipped_metric("headcount_sd_aws_skipped_total");
const ROLES: &str = "ec2, ecs, elasticache, lightsail, msk, rds";

/// One entry of `aws_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AwsSd {
    /// The role `ec2`.
    Ec2(Ec2Sd),
    /// The role `ecs`.
    Ecs(EcsSd),
    /// The role `elasticache`.
    Elasticache(ElasticacheSd),
    /// The role `lightsail`.
    Lightsail(LightsailSd),
    /// The role `msk`.
    Msk(MskSd),
    /// The role `rds`.
    Rds(RdsSd),
}

impl Mechanism for AwsSd {
    const NAME: &'static str = "aws";
    const SUMMARY: &'static str = "what there is at AWS, in one of six roles";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let at = fields.take("role");
        let role = at.as_ref().and_then(|at| at.text()).unwrap_or_default();
        let kind = Kind::Role;
        let read = match role.as_str() {
            "ec2" => Ec2Sd::read_as(fields, place, kind).map(Self::Ec2),
            "ecs" => EcsSd::read_as(fields, place, kind).map(Self::Ecs),
            "elasticache" => ElasticacheSd::read_as(fields, place, kind).map(Self::Elasticache),
            "lightsail" => LightsailSd::read_as(fields, place, kind).map(Self::Lightsail),
            "msk" => MskSd::read_as(fields, place, kind).map(Self::Msk),
            "rds" => RdsSd::read_as(fields, place, kind).map(Self::Rds),
            _ => {
                match at {
                    Some(at) if !role.is_empty() => at.report(ProblemKind::NotOneOf {
                        found: role.clone(),
                        allowed: ROLES,
                    }),
                    _ => fields.at().report(ProblemKind::Missing {
                        field: "role (one of: ec2, ecs, elasticache, lightsail, msk, rds)",
                    }),
                }
                // The rest is checked all the same.
                RdsSd::read_as(fields, place, kind).map(Self::Rds)
            }
        };
        // Prometheus takes them in every role, and makes nothing of them where they are not the role's.
        if matches!(role.as_str(), "ec2" | "lightsail") {
            drop(read_clusters(fields));
        }
        if matches!(role.as_str(), "ecs" | "elasticache" | "lightsail" | "msk") {
            drop(read_filters(fields));
        }
        read
    }

    fn describe(&self) -> String {
        match self {
            Self::Ec2(role) => format!("ec2: {}", role.describe()),
            Self::Ecs(role) => format!("ecs: {}", role.describe()),
            Self::Elasticache(role) => format!("elasticache: {}", role.describe()),
            Self::Lightsail(role) => format!("lightsail: {}", role.describe()),
            Self::Msk(role) => format!("msk: {}", role.describe()),
            Self::Rds(role) => format!("rds: {}", role.describe()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        match self {
            Self::Ec2(role) => role.refresh_interval(),
            Self::Ecs(role) => role.refresh_interval(),
            Self::Elasticache(role) => role.refresh_interval(),
            Self::Lightsail(role) => role.refresh_interval(),
            Self::Msk(role) => role.refresh_interval(),
            Self::Rds(role) => role.refresh_interval(),
        }
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        match &*self {
            Self::Ec2(role) => Arc::new(role.clone()).counting(SKIPPED),
            Self::Ecs(role) => Arc::new(role.clone()).counting(SKIPPED),
            Self::Elasticache(role) => Arc::new(role.clone()).counting(SKIPPED),
            Self::Lightsail(role) => Arc::new(role.clone()).counting(SKIPPED),
            Self::Msk(role) => Arc::new(role.clone()).counting(SKIPPED),
            Self::Rds(role) => Arc::new(role.clone()).counting(SKIPPED),
        }
    }
}
