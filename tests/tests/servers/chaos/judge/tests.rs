//! A judge who overlooks nothing, and excuses what has to be.

use super::*;

const BOUND: Duration = Duration::from_secs(5);

/// A judge of one source, which has three hosts that Prometheus has, too.
fn settled() -> (Judge, HashSet<Host>) {
    let judge = Judge::new(&["job"], &[(0, "source".to_owned(), BOUND)], false);
    judge.add(0, 3);
    judge.set_up(true);
    let hosts: HashSet<_> = judge.hosts(0).into_iter().collect();
    judge.served(0, Some(&hosts));
    assert!(judge.settled().is_err());
    judge.saw(0, Instant::now(), &hosts);
    assert_eq!(judge.settled(), Ok(()));
    (judge, hosts)
}

fn remove_first(judge: &Judge) -> Host {
    let first = *judge.hosts(0).first().expect("a host");
    judge.remove(0, |_| vec![first]);
    first
}

#[test]
fn a_host_has_one_address() {
    let host = Host::new(0x1_0203);
    assert_eq!(host.to_string(), "127.65.2.3:9");
    assert_eq!(Host::of("127.65.2.3:9"), Some(host));
    assert_eq!((Host::of("127.0.0.1:9"), Host::of("127.65.2.3:90")), (None, None));
}

#[test]
fn what_no_source_took_away_is_lost() {
    let (judge, mut hosts) = settled();
    let gone = remove_first(&judge);
    hosts.remove(&gone);
    judge.saw(0, Instant::now(), &hosts);
    assert!(!judge.is_wrong(), "{}", judge.report());
    let lost = *hosts.iter().next().expect("a host");
    hosts.remove(&lost);
    // That its source is ill is no excuse.
    judge.set_ill(0, true);
    judge.saw(0, Instant::now(), &hosts);
    assert!(
        judge
            .report()
            .contains(&format!("lost: 1 of source, the first is {lost}"))
    );
}

#[test]
fn a_change_is_late_when_its_source_was_well_for_longer_than_its_bound() {
    for is_ill in [true, false] {
        let (judge, hosts) = settled();
        judge.set_ill(0, is_ill);
        judge.add(0, 1);
        remove_first(&judge);
        judge.saw(0, Instant::now(), &hosts);
        assert!(!judge.is_wrong(), "{}", judge.report());
        judge.saw(0, Instant::now() + BOUND * 2, &hosts);
        let report = judge.report();
        assert_eq!(report.contains("late to come: 1"), !is_ill, "{report}");
        assert_eq!(report.contains("late to go: 1"), !is_ill, "{report}");
    }
}

#[test]
fn what_was_gone_for_good_or_never_there_is_invented() {
    let (judge, hosts) = settled();
    let gone = remove_first(&judge);
    let mut fewer = hosts.clone();
    fewer.remove(&gone);
    judge.saw(0, Instant::now() + BOUND * 2, &fewer);
    assert!(!judge.is_wrong(), "{}", judge.report());
    judge.saw(0, Instant::now() + BOUND * 2, &hosts);
    assert!(
        judge
            .report()
            .contains(&format!("invented: 1 of job, the first is {gone}"))
    );
}

#[test]
fn a_list_that_lacks_what_prometheus_has_is_told_and_none_is_not() {
    let (judge, mut hosts) = settled();
    judge.set_up(false);
    judge.set_ill(0, true);
    judge.set_up(true);
    judge.served(0, None);
    assert_eq!(judge.serves_what_it_can(), Ok(()));
    judge.set_ill(0, false);
    assert!(judge.serves_what_it_can().is_err());
    assert!(!judge.is_wrong(), "{}", judge.report());
    let lost = *hosts.iter().next().expect("a host");
    hosts.remove(&lost);
    judge.served(0, Some(&hosts));
    assert!(judge.report().contains("lost: 1 are not in the list of job"));
}
