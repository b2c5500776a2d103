//! Which keys a command changes and which it only reads.
#![allow(clippy::unwrap_used)]

use eslaver_core::commands::{self, Arguments, Effect, Key, Learned, slots};
use proptest::prelude::*;

/// A command; the keys it changes, with `@db` where they are in another; the keys it only reads.
const TABLE: &[(&str, &str, &str)] = &[
    ("SET k v EX 10", "k", ""),
    ("set k", "k", ""),
    ("SET", "", ""),
    ("DEL a b c", "a b c", ""),
    ("UNLINK a", "a", ""),
    ("MSET a 1 b 2", "a b", ""),
    ("MSET a 1 b", "a b", ""),
    ("MSETNX a 1 b 2", "a b", ""),
    ("MSETEX 2 a 1 b 2 EX 10", "a b", ""),
    ("RENAME a b", "a b", ""),
    ("SMOVE a b m", "a b", ""),
    ("LMOVE a b LEFT RIGHT", "a b", ""),
    ("BLMOVE a b LEFT RIGHT 0", "a b", ""),
    ("RPOPLPUSH a b", "a b", ""),
    ("COPY a b", "b", "a"),
    ("COPY a b DB 3 REPLACE", "b@3", "a"),
    ("MOVE a 3", "a a@3", ""),
    ("MOVE a x", "a", ""),
    ("BITOP AND d a b", "d", "a b"),
    ("SUNIONSTORE d a b", "d", "a b"),
    ("PFMERGE d a b", "d", "a b"),
    ("PFCOUNT a", "a", ""),
    ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d", "a b"),
    ("ZINTERSTORE d 9 a b", "d", "a b"),
    ("ZDIFFSTORE d x a b", "d", ""),
    ("ZRANGESTORE d a 0 -1", "d", "a"),
    ("GEOSEARCHSTORE d a FROMMEMBER m BYRADIUS 1 m", "d", "a"),
    ("LMOVEM a b LEFT RIGHT COUNT 2", "a b", ""),
    ("BLMOVEM a b LEFT RIGHT 0 COUNT 2", "a b", ""),
    ("ARSET a 0 x", "a", ""),
    ("INCREX a BYINT 1", "a", ""),
    ("XNACK a g FAIL IDS 1 1-1", "a", ""),
    ("HIMPORT SET a f 1", "a", ""),
    ("HSETC a f v", "a", ""),
    ("GCRASETVALUE a 1", "a", ""),
    ("ZMOVE a b MIN", "a b", ""),
    ("BZMOVE a b MIN 0", "a b", ""),
    ("ZMOVEMEMBER a b m", "a b", ""),
    ("SADDEX a EX 1 MEMBERS 1 m", "a", ""),
    ("SEXPIRE a 1 MEMBERS 1 m", "a", ""),
    ("PHSET a p FIELDS 1 f v", "a", ""),
    ("PHDELPREFIX a p", "a", ""),
    ("EXPDEL a b", "a b", ""),
    ("FT.CREATE idx SCHEMA t TEXT", "", ""),
    ("FT._ANYTHING idx", "", ""),
    ("FT.SUGADD a s 1", "a", ""),
    ("FT.ADD idx a 1.0 FIELDS f v", "a", ""),
    ("JSON.DEL a $", "a", ""),
    ("TS.CREATERULE a b AGGREGATION avg 1", "a b", ""),
    ("LMPOP 2 a b LEFT", "a b", ""),
    ("BLMPOP 0 2 a b LEFT", "a b", ""),
    ("ZMPOP 1 a MIN COUNT 2", "a", ""),
    ("BZMPOP 0 1 a MIN", "a", ""),
    ("BLPOP a b 0", "a b", ""),
    ("EVAL script 2 a b arg", "a b", ""),
    ("EVALSHA sha 1 a", "a", ""),
    ("FCALL f 1 a x", "a", ""),
    ("EVAL script 18446744073709551615 a", "a", ""),
    ("SORT a STORE d", "d", "a"),
    ("SORT a BY STORE GET STORE LIMIT STORE 1 ALPHA STORE d", "d", "a"),
    ("SORT a STORE d STORE e", "e", "a"),
    ("SORT a STORE", "", "a"),
    ("GEORADIUS a 0 0 1 km STORE d", "d", "a"),
    ("GEORADIUS a 0 0 1 km COUNT 1 STOREDIST d", "d", "a"),
    ("GEORADIUS a 0 0 1 km STORE STOREDIST STOREDIST d", "d", "a"),
    ("GEORADIUSBYMEMBER a m 1 km STORE d", "d", "a"),
    ("GEORADIUSBYMEMBER a STORE 1 km", "", "a"),
    ("MIGRATE h 1 a 0 100", "a", ""),
    ("MIGRATE h 1 a 0 100 COPY", "", "a"),
    ("MIGRATE h 1 - 0 100 AUTH KEYS KEYS a COPY", "a COPY", ""),
    ("MIGRATE h 1 - 0 100 COPY KEYS a b", "", "a b"),
    ("RESTORE a 0 x", "a", ""),
    ("RESTORE-ASKING a 0 x", "a", ""),
    ("XADD a * f v", "a", ""),
    ("XGROUP CREATE a g $", "a", ""),
    ("XGROUP HELP", "", ""),
    ("XREADGROUP GROUP STREAMS c COUNT 1 STREAMS a b > >", "a b", ""),
    ("VADD a VALUES 1 1 e", "a", ""),
    ("FUNCTION LOAD code", "", ""),
];

fn keys<A: Arguments + ?Sized>(name: &[u8], args: &A, each: impl FnMut(Key)) -> Effect {
    commands::keys(&Learned::default(), name, args, each)
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn table() {
    for &(line, changed, read) in TABLE {
        let line = words(line);
        let (name, args) = line.split_first().unwrap();
        let (mut found, mut only_read) = (Vec::new(), Vec::new());
        let effect = keys(name.as_bytes(), args, |Key { index, db, changed }| {
            let db = db.map(|db| format!("@{db}")).unwrap_or_default();
            let list = if changed { &mut found } else { &mut only_read };
            list.push(format!("{}{db}", args[index]));
        });
        assert_eq!(effect, Effect::Keys, "{line:?}");
        assert_eq!(found, words(changed), "{line:?}");
        assert_eq!(only_read, words(read), "{line:?}");
        let mut count = 0;
        let lower = keys(name.to_lowercase().as_bytes(), args, |_| count += 1);
        assert_eq!((lower, count), (Effect::Keys, found.len() + only_read.len()), "{line:?}");
    }
}

#[test]
fn without_keys() {
    for (line, expected) in [
        ("FLUSHDB ASYNC", Effect::Db),
        ("flushall", Effect::AllDbs),
        ("SWAPDB 0 12", Effect::Swap(0, 12)),
        ("SWAPDB 0", Effect::Unnamed),
        ("TRIMSLOTS RANGES 1 0 1", Effect::Slots),
        ("TRIMSLOTS RANGES 2 0 1", Effect::Unnamed),
        ("TRIMSLOTS RANGES 1 0 16384", Effect::Unnamed),
        ("TRIMSLOTS RANGES 1 0 1 2", Effect::Unnamed),
        ("TRIMSLOTS RANGES", Effect::Unnamed),
        ("TRIMSLOTS", Effect::Unnamed),
        ("CLUSTER FLUSHSLOT 1", Effect::Slots),
        ("cluster flushslot 1 ASYNC", Effect::Slots),
        ("CLUSTER FLUSHSLOT", Effect::Unnamed),
        ("CLUSTER SETSLOT 1 MIGRATING x", Effect::NotAWrite),
        ("CLUSTER SYNCSLOTS FINISH STATE SUCCESS", Effect::NotAWrite),
        ("CLUSTER DELSLOTS 1", Effect::NotAWrite),
        ("CLUSTER", Effect::NotAWrite),
        ("EVAL script 0 arg", Effect::Unnamed),
        ("EVALSHA script 0", Effect::Unnamed),
        ("FCALL f 0", Effect::Unnamed),
        ("EVAL script -1 a", Effect::Unnamed),
        ("EVAL script 99999999999999999999999999 a", Effect::Unnamed),
        ("EVAL", Effect::Unnamed),
        ("FT.DROP idx", Effect::Unnamed),
        ("RREPLAY uuid x", Effect::Unnamed),
        ("PING", Effect::NotAWrite),
        ("SELECT 0", Effect::NotAWrite),
        ("MULTI", Effect::NotAWrite),
        ("EXEC", Effect::NotAWrite),
        ("REPLCONF GETACK *", Effect::NotAWrite),
        ("PUBLISH c m", Effect::NotAWrite),
        ("SPUBLISH c m", Effect::NotAWrite),
        ("SCRIPT LOAD code", Effect::NotAWrite),
        ("GET a", Effect::NotAWrite),
        ("JSON.SET a $ 1", Effect::Unknown),
        ("", Effect::Unknown),
        ("a-name-that-is-longer-than-all-that-any-server-has", Effect::Unknown),
    ] {
        let words = words(line);
        let (name, args) = words.split_first().unwrap_or((&"", &[]));
        assert_eq!(
            keys(name.as_bytes(), args, |key| panic!("{line}: {key:?}")),
            expected,
            "{line}"
        );
    }
}

#[test]
fn slots_of_a_cluster() {
    for (line, expected) in [
        ("TRIMSLOTS RANGES 2 0 1 16383 16383", Some(vec![(0, 1), (16383, 16383)])),
        ("TRIMSLOTS RANGES 0", Some(vec![])),
        ("TRIMSLOTS RANGES x", None),
        ("CLUSTER FLUSHSLOT 7 SYNC", Some(vec![(7, 7)])),
        ("CLUSTER FLUSHSLOT x", None),
    ] {
        let words = words(line);
        assert_eq!(slots(words[0].as_bytes(), &words[1..]), expected, "{line}");
    }
}

proptest! {
    /// Whatever the arguments, an index is one of theirs, and none comes twice but for `MOVE`.
    #[test]
    fn any_arguments(
        name in "[a-z]{2,6}|sort|georadius|migrate|move|copy|xreadgroup|eval|msetex|zunionstore|lmpop",
        args in prop::collection::vec("[a-c]|[0-9]{1,2}|store|keys|streams|db|by|limit", 0..12),
    ) {
        let mut found = Vec::new();
        keys(name.as_bytes(), args.as_slice(), |key| found.push(key));
        let mut seen: Vec<_> = found.iter().map(|key| (key.index, key.db)).collect();
        prop_assert!(found.iter().all(|key| key.index < args.len()));
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), found.len());
    }
}
