use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::collections::record::{Expiry, Fields, Members, Refused, Scores};

/// What precedes a collection in its byte string.
const BEFORE: &[u8] = b"before";

fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u32..30).prop_map(|n| format!("m:{n}").into_bytes()),
        3 => (-40i64..40).prop_map(|n| n.to_string().into_bytes()),
        1 => (0u32..3).prop_map(|n| n.to_string().repeat(200).into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..80),
    ]
}

fn bytes(string: &[u8]) -> Element<'_> {
    Element::Bytes(string)
}

fn owned<K: Kind, T>(packed: Packed<'_, K>, of: impl Fn(Record<'_, K>) -> T) -> Vec<T> {
    let all: Vec<T> = packed.iter().map(of).collect();
    assert_eq!(all.len(), packed.len());
    for (index, place) in packed.places().enumerate() {
        assert_eq!(place.index, index);
        assert_eq!(packed.nth(index), Some(place.record));
        let one = Record::read(&packed.bytes[place.at.clone()]);
        assert_eq!(one, Some((place.record, place.at.len())));
    }
    assert_eq!(packed.nth(all.len()), None);
    all
}

/// A collection behind other bytes, edited by each of `edits` in turn.
fn edited<K: Kind, E>(edits: &[E], mut edit: impl FnMut(&mut PackedMut<'_, K>, &E)) -> Vec<u8> {
    let mut all = BEFORE.to_vec();
    PackedMut::<K>::create(&mut all);
    for one in edits {
        edit(&mut PackedMut::new(&mut all, BEFORE.len()), one);
    }
    assert!(all.starts_with(BEFORE));
    all
}

#[derive(Debug, Clone)]
enum ListEdit {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    Insert(usize, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(usize, usize),
    Retain(Vec<u8>),
}

fn list_edit() -> impl Strategy<Value = ListEdit> {
    use ListEdit::*;
    prop_oneof![
        string().prop_map(PushBack),
        string().prop_map(PushFront),
        (0usize..20, string()).prop_map(|(at, string)| Insert(at, string)),
        (0usize..20, string()).prop_map(|(at, string)| Set(at, string)),
        (0usize..20, 0usize..4).prop_map(|(at, count)| Remove(at, at + count)),
        string().prop_map(Retain),
    ]
}

#[derive(Debug, Clone)]
enum HashEdit {
    Insert(Vec<u8>, Vec<u8>, Expiry),
    Add(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Expire(Vec<u8>, Option<i64>),
}

fn hash_edit() -> impl Strategy<Value = HashEdit> {
    use HashEdit::*;
    let expiry =
        prop_oneof![Just(Expiry::Never), Just(Expiry::Keep), any::<i64>().prop_map(Expiry::At),];
    prop_oneof![
        3 => (string(), string(), expiry).prop_map(|(field, value, at)| Insert(field, value, at)),
        1 => (string(), string()).prop_map(|(field, value)| Add(field, value)),
        1 => string().prop_map(Remove),
        1 => (string(), proptest::option::of(any::<i64>())).prop_map(|(field, at)| Expire(field, at)),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-3i32..100).prop_map(f64::from),
        (-40i32..40).prop_map(|n| f64::from(n) / 10.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
    ]
}

proptest! {
    #[test]
    fn a_list_is_a_vec(edits in proptest::collection::vec(list_edit(), 0..60)) {
        let mut model: Vec<Vec<u8>> = Vec::new();
        let all = edited::<Members, _>(&edits, |list, edit| match edit {
            ListEdit::PushBack(string) => {
                list.push_back(bytes(string)).unwrap();
                model.push(string.clone());
            }
            ListEdit::PushFront(string) => {
                list.push_front(bytes(string)).unwrap();
                model.insert(0, string.clone());
            }
            ListEdit::Insert(at, string) => {
                let can = *at <= model.len();
                assert_eq!(list.insert_before(*at, bytes(string)), Ok(can));
                if can {
                    model.insert(*at, string.clone());
                }
            }
            ListEdit::Set(at, string) => {
                let old = model.get_mut(*at);
                assert_eq!(list.set_nth(*at, bytes(string)), Ok(old.is_some()));
                if let Some(old) = old {
                    old.clone_from(string);
                }
            }
            ListEdit::Remove(start, end) => {
                let range = (*start).min(model.len())..(*end).min(model.len());
                assert_eq!(list.remove_range(*start, *end), range.len());
                model.drain(range);
            }
            ListEdit::Retain(string) => {
                list.retain(|record| &*record.element.to_bytes() != string);
                model.retain(|other| other != string);
            }
        });
        let list = Packed::<Members>::new(&all[BEFORE.len()..]);
        prop_assert_eq!(owned(list, |record| record.element.to_bytes().into_owned()), &*model);
        for (start, end) in [(0, 3), (2, 2), (1, 100), (100, 200), (3, 1)] {
            let range: Vec<_> = list.range(start, end).map(|r| r.element.to_bytes()).collect();
            let last = end.min(model.len());
            prop_assert_eq!(range, model.get(start.min(last)..last).unwrap());
        }
        for string in &model {
            let index = model.iter().position(|other| other == string);
            prop_assert_eq!(list.find(bytes(string)).map(|place| place.index), index);
        }
    }

    #[test]
    fn a_hash_is_a_list_of_pairs(edits in proptest::collection::vec(hash_edit(), 0..80)) {
        let mut model: Vec<(Vec<u8>, Vec<u8>, Option<i64>)> = Vec::new();
        let all = edited::<Fields, _>(&edits, |hash, edit| match edit {
            HashEdit::Insert(field, value, expiry) => {
                let old = model.iter_mut().find(|(other, ..)| other == field);
                let new = hash.insert(bytes(field), bytes(value), *expiry);
                assert_eq!(new, Ok(old.is_none()));
                match old {
                    Some(old) => {
                        old.1.clone_from(value);
                        old.2 = expiry.over(old.2);
                    }
                    None => model.push((field.clone(), value.clone(), expiry.over(None))),
                }
            }
            HashEdit::Add(field, value) => {
                let missing = !model.iter().any(|(other, ..)| other == field);
                assert_eq!(hash.add(bytes(field), bytes(value)), Ok(missing));
                if missing {
                    model.push((field.clone(), value.clone(), None));
                }
            }
            HashEdit::Remove(field) => {
                let at = model.iter().position(|(other, ..)| other == field);
                assert_eq!(hash.remove(bytes(field)), at.is_some());
                at.map(|at| model.remove(at));
            }
            HashEdit::Expire(field, expire_at) => {
                let old = model.iter_mut().find(|(other, ..)| other == field);
                assert_eq!(hash.set_expiry(bytes(field), *expire_at), old.is_some());
                if let Some(old) = old {
                    old.2 = *expire_at;
                }
            }
        });
        let hash = Packed::<Fields>::new(&all[BEFORE.len()..]);
        let pairs = owned(hash, |record| {
            let (field, value) = (record.element.to_bytes(), record.tail.to_bytes());
            (field.into_owned(), value.into_owned(), record.expire_at)
        });
        prop_assert_eq!(pairs, &*model);
        prop_assert_eq!(hash.timed(), model.iter().filter(|(.., at)| at.is_some()).count());
        let expired = model.iter().filter(|(.., at)| at.is_some_and(|at| at <= 0)).count();
        prop_assert_eq!(hash.expired(0), expired);
        for (field, value, expire_at) in &model {
            let record = hash.get(bytes(field)).unwrap();
            prop_assert_eq!(record.tail.to_bytes().into_owned(), value.clone());
            prop_assert_eq!(record.expire_at, *expire_at);
        }
        prop_assert_eq!(hash.get(bytes(b"missing")), None);
    }

    #[test]
    fn a_sorted_set_is_in_order(
        edits in proptest::collection::vec((string(), proptest::option::weighted(0.8, score())), 0..80)
    ) {
        let mut model: Vec<(Vec<u8>, f64)> = Vec::new();
        let all = edited::<Scores, _>(&edits, |zset, (member, score)| {
            let old = model.iter().position(|(other, _)| other == member);
            let old = old.map(|at| model.remove(at).1);
            match score {
                Some(score) => {
                    let put = zset.put(bytes(member), *score).unwrap();
                    assert_eq!(put.map(f64::to_bits), old.map(f64::to_bits));
                    // Of the two zeros, which are equal, the old one stays.
                    let kept = old.filter(|old| old == score).unwrap_or(*score);
                    model.push((member.clone(), kept));
                }
                None => assert_eq!(zset.remove(bytes(member)), old.is_some()),
            }
        });
        model.sort_by(|(a, x), (b, y)| x.partial_cmp(y).unwrap().then_with(|| a.cmp(b)));
        let zset = Packed::<Scores>::new(&all[BEFORE.len()..]);
        let found = owned(zset, |record| (record.element.to_bytes().into_owned(), record.tail));
        prop_assert_eq!(&found, &model);
        let zeros = |all: &[(Vec<u8>, f64)]| all.iter().filter(|(_, x)| x.to_bits() == 0).count();
        prop_assert_eq!(zeros(&found), zeros(&model));
        for (rank, (member, score)) in model.iter().enumerate() {
            prop_assert_eq!(zset.rank(bytes(member)), Some((rank, *score)));
        }
        let below = model.iter().filter(|(_, score)| *score < 1.0).count();
        prop_assert_eq!(zset.partition(|record| record.tail < 1.0), below);
    }

    #[test]
    fn integers_are_a_sorted_set(
        edits in proptest::collection::vec((any::<bool>(), any::<i64>(), 0u32..64), 0..100)
    ) {
        let mut all = BEFORE.to_vec();
        IntsMut::create(&mut all);
        let mut model = BTreeSet::new();
        for (add, value, shift) in edits {
            let value = value >> shift;
            let mut ints = IntsMut::new(&mut all, BEFORE.len());
            match add {
                true => prop_assert_eq!(ints.add(value), model.insert(value)),
                false => {
                    let value = model.range(value..).next().copied().unwrap_or(value);
                    prop_assert_eq!(ints.remove(value), model.remove(&value));
                }
            }
            prop_assert!(model.iter().all(|&value| ints.get().contains(value)));
            prop_assert_eq!(ints.get().len(), model.len());
        }
        prop_assert!(all.starts_with(BEFORE));
        let ints = Ints::new(&all[BEFORE.len()..]);
        prop_assert!(ints.iter().eq(model.iter().copied()));
        prop_assert!((0..=model.len()).map_while(|index| ints.nth(index)).eq(model.iter().copied()));
        let cut = IntsMut::new(&mut all, BEFORE.len()).remove_range(1, 3);
        prop_assert_eq!(cut, model.len().saturating_sub(1).min(2));
        let left: Vec<_> = Ints::new(&all[BEFORE.len()..]).iter().collect();
        let kept = model.iter().enumerate().filter(|(index, _)| !(1..3).contains(index));
        prop_assert!(kept.map(|(_, value)| *value).eq(left));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let packed = Packed::<Fields>::new(&bytes);
        let _ = (packed.iter().count(), packed.find(self::bytes(b"x")), packed.nth(3));
        let _ = Packed::<Scores>::new(&bytes).iter().count();
        let _ = (Ints::new(&bytes).contains(7), Ints::new(&bytes).iter().count());
    }
}

#[test]
fn a_collection_holds_255_records() {
    let mut all = Vec::new();
    let mut set = PackedMut::<Members>::create(&mut all);
    for n in 0..255 {
        assert_eq!(set.add(Element::Int(n), ()), Ok(true));
    }
    assert_eq!(set.add(Element::Int(3), ()), Ok(false));
    assert_eq!(set.add(Element::Int(255), ()), Err(Refused::Full));
    assert_eq!(set.push_front(Element::Int(255)), Err(Refused::Full));
    assert_eq!(set.get().len(), 255);
    let mut all = Vec::new();
    let mut zset = PackedMut::<Scores>::create(&mut all);
    for n in 0..255 {
        assert_eq!(zset.put(Element::Int(n), 1.0), Ok(None));
    }
    assert_eq!(zset.put(Element::Int(255), 1.0), Err(Refused::Full));
    assert_eq!(zset.put(Element::Int(3), 2.0), Ok(Some(1.0)));
}

#[test]
fn collections_take_few_bytes() {
    let mut all = Vec::new();
    let mut zset = PackedMut::<Scores>::create(&mut all);
    for n in 0..100u8 {
        zset.put(bytes(format!("m:{n:03}").as_bytes()), f64::from(n)).unwrap();
    }
    assert_eq!(all.len(), 737);
    for (last, step, width) in [(127, 1, 1), (32_767, 327, 2), (-32_769, -327, 3)] {
        let mut all = Vec::new();
        let mut ints = IntsMut::create(&mut all);
        for n in 0..100 {
            ints.add(last - n * step);
        }
        assert_eq!(all.len(), 1 + 100 * width);
    }
}

#[test]
fn an_edit_takes_no_spare_room() {
    let mut all = Vec::new();
    PackedMut::<Members>::create(&mut all);
    all.shrink_to_fit();
    for n in 0..50 {
        PackedMut::<Members>::new(&mut all, 0).push_back(Element::Int(n * 1000)).unwrap();
        assert_eq!(all.capacity(), all.len());
    }
}
