//! Members that a mechanism finds: `*_sd_configs`, what makes names of what is found, and what a name stands for.

use std::time::Duration;

use headcount_core::planted;
use headcount_core::relabel::{NameValidation, Relabeling};
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::{Cursor, Fields, ProblemKind};

use crate::section::Reading;
use crate::section::relabel::{RelabelRules, Subject};

/// What a member is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberIdentity {
    /// `name`: its name decides what it has. Of what is found that is the label `instance` after relabelling, or else
    /// `__address__`.
    #[default]
    Name,
    /// `node`: it is called like the node that it is on, by the labels that name a target's node.
    Node,
    /// `seat`: a numbered place decides what it has, which a newcomer takes over from one that is gone.
    Seat,
}

impl MemberIdentity {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Node => "node",
            Self::Seat => "seat",
        }
    }

    pub(super) fn read(at: &Cursor<'_>) -> Option<Self> {
        let found = at.text()?;
        let known = [Self::Name, Self::Node, Self::Seat];
        let identity = known.into_iter().find(|identity| identity.word() == found);
        if identity.is_none() {
            let allowed = "name, node, seat";
            at.report(ProblemKind::NotOneOf { found, allowed });
        }
        identity
    }
}

/// Members that are found: each target of these is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMembers {
    /// Where they are found; at least one.
    pub sd: Vec<SdConfig>,
    /// `relabel_configs`: what is made of their labels. A target that a rule drops is no member.
    pub relabeling: Relabeling,
    /// `identity`.
    pub identity: MemberIdentity,
    /// `grace`: how long one that is not found any more is a member.
    pub grace: Duration,
}

/// Whether members are to be found: whether there is any list of a mechanism's entries.
pub(super) fn is_said(fields: &Fields<'_>) -> bool {
    fields
        .names()
        .any(|name| name == "static_configs" || name.ends_with("_sd_configs"))
}

/// Reads where members are found. Reports if that is nowhere.
pub(super) fn read(
    fields: &mut Fields<'_>,
    names: NameValidation,
    reading: Reading<'_>,
) -> (Vec<SdConfig>, Relabeling) {
    let relabel = RelabelRules::of(fields, "relabel_configs", reading.dialect);
    let sd = reading.mechanisms.read(fields, reading, !relabel.is_empty());
    if planted!(sd.is_empty(), NowhereToFindMembers, false) {
        fields.at().report(ProblemKind::Rule(
            "members are found nowhere: write at least one entry of a mechanism",
        ));
    }
    (sd, relabel.compile(names, Subject::Targets))
}
