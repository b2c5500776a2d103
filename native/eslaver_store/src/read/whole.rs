//! Reads of whole values, whatever their types.

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::kind::{self, Wanted};
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::read::{array, gcra, hash, list, path_hash, set, stream, string, vectorset, zset};
use crate::values::{Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] = &[("value", value)];

/// `{Type, Value}`, with the value as the read of all elements gives it. That of a module is missing,
/// and that of a key that is not known, which is of the type `unknown`. The answer is missing for a key
/// that is missing, or of another type than the second argument, which may be `any`.
fn value(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let wanted = Wanted::read(args, 1)?;
    let read = reader.walk_any(args.bytes(0)?, |value| {
        match value.filter(|value| wanted.has(*value)) {
            None => reply.missing(),
            Some(value) => {
                reply.begin();
                kind::give(value, reply);
                give(reader, value, reply)?;
                reply.end_tuple();
            }
        }
        Ok(())
    });
    match read {
        Err(ReadError::Unknown) => {
            if wanted == Wanted::Any {
                reply.begin();
                reply.atom(kind::UNKNOWN);
                reply.missing();
                reply.end_tuple();
            } else {
                reply.missing();
            }
            Ok(())
        }
        read => read,
    }
}

fn give(reader: &Reader<'_>, value: ValueRef<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    match value.kind() {
        Type::String => string::give_whole(reader, value, reply),
        Type::List => list::give_whole(reader, value, reply),
        Type::Set => set::give_whole(reader, value, reply),
        Type::Zset => zset::give_whole(reader, value, reply),
        Type::Hash => hash::give_whole(reader, value, reply),
        Type::Stream => stream::give_whole(reader, value, reply),
        Type::Array => array::give_whole(reader, value, reply),
        Type::PathHash => path_hash::give_whole(reader, value, reply),
        Type::VectorSet => vectorset::give_whole(reader, value, reply),
        Type::Gcra => {
            gcra::give(Some(value), reply);
            Ok(())
        }
        Type::Module => {
            reply.missing();
            Ok(())
        }
        Type::Unknown | Type::Unsure => Err(ReadError::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use crate::read::query::Arg;
    use crate::read::reply;
    use crate::testing::{Mirror, UNDEFINED, bytes, text};

    /// Of each type: what makes a key of it, and the query that gives all of it.
    fn cases() -> Vec<(&'static str, &'static str, &'static str, Vec<Arg<'static>>)> {
        let lex = || [Arg::Atom("-"), Arg::Atom("+"), Arg::Atom("infinity")].to_vec();
        let by_index = [Arg::Int(0), Arg::Int(-1), Arg::Atom("index"), Arg::Atom("false")];
        let by_index = [&by_index[..], &[Arg::Atom("infinity"), Arg::Atom("true")]].concat();
        vec![
            ("string", "set k value", "get", vec![]),
            ("list", "rpush k a b c", "lrange", vec![Arg::Int(0), Arg::Int(-1)]),
            ("set", "sadd k a b c", "smembers", vec![]),
            ("zset", "zadd k 1 a 2 b inf c", "zrange", by_index),
            ("hash", "hset k f 1 g 2", "hgetall", vec![]),
            ("stream", "xadd k 1-1 f v", "xrange", lex()),
            (
                "array",
                "arset k 7 a b",
                "arscan",
                vec![Arg::Int(0), Arg::Unsigned(u64::MAX), Arg::Atom("infinity")],
            ),
            ("gcra", "gcrasetvalue k 1800000000000000", "gcra", vec![]),
            ("vectorset", "vadd k VALUES 2 1.5 2 a", "vrange", lex()),
        ]
    }

    #[test]
    fn a_value_is_what_the_read_of_all_of_it_gives() {
        for (kind, make, query, args) in cases() {
            let mut mirror = Mirror::redis("8.12.0");
            mirror.run(make);
            let whole = mirror.read(query, &[&[text("k")], &args[..]].concat());
            let expected = reply::Answer::Tuple(vec![reply::Answer::Atom(kind), whole]);
            assert_eq!(mirror.read("value", &[text("k"), Arg::Atom("any")]), expected);
            assert_eq!(mirror.read("value", &[text("k"), Arg::Atom(kind)]), expected);
            let other = if kind == "hash" { "set" } else { "hash" };
            assert_eq!(mirror.read("value", &[text("k"), Arg::Atom(other)]), UNDEFINED, "{kind}");
            assert_eq!(mirror.read("value", &[text("x"), Arg::Atom("any")]), UNDEFINED);
        }
    }

    /// Values that have parts of their own, too.
    #[test]
    fn large_values_are_whole() {
        let mut mirror = Mirror::redis("8.12.0");
        let many = |each: fn(usize) -> String| (0..2000).map(each).collect::<Vec<_>>().join(" ");
        mirror.run(&format!("rpush l {}", many(|n| n.to_string())));
        mirror.run(&format!("sadd s {}", many(|n| format!("m{n}"))));
        mirror.run(&format!("hset h {}", many(|n| format!("f{n} {n}"))));
        mirror.run(&format!("zadd z {}", many(|n| format!("{n} m{n}"))));
        mirror.run(&format!("set x {}", "x".repeat(100_000)));
        let (from, to) = (Arg::Int(0), Arg::Int(-1));
        let places = [from.clone(), to.clone(), Arg::Atom("index"), Arg::Atom("false")];
        let places = [&places[..], &[Arg::Atom("infinity"), Arg::Atom("true")]].concat();
        for (kind, key, query, args) in [
            ("list", "l", "lrange", vec![from, to]),
            ("set", "s", "smembers", vec![]),
            ("hash", "h", "hgetall", vec![]),
            ("zset", "z", "zrange", places),
            ("string", "x", "get", vec![]),
        ] {
            let whole = mirror.read(query, &[&[text(key)], &args[..]].concat());
            let expected = reply::Answer::Tuple(vec![reply::Answer::Atom(kind), whole]);
            assert_eq!(mirror.read("value", &[text(key), Arg::Atom("any")]), expected, "{kind}");
        }
    }

    #[test]
    fn a_path_hash_is_its_paths_with_their_fields() {
        let mut mirror = Mirror::new("valkey-ver", "9.2.0");
        mirror.run("phset k one FIELDS 1 f v");
        mirror.run("phset k two FIELDS 1 g w");
        let list = |items| reply::Answer::List(items);
        let pair = |one, other| reply::Answer::Tuple(vec![one, other]);
        let path = |path, field, value| {
            pair(bytes(path), reply::Answer::Map(vec![(bytes(field), bytes(value))]))
        };
        assert_eq!(
            mirror.read("value", &[text("k"), Arg::Atom("any")]),
            pair(
                reply::Answer::Atom("path_hash"),
                list(vec![path("one", "f", "v"), path("two", "g", "w")])
            )
        );
    }

    #[test]
    fn a_key_that_is_not_known_has_no_value() {
        let unknown = reply::Answer::Tuple(vec![reply::Answer::Atom("unknown"), UNDEFINED]);
        let mut mirror = Mirror::redis("8.12.0");
        mirror.run("set k 1");
        assert!(mirror.refusal("no-command k").is_some());
        assert_eq!(mirror.read("value", &[text("k"), Arg::Atom("any")]), unknown);
        assert_eq!(mirror.read("value", &[text("k"), Arg::Atom("string")]), UNDEFINED);
    }
}
