//! Comparing settings: a table, the same for the same seed, and errors that say what would be right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{Shipped, Variation, comparison, vary};

/// What each peer's throttle and interval cost. A change of behaviour is a change of this table.
#[test]
fn the_peers_policies_compared() {
    let scenario = Shipped::named("rolling-deploy")
        .expect("shipped")
        .scenario()
        .expect("good");
    let variations = ["throttle=prometheus-2,prometheus-3,immediate", "receiver=0s,10s"];
    let variations: Vec<Variation> = variations.map(|text| text.parse().expect(text)).into();
    let table = comparison(&vary(&scenario, 1, &variations).expect("it makes sense"));
    assert_eq!(
        table,
        comparison(&vary(&scenario, 1, &variations).expect("it makes sense"))
    );
    insta::assert_snapshot!(table);
}

#[test]
fn wrong_variations_say_what_would_be_right() {
    let wrong = [
        "throttle",
        "throttle=",
        "throtle=ticker:5s",
        "colour=red",
        "throttle=prometheus-4",
        "refresh=5",
        "hosts=many",
    ];
    let said = wrong.map(|text| format!("{text}: {}", text.parse::<Variation>().expect_err(text)));
    insta::assert_snapshot!(said.join("\n"));
}
