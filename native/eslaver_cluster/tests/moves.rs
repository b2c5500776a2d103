//! A simulated cluster whose slots move, and links that lag: what a reader sees of it.
//!
//! The cluster has a history of each key. A reader that has seen one of its versions must not see an
//! earlier one again, and must not miss a key that was written where the reader looks.

mod simulation;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use simulation::{Rules, Simulation, Step};

fn a_step() -> impl Strategy<Value = Step> {
    let (shard, slot, key) = (0..3_u8, 0..3_u8, 0..9_u8);
    prop_oneof![
        6 => key.clone().prop_map(Step::Write),
        3 => key.prop_map(Step::Delete),
        3 => (slot.clone(), shard.clone()).prop_map(|(slot, to)| Step::MoveKeys(slot, to)),
        4 => slot.clone().prop_map(Step::MoveKey),
        2 => slot.clone().prop_map(Step::MovedKeys),
        1 => slot.clone().prop_map(Step::MoveBack),
        3 => (slot.clone(), shard.clone(), any::<bool>())
            .prop_map(|(slot, to, valkey)| Step::MoveSlot(slot, to, valkey)),
        4 => slot.clone().prop_map(Step::Import),
        2 => slot.clone().prop_map(Step::Imported),
        1 => slot.clone().prop_map(Step::Cancel),
        2 => shard.clone().prop_map(Step::Trim),
        20 => (shard.clone(), 1..9_u8).prop_map(|(shard, count)| Step::Follow(shard, count)),
        4 => shard.clone().prop_map(Step::Ask),
        8 => shard.clone().prop_map(Step::Commit),
        8 => shard.prop_map(Step::Round),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(a_step(), 40..240)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_miss_nothing_and_never_go_back(steps in steps()) {
        let seen = Simulation::run(&steps, Rules::default());
        prop_assert!(seen.is_ok(), "{}", seen.unwrap_err());
    }
}

/// Whether a reader sees something wrong, in some of many runs, without one of the rules.
fn fails_without(rules: Rules) -> bool {
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() };
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig { max_shrink_iters: 0, ..config },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let result =
        runner.run(&steps(), |steps| Simulation::run(&steps, rules).map_err(TestCaseError::fail));
    result.is_err()
}

#[test]
fn deletions_have_to_wait() {
    assert!(fails_without(Rules { gate: false, ..Rules::default() }));
}

#[test]
fn writes_have_to_claim_slots() {
    assert!(fails_without(Rules { claims: false, ..Rules::default() }));
}

#[test]
fn keys_of_open_imports_have_to_be_hidden() {
    assert!(fails_without(Rules { imports: false, ..Rules::default() }));
}

/// What a random run rarely comes to.
#[test]
fn moves_and_waits_are_not_rare() {
    let mut runner = TestRunner::deterministic();
    let (mut holds, mut moves) = (0, 0);
    for _ in 0..300 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let mut simulation = Simulation::new(Rules::default());
        steps.iter().for_each(|step| drop(simulation.step(step)));
        holds += simulation.holds;
        moves += simulation.moves;
    }
    assert!(holds > 300 && moves > 30, "{holds} holds, {moves} moves");
}
