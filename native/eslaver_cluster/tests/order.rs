//! Commands of two shards between which a slot moves, one by one: which of them wait for the other
//! stream, and who has made them.

use std::sync::Arc;

use eslaver_cluster::{
    Cluster, Deed, Hold, Member, Move, Origin, Shard, Slots, Statement, Verdict, of_key,
};
use eslaver_core::commands::Learned;

const SOURCE: Shard = Shard(0);
const TARGET: Shard = Shard(1);

/// Two shards, of which the first has all slots but that of `{b}`.
struct Two {
    cluster: Cluster,
    members: Vec<Arc<Member>>,
    slot: u16,
}

fn ranges(ranges: &[(u16, u16)]) -> Slots {
    Slots::of_ranges(ranges)
}

fn statement(epoch: u64, owned: Slots, offset: u64) -> Statement {
    Statement { epoch, owned, from: offset, to: offset, ..Statement::default() }
}

impl Two {
    fn without_data() -> Self {
        let cluster = Cluster::default();
        let members = ["source", "target"].map(|id| cluster.add(id.as_bytes()));
        Self { cluster, members: members.into_iter().flatten().collect(), slot: of_key(b"{a}1") }
    }

    fn new() -> Self {
        let two = Self::without_data();
        two.set_handled(0);
        let of_target = of_key(b"{b}1");
        let mut of_source = ranges(&[(0, 16383)]);
        of_source.remove(of_target);
        let of_target = ranges(&[(of_target, of_target)]);
        for (shard, owned, id) in [(SOURCE, of_source, "source"), (TARGET, of_target, "target")] {
            let node = Some(id.as_bytes().into());
            two.cluster.commit(shard, Statement { node, ..statement(1, owned, 0) });
        }
        two
    }

    /// All of both streams has been handled up to this offset.
    fn set_handled(&self, offset: u64) {
        for member in &self.members {
            member.set_handled(offset);
        }
    }

    /// Where the slot is.
    fn route(&self) -> (Option<Shard>, Option<Shard>) {
        let route = self.cluster.routes().get(self.slot);
        (route.owner, route.other)
    }

    /// What becomes of a command, at an offset of the shard's stream, which has all keys.
    fn judge(&self, Shard(number): Shard, offset: u64, line: &str) -> Verdict {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let (deed, slot) = Deed::of(&Learned::default(), words[0], &words[1..]);
        let member = &self.members[usize::from(number)];
        self.cluster.judge(member, (&deed, slot), &words[1..], offset, |_| true)
    }

    /// The same of one that is handled: who has made it.
    fn passes(&self, shard: Shard, offset: u64, line: &str) -> Origin {
        let verdict = self.judge(shard, offset, line);
        assert_ne!(verdict, Verdict::Held, "{line} at {offset} of {shard:?}");
        match verdict {
            Verdict::Passes { origin, .. } => origin,
            Verdict::Held => unreachable!(),
        }
    }

    /// The same of one that is held: why.
    fn holds(&self, shard: Shard, offset: u64, line: &str) -> Option<Hold> {
        assert_eq!(self.judge(shard, offset, line), Verdict::Held, "{line}");
        self.members[usize::from(shard.0)].hold()
    }

    /// The target's stream tells of an import from the source.
    fn begun(&self, offset: u64) {
        self.passes(TARGET, offset, &self.establish());
    }

    fn establish(&self) -> String {
        let slot = self.slot;
        format!("CLUSTER SYNCSLOTS ESTABLISH SOURCE source NAME n SLOTSRANGE {slot} {slot}")
    }
}

const SUCCESS: &str = "CLUSTER SYNCSLOTS FINISH STATE SUCCESS NAME n";
const FAILED: &str = "CLUSTER SYNCSLOTS FINISH STATE FAILED NAME n";

#[test]
fn a_stream_behind_the_route_tells_deletions_apart() {
    let two = Two::new();
    two.begun(1);
    assert_eq!(two.passes(TARGET, 2, "SET {a}1 x"), Origin::Migration);
    assert_eq!(two.passes(TARGET, 3, "MSET {a}2 x {a}3 y"), Origin::Migration);
    assert_eq!(two.passes(TARGET, 4, "SET {a}4 x"), Origin::Migration);
    assert_eq!(two.passes(TARGET, 5, "DEL {a}4"), Origin::Migration);
    two.passes(TARGET, 6, SUCCESS);
    assert_eq!(two.route(), (Some(TARGET), None));
    // A user has deleted these while the slot was still the source's.
    assert_eq!(two.passes(SOURCE, 10, "DEL {a}4"), Origin::User);
    assert_eq!(two.passes(SOURCE, 11, "DEL {a}5"), Origin::User);
    assert_eq!(two.passes(SOURCE, 12, "UNLINK {a}1 {a}5"), Origin::User);
    for key in ["{a}2", "{a}3"] {
        assert_eq!(two.passes(SOURCE, 13, &format!("DEL {key}")), Origin::Migration, "{key}");
        // a stream that goes on after a cut tells of it again
        assert_eq!(two.passes(SOURCE, 13, &format!("DEL {key}")), Origin::Migration, "{key}");
    }
    // From here on what the source deletes is no user's.
    two.members[0].set_handled(20);
    two.cluster.commit(SOURCE, statement(1, ranges(&[]), 20));
    assert_eq!(two.passes(SOURCE, 21, "DEL {a}5"), Origin::Migration);
}

#[test]
fn the_keys_of_a_slot_that_was_not_seen_to_come_have_moved() {
    let two = Two::new();
    two.members[1].set_handled(0);
    two.cluster.commit(TARGET, statement(2, ranges(&[(two.slot, two.slot)]), 0));
    assert_eq!(two.route(), (Some(TARGET), None));
    assert_eq!(two.passes(SOURCE, 1, "DEL {a}1"), Origin::Migration);
}

#[test]
fn keys_of_an_import_from_nowhere_tell_nothing() {
    let two = Two::new();
    let slot = two.slot;
    let begun = format!("CLUSTER SYNCSLOTS ESTABLISH NAME n SLOTSRANGE {slot} {slot}");
    two.passes(TARGET, 1, &begun);
    two.passes(TARGET, 2, "SET {a}1 x");
    two.passes(TARGET, 3, SUCCESS);
    assert_eq!(two.route(), (Some(TARGET), None));
    assert_eq!(two.passes(SOURCE, 1, "DEL {a}2"), Origin::Migration);
}

/// The link is cut, and the stream goes on before what was told last.
#[test]
fn a_stream_may_tell_of_an_import_again() {
    for end in [SUCCESS, FAILED] {
        let two = Two::new();
        two.begun(1);
        assert_eq!(two.passes(TARGET, 2, "SET {a}1 x"), Origin::Migration);
        two.passes(TARGET, 3, "UNLINK {a}1");
        two.passes(TARGET, 4, end);
        two.cluster.resume(TARGET, 2, false);
        for line in ["SET {a}1 x", "UNLINK {a}1", "DEL {a}1"] {
            assert_eq!(two.passes(TARGET, 2, line), Origin::Migration, "{line} {end}");
        }
        // behind its end it is over
        two.passes(TARGET, 4, end);
        two.cluster.resume(TARGET, 5, false);
        let origin = if end == SUCCESS { Origin::User } else { Origin::Migration };
        let line = if end == SUCCESS { "SET {a}1 x" } else { "UNLINK {a}1" };
        assert_eq!(two.passes(TARGET, 5, line), origin, "{end}");
    }
}

#[test]
fn keys_of_a_failed_import_do_not_count() {
    for (end, held) in [(None, false), (Some(FAILED), true)] {
        let two = Two::new();
        two.begun(1);
        two.passes(TARGET, 2, "SET {a}1 x");
        if let Some(end) = end {
            two.passes(TARGET, 3, end);
        }
        // The slot moves key by key, and the source deletes one.
        two.members[1].set_handled(4);
        let importing = ranges(&[(two.slot, two.slot)]);
        two.cluster.commit(TARGET, Statement { importing, ..statement(1, ranges(&[]), 4) });
        assert_eq!(two.route(), (Some(SOURCE), Some(TARGET)));
        let verdict = two.judge(SOURCE, 1, "DEL {a}1");
        assert_eq!(verdict == Verdict::Held, held, "{end:?}");
    }
}

#[test]
fn slots_have_an_owner_before_its_data_is_there() {
    let two = Two::without_data();
    let moved =
        |ranges: &[(u16, u16)], to| Move { ranges: ranges.into(), from: None, to: Some(to) };
    let moves = two.cluster.commit(SOURCE, statement(5, ranges(&[(0, 99)]), 1000));
    assert_eq!(moves, [moved(&[(0, 99)], SOURCE)]);
    // The first one has what two claim, until there is data.
    let moves = two.cluster.commit(TARGET, statement(6, ranges(&[(50, 199)]), 1000));
    assert_eq!(moves, [moved(&[(100, 199)], TARGET)]);
    let owner = |slot| two.cluster.routes().get(slot).owner;
    assert_eq!([50, 99, 100, 200].map(owner), [Some(SOURCE), Some(SOURCE), Some(TARGET), None]);
    // What they write there is an owner's, though another may have taken the slot over.
    let (covered, standings) = two.cluster.standings();
    assert_eq!(covered, 200);
    assert!(standings[1].own.has(100) && !standings[1].own.has(99));
    two.set_handled(1000);
    two.cluster.commit(SOURCE, statement(5, ranges(&[(0, 99)]), 1000));
    two.cluster.commit(TARGET, statement(6, ranges(&[(50, 199)]), 1000));
    assert_eq!([49, 50, 199].map(owner), [Some(SOURCE), Some(TARGET), Some(TARGET)]);
}

#[test]
fn who_has_said_what_it_owns_takes_no_slot_ahead_of_its_stream() {
    let two = Two::without_data();
    two.members[0].set_handled(10);
    two.cluster.commit(SOURCE, statement(5, ranges(&[(0, 99)]), 10));
    let ahead = statement(5, ranges(&[(0, 199)]), 20);
    assert_eq!(two.cluster.commit(SOURCE, ahead.clone()), []);
    assert_eq!(two.cluster.routes().get(100).owner, None);
    two.members[0].set_handled(20);
    assert_eq!(two.cluster.commit(SOURCE, ahead).len(), 1);
}

/// A key comes to the target alone.
fn restored(listens: bool) -> Two {
    let two = Two::new();
    two.members[1].set_listens(listens);
    assert_eq!(two.holds(TARGET, 1, "RESTORE-ASKING {a}1 0 x"), Some(Hold::Import(SOURCE)));
    two.cluster.clear(TARGET, 2);
    assert_eq!(two.passes(TARGET, 1, "RESTORE-ASKING {a}1 0 x"), Origin::Migration);
    assert_eq!(two.route(), (Some(SOURCE), Some(TARGET)));
    two
}

#[test]
fn a_callback_is_told_of_a_key_in_order() {
    for line in ["SET {a}1 y", "DEL {a}1"] {
        let two = restored(true);
        assert_eq!(two.holds(TARGET, 2, line), Some(Hold::Order(SOURCE)), "{line}");
        assert_eq!(two.passes(TARGET, 2, "SET {b}1 y"), Origin::User, "of another slot");
    }
    // one that did not come waits only up to where the source waits itself
    let two = restored(true);
    assert_eq!(two.holds(TARGET, 2, "SET {a}9 y"), Some(Hold::Import(SOURCE)));
    let two = restored(true);
    assert_eq!(two.passes(SOURCE, 1, "DEL {a}1"), Origin::Migration);
    assert_eq!(two.holds(TARGET, 2, "SET {a}1 y"), Some(Hold::Import(SOURCE)));
    let two = restored(true);
    assert_eq!(two.holds(TARGET, 2, "SET {a}1 y"), Some(Hold::Order(SOURCE)));
    // All has been handled that the source wrote before the key came.
    assert!(two.cluster.clear(TARGET, 3));
    assert_eq!(two.passes(TARGET, 2, "SET {a}1 y"), Origin::User);
    assert_eq!(two.passes(TARGET, 3, "SET {a}1 z"), Origin::User);
    // another key comes
    assert_eq!(two.passes(TARGET, 4, "RESTORE-ASKING {a}2 0 x"), Origin::Migration);
    assert_eq!(two.holds(TARGET, 5, "SET {a}2 y"), Some(Hold::Order(SOURCE)));
}

#[test]
fn who_has_become_the_owner_still_tells_in_order() {
    let two = restored(true);
    let owned = ranges(&[(two.slot, two.slot)]);
    two.members[1].set_handled(2);
    two.cluster.commit(TARGET, statement(2, owned, 2));
    assert_eq!(two.route().0, Some(TARGET));
    assert_eq!(two.holds(TARGET, 2, "SET {a}1 y"), Some(Hold::Order(SOURCE)));
    two.cluster.clear(TARGET, 3);
    assert_eq!(two.passes(TARGET, 2, "SET {a}1 y"), Origin::User);
    // nobody waits for what is held no longer
    assert!(!two.members[1].is_held());
}

/// Who waits for deletions may not have waited for the source.
#[test]
fn a_deletion_that_is_cleared_does_not_end_the_order() {
    let two = restored(true);
    assert_eq!(two.holds(TARGET, 2, "DEL {b}1"), Some(Hold::Deletion(None)));
    two.cluster.clear(TARGET, 3);
    assert_eq!(two.passes(TARGET, 2, "DEL {b}1"), Origin::User);
    assert_eq!(two.holds(TARGET, 3, "SET {a}1 y"), Some(Hold::Order(SOURCE)));
}

#[test]
fn a_mirror_alone_does_not_wait_to_write() {
    let two = restored(false);
    assert_eq!(two.passes(TARGET, 2, "SET {a}1 y"), Origin::User);
    assert_eq!(two.route(), (Some(SOURCE), Some(TARGET)));
}

#[test]
fn an_import_ends_in_order_for_a_callback() {
    for listens in [false, true] {
        let two = Two::new();
        two.members[1].set_listens(listens);
        two.begun(1);
        assert_eq!(two.passes(TARGET, 2, "SET {a}1 x"), Origin::Migration);
        if listens {
            assert_eq!(two.holds(TARGET, 3, SUCCESS), Some(Hold::Import(SOURCE)));
            assert_eq!(two.members[1].waits_for(), Some(SOURCE));
            assert_eq!(two.route(), (Some(SOURCE), None));
            // up to there, but not with it
            two.cluster.clear(TARGET, 3);
            assert_eq!(two.holds(TARGET, 3, SUCCESS), Some(Hold::Import(SOURCE)));
            two.cluster.clear(TARGET, 4);
        }
        let slots = vec![(two.slot, two.slot)];
        let moves = vec![Move { ranges: slots, from: Some(SOURCE), to: Some(TARGET) }];
        let passes = Verdict::Passes { origin: Origin::Migration, marked: true, moves };
        assert_eq!(two.judge(TARGET, 3, SUCCESS), passes, "{listens}");
        assert_eq!(two.route(), (Some(TARGET), None));
        assert!(!two.members[1].is_held());
        // a deletion at the source may have let it end too early
        if listens {
            assert_eq!(two.holds(TARGET, 4, "SET {a}1 y"), Some(Hold::Order(SOURCE)));
            two.cluster.clear(TARGET, 5);
        }
        assert_eq!(two.passes(TARGET, 4, "SET {a}1 y"), Origin::User);
        assert_eq!(two.passes(TARGET, 5, "SET {a}1 z"), Origin::User);
    }
}

#[test]
fn who_has_left_a_slot_has_written_all_to_it() {
    let two = Two::new();
    two.members[1].set_listens(true);
    two.begun(1);
    assert_eq!(two.passes(TARGET, 2, "SET {a}1 x"), Origin::Migration);
    assert_eq!(two.holds(TARGET, 3, SUCCESS), Some(Hold::Import(SOURCE)));
    two.cluster.clear(TARGET, 4);
    assert_eq!(two.passes(TARGET, 3, SUCCESS), Origin::Migration);
    two.members[0].set_handled(20);
    two.cluster.commit(SOURCE, statement(1, ranges(&[]), 20));
    assert_eq!(two.passes(TARGET, 4, "SET {a}1 y"), Origin::User);
}

/// Redis empties a slot that has left all at once.
#[test]
fn a_deletion_where_slots_are_emptied_is_a_users() {
    let two = Two::new();
    let slot = two.slot;
    let task = |state| {
        format!("CLUSTER SYNCSLOTS CONF ASM-TASK n:source:target:import:{state}:{slot}-{slot}")
    };
    two.passes(TARGET, 1, &task("connecting"));
    assert_eq!(two.passes(TARGET, 2, "SET {a}1 x"), Origin::Migration);
    assert_eq!(two.passes(TARGET, 3, "SET {a}2 x"), Origin::Migration);
    // a user has deleted the key before, and written it anew
    two.passes(TARGET, 4, &task("completed"));
    assert_eq!(two.route(), (Some(TARGET), None));
    for key in ["{a}1", "{a}1", "{a}3"] {
        assert_eq!(two.passes(SOURCE, 10, &format!("DEL {key}")), Origin::User, "{key}");
    }
    // the source's stream tells that the slot has left
    let task = format!("n:source:target:migrate:completed:{slot}-{slot}");
    two.passes(SOURCE, 11, &format!("CLUSTER SYNCSLOTS CONF ASM-TASK {task}"));
    assert_eq!(two.passes(SOURCE, 12, "DEL {a}3"), Origin::Migration);
    // the slot comes back key by key, and goes again
    two.set_handled(20);
    two.cluster.commit(SOURCE, statement(1, ranges(&[]), 20));
    two.cluster.commit(SOURCE, statement(3, ranges(&[(slot, slot)]), 20));
    two.cluster.commit(TARGET, statement(2, ranges(&[]), 20));
    two.cluster.clear(TARGET, 22);
    assert_eq!(two.passes(TARGET, 21, "RESTORE-ASKING {a}1 0 x"), Origin::Migration);
    assert_eq!(two.passes(SOURCE, 21, "DEL {a}1"), Origin::Migration);
}

/// A user has deleted its only key.
#[test]
fn a_deletion_from_a_slot_that_leaves_empty_is_a_users() {
    let two = Two::new();
    let slot = two.slot;
    for state in ["connecting", "completed"] {
        let task = format!("n:source:target:import:{state}:{slot}-{slot}");
        two.passes(TARGET, 1, &format!("CLUSTER SYNCSLOTS CONF ASM-TASK {task}"));
    }
    assert_eq!(two.route(), (Some(TARGET), None));
    assert_eq!(two.passes(SOURCE, 10, "DEL {a}1"), Origin::User);
}

/// The slot goes back before it is known that it has left.
#[test]
fn an_import_of_what_has_not_left_waits_for_its_source() {
    let two = Two::new();
    let slot = two.slot;
    let begun =
        format!("CLUSTER SYNCSLOTS ESTABLISH SOURCE target NAME n SLOTSRANGE {slot} {slot}");
    assert_eq!(two.holds(SOURCE, 5, &begun), Some(Hold::Import(TARGET)));
    two.cluster.clear(SOURCE, 6);
    // that did not tell of it either
    let moves = vec![Move { ranges: vec![(slot, slot)], from: Some(SOURCE), to: Some(TARGET) }];
    let passes = Verdict::Passes { origin: Origin::Migration, marked: true, moves };
    assert_eq!(two.judge(SOURCE, 5, &begun), passes);
    assert_eq!(two.route(), (Some(TARGET), None));
}
