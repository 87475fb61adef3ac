//! The bugs that can be planted, and which one is.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Names the bug that is planted from the start of a process, for tests that know nothing of it.
pub const VARIABLE: &str = "HEADCOUNT_PLANTED";

/// What bugs are planted in. Each has a table of its own of what finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// This crate.
    Core,
    /// The crates of `adapters/`.
    Adapters,
}

macro_rules! bugs {
    ($($part:ident { $($kind:literal { $($bug:ident $breaks:literal)+ })+ })+) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($($(#[doc = $breaks] $bug,)+)+)+
        }

        impl Bug {
            /// All of them, part by part and kind by kind.
            pub const ALL: &[Self] = &[$($($(Self::$bug,)+)+)+];

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self {
                    $($($(Self::$bug => stringify!($bug),)+)+)+
                }
            }

            /// What it is planted in.
            pub const fn part(self) -> Part {
                match self {
                    $($($(Self::$bug => Part::$part,)+)+)+
                }
            }

            /// The kind of thing, within its part, that it breaks.
            pub const fn kind(self) -> &'static str {
                match self {
                    $($($(Self::$bug => $kind,)+)+)+
                }
            }

            /// What goes wrong with it.
            pub const fn breaks(self) -> &'static str {
                match self {
                    $($($(Self::$bug => $breaks,)+)+)+
                }
            }
        }
    };
}

bugs! {
    Core {
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
            ShownStaysNoted "a set that a snapshot of everything has shown still waits for what it was shown"
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
    Adapters {
        "config" {
            TimeoutIsNotCut "a timeout that is inherited stays above a shorter interval"
            TimeoutMayBeLonger "a timeout above the interval is not refused"
            ZeroLimitIsALimit "a limit of 0 lifts the one of global"
            EmptyVariableIsSilent "a variable of an external label that is not set is not warned of"
            JobNamedTwice "two jobs of one name are taken"
            GlobalProtocolsAreForgotten "a job without protocols takes the defaults, whatever global says"
            EscapingIsInherited "a job with a validation of its own inherits the escaping of global"
            HonorTimestampsIsOff "honor_timestamps is off unless it is set"
            JobsRulesComeFirst "rules for all jobs are carried out after those of each"
            StaticConfigsComeFirst "static_configs stand before the other mechanisms"
            LeftOutIsSilent "that a mechanism is left out is not warned of"
            LeftOutIsNothing "an entry of a mechanism that is left out is as if it were not there"
            SettingsBesideAreIgnored "headcount.yml beside the configuration is not read"
            IncludedJobsAreFromMain "relative paths of an included file start in the folder of the main one"
            UnreadIncludeIsEmpty "a file that is included and can't be read has no jobs"
            OffIsNotSaid "`off` in a job does not lift the limit of defaults"
            DefaultsGoFirst "what defaults say counts before what a job says"
            ZeroHoldIsTaken "a hold of 0 s is taken"
            UnknownUnsharedJob "unshared_jobs may name a job that there is not"
            MemberNamedTwice "a member may be named twice"
            HostsAreCaseSensitive "the name of a host is compared with its capitals"
            StateDirIsTheWorkingFolders "state.dir is relative to wherever the process was started"
        }
        "file" {
            ShorterListCountsAtOnce "a YAML list with less in it counts before it is looked at again"
            EmptyListCountsAtOnce "a list without targets counts before it is looked at again"
            BlankFileIsAList "a file in which nothing was written is an empty list"
            NoLineBreakIsFinished "a YAML file without its last line break counts at once"
            GoneFileIsGoneAtOnce "a file that is gone takes its groups along before it is looked at again"
            LostFolderTakesItsFiles "files that are gone with the folder that is named take their groups along"
            DanglingLinkIsGone "a link to a file that is not there is no file"
            NamedMayBeMissing "a file that is named outright may be missing"
            BrokenFileIsEmpty "a file that can't be decoded loses the groups it had"
            ShorterListKeepsItsRest "a list that is shorter keeps the groups that it no longer has"
            GroupsChangeNumbers "groups are numbered anew when one before them is gone"
            HalfSeenIsAll "what was read is said to be all while a file is to be looked at again"
            SameFileIsReported "a file whose bytes are those of last time is reported again"
            WarnsEachTime "the same fault is warned of each time the file is written"
            RemovedFileHasATime "the modification time of a file that is gone is still shown"
            BrokenIsToldEachTime "each look at a file that is still broken reports that anew"
            AlwaysWrittenNeverCounts "a file that is written all the time never counts"
            ToldTwiceIsSettled "a second notice of the same change counts as a second look"
            RecalledInAnyOrder "the groups of a list from before the start are taken in the order of their sources"
            LinkIsNoChange "a link in the folder that is changed does not count as a change of the files behind it"
            MissingFolderWaits "a folder that comes is not noticed before the interval is over"
            MissedChangeWaits "changes that the watch has missed are read when the interval is over"
        }
        "http" {
            AnyTypeIsAList "an answer of any type is taken for a list"
            IntervalIsToldInMillis "the server is told the interval in the wrong unit"
            MetaUrlHasThePassword "__meta_url and the sources have the URL's password"
            HttpGroupsChangeNumbers "groups of a list are numbered anew when one before them is gone"
            ListBeforeIsNotItsOwn "what was found before the start is not known to be of this list"
            AnyLengthIsRead "as much of an answer is read as comes"
            DescriptionHasThePassword "a provider is described with the URL's password"
            AskedAsSeldomAsFiles "a list without a refresh_interval is asked for as seldom as files are read"
        }
        "refresh" {
            PartCountsAsWell "a read that is missing a part is followed by the next as if it had been whole"
            RetryAfterIsNoRest "whoever asks for a refresh gets one while the server wishes to be left alone"
            ReadingMakesItLater "the time that a refresh takes comes on top of the interval"
            HangsForAnInterval "a refresh may hang for as long as the interval, be that a day"
            ShortIntervalGivesUpEarly "with a short interval a slow backend is given up before it can answer"
            SecondIsAsLateAsOthers "discoverers that start together ask together for the second time"
            OlderThanTheInterval "the next refresh comes up to a tenth after the interval is over"
            ThreeInAnInterval "a backend that fails is asked three times in an interval"
            RetryAfterADay "a server can silence a discoverer for as long as it likes"
            SuccessForgetsNoTries "after a success the waits between tries go on where they were"
            SlowBackendIsAlwaysAsked "a backend that takes long is asked all the time if that is wished"
            FailingBackendIsAskedOn "a backend that fails is asked each second if that is wished"
            GivenUpReadAnswersNobody "who asked for a read that was given up is never answered"
            FullUpdatesPileUp "full updates that nobody has read yet are kept beside the newest"
            FullTakesAnyPlace "a full update takes the place of whatever was said last"
            WhoSaysMuchIsHeardFirst "one lane is read to its end before the next"
            OneReportTooMany "a provider has one report more waiting than it may"
            BytesHaveNoEnd "reports that wait may take any number of bytes"
            ForgottenTakesRoom "what a stopped provider had waiting takes room for ever"
            SharedLabelsAreFree "labels of the group do not count among those of its targets"
            AnswersAsTheyCome "what is asked side by side is given in the order in which it was answered"
            OneMoreAtOnce "one more than allowed is asked at a time"
            SecondTryInSpiteOfRetryAfter "a server that says when to come again is asked at once"
            SamePageIsRead "a server that knows no pages gives its list again and again"
            OtherTypeIsTheSame "an answer with the same bytes and another type is taken for the same"
            TagOfAnotherUrl "a server is asked whether one answer has changed with the tag of another"
            HeldPartIsAsked "a part whose server wishes to be left alone is asked in each refresh"
            OnePartFailsAll "one part that can't be read fails the whole refresh"
            NotUnderstoodIsTheSame "an answer that was not understood is not looked at again while it stays as it is"
            FailuresAreNotCounted "a refresh that failed in a part is not counted as a failure"
            EmptyIsBelieved "a part that has no targets any more is believed at once"
            GonePartsStay "the groups of a part that is no longer there stay"
            FirstWholeIsNotAll "the first refresh that has everything does not say that this is all"
            EmptyIsNeverBelieved "a part that has no targets any more is never believed"
            PositionStays "a stream that is opened again begins where the last list ended"
            ListNeverAgain "what is followed is never listed again"
            RecoveryIsNotTold "a stream that works again is not told until something changes"
            TooOldFails "a position that the backend no longer knows is a failure"
        }
        "HTTP client" {
            RedirectTakesSecretsAlong "what is secret follows a redirect to another host"
            OneRequestMore "one redirect more than allowed is followed"
            RefusedTokenIsKept "a token that was refused is sent until its time is over"
            PieceLimitBeginsAnew "whoever asks for a piece again gives it all of its time again"
            TotalIsForTheHead "the limit of the whole answer no longer counts once its head is there"
            WayBackHasSecretsAgain "a way that comes back to the first host takes its secrets again"
            PostStaysPost "a form is sent again where a redirect asks for a page"
            HeadBecomesGet "a redirected HEAD is a GET"
            AlikeEndIsADomain "a host whose name ends alike counts as a part of the first one's domain"
            MarkedSecretIsSent "a header with another name than the usual ones goes to other hosts with its secret"
            OneMoreWaits "one connection more than may is kept for later"
            PostIsSentTwice "a POST whose connection broke is sent once more"
            HostHasNoPort "the port is left out of the Host header"
            ConnectionIsNotKept "each request makes a connection of its own"
            QueryIsDropped "the query of a URL is not sent"
            ProxyCredentialsGoThrough "what the proxy wants to know is sent through its tunnel to the server"
            UrlCredentialsStayEncoded "user and password of a URL are sent with their percent signs"
            CallersHeaderIsReplaced "settings replace the Authorization that a caller gave"
            FileKeepsItsLineBreak "a password from a file has the line break at the file's end"
            OldCertificateIsUsed "files of certificates are read, and what changed in them is not used"
            OldConnectionIsTrusted "connections that were made with the certificates before are used on"
            ServerNameIsTheHosts "server_name is not looked at"
            NoProxyForAnyPort "no_proxy with a port is for all ports"
            NoProxyNotForItself "no_proxy for a domain is for what lies below it only"
            LimitIsForEachPiece "the limit of a body counts for each of its pieces by itself"
            HalfIsAWhole "a compressed body that ends too early is taken for whole"
            TokenLivesForEver "it is not looked at how long a token is valid"
            ScopesAreOneWord "the scopes of a token are asked for with commas between them"
            ErrorWith200IsAToken "an answer with an error and a status of 200 is taken for a token's"
            PortIsTurned "a SOCKS5 proxy is told the port with its bytes the other way round"
        }
        "driver" {
            AnswerIsForLaterOnes "an answer is taken for that of requests that came after the read began"
            RefusedRunsOn "a discoverer that exceeded a bound is not stopped"
            RefusedStaysAway "a discoverer that exceeded a bound is not started anew after its pause"
            StoppedRunsOn "the discoverer of a provider that was stopped runs on"
            BuildPanicEndsTheDriver "a panic while a discoverer is made ends the driver"
            NothingWasFoundBefore "a discoverer that is started is not told what was found before"
            EndedIsAsked "a discoverer that has said all is asked, and whoever asked waits"
            PausedIsUnknown "of a provider that exceeded a bound it is said that it is not there"
            TimerIsNotMoved "a deadline that comes before the one that is slept for is slept through"
            PanicIsSilent "nobody is told that a discoverer panicked"
            OptionsComeTooLate "options of sets that come with a reload are not handed on"
            AnswerIsForOneAlone "an answer leaves those waiting who asked before the one that it is for"
            PauseStaysShort "the pause of who exceeds a bound again and again does not grow"
            SourceTwiceCountsTwice "a source that an update names twice counts twice against the bounds"
            PartIsTheWhole "the first that is said after a pause is taken for all there is"
            SeriesOfGoneSetsStay "durations of a set that is gone are still shown"
            CountsForTheLastSet "a refresh counts for the last set that reads the provider"
            OldestEventGoes "when too many events wait the oldest goes, whatever it is about"
        }
        "service" {
            ListedGroupLabelsWin "in a list the labels of a group replace those of its targets"
            ListedWithoutItsOwnLabels "targets with labels of their own are listed with those of the one before"
            SharedAddressIsNone "a target whose address is its group's is left out of the list"
            BackslashIsPlain "a backslash in a label is written into the list as it is"
            HiddenFileForAJob "a job whose name begins with a dot gets a hidden file"
            TooLongNameIsTried "a job whose name is too long for a file gets one all the same"
            FilesOfOthersAreOurs "files that somebody else wrote into the folder are noted as ours"
            SameContentIsWritten "a file is written anew though it has its content already"
            LongerFileIsTheSame "a file that goes on behind its content counts as the same"
            LinkIsWrittenThrough "what somebody has put in the place of an unfinished file is written through"
            GoneJobKeepsItsFile "the file of a job that is gone stays"
            ListsAreForAll "files are written so that everybody can read them"
            WeakTagIsAnother "a weak tag is not known"
            RefusedGzipIsSent "an answer is compressed though the client says q=0"
            SeveralTagsAreOne "of several tags in one header none is known"
            AlikeBeginningIsThePrefix "a path that merely begins like the prefix is inside of it"
            AnyHostIsOurs "a page may point a name of its own at the server"
            StarIsForTheDomainItself "`*.example` allows example itself"
            DotAtTheEndIsAnother "a host with a dot at its end is another one"
            ForeignPageMayChange "a page of somebody else may have something changed"
            ChangesAreOnForAll "what changes something is on though everybody can ask"
            LongHeadersAreTaken "a request with any length of headers is taken"
            BucketHasNoBottom "who asks while the bucket is empty is taken"
            BucketHasNoTop "tokens gather for as long as nobody asks"
            AnyPasswordOfAnother "a user that does not exist gets in with the password of the first"
            PasswordEndsAtAColon "a password ends at its first colon"
            LongAgoCounts "what a client took long ago is counted with what it takes now"
            SlowClientStays "a client that takes nothing keeps its connection"
            NewestIdleGoes "of idle connections the one that was idle last makes room"
            BusyMakesRoom "a connection on which something is being answered makes room"
            EachIpv6IsAnother "a client of IPv6 gets as many connections as it has addresses"
            OneAddressTakesAll "one address may take all places"
            LoggedEachTime "trouble is logged each time it comes"
            TenComesBeforeTwo "numbers in names are sorted as text"
            LastOfThePageAgain "a page begins with the last target of the one before"
            SecondOfTwoCounts "of a parameter that is given twice the last counts"
            LimitZeroIsNoLimit "a limit of 0 is taken"
            TokenOfAnotherOrder "a token of another order is taken"
            ZoneIsTurned "a time east of Greenwich counts as one west of it"
            EachFourthYearLeaps "1900 was a leap year"
            UnknownParameterIsTaken "a parameter that there is not is passed over"
            AnyJobIsCounted "lists of jobs that there are not are counted, each by its name"
            AllClientsAreToldApart "each client that asks is counted by itself, however many come"
            SlashInAJobsPath "a slash in a job's name stays one in its path"
            AnsweredByTheOneBefore "who asks while a reload is under way gets the answer of that one"
            NobodyWorksThemOff "a reload that is asked for after the last one has ended is never made"
            TornLogGoesOn "what could not be written whole stays in the log, before the next change"
            LogIsNeverFolded "the log grows for ever"
            RemovedStateStaysAway "state that somebody removed is not written anew"
            DamagedRecordIsTaken "a record of which bytes were changed is taken"
            OtherFormatIsRead "a file of another format is read"
            LogFitsAnyBase "a log is taken with a base that it was not written for"
            BesideIsNotCounted "connections beside the others take descriptors that there are not"
            NotYetSaysNothing "an answer that there is nothing yet does not say when to come again"
        }
        "scraper" {
            AnySuccessIsRead "an answer of 204 or 206 is taken for a scrape that went well"
            SamplesBeforeTheErrorAreLost "of a scrape that failed it is not said how many samples came before"
            LastLineIsNotRead "a last line without its end is not read"
            OwnLimitIsDown "a target counts as down because this process has no descriptors left"
            RefusedIsAsked "targets of a job that has too many are asked all the same"
            ReloadClosesConnections "a reload makes new clients for jobs whose settings stay"
            OldSettingsStay "a job whose HTTP settings change keeps its client"
            RelabelledAwayIsScraped "a target that is gone when its new labels are looked up is scraped on"
            TimeoutIsNoAnswer "a scrape whose time was up is counted with those without an answer"
            ErrorShowsThePassword "an error shows a target's URL with its password"
            BodyLimitIsInclusive "a body that has just the size of the limit is taken"
            WeightsAreAllTheSame "no format is asked for before another"
            TimeoutIsToldInMillis "a target is told its timeout in the wrong unit"
            HiddenLabelsCount "labels that no sample gets count towards the limit of labels"
            DroppedSamplesCount "samples that relabelling drops count towards the limit of samples"
            SampleLimitIsExclusive "as many samples as the limit are too many"
            HonorLabelsIsIgnored "labels of the target replace those of its samples in spite of honor_labels"
            ExportedTwiceReplaces "a label that gives way to the target's takes the place of another that is there"
            CutOffIsWhole "a text without its `# EOF` is taken for whole"
            AnyUnitFits "a unit need not stand at the end of the metric's name"
            EscapedQuoteEnds "an escaped quote ends a quoted value where entries are told apart"
            LineEndStaysEscaped "an escaped line end in a value is an n"
            MinusNanIsANumber "NaN with a sign is taken for a number"
            NeverScrapedIsDown "a target that was not scraped yet is down"
        }
        "files and names" {
            GrownFileIsCutOff "a file that grew beyond its limit while it was opened is cut off"
            MissingIsAnyError "a file that is not there is not told from one that can't be read"
            ReadingIsAChange "that a file was read counts as a change of it"
            LostFolderIsSilent "that a watched folder went away is not told"
            OverflowIsSilent "that the system's queue of file events overflowed is not told"
            OneWatchEndsAll "when one watch of a folder ends, the others of it hear nothing any more"
            AnyIdIsOurs "an answer to another question counts if it is about the same name"
            TruncatedIsWhole "an answer that was cut off is taken for whole"
            NoSuchNameIsTrouble "that there is no such name is a failure of the server"
            OtherTypesAreTaken "a record of another type than was asked for is taken"
            ZeroTimeoutIsKept "a timeout of 0 in resolv.conf gives servers no time at all"
            OneFamilyIsTheEnd "when all addresses of the preferred family refuse, the other is not tried"
            ClientsTakeAll "clients may take all descriptors that this process has"
        }
        "reader" {
            KilobyteIsAThousand "a KB is a thousand bytes"
            SizeHasOneUnit "of a size with several units only the last counts"
            TwoDollarsStay "$$ stands for two dollar signs"
            DigitMayBeFirst "a label's name may begin with a digit under the legacy rules"
            DebugShowsSecrets "debug output shows secrets"
            DashesHideSecrets "a parameter called api-key is not taken for a secret"
            FarthestIsMeant "of names that are like another the farthest are suggested"
            StarCrossesFolders "`*` matches a slash"
            NegatedSetIsASet "`[^a]` matches an a"
            StarTakesNoMoreThanItMust "a star is not tried with one character more"
            YesIsText "`yes` and `on` are texts, as in YAML 1.2"
            LeadingZeroIsDecimal "017 is seventeen"
            UnknownFieldIsTaken "a field that there is not is passed over"
            ZeroIntervalIsTaken "a refresh_interval of 0 is taken"
            UnknownKeyShowsItsSecret "an unknown key that holds its value without a blank is shown with it"
            HeadersAreShown "headers are shown with their values"
            SlashInAPasswordShowsIt "a URL's password with a slash in it is shown"
            SecretParametersAreShown "parameters of a URL are shown, whatever they are called"
            TwoWaysToAuthenticate "basic_auth and authorization may stand side by side"
            BasicIsAType "authorization may have the type Basic"
            RedirectsAreOff "redirects are not followed unless it is said"
            TokenFileIsNotMentioned "whether the file of a token is there is not looked at"
        }
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
        // An empty name is none, as an empty variable mostly is.
        let name = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
        let bug = name.map(|name| match Self::named(&name) {
            Some(bug) => bug,
            None => panic!("{VARIABLE} is {name:?}, and no bug is called so; `score list` says which there are"),
        });
        Self::plant(bug);
        PLANTED.load(Ordering::Relaxed)
    }
}
