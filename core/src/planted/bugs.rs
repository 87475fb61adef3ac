//! The bugs that can be planted, and which one is.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Names the bug that is planted from the start of a process, for tests that know nothing of it.
pub const VARIABLE: &str = "HEADCOUNT_PLANTED";

macro_rules! bugs {
    ($($kind:literal { $($bug:ident $breaks:literal)+ })+) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $breaks] $bug,)+)+
        }

        impl Bug {
            /// All of them, kind by kind.
            pub const ALL: &[Self] = &[$($(Self::$bug,)+)+];

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$bug => stringify!($bug),)+)+
                }
            }

            /// The part of the core that it is in.
            pub const fn kind(self) -> &'static str {
                match self {
                    $($(Self::$bug => $kind,)+)+
                }
            }

            /// What goes wrong with it.
            pub const fn breaks(self) -> &'static str {
                match self {
                    $($(Self::$bug => $breaks,)+)+
                }
            }
        }
    };
}

bugs! {
    "throttle" {
        LaterChangeMovesTheDeadline "a change that comes while another waits puts both off"
        WaitIsNotKept "a change under churn waits as shortly as the first one"
        WaitGrowsWithoutEnd "the wait grows beyond the longest one"
        StaysSlowWhenQuiet "quiet does not make the wait short again"
        JitterOnlyAtFirst "waits that have grown have no jitter"
        JitterIsTwiceAsWide "jitter is added and taken away in full on both sides"
        TickerKeepsNoOrigin "ticks are counted from the epoch, not from the start of the manager"
        TickIsNow "a change at the moment of a tick does not wait for the next"
        AnotherThrottleForgetsWhatWaits "what waits when the throttle is changed is never due"
        NewcomerIsNotNoted "a second provider that changes while its set waits is not shown with the first"
        ShownStaysNoted "a set that was shown still waits for what it was shown"
        OtherSetIsToldAgain "a set that was shown with another one still has its own snapshot coming"
        GoneSetIsStillDue "a set that is no longer wanted makes a snapshot due"
        OneSetAtATime "of sets that are due together only the first is shown"
        ReloadWaitsForItself "what concerns all sets is left out while a single set is due"
        OnlyFirstReaderIsTold "of several sets that read a provider the first alone waits for what is new of it"
        EveryDelayIsCounted "a snapshot that is late is counted again with every input"
        ReadyIsNoInput "a receiver that was kept waiting gets nothing when it is ready"
        SetSnapshotHasNoNumber "a snapshot for single sets has the number of the one before"
        NewsWaitForAll "how providers fare is left out of snapshots for single sets"
    }
    "registry" {
        SetNamedTwiceHasTheLast "a set that is named twice has the configs of the second entry only"
        ConfigNamedTwiceIsTwoMembers "a set that names a config twice subscribes twice"
        OnlyFirstSubscriber "of several sets that want a provider it knows the first"
        LeaverStopsForAll "a set that goes takes its providers from the others that read them"
        StoppedConfigIsStillKnown "a config that comes back is taken for the one that was stopped"
        FailedStaysFailed "a config that could not be built is said to be so after it was built"
        OldFailuresAreShown "snapshots keep the configs that could not be built before the last reload"
        BuildFailureIsNotDue "that a config can't be built waits for another change"
        ReloadIsNotDue "a reload that stops and starts nothing makes no snapshot"
        FirstStartedIsKept "of the providers that a reload starts the first is said to go on"
        FirstIsNotStopped "of the providers that a reload stops the first is not told so"
        StoppedStaysShown "a provider that was stopped stays in snapshots"
        StoppedMayFail "a failure of a provider that was stopped is taken in"
        IgnoredIsNotCounted "a report of a provider that was stopped is not counted"
        StoppedIsAwaited "who is stopped while he is waited for is waited for all the same"
    }
    "update" {
        LastAbsentSourceStays "a full update misses the last of the sources that it does not name"
        FirstOfASourceCounts "where an update names a source twice, the first one counts"
        CompletingTakesTheRest "the last of a first listing's deltas takes away what those before it brought"
        PartialTakesTheRest "a read that could not get everything takes away what it did not get"
        UnheardStays "what was restored and is named by nobody stays for ever"
        HeardIsNotNoted "what was restored goes with the first whole read although deltas before it named it"
        FirstWholeReadIsNotTold "a provider that had reported deltas is read whole, and nobody is told"
        FirstFailureIsNotTold "a provider's first failure makes no snapshot"
        RemovalIsNoChange "an update that only takes away makes no snapshot"
        EveryUpdateIsAChange "an update that changes nothing makes a snapshot"
        SettledSeesNoGaps "a provider that has done well for long is well with a part missing"
        RecoveryIsNotNoticed "a provider that failed once is said to fail for ever"
        FailuresAreCountedFromTheLast "a failure after a failure begins the count anew"
    }
    "store" {
        UnchangedIsStampedAnew "a group that is as it was, in another encoding, counts as changed just now"
        EmptyGroupIsKept "a group without targets stays, empty, in the place of its source"
        ReplacedTargetsAreCounted "targets of a group that was replaced are still counted"
        RemovedGroupsAreCounted "groups that are gone are still counted"
        CollidingSourceGoesToo "a source that goes takes those with the same hash with it"
        CollidingSourceIsReplaced "a source takes the place of another one with the same hash"
        FirstOfANodeIsNotFound "a group that stands first in its node is not found"
        FirstOfANodeIsWrittenBefore "a change of the group that stands first in its node is made in the node before"
    }
    "diff" {
        GoneGroupIsNoDifference "a group that is gone is missing in the difference"
        LastEntryIsNoDifference "what stands behind everything that the other state has is missing in the difference"
        HeightIsNoMatter "of two states of different heights the lower one is opened first"
        SetsDifferInNumber "a set that reads another provider in the place of one is no difference"
        ProvidersDifferInNumber "a provider whose groups are others, and as many, is no difference"
        NewProviderHasNoReports "what a provider has reported is no difference if the provider is new"
        FailedDifferInNumber "other configs that can't be built, and as many, are no difference"
        JoinedEndsWithTheFirst "two differences in one end where the first of them ended"
    }
    "guard" {
        ShareItselfIsTooMuch "a drop of just the share is held"
        NetIsGross "what came does not count against what went"
        SmallDropsAreForgotten "many small drops never add up to a large one"
        OnlyFirstSetIsGuarded "of several sets that read a provider the first alone is guarded"
        CameCountsWhenGone "what came and went again counts against what is lost"
        FoundElsewhereIsHeld "a target that is held stays so when it is found with another provider"
        OneSetHasIt "a target that stands elsewhere in one of the sets counts as there in all"
        ConfirmedIsRemembered "a drop that was confirmed counts against the next target that goes"
        FurtherLossesShareTheTime "a large loss that joins a hold is let go with it"
        PartialReadConfirms "a read that could not get everything confirms what it does not have"
        FailureConfirms "a drop is let go while the provider only fails"
        ReloadHoldsOn "what is held for a set that is gone stays held"
        FirstListCounts "a first list counts as targets that came"
        HoldShowsNothingNew "while a drop is held nothing new is shown"
        WindowIsOneLonger "what went just the hold time ago still counts"
        WindowIsForgottenEarly "what went is forgotten in half of the hold time"
        WhatCameIsForgotten "targets that came are never counted"
        MovedIsLost "a target that moves to another source is lost"
        HeldTargetTakesNewLabels "a target that is held has the labels that its group has now"
    }
    "save and restore" {
        SavesWhatIsTold "what is saved is what the backend has, not what is shown"
        SavedIsGivenOutAgain "a config that comes with a later reload begins with what was saved"
        WholeIsNotSaved "that a provider was read whole is not saved"
        SavedAgainIsFresh "what was restored and saved again counts as seen just now"
        StandInsAreNotSaved "what stands in for others is not saved"
        BorrowersAreNotSaved "the sets in which a provider stands in are not saved with it"
        KnownEmptyIsNotSaved "that a provider knows of nothing is not saved"
        RestoredIsWhole "whatever was saved counts as read whole"
        RestoredChangedJustNow "groups that were restored count as changed just now"
        StandsInForAllOrNobody "what was saved stands in only if all of its sets are still there"
        AnyFormatIsRead "a state of another format is read as if it were of this one"
        RestoredIsWaitedFor "who was read whole by the process before is waited for all the same"
    }
    "make before break" {
        StandInsGoWithTheNextReload "who stands in is forgotten with the next reload"
        NextReloadEndsTheWait "who was waited for is not, once another reload has come"
        FailureIsBelieved "who failed takes the place of who knew something"
        AnyUpdateEndsIt "the first update of a successor ends the handover, whole or not"
        WaitedOutIsStoodInFor "who was waited for long enough is stood in for all the same"
        StandInIsNotTakenAway "who stood in stays in snapshots when nobody shows it any more"
        OnlyFirstStandInGoes "of several that stood in only the first is given back"
        UnbuildableSuccessorEndsIt "a successor that can't be built takes away what stood in for it"
        KnownEmptyDoesNotStandIn "who knows of nothing does not stand in for who has not been read"
        OldReloadHandsOver "a manager that reloads as 2.x did keeps what it had"
        AnyKindIsFoundBefore "a discoverer begins with what one of another kind has found"
        EndIsNotTold "that nobody stands in any more makes no snapshot"
    }
    "whole lists" {
        DeltaIsWhole "a provider counts as read whole after a delta"
        PartialIsWhole "a provider counts as read whole after a read that could not get everything"
        FailedConfigIsWhole "a set is whole although one of its configs can't be built"
        FailedConfigsOfOthersCount "a config that can't be built withholds the lists of all sets"
        NewcomerIsNotAwaited "a list that was served is served before who is new to it has said anything"
        AnyReportIsEnough "a list that was never served is served before it is whole"
        EmptyIsServed "a list of which nothing was found is served as empty"
        WaitedOutIsWithheld "who was waited for long enough still withholds a list"
        SuccessorsCount "who is stood in for counts beside who stands in"
        EndOfAWaitIsNotTold "that a wait is over makes no snapshot"
        WholeIsWaitedOut "a wait goes on for who was read whole"
        NobodyIsAwaited "no time is reported at which a wait is over"
    }
    "pools" {
        FirstOwnerStands "of targets that are the same the first stands for all"
        FirstHeirInherits "when the one that stands for others goes, the first of them takes its place"
        GoneDuplicateInherits "a target that is gone takes the place of the one that stood for it"
        GoneTargetsAreCounted "targets that are gone are still counted"
        OnlyFirstJobFollows "of several jobs that read a provider the first alone takes its changes"
        LeaverStaysInThePool "what a job no longer reads stays in its pool"
        ReadersAreOld "a job does not follow the providers that it came to read last"
        BriefTargetIsStopped "a target that came and went between two looks is stopped, though it was never started"
        RelabelledIsStoppedAndStarted "a target that has other labels is stopped and started"
        HeirIsNotTouched "nobody is told of the group whose target takes another's place"
        OustedIsNotTouched "nobody is told of the group whose target another takes the place of"
        TouchedSkipsTheFirst "of the groups that were touched the first is not told"
        LeaverStaysAlike "a target that is gone is still said to share its labels with others"
    }
    "schedule" {
        PlaceMovesWithTheStart "a target's place in its interval follows from when it was started"
        LateScrapeMovesThePlace "a scrape that begins late moves those after it"
        MissedTimesAreMadeUp "times that passed while a scrape could not begin are made up for one by one"
        StoppedIsStillQueued "a target that was stopped keeps its place in the queue"
        LateResultIsAnothers "the end of a scrape is taken for that of another target in the place of one that is gone"
        RelabelledStartsAnew "a target that is called otherwise forgets its last scrape"
        OneMoreMayBegin "one scrape more than allowed runs at once"
        GoneTargetRunsForEver "a scrape whose target went meanwhile counts as running for ever"
        LastComesFirst "of scrapes that wait the one that is due last begins first"
        SinceLastIsSinceDue "the time since the last scrape is counted from when it was due"
    }
}

/// The place in [`Bug::ALL`] of the one that is planted in this process; beyond it is none.
static PLANTED: AtomicUsize = AtomicUsize::new(UNKNOWN);
const NONE: usize = usize::MAX - 1;
/// The environment has not been asked.
const UNKNOWN: usize = usize::MAX;

impl Bug {
    /// The bug with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    /// The one that is planted, if one is.
    pub fn planted() -> Option<Self> {
        let place = match PLANTED.load(Ordering::Relaxed) {
            UNKNOWN => Self::plant_as_asked(),
            place => place,
        };
        Self::ALL.get(place).copied()
    }

    /// From now on this one is planted in the whole process, and no other; or none.
    pub fn plant(bug: Option<Self>) {
        PLANTED.store(bug.map_or(NONE, |bug| bug as usize), Ordering::Relaxed);
    }

    /// Plants what the environment asks for. A name that no bug has would look like a bug that nobody finds.
    #[expect(
        clippy::panic,
        reason = "a test that ran without its bug would say that it can't find it"
    )]
    fn plant_as_asked() -> usize {
        let bug = std::env::var(VARIABLE).ok().map(|name| match Self::named(&name) {
            Some(bug) => bug,
            None => panic!("{VARIABLE} is {name:?}, and no bug is called so; `score list` says which there are"),
        });
        Self::plant(bug);
        PLANTED.load(Ordering::Relaxed)
    }
}
