//! What is told of a value as a whole: how it is kept, what it takes, and its form for `RESTORE`.

use eslaver_core::rdb::write::{WriteError, Writer as RdbWriter};

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::key::known;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::save;
use crate::values::set::Set;
use crate::values::{Large, Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] =
    &[("dump", dump), ("memory_usage", memory_usage), ("object_encoding", object_encoding)];

/// The value in the form of `DUMP` of its own server. What is large takes long.
fn dump(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let dialect = reader.server().dialect().ok_or(ReadError::Unknown)?;
    reader.walk_any(args.bytes(0)?, |value| {
        let Some(value) = value else {
            reply.missing();
            return Ok(());
        };
        if let ValueRef::Large(_) = value {
            reader.check_steps(usize::MAX)?;
        }
        let mut rdb = RdbWriter::payload(dialect, Vec::new());
        let written = save::write_payload(&mut rdb, value).and_then(|()| rdb.finish());
        // No server of this version has such a value.
        let payload = written.map_err(|_: WriteError| ReadError::Unknown)?;
        reply.bytes(&payload);
        Ok(())
    })
}

/// The bytes of a key with its value, as they were asked of the allocator.
fn memory_usage(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    known(reader, args, |entry| match entry {
        Some(entry) => reply.unsigned(entry.size() as u64),
        None => reply.missing(),
    })
}

fn object_encoding(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    reader.walk_any(args.bytes(0)?, |value| {
        match value {
            None => reply.missing(),
            Some(value) => reply.atom(encoding(value)),
        }
        Ok(())
    })
}

fn encoding(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Large(large) => match large {
            Large::String(_) => "chunks",
            Large::Hash(_) | Large::Set(_) => "table",
            Large::List(_) | Large::Array(_) | Large::PathHash(_) => "tree",
            Large::Zset(_) | Large::Stream(_) | Large::VectorSet(_) => "tree",
            Large::Module(_) => "module",
        },
        ValueRef::Packed { kind: Type::Set, .. } => match Set::of(value) {
            Some(Set::Ints(_)) => "ints",
            _ => "packed",
        },
        ValueRef::Packed { .. } => "packed",
    }
}

#[cfg(test)]
mod tests {
    use eslaver_core::rdb::{Limits, Nothing, decode_dump};

    use crate::read::query::Arg;
    use crate::read::reply::Answer;
    use crate::testing::{Mirror, UNDEFINED, bytes, list, text};
    use crate::values::module::Module;
    use crate::values::{Large, NewValue};

    /// Of every type that commands make.
    fn filled() -> Mirror {
        let mut mirror = Mirror::redis("8.12.0");
        let many = |each: fn(usize) -> String| (0..2000).map(each).collect::<Vec<_>>().join(" ");
        for line in [
            "set string v".to_owned(),
            format!("set long {}", "x".repeat(100_000)),
            "rpush list a 1".to_owned(),
            format!("rpush longlist {}", many(|n| n.to_string())),
            "sadd ints 1 2".to_owned(),
            format!("sadd set {}", many(|n| format!("m{n}"))),
            format!("zadd zset {}", many(|n| format!("{n} m{n}"))),
            format!("hset hash {}", many(|n| format!("f{n} {n}"))),
            "xadd stream 1-1 f v".to_owned(),
            "arset array 7 a b".to_owned(),
            "vadd vectors VALUES 2 1.5 2 a".to_owned(),
        ] {
            mirror.run(&line);
        }
        mirror
    }

    const KEYS: [(&str, &str); 11] = [
        ("string", "packed"),
        ("long", "chunks"),
        ("list", "packed"),
        ("longlist", "tree"),
        ("ints", "ints"),
        ("set", "table"),
        ("zset", "tree"),
        ("hash", "table"),
        ("stream", "packed"),
        ("array", "packed"),
        ("vectors", "tree"),
    ];

    #[test]
    fn payloads_can_be_read() {
        let mirror = filled();
        for (key, _) in KEYS {
            let Answer::Bytes(payload) = mirror.read("dump", &[text(key)]) else { panic!("{key}") };
            assert_eq!(decode_dump(&payload, Limits::NONE, &mut Nothing).ok(), Some(()), "{key}");
        }
        assert_eq!(mirror.read("dump", &[text("none")]), UNDEFINED);
    }

    #[test]
    fn encodings_are_told() {
        let mirror = filled();
        for (key, encoding) in KEYS {
            let found = mirror.read("object_encoding", &[text(key)]);
            assert_eq!(found, Answer::Atom(encoding), "{key}");
        }
        assert_eq!(mirror.read("object_encoding", &[text("none")]), UNDEFINED);
    }

    #[test]
    fn memory_is_at_least_that_of_key_and_value() {
        let mirror = filled();
        for (key, least) in [("string", 7), ("long", 100_000), ("longlist", 4000), ("zset", 20_000)]
        {
            let Answer::Int(found) = mirror.read("memory_usage", &[text(key)]) else { panic!() };
            assert!(found >= least && found < least * 20, "{key}: {found}");
        }
        assert_eq!(mirror.read("memory_usage", &[text("none")]), UNDEFINED);
    }

    #[test]
    fn a_module_is_named() {
        let mirror = filled();
        let module = NewValue::Large(Large::Module(Module::new(b"Some-Type", 1).into()));
        mirror.load("module", module);
        let kind = Answer::Tuple(vec![Answer::Atom("module"), bytes("Some-Type")]);
        assert_eq!(mirror.read("type", &[text("module")]), kind);
        let module = |name| Arg::Tuple(vec![Arg::Atom("module"), text(name)]);
        for (wanted, found) in [
            (module("Some-Type"), true),
            (module("Other-Typ"), false),
            (Arg::Atom("module"), true),
            (Arg::Atom("any"), true),
            (Arg::Atom("string"), false),
        ] {
            let whole = mirror.read("value", &[text("module"), wanted.clone()]);
            let expected = Answer::Tuple(vec![kind.clone(), UNDEFINED]);
            assert_eq!(whole, if found { expected } else { UNDEFINED }, "{wanted:?}");
            let glob = text("mod*");
            let scan = mirror.read("scan", &[Arg::Int(0), glob, wanted.clone(), Arg::Int(10_000)]);
            let keys = if found { vec![bytes("module")] } else { Vec::new() };
            let expected = Answer::Tuple(vec![Answer::Int(0), Answer::List(keys)]);
            assert_eq!(scan, expected, "{wanted:?}");
        }
    }

    #[test]
    fn keys_that_exist_are_counted() {
        let mirror = filled();
        let keys = list(["string", "none", "list", "string"].map(text));
        assert_eq!(mirror.read("exists_count", &[keys]), Answer::Int(3));
        assert_eq!(mirror.read("exists_count", &[list([])]), Answer::Int(0));
    }
}
