use std::collections::BTreeMap;

use super::algebra::{Options, Source, collect, difference, intersection, sort, union};
use super::range::{End, Place, Range as Span, Selection, Way};
use super::*;
use crate::values::score::Aggregate;
use crate::values::set;
use proptest::prelude::*;

const KEY: &[u8] = b"key";
const SEED: u64 = 7;

type Model = BTreeMap<Vec<u8>, f64>;

#[derive(Debug, Clone)]
enum Edit {
    Put(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRange(prop::sample::Index, usize),
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u32..250).prop_map(|number| number.to_string().into_bytes()),
        2 => (0u32..50).prop_map(|number| format!("m{number}").into_bytes()),
    ]
}

/// Few members are too long to be packed.
fn any_member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        40 => member(),
        1 => (prop::sample::select(vec![64usize, 65, 2000, MOST_BYTES]), b'x'..=b'z')
            .prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-20i32..20).prop_map(f64::from),
        2 => (-20i32..20).prop_map(|score| f64::from(score) / 10.0),
        1 => prop::sample::select(vec![
            f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e10, 5e-324, 0.0,
        ]),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        12 => (any_member(), score()).prop_map(|(member, score)| Edit::Put(member, score)),
        4 => any_member().prop_map(Edit::Remove),
        1 => (any::<prop::sample::Index>(), 0usize..60)
            .prop_map(|(at, len)| Edit::RemoveRange(at, len)),
    ]
}

fn ordered(model: &Model) -> Vec<(f64, Vec<u8>)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
    all
}

fn members(zset: Zset<'_>, range: Range<usize>) -> Vec<(f64, Vec<u8>)> {
    let mut found = Vec::new();
    zset.for_each(range, |score, member| found.push((score, member.to_bytes().into_owned())));
    found
}

fn assert_is(zset: Zset<'_>, model: &Model) {
    let all = ordered(model);
    assert_eq!(zset.len(), all.len());
    assert_eq!(members(zset, 0..all.len()), all);
    let mut back = Vec::new();
    zset.for_each_back(0..all.len(), |score, member| {
        back.push((score, member.to_bytes().into_owned()));
    });
    back.reverse();
    assert_eq!(back, all);
    for (rank, (score, member)) in all.iter().enumerate() {
        assert_eq!(zset.score(member), Some(*score));
        assert_eq!(zset.rank(member), Some((rank, *score)));
        assert_eq!(zset.rank_of_record(*score, member, false), rank);
        assert_eq!(zset.rank_of_record(*score, member, true), rank + 1);
        let (found, element) = zset.get(rank).unwrap();
        assert_eq!((found, element.to_bytes().as_ref()), (*score, member.as_slice()));
    }
    assert_eq!(zset.score(b"missing"), None);
    assert_eq!(zset.rank(b"missing"), None);
    assert!(zset.get(all.len()).is_none());
}

fn entry(model: &Model) -> Entry {
    let mut entry = Entry::new(KEY, Some(5), new());
    for (member, score) in model {
        put(&mut entry, SEED, member, *score).unwrap();
    }
    entry
}

fn view(entry: &Entry) -> Zset<'_> {
    Zset::of(entry.value()).unwrap()
}

fn models() -> impl Strategy<Value = Model> {
    prop_oneof![
        proptest::collection::btree_map(member(), score(), 0..20),
        proptest::collection::btree_map(member(), score(), 100..250),
    ]
}

proptest! {
    /// A sorted set goes from packed to large and back, and is the same in both. What a reader has
    /// stays as it was.
    #[test]
    fn a_sorted_set_is_a_map_in_order(
        start in models(),
        edits in proptest::collection::vec(edit(), 0..200),
    ) {
        let mut model = start;
        let mut entry = entry(&model);
        let (before, copy) = (model.clone(), entry.clone());
        for edit in edits {
            match edit {
                Edit::Put(member, score) => {
                    put(&mut entry, SEED, &member, score).unwrap();
                    model.insert(member, score);
                }
                Edit::Remove(member) => {
                    let removed = remove(&mut entry, &member);
                    prop_assert_eq!(removed, model.remove(&member).is_some());
                }
                Edit::RemoveRange(at, len) => {
                    let all = ordered(&model);
                    let from = at.index(all.len() + 1);
                    let range = from..(from + len).min(all.len());
                    remove_range(&mut entry, range.clone());
                    for (_, member) in &all[range] {
                        model.remove(member);
                    }
                }
            }
            prop_assert_eq!(entry.value().is_empty(), model.is_empty());
        }
        prop_assert_eq!((entry.key(), entry.expire_at()), (KEY, Some(5)));
        assert_is(view(&entry), &model);
        assert_is(view(&copy), &before);
    }

    #[test]
    fn a_builder_takes_members_in_any_order(model in models(), order in 0..3, long: bool) {
        let mut model = model;
        if long {
            model.insert(vec![b'x'; MOST_BYTES + 1], 1.0);
        }
        let mut all = ordered(&model);
        match order {
            0 => {}
            1 => all.reverse(),
            _ => all.sort_by_key(|(_, member)| member.clone()),
        }
        let mut builder = ZsetBuilder::new(SEED);
        for (score, member) in &all {
            builder.push(Element::Bytes(member), *score).unwrap();
        }
        let value = builder.finish();
        let is_large = matches!(value, NewValue::Large(_));
        prop_assert_eq!(is_large, long || model.len() > MOST_PACKED);
        assert_is(Zset::of(value.as_ref()).unwrap(), &model);
    }

    #[test]
    fn ranges_of_scores_are_those_of_a_filter(
        model in models(),
        low in score(),
        high in score(),
        ends: (bool, bool),
    ) {
        let end = |inclusive| if inclusive { End::Inclusive } else { End::Exclusive };
        let entry = entry(&model);
        let range = Span::score((end(ends.0), low), (end(ends.1), high));
        let mut wanted = ordered(&model);
        wanted.retain(|(score, _)| {
            (*score > low || ends.0 && *score == low) && (*score < high || ends.1 && *score == high)
        });
        prop_assert_eq!(members(view(&entry), range.span(view(&entry))), wanted);
    }

    #[test]
    fn ranges_of_names_are_those_of_a_filter(
        names in proptest::collection::btree_set(member(), 0..200),
        low in member(),
        high in member(),
        ends: (bool, bool),
    ) {
        let end = |inclusive| if inclusive { End::Inclusive } else { End::Exclusive };
        let entry = entry(&names.iter().map(|name| (name.clone(), 1.5)).collect());
        let zset = view(&entry);
        let wanted = |low: &dyn Fn(&Vec<u8>) -> bool, high: &dyn Fn(&Vec<u8>) -> bool| {
            let names = names.iter().filter(|name| low(name) && high(name));
            names.map(|name| (1.5, name.clone())).collect::<Vec<_>>()
        };
        let above = |name: &Vec<u8>| *name > low || ends.0 && *name == low;
        let below = |name: &Vec<u8>| *name < high || ends.1 && *name == high;
        let (from, to) = (Place::lower(end(ends.0), &low), Place::upper(end(ends.1), &high));
        for (range, wanted) in [
            (Span::Lex(from, to), wanted(&above, &below)),
            (Span::Lex(Place::Lowest, to), wanted(&|_| true, &below)),
            (Span::Lex(from, Place::Highest), wanted(&above, &|_| true)),
            (Span::Lex(Place::Highest, Place::Lowest), Vec::new()),
        ] {
            prop_assert_eq!(members(zset, range.span(zset)), wanted);
            let selection = Selection { range, way: Way::Forward, limit: None };
            prop_assert!(selection.is_certain(zset));
        }
    }

    /// Unions, intersections and differences of whole numbers, whose sums do not depend on an order.
    #[test]
    fn algebra_is_that_of_maps(
        maps in proptest::collection::vec(
            proptest::collection::btree_map(0u8..30, -20i32..20, 0..20),
            1..4,
        ),
        others in proptest::collection::btree_set(0u8..30, 0..20),
        weights in proptest::collection::vec(-3i32..4, 4),
        how in prop::sample::select(vec![
            Aggregate::Sum, Aggregate::Min, Aggregate::Max, Aggregate::Count,
        ]),
        weighted: bool,
    ) {
        let name = |number: &u8| format!("m{number}").into_bytes();
        let mut models: Vec<Model> = maps
            .iter()
            .map(|map| map.iter().map(|(key, score)| (name(key), f64::from(*score))).collect())
            .collect();
        let entries: Vec<_> = models.iter().map(entry).collect();
        let set = set::collect(others.iter().map(name), SEED).unwrap();
        let mut sources: Vec<_> =
            entries.iter().map(|entry| Source::of(Some(entry.value()), 0).unwrap()).collect();
        sources.push(Source::of(Some(set.as_ref()), 0).unwrap());
        models.push(others.iter().map(|number| (name(number), 1.0)).collect());
        let weights: Vec<_> = weights.into_iter().take(models.len()).map(f64::from).collect();
        let weight = |index: usize| if weighted { weights[index] } else { 1.0 };
        let options =
            Options { weights: weighted.then(|| weights.clone()), aggregate: how };

        let (mut any, mut all, mut first) = (Model::new(), Model::new(), models[0].clone());
        for number in 0..30 {
            let name = name(&number);
            let scores: Vec<_> = models
                .iter()
                .enumerate()
                .filter_map(|(index, model)| {
                    model.get(&name).map(|score| match how {
                        Aggregate::Count => weight(index),
                        _ => weight(index) * score + 0.0,
                    })
                })
                .collect();
            let combined = match how {
                Aggregate::Sum | Aggregate::Count => scores.iter().sum::<f64>() + 0.0,
                Aggregate::Min => scores.iter().copied().fold(f64::INFINITY, f64::min),
                Aggregate::Max => scores.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            };
            if !scores.is_empty() {
                any.insert(name.clone(), combined);
            }
            if scores.len() == models.len() {
                all.insert(name.clone(), combined);
            }
            if models[1..].iter().any(|model| model.contains_key(&name)) {
                first.remove(&name);
            }
        }
        for (found, wanted) in [
            (union(&sources, &options), &any),
            (intersection(&sources, &options, usize::MAX), &all),
            (difference(&sources), &first),
        ] {
            let mut sorted = found.clone();
            sort(&mut sorted);
            prop_assert_eq!(sorted, ordered(wanted));
            assert_is(Zset::of(collect(found, SEED).unwrap().as_ref()).unwrap(), wanted);
        }
        let limited = intersection(&sources, &options, 2);
        prop_assert_eq!(limited.len(), all.len().min(2));
        sources.push(Source::None);
        prop_assert_eq!(intersection(&sources, &options, usize::MAX), vec![]);
        prop_assert_eq!(difference(&[Source::None, sources[0]]), vec![]);
    }
}

#[test]
fn indexes_and_limits_are_those_of_servers() {
    let model: Model = (0..10).map(|n| (format!("m{n}").into_bytes(), f64::from(n))).collect();
    let entry = entry(&model);
    let all = Span::score((End::Inclusive, 2.0), (End::Inclusive, 7.0));
    for (range, way, limit, wanted) in [
        (Span::Index(0, -1), Way::Forward, None, 0..10),
        (Span::Index(2, 4), Way::Forward, None, 2..5),
        (Span::Index(2, 4), Way::Backward, None, 5..8),
        (Span::Index(-3, -1), Way::Forward, None, 7..10),
        (Span::Index(-3, -1), Way::Backward, None, 0..3),
        (Span::Index(-100, 0), Way::Forward, None, 0..1),
        (Span::Index(8, 100), Way::Backward, None, 0..2),
        (all, Way::Forward, None, 2..8),
        (all, Way::Backward, None, 2..8),
        (all, Way::Forward, Some((1, 2)), 3..5),
        (all, Way::Backward, Some((1, 2)), 5..7),
        (all, Way::Forward, Some((4, -1)), 6..8),
        (all, Way::Backward, Some((4, -1)), 2..4),
        (all, Way::Forward, Some((4, 100)), 6..8),
    ] {
        let selection = Selection { range, way, limit };
        assert_eq!(selection.select(view(&entry)), wanted, "{range:?} {way:?} {limit:?}");
    }
    for (range, limit) in [
        (Span::Index(5, 3), None),
        (Span::Index(10, 20), None),
        (Span::Index(0, -11), None),
        (Span::Index(i64::MAX, i64::MIN), None),
        (all, Some((6, 1))),
        (all, Some((i64::MAX, 1))),
        (all, Some((0, 0))),
        (all, Some((-1, 1))),
    ] {
        for way in [Way::Forward, Way::Backward] {
            let selection = Selection { range, way, limit };
            assert!(selection.select(view(&entry)).is_empty(), "{range:?} {way:?} {limit:?}");
        }
    }
}

/// Where scores differ, a range of names is certain if what is in it stands together.
#[test]
fn ranges_of_names_are_certain_or_not() {
    let place = |model: &[(&str, f64)], low: &str, high: &str| {
        let model = model.iter().map(|(name, score)| (name.as_bytes().to_vec(), *score)).collect();
        let entry = entry(&model);
        let range = Span::Lex(
            Place::lower(End::Inclusive, low.as_bytes()),
            Place::upper(End::Inclusive, high.as_bytes()),
        );
        Selection { range, way: Way::Forward, limit: None }.is_certain(view(&entry))
    };
    assert!(place(&[("a", 1.0), ("b", 2.0), ("c", 3.0)], "b", "c"));
    assert!(place(&[("a", 1.0), ("c", 2.0), ("b", 3.0)], "b", "c"));
    assert!(!place(&[("c", 1.0), ("a", 2.0), ("b", 3.0)], "b", "c"));
    assert!(place(&[("c", 1.0), ("a", 1.0), ("b", 1.0)], "b", "c"));
    assert!(place(&[], "b", "c"));
}

#[test]
fn it_is_packed_up_to_128_members_of_64_bytes() {
    let mut model: Model = (0..128).map(|n| (format!("{n:064}").into_bytes(), 0.5)).collect();
    let mut entry = entry(&model);
    assert!(matches!(entry.value(), ValueRef::Packed { .. }));
    // Another score is not another member.
    put(&mut entry, SEED, format!("{:064}", 7).as_bytes(), 1.0).unwrap();
    model.insert(format!("{:064}", 7).into_bytes(), 1.0);
    assert!(matches!(entry.value(), ValueRef::Packed { .. }));
    put(&mut entry, SEED, b"one", 2.0).unwrap();
    model.insert(b"one".to_vec(), 2.0);
    assert!(matches!(entry.value(), ValueRef::Large(_)));
    assert_is(view(&entry), &model);
    remove_range(&mut entry, 10..120);
    assert!(matches!(entry.value(), ValueRef::Packed { .. }));
    assert_eq!(view(&entry).len(), 19);
    put(&mut entry, SEED, &[b'x'; MOST_BYTES + 1], 2.0).unwrap();
    assert!(matches!(entry.value(), ValueRef::Large(_)));
}

/// What a large sorted set takes, and that it gives it back.
#[test]
fn memory_is_bounded() {
    let mut entry = Entry::new(KEY, None, new());
    for number in 0..10_000u32 {
        let score = f64::from(number.wrapping_mul(2_654_435_761) >> 8);
        put(&mut entry, SEED, format!("member:{number:05}").as_bytes(), score).unwrap();
    }
    let each = entry.size() / 10_000;
    assert!((40..100).contains(&each), "{each} bytes a member");
    for number in 0..9_900u32 {
        remove(&mut entry, format!("member:{number:05}").as_bytes());
    }
    assert!(entry.size() < 40_000, "{} bytes for 100 members", entry.size());
}
