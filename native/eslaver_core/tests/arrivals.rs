//! How much has arrived and is not handled, since when, and how many events there are in a second.

use std::time::Duration;

use eslaver_core::arrivals::{Arrivals, Rate};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A stream that has been read to its end, and handled.
fn complete(at: u64) -> Arrivals {
    let mut arrivals = Arrivals::new(ms(at));
    arrivals.resume(0, 0);
    arrivals.drain(ms(at));
    arrivals
}

/// Reads to the end of what has arrived.
fn arrive(arrivals: &mut Arrivals, bytes: u64, at: u64) {
    arrivals.read(bytes, ms(at));
    arrivals.drain(ms(at));
}

#[test]
fn nothing_is_complete_before_there_is_a_link() {
    let mut arrivals = Arrivals::new(ms(7));
    arrivals.drain(ms(9));
    assert_eq!(arrivals.behind_since(), Some(ms(7)));
    assert_eq!(arrivals.unhandled(5), None);
}

#[test]
fn a_stream_that_begins_is_as_old_as_its_snapshot() {
    let mut arrivals = Arrivals::new(ms(0));
    arrivals.renew(100, ms(1000));
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (Some(ms(0)), None));
    arrivals.read(10, ms(2000));
    arrivals.handle(100);
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (Some(ms(1000)), Some(10)));
    arrivals.drain(ms(3000));
    arrivals.handle(110);
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (None, Some(0)));
    assert_eq!(arrivals.handled(), Some(110));
}

#[test]
fn what_is_not_read_counts() {
    let mut arrivals = complete(0);
    arrive(&mut arrivals, 10, 1);
    arrivals.handle(4);
    assert_eq!(arrivals.unhandled(90), Some(96));
}

#[test]
fn what_is_handled_at_once_is_not_behind() {
    let mut arrivals = complete(0);
    arrive(&mut arrivals, 10, 5000);
    assert_eq!(arrivals.behind_since(), Some(ms(5000)));
    arrivals.handle(10);
    assert_eq!(arrivals.behind_since(), None);
    arrive(&mut arrivals, 10, 9000);
    arrivals.handle(19);
    assert_eq!(arrivals.behind_since(), Some(ms(9000)));
}

#[test]
fn what_has_been_handled_before_the_stream_begins_stays_so() {
    let mut arrivals = Arrivals::new(ms(0));
    arrivals.resume(100, 150);
    arrivals.read(60, ms(1));
    arrivals.handle(110);
    assert_eq!(arrivals.unhandled(0), Some(10));
}

#[test]
fn a_constant_delay_stays_constant() {
    let mut arrivals = complete(0);
    for second in 1..1000u64 {
        arrivals.handle(second.saturating_sub(30) * 10);
        arrive(&mut arrivals, 10, second * 1000);
        let since = arrivals.behind_since().map_or(0, |since| since.as_millis());
        let behind = u128::from(second) * 1000 - since;
        let expected = u128::from(second.min(30)) * 1000;
        assert!(behind.abs_diff(expected) <= 2000, "{behind} ms at second {second}");
    }
}

#[test]
fn nothing_later_counts_while_there_is_more_to_read() {
    let mut arrivals = complete(0);
    arrivals.read(10, ms(1000));
    for at in 2..100 {
        // it has handled all that is known, and yet there is more
        arrivals.handle(at * 10 - 10);
        arrivals.read(10, ms(at * 1000));
        arrivals.handle(at * 10);
        assert_eq!(arrivals.behind_since(), Some(ms(1000)));
    }
    arrivals.drain(ms(100_000));
    assert_eq!(arrivals.behind_since(), None);
}

#[test]
fn few_moments_are_remembered() {
    let mut arrivals = complete(0);
    for at in 0..1_000_000 {
        arrive(&mut arrivals, 1, at);
    }
    assert!(arrivals.remembered() < 1000, "{}", arrivals.remembered());
    assert_eq!(arrivals.behind_since(), Some(ms(0)));
}

#[test]
fn it_is_behind_from_the_loss_of_the_link_on() {
    let mut arrivals = complete(0);
    arrivals.lose(ms(4000));
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (Some(ms(4000)), Some(0)));
    arrivals.resume(0, 0);
    assert_eq!(arrivals.behind_since(), Some(ms(4000)));
    arrive(&mut arrivals, 10, 5000);
    arrivals.handle(10);
    assert_eq!(arrivals.behind_since(), None);
}

#[test]
fn it_was_behind_before_the_link_was_lost() {
    let mut arrivals = complete(0);
    arrive(&mut arrivals, 10, 1000);
    arrivals.lose(ms(4000));
    assert_eq!(arrivals.behind_since(), Some(ms(1000)));
    arrivals.handle(10);
    assert!(arrivals.behind_since().is_some());
}

#[test]
fn what_the_master_tells_counts() {
    let mut arrivals = complete(0);
    arrivals.know(50, ms(1000));
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (Some(ms(0)), Some(50)));
    arrivals.know(60, ms(2000));
    arrive(&mut arrivals, 50, 3000);
    arrivals.handle(50);
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (Some(ms(1000)), Some(10)));
    arrive(&mut arrivals, 10, 4000);
    arrivals.handle(60);
    assert_eq!((arrivals.behind_since(), arrivals.unhandled(0)), (None, Some(0)));
    // what it has told before is less than what has come since
    arrivals.know(20, ms(5000));
    assert_eq!(arrivals.behind_since(), None);
}

#[test]
fn who_reads_and_handles_in_turn_is_behind_from_the_last_read_on() {
    let mut arrivals = complete(0);
    for turn in 1..=100 {
        let now = ms(turn * 20);
        arrivals.read(10, now);
        arrivals.read_all(now);
        // it handles that, and finds more
        arrivals.handle(turn * 10);
        assert_eq!(arrivals.behind_since(), Some(now));
    }
    assert_eq!(arrivals.unhandled(5), Some(5));
    // what the master has told of has not come yet
    arrivals.read(10, ms(3000));
    arrivals.read_all(ms(3000));
    arrivals.know(2000, ms(3001));
    arrivals.read(10, ms(4000));
    arrivals.read_all(ms(4000));
    arrivals.handle(1020);
    assert_eq!(arrivals.behind_since(), Some(ms(3000)));
}

#[test]
fn events_of_the_last_second_count() {
    let mut rate = Rate::default();
    assert_eq!(rate.per_second(ms(100_000)), 0);
    for tenth in 0..50 {
        rate.add(100, ms(100_000 + tenth * 100));
    }
    let rates: Vec<u64> =
        [104_900, 105_900, 106_500, 107_000].map(|at| rate.per_second(ms(at))).into();
    assert!(rates[0].abs_diff(1000) <= 100, "{rates:?}");
    assert!(rates[1] > 300, "{rates:?}");
    assert_eq!(rates[3], 0, "{rates:?}");
}

#[test]
fn events_that_are_slow_are_few() {
    let mut rate = Rate::default();
    for second in 1..20u64 {
        rate.add(1, ms(second * 1500));
        assert!(rate.per_second(ms(second * 1500 + 1)) <= 1);
    }
}
