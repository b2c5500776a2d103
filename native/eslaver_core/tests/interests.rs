//! The index of interests, against every filter looked at by itself.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use eslaver_core::commands::{self, Effect, Learned};
use eslaver_core::filter::Filter;
use eslaver_core::glob::Glob;
use eslaver_core::interests::{Change, Interests};
use proptest::collection::{hash_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A change, and those who want it.
type Wanted<'a> = (Change<'a>, Vec<u32>);

fn found<'a>(interests: &Interests<u32>, db: u32, words: &'a [&'a [u8]]) -> Vec<Wanted<'a>> {
    let (name, args) = words.split_first().unwrap();
    let mut found = Vec::new();
    interests.each(&Learned::default(), name, args, db, |change, ids| {
        found.push((change, ids.to_vec()));
    });
    found
}

/// The same, by looking at each filter.
fn plain<'a>(filters: &BTreeMap<u32, Filter>, db: u32, words: &'a [&'a [u8]]) -> Vec<Wanted<'a>> {
    let (name, args) = words.split_first().unwrap();
    let mut changes = Vec::new();
    let effect = commands::keys(&Learned::default(), name, args, |key| {
        if key.changed {
            let db = key.db.unwrap_or(db);
            changes.push(Change::Key { index: key.index, key: args[key.index], db });
        }
    });
    changes.extend(match effect {
        Effect::Keys | Effect::NotAWrite => None,
        Effect::Db => Some(Change::Db),
        Effect::AllDbs => Some(Change::All),
        Effect::Swap(one, other) => Some(Change::Swap(one, other)),
        Effect::Slots => Some(Change::Slots(commands::slots(name, args).unwrap())),
        Effect::Unnamed | Effect::Unknown => Some(Change::Unnamed),
    });
    let wanted = changes.into_iter().map(|change| {
        let ids = filters.iter().filter(|(_, filter)| wants(filter, name, db, &change));
        let ids = ids.map(|(id, _)| *id).collect();
        (change, ids)
    });
    wanted.filter(|(_, ids): &Wanted<'_>| !ids.is_empty()).collect()
}

fn wants(filter: &Filter, name: &[u8], db: u32, change: &Change<'_>) -> bool {
    let lower = name.to_ascii_lowercase();
    let has_db = |db: u32| filter.dbs.as_ref().is_none_or(|dbs| dbs.contains(&db));
    filter.commands.as_ref().is_none_or(|commands| commands.contains(&lower))
        && match change {
            Change::Key { key, db, .. } => {
                let has_key = |globs: &Vec<Glob>| globs.iter().any(|glob| glob.matches(key));
                has_db(*db) && filter.keys.as_ref().is_none_or(has_key)
            }
            Change::All | Change::Slots(_) => true,
            Change::Swap(one, other) => has_db(*one) || has_db(*other),
            Change::Db | Change::Unnamed => has_db(db),
        }
}

const PATTERNS: [&str; 20] = [
    "*", "a", "b", "ab", "abc", "", "a*", "ab*", "abc*", "a?", "a[bc]*", "a*c", "ab*c", "?", "*c",
    "[ab]", "a\\*", "**", "a**", "abcabc*",
];

fn filter() -> impl Strategy<Value = Filter> {
    let keys = option::of(vec(select(&PATTERNS[..]).prop_map(Glob::new), 0..4));
    let names = select(&["set", "del", "flushdb", "copy"][..]);
    let commands = option::of(hash_set(names.prop_map(|name| name.as_bytes().to_vec()), 0..3));
    let dbs = option::of(vec(0..4u32, 0..3));
    (keys, commands, dbs).prop_map(|(keys, commands, dbs)| Filter {
        keys,
        commands,
        dbs,
        ..Filter::default()
    })
}

fn command() -> impl Strategy<Value = Vec<String>> {
    let key = || "[abc*]{0,4}";
    prop_oneof![
        key().prop_map(|key| vec!["SET".into(), key, "v".into()]),
        vec(key(), 1..6).prop_map(|keys| [vec!["del".into()], keys].concat()),
        (key(), key(), 0..4u32).prop_map(|(from, to, db)| {
            vec!["COPY".into(), from, to, "DB".into(), db.to_string()]
        }),
        (key(), 0..4u32).prop_map(|(key, db)| vec!["move".into(), key, db.to_string()]),
        (0..4u32, 0..4u32).prop_map(|(one, other)| vec![
            "swapdb".into(),
            one.to_string(),
            other.to_string()
        ]),
        select(
            &["flushall", "FLUSHDB", "ping", "get a", "foo.bar a", "trimslots ranges 1 0 5"][..]
        )
        .prop_map(|line| line.split(' ').map(str::to_owned).collect()),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Add(u32, Filter),
    Remove(u32),
    Command(u32, Vec<String>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..30u32, filter()).prop_map(|(id, filter)| Step::Add(id, filter)),
        1 => (0..30u32).prop_map(Step::Remove),
        3 => (0..4u32, command()).prop_map(|(db, words)| Step::Command(db, words)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn as_every_filter_tells(steps in vec(step(), 1..80)) {
        let mut interests = Interests::new();
        let mut filters = BTreeMap::new();
        for step in steps {
            match step {
                Step::Add(id, filter) => {
                    interests.add(id, filter.clone());
                    filters.insert(id, filter);
                }
                Step::Remove(id) => {
                    prop_assert_eq!(interests.remove(id), filters.remove(&id).is_some());
                }
                Step::Command(db, words) => {
                    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
                    prop_assert_eq!(found(&interests, db, &words), plain(&filters, db, &words));
                }
            }
            prop_assert_eq!(interests.is_empty(), filters.is_empty());
            prop_assert!(interests.all().eq(filters.keys().copied()));
        }
        for id in filters.into_keys() {
            prop_assert!(interests.remove(id));
        }
        // nothing is left that could cost anything
        prop_assert_eq!(interests.steps(), 0);
        prop_assert_eq!(format!("{interests:?}"), format!("{:?}", Interests::<u32>::new()));
    }
}

#[test]
fn patterns_tried_one_by_one_are_counted_once() {
    let keys = |globs: &[&str]| Filter {
        keys: Some(globs.iter().map(|&glob| Glob::new(glob)).collect()),
        ..Filter::default()
    };
    let mut interests = Interests::new();
    for (id, globs, steps) in [
        (1, &["a", "a*", "*"][..], 0),
        (2, &["a*c"][..], 2),
        (3, &["a*c", "[x]*"][..], 6),
        (4, &["a*c", "a*c"][..], 6),
    ] {
        interests.add(id, keys(globs));
        assert_eq!(interests.steps(), steps, "{globs:?}");
    }
    interests.remove(2);
    interests.remove(4);
    assert_eq!(interests.steps(), 6);
    interests.add(3, keys(&["a*"]));
    assert_eq!(interests.steps(), 0);
}
