use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::collections::record::{Fields, Members, Scores};

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

/// Small random numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

impl<K: Kind> Table<K> {
    /// Checks all that is to hold within a table.
    fn check(&self) {
        let mut sums = (0, 0, 0);
        for page in self.pages.items() {
            page.segments.check(page.depth, Segment::depth);
            assert!(page.segments.bits() <= PAGE_BITS);
            for segment in page.segments.items() {
                segment.check(self.hash);
                sums.0 += segment.len();
                sums.1 += segment.timed();
                sums.2 += segment.heap_bytes();
            }
        }
        self.pages.check(0, |page| page.depth);
        assert_eq!(sums, (self.len, self.timed, self.segment_bytes));
        for record in self.iter() {
            assert_eq!(self.get(record.element), Some(record));
        }
    }

    fn count_segments(&self) -> usize {
        self.pages.items().iter().map(|page| page.segments.items().len()).sum()
    }
}

fn bytes(string: &[u8]) -> Element<'_> {
    Element::Bytes(string)
}

fn assert_same(table: &Table<Fields>, model: &Model) {
    table.check();
    assert_eq!(table.len(), model.len());
    assert_eq!(table.timed(), model.values().filter(|(_, at)| at.is_some()).count());
    let all: Model = table
        .iter()
        .map(|record| {
            let value = record.tail.to_bytes().into_owned();
            (record.element.to_bytes().into_owned(), (value, record.expire_at))
        })
        .collect();
    assert!(all == *model);
    let timed: BTreeSet<_> =
        table.iter_timed().map(|record| record.element.to_bytes().into_owned()).collect();
    let expected: BTreeSet<_> =
        model.iter().filter(|(_, (_, at))| at.is_some()).map(|(key, _)| key.clone()).collect();
    assert!(timed == expected);
    for now in [0, 10, 500, 999, 2000] {
        let expired = model.values().filter(|(_, at)| at.is_some_and(|at| at <= now)).count();
        assert_eq!(table.expired(now), expired);
    }
}

/// One random change of a table and its model.
fn step(table: &mut Table<Fields>, model: &mut Model, keys: u64, value_len: u64, dice: &mut Dice) {
    let key = match dice.below(keys) {
        n if n % 3 == 0 => n.to_string().into_bytes(),
        n if n % 101 == 0 => format!("{n}").repeat(400).into_bytes(),
        n => format!("field:{n}").into_bytes(),
    };
    let value = vec![b'v'; dice.below(value_len) as usize];
    let at = dice.below(1000) as i64;
    let old = model.get(&key).cloned();
    match dice.below(8) {
        kind @ 0..=4 => {
            let (expiry, expected) = match kind {
                0 => (Expiry::At(at), Some(at)),
                1 => (Expiry::Keep, old.as_ref().and_then(|(_, at)| *at)),
                _ => (Expiry::Never, None),
            };
            let new = table.insert(bytes(&key), bytes(&value), expiry).unwrap();
            assert_eq!(new, old.is_none());
            model.insert(key, (value, expected));
        }
        5 => {
            let new = table.add(bytes(&key), bytes(&value)).unwrap();
            assert_eq!(new, old.is_none());
            model.entry(key).or_insert((value, None));
        }
        6 => {
            let at = (at % 2 == 0).then_some(at);
            assert_eq!(table.set_expiry(bytes(&key), at).unwrap(), old.is_some());
            model.entry(key).and_modify(|entry| entry.1 = at);
        }
        _ => {
            assert_eq!(table.remove(bytes(&key)), old.is_some());
            model.remove(&key);
        }
    }
}

fn remove_some(table: &mut Table<Fields>, model: &mut Model, left: usize) {
    let all: Vec<_> = model.keys().cloned().collect();
    for key in all.iter().skip(left) {
        assert!(table.remove(bytes(key)));
        model.remove(key);
    }
}

#[test]
fn a_table_is_a_map_while_it_grows_and_shrinks() {
    let mut dice = Dice(1);
    for (keys, value_len) in [(200, 100), (3_000, 40), (3_000, 3_000), (40_000, 20)] {
        let mut table = Table::new(7);
        let mut model = Model::new();
        for _ in 0..2 {
            for _ in 0..keys * 2 {
                step(&mut table, &mut model, keys, value_len, &mut dice);
            }
            assert_same(&table, &model);
            for left in [model.len() / 2, model.len() / 10, 100, 0] {
                remove_some(&mut table, &mut model, left);
                assert_same(&table, &model);
            }
        }
        assert!(table.heap_bytes() < 1000, "{}", table.heap_bytes());
    }
}

proptest! {
    #[test]
    fn a_small_table_is_a_map(seed: u64, steps in 1usize..400, value_len in 1u64..2_000) {
        let mut dice = Dice(seed);
        let (mut table, mut model) = (Table::new(seed), Model::new());
        for _ in 0..steps {
            step(&mut table, &mut model, 60, value_len, &mut dice);
        }
        assert_same(&table, &model);
    }
}

fn set(members: std::ops::Range<u64>) -> Table<Members> {
    let mut table = Table::new(3);
    for member in members {
        assert!(table.add(bytes(format!("member:{member}").as_bytes()), ()).unwrap());
    }
    table
}

#[test]
fn pages_divide_and_merge() {
    let mut table = set(0..300_000);
    assert!(table.pages.items().len() > 1);
    table.check();
    for member in 1_000..300_000 {
        assert!(table.remove(bytes(format!("member:{member}").as_bytes())));
    }
    table.check();
    assert_eq!(table.pages.items().len(), 1);
    assert!(table.count_segments() <= 16);
}

#[test]
fn a_copy_stays_as_it_was() {
    let mut table = set(0..5_000);
    let copy = table.clone();
    for member in 0..5_000 {
        table.remove(bytes(format!("member:{member}").as_bytes()));
        table.add(bytes(format!("other:{member}").as_bytes()), ()).unwrap();
    }
    copy.check();
    assert_eq!(copy.len(), 5_000);
    for member in 0..5_000 {
        assert!(copy.contains(bytes(format!("member:{member}").as_bytes())));
        assert!(!copy.contains(bytes(format!("other:{member}").as_bytes())));
    }
}

#[test]
fn a_write_to_a_copy_copies_one_segment() {
    let table = set(0..5_000);
    let mut copy = table.clone();
    copy.add(bytes(b"new"), ()).unwrap();
    let (old, new) = (&table.pages.items()[0], &copy.pages.items()[0]);
    let shared = old.segments.items().iter().filter(|segment| {
        new.segments.items().iter().any(|other| std::sync::Arc::ptr_eq(segment, other))
    });
    assert_eq!(shared.count(), table.count_segments() - 1);
}

#[test]
fn a_scan_meets_all_that_stays() {
    for count in [1, 10, 1000] {
        let mut dice = Dice(count as u64);
        let mut table = set(0..2_000);
        let mut met = BTreeSet::new();
        let (mut cursor, mut calls) = (0, 0);
        loop {
            let mut handed = 0;
            cursor = table.scan(cursor, count, |record| {
                handed += 1;
                met.insert(record.element.to_bytes().into_owned());
            });
            assert!(handed <= count + 3, "{handed}");
            assert!(cursor < 1 << 56);
            calls += 1;
            if cursor == 0 {
                break;
            }
            // Others come and go by thousands.
            let (grow, many) = (dice.below(2) == 0, 8 * count as u64);
            let first = 10_000 + dice.below(20_000);
            for other in first..first + many {
                let other = format!("other:{other}");
                match grow ^ (calls / 50 % 2 == 0) {
                    true => drop(table.add(bytes(other.as_bytes()), ())),
                    false => drop(table.remove(bytes(other.as_bytes()))),
                }
            }
        }
        assert!(calls >= 2_000 / (count + 3));
        for member in 0..2_000 {
            assert!(met.contains(format!("member:{member}").as_bytes()));
        }
    }
}

#[test]
fn a_scan_goes_on_across_splits_and_merges() {
    let mut table = set(0..200);
    let mut met = BTreeSet::new();
    let mut meet = |record: Record<'_, Members>| {
        met.insert(record.element.to_bytes().into_owned());
    };
    let mut cursor = table.scan(0, 20, &mut meet);
    for (first, last) in [(1_000, 30_000), (30_000, 60_000)] {
        for other in first..last {
            table.add(bytes(format!("other:{other}").as_bytes()), ()).unwrap();
        }
        cursor = table.scan(cursor, 3_000, &mut meet);
        for other in first..last {
            table.remove(bytes(format!("other:{other}").as_bytes()));
        }
        cursor = table.scan(cursor, 20, &mut meet);
    }
    while cursor != 0 {
        cursor = table.scan(cursor, 20, &mut meet);
    }
    for member in 0..200 {
        assert!(met.contains(format!("member:{member}").as_bytes()));
    }
}

#[test]
fn a_scan_takes_any_cursor() {
    let table = set(0..3_000);
    for cursor in [1, u64::MAX, 1 << 56, (1 << 56) - 1, 12_345_678_901_234_567] {
        let mut next = cursor;
        let mut calls = 0;
        while next != 0 || calls == 0 {
            next = table.scan(next, 100, |_| ());
            calls += 1;
        }
        assert!(calls <= 31);
    }
    assert_eq!(Table::<Members>::new(0).scan(0, 10, |_| ()), 0);
}

#[test]
fn random_records_are_even() {
    assert_eq!(Table::<Members>::new(0).random(|| 0), None);
    for size in [1, 3, 700, 2_000] {
        let table = set(0..size);
        let mut dice = Dice(size);
        let mut counts = BTreeMap::new();
        let draws = size * 100;
        for _ in 0..draws {
            let record = table.random(|| dice.next()).unwrap();
            *counts.entry(record.element.to_bytes().into_owned()).or_insert(0u64) += 1;
        }
        assert_eq!(counts.len() as u64, size);
        // A hundred each on average, with a standard deviation of 10.
        assert!(counts.values().all(|&count| (45..170).contains(&count)) || size == 1);
        let square = |count: &u64| (*count as f64 - 100.0).powi(2) / 100.0;
        let chi: f64 = counts.values().map(square).sum();
        assert!(chi < size as f64 + 6.0 * (2.0 * size as f64).sqrt(), "{size}: {chi}");
    }
}

#[test]
fn a_large_value_stands_beside() {
    let mut table = Table::<Fields>::new(5);
    let large = vec![7; 1 << 20];
    for field in 0..100 {
        let field = format!("f{field}");
        assert!(table.insert(bytes(field.as_bytes()), bytes(&large), Expiry::At(5)).unwrap());
    }
    assert_eq!(table.count_segments(), 1);
    assert!((100 << 20..101 << 20).contains(&table.heap_bytes()));
    let copy = table.clone();
    for field in 0..100 {
        let field = format!("f{field}");
        let record = table.get(bytes(field.as_bytes())).unwrap();
        assert_eq!((record.expire_at, record.tail), (Some(5), bytes(&large)));
        assert!(table.set_expiry(bytes(field.as_bytes()), None).unwrap());
        assert!(!table.insert(bytes(field.as_bytes()), bytes(b"1"), Expiry::Keep).unwrap());
    }
    table.check();
    copy.check();
    assert!(table.heap_bytes() < 4_000);
    assert_eq!(copy.get(bytes(b"f0")).unwrap().tail, bytes(&large));
}

#[test]
fn scores_change_in_place() {
    let mut table = Table::<Scores>::new(5);
    for round in 0..3 {
        for member in 0..3_000 {
            let score = f64::from(member) / 4.0 + f64::from(round);
            let name = member.to_string();
            let new = table.insert(bytes(name.as_bytes()), score, Expiry::Never).unwrap();
            assert_eq!(new, round == 0);
            assert_eq!(table.get(Element::Int(member.into())).unwrap().tail, score);
        }
        table.check();
    }
}

#[test]
fn scores_tell_the_old_one() {
    let mut table = Table::<Scores>::new(5);
    for round in 0..3 {
        for member in 0..3_000 {
            let (score, old) = (f64::from(member + round), f64::from(member + round - 1));
            let found = table.put(Element::Int(member.into()), score).unwrap();
            assert_eq!(found, (round > 0).then_some(old));
            assert_eq!(table.put(Element::Int(member.into()), score), Ok(Some(score)));
            assert_eq!(table.get(Element::Int(member.into())).unwrap().tail, score);
        }
        table.check();
    }
    for member in 0..3_000 {
        assert_eq!(table.take(Element::Int(member.into())), Some(f64::from(member + 2)));
        assert_eq!(table.take(Element::Int(member.into())), None);
    }
    table.check();
    assert!(table.is_empty());
}

/// What a record takes at any size of a table, beside its own bytes.
#[test]
fn a_record_takes_little_more_than_its_bytes() {
    let mut table = Table::<Members>::new(9);
    for n in 0u32..40_000 {
        // 12 bytes, and one before them.
        table.add(bytes(format!("member:{n:05}").as_bytes()), ()).unwrap();
        let len = table.len();
        if len >= 129 {
            let most = if len < 1_000 { 23 } else { 21 };
            assert!(table.heap_bytes() <= len * most + 200, "{len}: {}", table.heap_bytes());
        }
    }
}
