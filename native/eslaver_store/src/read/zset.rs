//! Reads of sorted sets.
//!
//! A score is a float, `inf` or `-inf`; a bound of one may also be an integer, or be within
//! `{exclusive, Bound}`. A bound of names is `{inclusive, Name}`, `{exclusive, Name}`, `-` or `+`.

use std::ops;

use eslaver_core::glob::Glob;
use hashbrown::HashSet;

use crate::collections::element::Element;
use crate::keyspace::error::ReadError;
use crate::keyspace::kept::Kept;
use crate::keyspace::look::Located;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::score::{Aggregate, plain};
use crate::values::zset::Zset;
use crate::values::zset::algebra::{self, Options, Scored, Source};
use crate::values::zset::range::{End, Place, Range, Selection, Way};
use crate::values::{Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("zcard", zcard),
    ("zcount", |reader, args, reply| count(reader, args, By::Score, reply)),
    ("zdiff", zdiff),
    ("zinter", |reader, args, reply| {
        combined(reader, args, reply, |sources, options| {
            algebra::intersection(sources, options, usize::MAX)
        })
    }),
    ("zintercard", zintercard),
    ("zlexcount", |reader, args, reply| count(reader, args, By::Lex, reply)),
    ("zmscore", zmscore),
    ("zrandmember", zrandmember),
    ("zrandmember_count", |reader, args, reply| random(reader, args, reply, give_member)),
    ("zrandmember_withscores", |reader, args, reply| random(reader, args, reply, give_pair)),
    ("zrange", zrange),
    ("zrank", |reader, args, reply| rank(reader, args, Way::Forward, false, reply)),
    ("zrank_withscore", |reader, args, reply| rank(reader, args, Way::Forward, true, reply)),
    ("zrevrank", |reader, args, reply| rank(reader, args, Way::Backward, false, reply)),
    ("zrevrank_withscore", |reader, args, reply| rank(reader, args, Way::Backward, true, reply)),
    ("zscan", zscan),
    ("zscore", zscore),
    ("zunion", |reader, args, reply| combined(reader, args, reply, algebra::union)),
];

/// Steps of some 10 ns that a member takes: to be given, to be found, and to be combined with others.
const STEPS: usize = 6;
const STEPS_OF_LOOKUP: usize = 10;
const STEPS_OF_ALGEBRA: usize = 40;
/// The most members of an answer under the lock: a clone of the sorted set costs more.
const SHORT: usize = 100;

type Give = fn(&mut dyn Reply, f64, Element<'_>);

fn give_member(reply: &mut dyn Reply, _score: f64, member: Element<'_>) {
    member.with_bytes(|bytes| reply.bytes(bytes));
}

fn give_pair(reply: &mut dyn Reply, score: f64, member: Element<'_>) {
    reply.begin();
    give_member(reply, score, member);
    give_score(reply, score);
    reply.end_tuple();
}

fn give_score(reply: &mut dyn Reply, score: f64) {
    match score {
        f64::INFINITY => reply.atom("inf"),
        f64::NEG_INFINITY => reply.atom("-inf"),
        _ => reply.float(score),
    }
}

fn give_score_of(reply: &mut dyn Reply, score: Option<f64>) {
    match score {
        Some(score) => give_score(reply, score),
        None => reply.missing(),
    }
}

fn truth(args: Args<'_>, index: usize) -> Result<bool, ReadError> {
    match args.atom(index)? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ReadError::BadQuery),
    }
}

/// How members are given, as the argument at `index` says: whether with their scores.
fn shape(args: Args<'_>, index: usize) -> Result<Give, ReadError> {
    Ok(if truth(args, index)? { give_pair } else { give_member })
}

fn zcard(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Zset, |value| {
        reply.unsigned(value.and_then(Zset::of).map_or(0, Zset::len) as u64);
        Ok(())
    })
}

fn zscore(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let member = args.bytes(1)?;
    reader.point(args.bytes(0)?, Type::Zset, |value| {
        give_score_of(reply, value.and_then(Zset::of).and_then(|zset| zset.score(member)));
        Ok(())
    })
}

fn zmscore(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let members = args.strings(1)?;
    reader.check_steps(members.len().saturating_mul(STEPS_OF_LOOKUP))?;
    reader.walk(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        reply.begin();
        for member in members {
            give_score_of(reply, zset.and_then(|zset| zset.score(member)));
        }
        reply.end_list();
        Ok(())
    })
}

fn rank(
    reader: &Reader<'_>,
    args: Args<'_>,
    way: Way,
    with_score: bool,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let member = args.bytes(1)?;
    reader.point(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        let Some((zset, (rank, score))) = zset.and_then(|zset| Some((zset, zset.rank(member)?)))
        else {
            reply.missing();
            return Ok(());
        };
        let rank = match way {
            Way::Forward => rank,
            Way::Backward => zset.len().saturating_sub(rank + 1),
        };
        if with_score {
            reply.begin();
            reply.unsigned(rank as u64);
            give_score(reply, score);
            reply.end_tuple();
        } else {
            reply.unsigned(rank as u64);
        }
        Ok(())
    })
}

/// What the bounds of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Index,
    Score,
    Lex,
}

/// A score as a reader has it.
pub(crate) fn score(arg: &Arg<'_>) -> Result<f64, ReadError> {
    match arg {
        Arg::Float(score) if !score.is_nan() => Ok(plain(*score)),
        Arg::Int(score) => Ok(*score as f64),
        Arg::Atom("inf") => Ok(f64::INFINITY),
        Arg::Atom("-inf") => Ok(f64::NEG_INFINITY),
        _ => Err(ReadError::BadQuery),
    }
}

fn score_bound(arg: &Arg<'_>) -> Result<(End, f64), ReadError> {
    match arg {
        Arg::Tuple(items) => match items.as_slice() {
            [Arg::Atom("exclusive"), bound] => Ok((End::Exclusive, score(bound)?)),
            _ => Err(ReadError::BadQuery),
        },
        bound => Ok((End::Inclusive, score(bound)?)),
    }
}

fn lex_bound<'a>(
    arg: &'a Arg<'_>,
    place: impl FnOnce(End, &'a [u8]) -> Place<'a>,
) -> Result<Place<'a>, ReadError> {
    match arg {
        Arg::Atom("-") => Ok(Place::Lowest),
        Arg::Atom("+") => Ok(Place::Highest),
        Arg::Tuple(items) => match items.as_slice() {
            [Arg::Atom("inclusive"), Arg::Bytes(name)] => Ok(place(End::Inclusive, name)),
            [Arg::Atom("exclusive"), Arg::Bytes(name)] => Ok(place(End::Exclusive, name)),
            _ => Err(ReadError::BadQuery),
        },
        _ => Err(ReadError::BadQuery),
    }
}

/// A range whose bounds are the arguments behind the key: going backward, the upper bound of scores or
/// names comes first.
fn range<'q>(args: Args<'q>, by: By, way: Way) -> Result<Range<'q>, ReadError> {
    let (low, high) = match way {
        Way::Backward if by != By::Index => (2, 1),
        _ => (1, 2),
    };
    Ok(match by {
        By::Index => Range::Index(args.int(low)?, args.int(high)?),
        By::Score => Range::score(score_bound(args.at(low)?)?, score_bound(args.at(high)?)?),
        By::Lex => Range::Lex(
            lex_bound(args.at(low)?, Place::lower)?,
            lex_bound(args.at(high)?, Place::upper)?,
        ),
    })
}

/// Arguments: key, start, stop, `index`, `score` or `lex`, whether from the highest member on, `none` or
/// `{Offset, Count}`, whether with scores.
fn zrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let by = match args.atom(3)? {
        "index" => By::Index,
        "score" => By::Score,
        "lex" => By::Lex,
        _ => return Err(ReadError::BadQuery),
    };
    let way = if truth(args, 4)? { Way::Backward } else { Way::Forward };
    let limit = match args.at(5)? {
        Arg::Atom(_) => None,
        _ => {
            let limit = args.list(5)?;
            Some((limit.int(0)?, limit.int(1)?))
        }
    };
    let selection = Selection { range: range(args, by, way)?, way, limit };
    let give = shape(args, 6)?;
    let short = reader.point(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        let places = zset.map_or(0..0, |zset| selection.select(zset));
        let short = places.len() <= SHORT;
        if short {
            give_range(reply, zset, places, way, give);
        }
        Ok(short)
    })?;
    if short {
        return Ok(());
    }
    reader.walk(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        let places = zset.map_or(0..0, |zset| selection.select(zset));
        reader.check_steps(places.len().saturating_mul(STEPS))?;
        give_range(reply, zset, places, way, give);
        Ok(())
    })
}

fn give_range(
    reply: &mut dyn Reply,
    zset: Option<Zset<'_>>,
    places: ops::Range<usize>,
    way: Way,
    give: Give,
) {
    reply.begin();
    match (zset, way) {
        (Some(zset), Way::Forward) => {
            zset.for_each(places, |score, member| give(reply, score, member));
        }
        (Some(zset), Way::Backward) => {
            zset.for_each_back(places, |score, member| give(reply, score, member));
        }
        (None, _) => {}
    }
    reply.end_list();
}

/// All members with their scores, as of `ZRANGE`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let zset = Zset::of(value);
    let places = 0..zset.map_or(0, Zset::len);
    reader.check_steps(places.len().saturating_mul(STEPS))?;
    give_range(reply, zset, places, Way::Forward, give_pair);
    Ok(())
}

fn count(
    reader: &Reader<'_>,
    args: Args<'_>,
    by: By,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let range = range(args, by, Way::Forward)?;
    reader.point(args.bytes(0)?, Type::Zset, |value| {
        let len = value.and_then(Zset::of).map_or(0, |zset| range.span(zset).len());
        reply.unsigned(len as u64);
        Ok(())
    })
}

fn zrandmember(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of).filter(|zset| zset.len() > 0);
        match zset.and_then(|zset| zset.get(fastrand::usize(..zset.len()))) {
            Some((score, member)) => give_member(reply, score, member),
            None => reply.missing(),
        }
        Ok(())
    })
}

/// A count of random members, each of them once; with a negative one any may come again.
fn random(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    give: Give,
) -> Result<(), ReadError> {
    let count = args.int(1)?;
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    reader.walk(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of).filter(|zset| zset.len() > 0);
        reply.begin();
        if let Some(zset) = zset {
            let len = zset.len();
            let by_rank = count < 0 || wanted.saturating_mul(3) < len;
            let steps = if by_rank { wanted } else { len };
            reader.check_steps(steps.saturating_mul(STEPS_OF_LOOKUP))?;
            let mut at = |rank: usize| {
                zset.get(rank).into_iter().for_each(|(score, member)| give(reply, score, member));
            };
            if count < 0 {
                (0..wanted).for_each(|_| at(fastrand::usize(..len)));
            } else if by_rank {
                let mut seen = HashSet::<usize, foldhash::fast::RandomState>::default();
                while seen.len() < wanted {
                    let rank = fastrand::usize(..len);
                    if seen.insert(rank) {
                        at(rank);
                    }
                }
            } else {
                let mut all = Vec::with_capacity(len);
                zset.for_each(0..len, |score, member| all.push((score, member)));
                fastrand::shuffle(&mut all);
                all.into_iter().take(wanted).for_each(|(score, member)| give(reply, score, member));
            }
        }
        reply.end_list();
        Ok(())
    })
}

/// Arguments: key, cursor, a pattern or `any`, and a count. A cursor is 0, or the score and the name of
/// the last member that has come.
fn zscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let after = match args.at(1)? {
        Arg::Int(0) => None,
        Arg::Tuple(items) => match items.as_slice() {
            [at, Arg::Bytes(member)] => Some((score(at)?, *member)),
            _ => return Err(ReadError::BadQuery),
        },
        _ => return Err(ReadError::BadQuery),
    };
    let glob = match args.at(2)? {
        Arg::Bytes(pattern) => Some(Glob::new(*pattern)),
        _ => None,
    };
    let count = usize::try_from(args.int(3)?).map_err(|_| ReadError::BadQuery)?.max(1);
    reader.walk(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        let len = zset.map_or(0, Zset::len);
        let from = match (zset, after) {
            (Some(zset), Some((score, member))) => zset.rank_of_record(score, member, true),
            _ => 0,
        };
        let places = from..from.saturating_add(count).min(len);
        reader.check_steps(places.len().saturating_mul(STEPS_OF_LOOKUP))?;
        reply.begin();
        match zset.filter(|_| places.end < len).and_then(|zset| zset.get(places.end - 1)) {
            Some((score, member)) => {
                reply.begin();
                give_score(reply, score);
                give_member(reply, score, member);
                reply.end_tuple();
            }
            None => reply.unsigned(0),
        }
        reply.begin();
        if let Some(zset) = zset {
            zset.for_each(places, |score, member| {
                let wanted = |bytes: &[u8]| glob.as_ref().is_none_or(|glob| glob.matches(bytes));
                if member.with_bytes(wanted) {
                    give_pair(reply, score, member);
                }
            });
        }
        reply.end_list();
        reply.end_tuple();
        Ok(())
    })
}

/// Hands the sorted sets, or sets, of some keys to `with`, as they are at one moment.
fn sources<R>(
    reader: &Reader<'_>,
    keys: &[&[u8]],
    with: impl FnOnce(&[Source<'_>]) -> R,
) -> Result<R, ReadError> {
    let values: Vec<Option<Kept<'_>>> =
        reader.entries(keys, |entries| entries.iter().map(|e| source(*e)).collect())?;
    let sources: Vec<_> = values
        .iter()
        .filter_map(|value| Source::of(value.as_ref().map(|value| value.as_ref()), reader.now()))
        .collect();
    let len: usize = sources.iter().map(|source| source.len()).sum();
    reader.check_steps(len.saturating_mul(STEPS_OF_ALGEBRA))?;
    Ok(with(&sources))
}

fn source<'a>(entry: Option<Located<'_, 'a>>) -> Result<Option<Kept<'a>>, ReadError> {
    let Some(entry) = entry else { return Ok(None) };
    match entry.kind() {
        Type::Zset | Type::Set => Ok(Some(entry.keep())),
        Type::Unknown | Type::Unsure => Err(ReadError::Unknown),
        _ => Err(ReadError::WrongType),
    }
}

/// Arguments: keys, `none` or a list of weights, an aggregate, whether with scores.
fn combined(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    combine: impl FnOnce(&[Source<'_>], &Options) -> Scored,
) -> Result<(), ReadError> {
    let weights = match args.at(1)? {
        Arg::Atom(_) => None,
        _ => Some(args.list(1)?.0.iter().map(score).collect::<Result<_, _>>()?),
    };
    let aggregate = match args.atom(2)? {
        "sum" => Aggregate::Sum,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "count" => Aggregate::Count,
        _ => return Err(ReadError::BadQuery),
    };
    let options = Options { weights, aggregate };
    let give = shape(args, 3)?;
    let found = sources(reader, &args.strings(0)?, |sources| combine(sources, &options))?;
    give_all(reply, found, give);
    Ok(())
}

fn give_all(reply: &mut dyn Reply, mut members: Scored, give: Give) {
    algebra::sort(&mut members);
    reply.begin();
    for (score, member) in &members {
        give(reply, *score, Element::Bytes(member));
    }
    reply.end_list();
}

/// Arguments: keys, whether with scores.
fn zdiff(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let give = shape(args, 1)?;
    let found = sources(reader, &args.strings(0)?, algebra::difference)?;
    give_all(reply, found, give);
    Ok(())
}

/// Arguments: keys, a limit, 0 for none.
fn zintercard(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let limit = match args.int(1)? {
        0 => usize::MAX,
        limit => usize::try_from(limit).map_err(|_| ReadError::BadQuery)?,
    };
    let found = sources(reader, &args.strings(0)?, |sources| {
        algebra::intersection(sources, &Options::default(), limit).len()
    })?;
    reply.unsigned(found as u64);
    Ok(())
}
