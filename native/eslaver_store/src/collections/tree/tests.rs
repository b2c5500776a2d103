//! The tree against vectors, with the leaves of lists and sorted sets.

use super::build::Builder;
use super::list::{ListLeaf, ListTree};
use super::zset::{Bound, Member, Record, Score, ZsetLeaf, ZsetTree};
use super::{Leaf, Tree};
use crate::collections::element::Element;
use proptest::collection::vec;
use proptest::prelude::*;
use std::ops::Range;

fn bytes(element: Element<'_>) -> Vec<u8> {
    element.to_bytes().into_owned()
}

fn listed(tree: &ListTree, range: Range<u64>) -> Vec<Vec<u8>> {
    tree.iter(range).map(bytes).collect()
}

fn assert_list(tree: &ListTree, model: &[Vec<u8>]) {
    tree.root.check();
    let all = 0..model.len() as u64;
    assert_eq!(tree.len(), all.end);
    assert!(listed(tree, all.clone()) == model);
    let mut back: Vec<_> = tree.iter_back(all).map(bytes).collect();
    back.reverse();
    assert!(back == model);
}

/// An element that is an integer, short, or longer than a leaf.
fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        10 => any::<i16>().prop_map(|value| value.to_string().into_bytes()),
        10 => vec(any::<u8>(), 0..80),
        2 => (100usize..1500).prop_map(|len| vec![b'm'; len]),
        1 => (4000usize..9000).prop_map(|len| vec![b'l'; len]),
        1 => (65_000usize..66_000).prop_map(|len| vec![b'h'; len]),
    ]
}

#[derive(Debug, Clone)]
enum Op {
    Insert(f64, Vec<u8>),
    Fill(f64, u16),
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    Set(f64, Vec<u8>),
    Remove(f64),
    RemoveRange(f64, f64),
    Clone,
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0.0..1.0f64;
    prop_oneof![
        8 => (at(), element()).prop_map(|(at, element)| Op::Insert(at, element)),
        3 => (at(), 1u16..900).prop_map(|(at, count)| Op::Fill(at, count)),
        4 => element().prop_map(Op::PushFront),
        4 => element().prop_map(Op::PushBack),
        4 => (at(), element()).prop_map(|(at, element)| Op::Set(at, element)),
        6 => at().prop_map(Op::Remove),
        2 => (at(), at()).prop_map(|(from, part)| Op::RemoveRange(from, part * part)),
        1 => Just(Op::Clone),
    ]
}

fn index(at: f64, len: usize) -> usize {
    (at * len as f64) as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_list_is_a_vector(ops in vec(op(), 1..60)) {
        let (mut tree, mut model) = (ListTree::new(), Vec::<Vec<u8>>::new());
        let mut clones = Vec::new();
        for op in ops {
            match op {
                Op::Insert(at, element) => {
                    let at = index(at, model.len() + 1);
                    prop_assert!(tree.insert(at as u64, &element));
                    model.insert(at, element);
                }
                Op::Fill(at, count) => {
                    let at = index(at, model.len() + 1);
                    for step in 0..count {
                        let element = (u32::from(step) * 37).to_string().into_bytes();
                        let at = at + usize::from(step / 2);
                        prop_assert!(tree.insert(at as u64, &element));
                        model.insert(at, element);
                    }
                }
                Op::PushFront(element) => {
                    tree.push_front(&element);
                    model.insert(0, element);
                }
                Op::PushBack(element) => {
                    tree.push_back(&element);
                    model.push(element);
                }
                Op::Set(at, element) => {
                    let at = index(at, model.len());
                    prop_assert_eq!(tree.set(at as u64, &element), at < model.len());
                    if let Some(old) = model.get_mut(at) {
                        *old = element;
                    }
                }
                Op::Remove(at) => {
                    let at = index(at, model.len());
                    tree.remove_range(at as u64..at as u64 + 1);
                    if at < model.len() {
                        model.remove(at);
                    }
                }
                Op::RemoveRange(at, part) => {
                    let from = index(at, model.len());
                    let to = (from + index(part, model.len() + 1)).min(model.len());
                    tree.remove_range(from as u64..to as u64);
                    model.drain(from..to);
                }
                Op::Clone => clones.push((tree.clone(), model.clone())),
            }
            tree.root.check();
        }
        assert_list(&tree, &model);
        for at in (0..model.len()).step_by(7) {
            prop_assert_eq!(&bytes(tree.get(at as u64).unwrap()), &model[at]);
            let to = (at + 11).min(model.len());
            prop_assert_eq!(&listed(&tree, at as u64..to as u64), &model[at..to]);
        }
        prop_assert!(tree.get(model.len() as u64).is_none());
        for (tree, model) in clones {
            assert_list(&tree, &model);
        }
    }

    #[test]
    fn a_sorted_set_is_a_sorted_vector(
        changes in vec((0u8..3, 0u32..400, 0usize..SCORES.len(), 0usize..SCORES.len()), 1..1200),
        same_score: bool,
    ) {
        let (mut tree, mut model) = (ZsetTree::new(), Vec::<(f64, Vec<u8>)>::new());
        let mut clone = None;
        for (step, (change, member, score, other)) in changes.into_iter().enumerate() {
            let [score, other] =
                [score, other].map(|score| if same_score { 0.0 } else { SCORES[score] });
            let member = member_name(member);
            let place = rank_of(&model, score, &member);
            prop_assert_eq!(tree.rank_of(score, &member), place.ok().map(|rank| rank as u64));
            match (change, place) {
                (0, Err(rank)) => {
                    prop_assert!(tree.insert(score, &member));
                    model.insert(rank, (score, member));
                }
                (1, Ok(rank)) => {
                    prop_assert!(tree.remove(score, &member));
                    model.remove(rank);
                }
                (2, Ok(rank)) if rank_of(&model, other, &member).is_err() => {
                    prop_assert!(tree.rescore(score, &member, other));
                    model.remove(rank);
                    let rank = rank_of(&model, other, &member).unwrap_err();
                    model.insert(rank, (other, member));
                }
                (1, Err(_)) => prop_assert!(!tree.remove(score, &member)),
                (2, Err(_)) => prop_assert!(!tree.rescore(score, &member, other)),
                _ => {}
            }
            if step == 500 {
                clone = Some((tree.clone(), model.clone()));
            }
        }
        for (tree, model) in clone.into_iter().chain([(tree, model)]) {
            assert_zset(&tree, &model);
            if same_score {
                assert_bounds_of_members(&tree, &model);
            }
        }
    }
}

fn rank_of(model: &[(f64, Vec<u8>)], score: f64, member: &[u8]) -> Result<usize, usize> {
    model.binary_search_by(|(other_score, other)| {
        other_score.partial_cmp(&score).unwrap().then_with(|| other.as_slice().cmp(member))
    })
}

const SCORES: [f64; 8] = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1.0, 3e9, 1e300, f64::INFINITY];

/// Members of many forms: as bytes `100` comes before `20`, and before `2`.
fn member_name(number: u32) -> Vec<u8> {
    match number % 4 {
        0 => number.to_string().into_bytes(),
        1 => format!("-{number}").into_bytes(),
        2 => format!("member:{number:06}").into_bytes(),
        _ => format!("{number:0100}").into_bytes(),
    }
}

fn assert_zset(tree: &ZsetTree, model: &[(f64, Vec<u8>)]) {
    tree.root.check();
    let len = model.len() as u64;
    let record = |(score, member): (f64, Element<'_>)| (score.to_bits(), bytes(member));
    let expected: Vec<_> = model.iter().map(|(score, m)| (score.to_bits(), m.clone())).collect();
    assert_eq!(tree.iter(0..len).map(record).collect::<Vec<_>>(), expected);
    let mut back: Vec<_> = tree.iter_back(0..u64::MAX).map(record).collect();
    back.reverse();
    assert_eq!(back, expected);
    for score in SCORES {
        let below = model.iter().filter(|record| record.0 < score).count() as u64;
        let up_to = model.iter().filter(|record| record.0 <= score).count() as u64;
        assert_eq!(tree.rank(&Bound::before(Score(score))), below);
        assert_eq!(tree.rank(&Bound::behind(Score(score))), up_to);
    }
    for (rank, (score, member)) in model.iter().enumerate() {
        assert_eq!(tree.rank(&Bound::behind(Record(*score, member))), rank as u64 + 1);
    }
}

fn assert_bounds_of_members(tree: &ZsetTree, model: &[(f64, Vec<u8>)]) {
    for number in 0..400 {
        let member = member_name(number);
        let below = model.iter().filter(|record| record.1 < member).count() as u64;
        let up_to = model.iter().filter(|record| record.1 <= member).count() as u64;
        assert_eq!(tree.rank(&Bound::before(Member(&member))), below);
        assert_eq!(tree.rank(&Bound::behind(Member(&member))), up_to);
    }
}

fn numbers(range: Range<u32>) -> Vec<Vec<u8>> {
    range.map(|number| format!("element:{number:012}").into_bytes()).collect()
}

fn leaf_bytes<L: Leaf>(tree: &Tree<L>) -> usize {
    tree.heap_bytes() / tree.root.leaf_count()
}

#[test]
fn pushing_at_an_end_leaves_full_leaves() {
    let elements = numbers(0..10_000);
    let (mut back, mut front) = (ListTree::new(), ListTree::new());
    let mut built = Builder::<ListLeaf>::new();
    for element in &elements {
        back.push_back(element);
        front.push_front(element);
        built.push(|leaf, index| leaf.insert(index, element));
    }
    let built = built.finish();
    assert_list(&back, &elements);
    assert_list(&built, &elements);
    assert_list(&front, &elements.iter().rev().cloned().collect::<Vec<_>>());
    for tree in [back, front, built] {
        assert!(tree.root.leaf_count() <= 54, "{}", tree.root.leaf_count());
        assert!(tree.heap_bytes() <= 24 * 10_000, "{}", tree.heap_bytes());
    }
}

#[test]
fn a_built_tree_has_all_at_every_size() {
    for len in [0, 1, 2, 100, 195, 196, 6_300, 50_000] {
        let elements = numbers(0..len);
        let mut built = Builder::<ListLeaf>::new();
        for element in &elements {
            assert!(built.push(|leaf, index| leaf.insert(index, element)));
        }
        let mut tree = built.finish();
        assert_list(&tree, &elements);
        tree.push_back(b"more");
        assert_eq!(tree.len(), u64::from(len) + 1);
        tree.root.check();
    }
}

#[test]
fn members_in_any_order_take_few_bytes() {
    let mut tree = ZsetTree::new();
    let mut number = 1u32;
    for _ in 0..10_000 {
        number = number * 7_001 % 10_007;
        let member = format!("member:{number:06}");
        assert!(tree.insert(f64::from(number) + 0.5, member.as_bytes()));
    }
    assert!(tree.heap_bytes() <= 32 * 10_000, "{}", tree.heap_bytes());
    tree.root.check();
}

#[test]
fn memory_comes_back() {
    let mut tree = ListTree::new();
    for element in numbers(0..50_000) {
        tree.push_back(&element);
    }
    let before = tree.heap_bytes();
    // Nine of ten, one by one and then in ranges.
    for index in 0..2_500 {
        tree.remove_range(index..index + 1);
        for _ in 0..8 {
            tree.remove_range(index + 1..index + 2);
        }
    }
    for index in 2_500..5_000 {
        tree.remove_range(index + 1..index + 10);
    }
    tree.root.check();
    assert_eq!(tree.len(), 5_000);
    assert!(tree.heap_bytes() < before / 10 * 3 / 2, "{} of {before}", tree.heap_bytes());
    assert!(leaf_bytes(&tree) > 1_500, "{}", leaf_bytes(&tree));
    tree.remove_range(0..5_000);
    assert_eq!((tree.len(), tree.heap_bytes()), (0, ListTree::new().heap_bytes()));
}

#[test]
fn a_clone_shares_what_did_not_change() {
    let mut tree = ListTree::new();
    for element in numbers(0..50_000) {
        tree.push_back(&element);
    }
    let clone = tree.clone();
    tree.set(25_000, b"other");
    let shared = tree
        .leaves(0..50_000)
        .zip(clone.leaves(0..50_000))
        .filter(|((a, _), (b, _))| std::ptr::eq(*a, *b))
        .count();
    assert_eq!(shared, tree.root.leaf_count() - 1);
    assert_eq!(clone.get(25_000).map(bytes), Some(b"element:000000025000".to_vec()));
}

#[test]
fn a_refused_change_changes_nothing() {
    let mut tree = ListTree::new();
    assert!(!tree.insert(1, b"a"));
    assert!(!tree.set(0, b"a"));
    assert_eq!(tree.insert_at(0, |_, _| ()), Some(()));
    tree.push_back(&[b'x'; 9000]);
    assert_eq!(tree.insert_at(0, |_, _| ()), Some(()));
    tree.remove_range(1..5);
    tree.remove_range(5..7);
    assert_list(&tree, &[vec![b'x'; 9000]]);
    assert_eq!(tree.edit_at(0, |leaf, index| leaf.remove(index..index + 1)), Some(()));
    assert_list(&tree, &[]);
}

#[test]
fn a_score_changes_in_place_between_its_neighbours() {
    let mut tree = ZsetTree::new();
    for member in 0..1000 {
        tree.insert(f64::from(member), member.to_string().as_bytes());
    }
    for member in 0..1000 {
        let (name, old) = (member.to_string(), f64::from(member));
        assert!(tree.rescore(old, name.as_bytes(), old + 0.5));
        assert_eq!(tree.rank_of(old + 0.5, name.as_bytes()), Some(member as u64));
    }
    tree.root.check();
}

#[test]
fn trees_can_be_sent_to_readers() {
    fn sent<T: Send + Sync>() {}
    sent::<ListTree>();
    sent::<ZsetTree>();
}

#[test]
fn scores_stay_exact() {
    let mut leaf = ZsetLeaf::default();
    let scores = [-0.0, 0.0, 1.0, f64::from(i32::MAX), 2_147_483_648.0];
    for (index, score) in scores.into_iter().enumerate() {
        assert!(leaf.insert(index, score, index.to_string().as_bytes()));
    }
    let read: Vec<_> = leaf.iter(0..5).map(|(score, _)| score.to_bits()).collect();
    assert_eq!(read, scores.map(f64::to_bits));
}
