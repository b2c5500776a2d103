//! All inputs that are kept, and as many mutations of them as take some seconds.

use eslaver_fuzz::TARGETS;
use eslaver_fuzz::runner::{Mutations, known};

const MUTATIONS: usize = 5_000;
/// Of those that fill stores, of which each is thousands of allocations.
const OF_STORES: usize = 100;

#[test]
fn what_is_known() {
    for (name, check) in TARGETS {
        let known = known(name);
        assert!(!known.is_empty(), "{name} has nothing to begin with");
        known.iter().for_each(|bytes| check(bytes));
    }
}

#[test]
fn mutations() {
    let seed = std::env::var("ESLAVER_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    for (name, check) in TARGETS {
        println!("{name}, seed {seed}");
        let count = if matches!(*name, "keyspace" | "commands") { OF_STORES } else { MUTATIONS };
        Mutations::of(name, seed).take(count).for_each(|bytes| check(&bytes));
    }
}
