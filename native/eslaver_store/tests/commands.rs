//! Random commands, applied to a store and to a naive model of one: all reads are the same, with a
//! filter, too, and after a store was saved and loaded again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod model;

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::filter::Filter;
use eslaver_core::glob::Glob;
use eslaver_core::rdb::write::{Dialect, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Family, Status};
use eslaver_store::{Command, Loader, Refusal, Save, Store, Writer};
use model::commands::Choices;
use model::compare::Reads;
use model::{Model, NOW};
use proptest::prelude::*;

fn apply(writer: &mut Writer, unit: &[model::Command], refused: impl FnMut(&Command<'_>, Refusal)) {
    let args: Vec<Vec<&[u8]>> =
        unit.iter().map(|command| command.args.iter().map(Vec::as_slice).collect()).collect();
    let unit: Vec<_> = unit
        .iter()
        .zip(&args)
        .map(|(command, args)| Command { db: command.db, name: command.name.as_bytes(), args })
        .collect();
    writer.apply(&unit, NOW, refused);
}

/// The commands of some bytes that a master would have let pass, in units.
fn units(bytes: &[u8], model: &mut Model, mut each: impl FnMut(&[model::Command], &Model)) {
    let mut choices = Choices(bytes);
    while !choices.is_empty() {
        let mut unit = choices.unit();
        unit.retain(|command| model.apply(command));
        each(&unit, model);
    }
}

fn saved(store: &Store) -> Vec<u8> {
    // The first version whose sets have members that expire.
    let dialect = Dialect::new(Family::Redis, 17).unwrap();
    let mut rdb = RdbWriter::new(dialect, Vec::new());
    let saved = Save::begin(store).unwrap().write_all(&mut rdb).unwrap();
    assert_eq!((saved.keys, saved.unknown), (store.len() as u64, Vec::new()));
    rdb.finish().unwrap()
}

fn loaded(snapshot: &[u8]) -> Arc<Store> {
    let store = Arc::new(Store::new());
    let mut loader = Loader::new(Arc::clone(&store), None);
    let mut decoder = Decoder::new();
    decoder.feed(snapshot);
    while decoder.next(&mut loader).unwrap() != Status::Done {}
    assert_eq!(loader.problems(), []);
    store
}

/// Bytes that choose commands. proptest makes fewer of them where something fails.
#[derive(Clone)]
struct Script(Vec<u8>);

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        units(&self.0, &mut Model::default(), |unit, _| {
            let text = |word: &[u8]| match word.len() {
                0..80 => word.escape_ascii().to_string(),
                len => format!("({len} bytes)"),
            };
            for command in unit {
                let few = command.args.iter().take(8).map(|arg| text(arg)).collect::<Vec<_>>();
                let (db, name, count) = (command.db, command.name, command.args.len());
                let _ = writeln!(f, "{db} {name} {}, {count} in all", few.join(" "));
            }
            let _ = writeln!(f, "-");
        });
        Ok(())
    }
}

fn scripts(most: usize) -> impl Strategy<Value = Script> {
    proptest::collection::vec(any::<u8>(), 0..most).prop_map(Script)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn reads_are_those_of_the_model(script in scripts(1500)) {
        let store = Arc::new(Store::new());
        let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        let reads = Reads::new(&store);
        let mut model = Model::default();
        let mut count = 0;
        units(&script.0, &mut model, |unit, model| {
            apply(&mut writer, unit, |command, refusal| panic!("{command:?}: {refusal}"));
            drop(writer.take_trash());
            count += 1;
            if count % 64 == 0 {
                reads.assert_all(model);
            }
        });
        reads.assert_all(&model);
        prop_assert_eq!(store.len(), model.keys.len());
        Reads::new(&loaded(&saved(&store))).assert_all(&model);
    }

    /// What a filter lets pass is as in the model, or marked as unknown, where a command read or wrote
    /// what does not pass.
    #[test]
    fn filtered_reads_are_those_of_the_model(script in scripts(1000), dbs in 1u32..3) {
        let filter = Filter {
            keys: Some(vec![Glob::new(b"?0".as_slice()), Glob::new(b"[slt]1".as_slice())]),
            dbs: Some((0..dbs).collect()),
            ..Filter::default()
        };
        let store = Arc::new(Store::new());
        let mut writer = Writer::new(Arc::clone(&store), Learned::default(), Some(filter.clone()));
        let reads = Reads::new(&store);
        let mut model = Model::default();
        let mut refusals = 0;
        let mut in_doubt = false;
        units(&script.0, &mut model, |unit, _| {
            apply(&mut writer, unit, |_, _| refusals += 1);
            in_doubt |= writer.needs_resync();
        });
        if !in_doubt {
            let marked = reads.assert_wanted(&model, &filter);
            prop_assert!(marked == 0 || refusals > 0);
        }
    }
}
