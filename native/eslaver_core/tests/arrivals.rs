//! Since when what has arrived waits to be handled.

use std::time::Duration;

use eslaver_core::arrivals::Arrivals;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Reads to the end of what has arrived.
fn arrive(arrivals: &mut Arrivals, bytes: u64, handled: u64, at: u64) {
    arrivals.read(bytes, handled, ms(at));
    arrivals.drained();
}

#[test]
fn a_stream_that_begins_is_as_old_as_its_snapshot() {
    let mut arrivals = Arrivals::new(100, ms(1000));
    assert_eq!(arrivals.behind_since(100), Some(ms(1000)));
    arrivals.drained();
    assert_eq!(arrivals.behind_since(100), None);
    assert_eq!(arrivals.end(), 100);
}

#[test]
fn what_is_handled_at_once_is_not_behind() {
    let mut arrivals = Arrivals::new(0, ms(0));
    arrivals.drained();
    arrive(&mut arrivals, 10, 0, 5000);
    assert_eq!(arrivals.behind_since(0), Some(ms(5000)));
    assert_eq!(arrivals.behind_since(10), None);
    arrive(&mut arrivals, 10, 10, 9000);
    assert_eq!(arrivals.behind_since(19), Some(ms(9000)));
}

#[test]
fn a_constant_delay_stays_constant() {
    let mut arrivals = Arrivals::new(0, ms(0));
    arrivals.drained();
    for second in 1..1000u64 {
        let handled = second.saturating_sub(30) * 10;
        arrive(&mut arrivals, 10, handled, second * 1000);
        let since = arrivals.behind_since(handled).map_or(0, |since| since.as_millis());
        let behind = u128::from(second) * 1000 - since;
        let expected = u128::from(second.min(30)) * 1000;
        assert!(behind.abs_diff(expected) <= 2000, "{behind} ms at second {second}");
    }
}

#[test]
fn nothing_later_counts_while_there_is_more_to_read() {
    let mut arrivals = Arrivals::new(0, ms(0));
    arrivals.drained();
    arrivals.read(10, 0, ms(1000));
    for at in 2..100 {
        // it has handled all that is known, and yet there is more
        arrivals.read(10, at * 10 - 10, ms(at * 1000));
        assert_eq!(arrivals.behind_since(at * 10), Some(ms(1000)));
    }
    arrivals.drained();
    assert_eq!(arrivals.behind_since(990), None);
}

#[test]
fn few_moments_are_remembered() {
    let mut arrivals = Arrivals::new(0, ms(0));
    arrivals.drained();
    for at in 0..1_000_000 {
        arrive(&mut arrivals, 1, 0, at);
    }
    assert!(arrivals.remembered() < 1000, "{}", arrivals.remembered());
    assert_eq!(arrivals.behind_since(0), Some(ms(0)));
}
