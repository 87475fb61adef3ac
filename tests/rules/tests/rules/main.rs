//! What the manager guarantees: **each rule is the name of a test, and the test says the rule.**
//!
//! Every test drives a [`Story`](story::Story): a manager beside its reference model, which is
//! compared with it after each input. So a test here states what is particular to its rule, and
//! that nothing else goes wrong meanwhile is checked anyway.
//!
//! * `providers`: who runs (S01, S02, S03, S06, S10, S11).
//! * `updates`: what is stored (S04, S05, B01).
//! * `reads`: how much of a backend a report is of (S04, B04, B09).
//! * `reporting`: what is said of providers besides their groups (B01, B04, B05, B09, S11).
//! * `fair`: a throttle for each set (B06).
//! * `guard`: what is held when too much goes (B05).
//! * `stale`: what fails for too long (B04).
//! * `options`: what is other by set, and changes while it runs (B04, B05, B10, S07).
//! * `throttling`: when it is emitted (S07, S08, S09).
//! * `watching`: what can be known of it (S12, S13, B04, B07, B08).
//! * `handover`: what a reload leaves until something else can be believed (B03).
//! * `history`: what is kept of what happened (B12); `causes`: what took away what is gone, where much is seen at once.
//! * `restart`: what is there after one.
//! * `cost`: what it costs (B02). `scrape_times`: what it costs to know when targets are due.
//! * `anything`: any inputs at all, at random.
//! * `tiny_world`: every run of a world so small that all can be tried.

// Helpers panic as tests do: it is the report.
#![allow(clippy::expect_used)]

mod anything;
mod causes;
mod cost;
mod delivery;
mod fair;
mod guard;
mod handover;
mod history;
mod options;
mod providers;
mod reads;
mod reporting;
mod restart;
mod scrape_times;
mod stale;
mod story;
mod throttling;
mod tiny_world;
mod updates;
mod watching;
