//! Commands of sorted sets, as masters send them: those that block, or take of the first of several
//! keys, arrive rewritten or verbatim.

use std::ops;

use crate::collections::element::Element;
use crate::collections::record::Refused;
use crate::heap;
use crate::keyspace::entry::Entry;
use crate::keyspace::version::Version;
use crate::values::score::{self, Aggregate, plain};
use crate::values::zset::algebra::{self, Options, Scored, Source};
use crate::values::zset::range::{End, Place, Range, Selection, Way};
use crate::values::zset::{self, Zset, ZsetBuilder};
use crate::values::{NewValue, Type};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, pairs, rest, to_int, to_size};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::set;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("bzmove", zmove),
    ("bzmpop", |context, args| zmpop(context, rest(args, 1)?)),
    ("bzpopmax", |context, args| blocking_pop(context, args, Way::Backward)),
    ("bzpopmin", |context, args| blocking_pop(context, args, Way::Forward)),
    ("zadd", zadd),
    ("zdiffstore", |context, args| store(context, args, |sources, _| algebra::difference(sources))),
    ("zincrby", zincrby),
    ("zinterstore", |context, args| {
        store(context, args, |sources, options| algebra::intersection(sources, options, usize::MAX))
    }),
    ("zmove", zmove),
    ("zmovemember", zmovemember),
    ("zmpop", zmpop),
    ("zpopmax", |context, args| pop_of(context, args, Way::Backward)),
    ("zpopmin", |context, args| pop_of(context, args, Way::Forward)),
    ("zrangestore", zrangestore),
    ("zrem", zrem),
    ("zremrangebylex", |context, args| remove_range(context, args, By::Lex)),
    ("zremrangebyrank", |context, args| remove_range(context, args, By::Index)),
    ("zremrangebyscore", |context, args| remove_range(context, args, By::Score)),
    ("zunionstore", |context, args| store(context, args, algebra::union)),
];

/// From this version on, a small sorted set has no minus zero.
const SIGN_LOST: Version = Version::new(7, 0);

/// What `ZADD` says besides scores and members.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags {
    /// Only new members.
    nx: bool,
    /// Only members that are there.
    xx: bool,
    /// Scores only become greater.
    gt: bool,
    /// Scores only become less.
    lt: bool,
    /// The score is added to that which is there.
    incr: bool,
    /// Something is said at all.
    any: bool,
}

impl Flags {
    /// Takes a flag: whether the argument is one.
    pub(crate) fn take(&mut self, arg: &[u8]) -> bool {
        // Of what a score can begin with, only the letters can make a flag.
        if arg.first().is_none_or(|&byte| byte <= b'9') {
            return false;
        }
        let flag = match arg.to_ascii_lowercase().as_slice() {
            b"nx" => &mut self.nx,
            b"xx" => &mut self.xx,
            b"gt" => &mut self.gt,
            b"lt" => &mut self.lt,
            b"incr" => &mut self.incr,
            b"ch" => return true,
            _ => return false,
        };
        *flag = true;
        self.any = true;
        true
    }

    /// The score that a member gets, if it gets one. Infinities of both signs have no sum.
    fn next(self, old: Option<f64>, given: f64) -> Result<Option<f64>, Refusal> {
        let score = match old {
            Some(old) if self.incr => old + given,
            _ => given,
        };
        if score.is_nan() {
            return Err(Refusal::Value);
        }
        let allowed = match old {
            None => !self.xx,
            Some(old) => !self.nx && (!self.gt || score > old) && (!self.lt || score < old),
        };
        Ok(allowed.then_some(score))
    }
}

#[inline]
fn zadd(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let mut flags = Flags::default();
    let mut index = 1;
    while args.get(index).is_some_and(|arg| flags.take(arg)) {
        index += 1;
    }
    let members = pairs(rest(args, index)?)?;
    add(context, arg(args, 0)?, flags, members.map(|(score, member)| Ok((number(score)?, member))))
}

fn zincrby(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (by, member) = (number(arg(args, 1)?)?, arg(args, 2)?);
    let flags = Flags { incr: true, any: true, ..Flags::default() };
    add(context, arg(args, 0)?, flags, std::iter::once(Ok((by, member))))
}

/// A score, as servers read it.
pub(crate) fn number(text: &[u8]) -> Result<f64, Refusal> {
    score::parse(text).ok_or(Refusal::Value)
}

/// Gives members scores, one after another.
#[inline]
pub(crate) fn add<'a>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    flags: Flags,
    mut members: impl ExactSizeIterator<Item = Result<(f64, &'a [u8]), Refusal>>,
) -> Result<(), Refusal> {
    let (seed, count, redis) = (context.seed(), members.len(), context.redis());
    let put = |zset: &mut Entry| {
        members.try_for_each(|next| {
            let (given, member) = next?;
            let score = match flags.any {
                true => flags.next(Zset::of(zset.value()).and_then(|z| z.score(member)), given)?,
                false => Some(given),
            };
            match score {
                Some(score) => {
                    let score = stored(redis, zset, member, score);
                    Ok(zset::put(zset, seed, member, score)?)
                }
                None => Ok(()),
            }
        })
    };
    context.change_elements(key, Type::Zset, count, zset::new, put)?
}

/// A score as the server comes to have it: from 7.0 on, a small sorted set loses the sign of zero.
#[inline]
fn stored(redis: Version, zset: &Entry, member: &[u8], score: f64) -> f64 {
    let is_minus_zero = || score.to_bits() == (-0.0f64).to_bits();
    if is_minus_zero() && redis >= SIGN_LOST && zset::is_small(zset, member) {
        return plain(score);
    }
    score
}

/// The same for members that a server stores one after another, until they are no small set.
struct Signs {
    are_lost: bool,
    count: usize,
}

impl Signs {
    /// `expected` is how many members the server expects.
    fn new(redis: Version, expected: usize) -> Self {
        Self { are_lost: redis >= SIGN_LOST && expected <= zset::SERVERS_MOST, count: 0 }
    }

    fn stored(&mut self, member_len: usize, score: f64) -> f64 {
        self.count += 1;
        self.are_lost &= self.count <= zset::SERVERS_MOST && member_len <= zset::SERVERS_LONGEST;
        if self.are_lost { plain(score) } else { score }
    }
}

/// The same for the members of a sorted set that is stored whole.
fn stored_all(redis: Version, mut members: Scored) -> Scored {
    let fits = |(_, member): &(f64, Vec<u8>)| member.len() <= zset::SERVERS_LONGEST;
    let are_small = members.len() <= zset::SERVERS_MOST && members.iter().all(fits);
    if redis >= SIGN_LOST && are_small {
        members.iter_mut().for_each(|(score, _)| *score = plain(*score));
    }
    members
}

/// Changes this number of members of a sorted set that must exist.
fn edit<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    members: usize,
    edit: impl FnOnce(&mut Entry) -> R,
) -> Result<R, Refusal> {
    context.edit_elements(key, Type::Zset, members, edit)?.ok_or(Refusal::Missing)
}

/// Looks at a sorted set that must exist.
fn view<R>(
    context: &Context<'_, '_>,
    key: &[u8],
    with: impl FnOnce(Zset<'_>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    context
        .view(key, Type::Zset, |value| with(value.and_then(Zset::of).ok_or(Refusal::Missing)?))?
}

fn zrem(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let members = rest(args, 1)?;
    edit(context, arg(args, 0)?, members.len(), |zset| {
        for member in members {
            zset::remove(zset, member);
        }
    })
}

/// What the bounds of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Index,
    Score,
    Lex,
}

/// A range as a command has it: going backward, the upper bound of scores or names comes first.
fn range<'a>(by: By, way: Way, first: &'a [u8], second: &'a [u8]) -> Result<Range<'a>, Refusal> {
    let (low, high) = match way {
        Way::Backward if by != By::Index => (second, first),
        _ => (first, second),
    };
    Ok(match by {
        By::Index => Range::Index(to_int(low)?, to_int(high)?),
        By::Score => Range::score(score_bound(low)?, score_bound(high)?),
        By::Lex => Range::Lex(lex_bound(low, Place::lower)?, lex_bound(high, Place::upper)?),
    })
}

fn score_bound(text: &[u8]) -> Result<(End, f64), Refusal> {
    match text {
        [b'(', text @ ..] => Ok((End::Exclusive, number(text)?)),
        _ => Ok((End::Inclusive, number(text)?)),
    }
}

fn lex_bound<'a>(
    text: &'a [u8],
    place: impl FnOnce(End, &'a [u8]) -> Place<'a>,
) -> Result<Place<'a>, Refusal> {
    match text {
        b"-" => Ok(Place::Lowest),
        b"+" => Ok(Place::Highest),
        [b'(', member @ ..] => Ok(place(End::Exclusive, member)),
        [b'[', member @ ..] => Ok(place(End::Inclusive, member)),
        _ => Err(Refusal::Syntax),
    }
}

fn remove_range(context: &mut Context<'_, '_>, args: &Args<'_>, by: By) -> Result<(), Refusal> {
    let range = range(by, Way::Forward, arg(args, 1)?, arg(args, 2)?)?;
    remove(context, arg(args, 0)?, Selection { range, way: Way::Forward, limit: None })
}

fn remove(
    context: &mut Context<'_, '_>,
    key: &[u8],
    selection: Selection<'_>,
) -> Result<(), Refusal> {
    let (places, len) = view(context, key, |zset| Ok((select(zset, selection)?, zset.len())))?;
    if places == (0..len) {
        context.remove(key);
        return Ok(());
    }
    edit(context, key, places.len(), |zset| zset::remove_range(zset, places))
}

/// The places of what is selected, if it is sure what the master selects.
fn select(zset: Zset<'_>, selection: Selection<'_>) -> Result<ops::Range<usize>, Refusal> {
    if selection.is_certain(zset) { Ok(selection.select(zset)) } else { Err(Refusal::Value) }
}

fn pop(context: &mut Context<'_, '_>, key: &[u8], way: Way, count: usize) -> Result<(), Refusal> {
    let count = i64::try_from(count).map_err(|_| Refusal::Range)?;
    let range = Range::Index(0, count.saturating_sub(1));
    match count {
        0 => Ok(()),
        _ => remove(context, key, Selection { range, way, limit: None }),
    }
}

fn pop_of(context: &mut Context<'_, '_>, args: &Args<'_>, way: Way) -> Result<(), Refusal> {
    let count = args.get(1).map_or(Ok(1), |count| to_size(count))?;
    pop(context, arg(args, 0)?, way, count)
}

fn blocking_pop(context: &mut Context<'_, '_>, args: &Args<'_>, way: Way) -> Result<(), Refusal> {
    let (_timeout, keys) = args.split_last().ok_or(Refusal::Syntax)?;
    pop_first(context, keys, way, 1)
}

fn zmpop(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let keys = to_size(arg(args, 0)?)?;
    let (keys, options) = rest(args, 1)?.split_at_checked(keys).ok_or(Refusal::Syntax)?;
    let count = options.get(2).map_or(Ok(1), |count| to_size(count))?;
    pop_first(context, keys, to_way(arg(options, 0)?)?, count)
}

fn pop_first(
    context: &mut Context<'_, '_>,
    keys: &Args<'_>,
    way: Way,
    count: usize,
) -> Result<(), Refusal> {
    for key in keys {
        if context.view(key, Type::Zset, |value| value.is_some())? {
            return pop(context, key, way, count);
        }
    }
    Err(Refusal::Missing)
}

fn to_way(arg: &[u8]) -> Result<Way, Refusal> {
    if is(arg, "MIN") {
        Ok(Way::Forward)
    } else if is(arg, "MAX") {
        Ok(Way::Backward)
    } else {
        Err(Refusal::Syntax)
    }
}

fn zmove(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let way = to_way(arg(args, 2)?)?;
    transfer(context, args, |zset| {
        let rank = if way == Way::Forward { Some(0) } else { zset.len().checked_sub(1) };
        let (score, member) = zset.get(rank?)?;
        Some((score, member.to_bytes().into_owned()))
    })
}

fn zmovemember(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let member = arg(args, 2)?;
    transfer(context, args, |zset| Some((zset.score(member)?, member.to_vec())))
}

/// Moves a member with its score, whatever that was where it goes.
fn transfer(
    context: &mut Context<'_, '_>,
    args: &Args<'_>,
    choose: impl FnOnce(Zset<'_>) -> Option<(f64, Vec<u8>)>,
) -> Result<(), Refusal> {
    let (from, to) = (arg(args, 0)?, arg(args, 1)?);
    if from == to {
        return Ok(());
    }
    let (score, member) = view(context, from, |zset| choose(zset).ok_or(Refusal::Value))?;
    context.view(to, Type::Zset, |_| ())?;
    edit(context, from, 1, |zset| zset::remove(zset, &member))?;
    let seed = context.seed();
    context.change(to, Type::Zset, zset::new, |zset| zset::put(zset, seed, &member, score))??;
    Ok(())
}

fn store(
    context: &mut Context<'_, '_>,
    args: &Args<'_>,
    combine: impl FnOnce(&[Source<'_>], &Options) -> Scored,
) -> Result<(), Refusal> {
    let keys = to_size(arg(args, 1)?)?;
    let (keys, rest) = rest(args, 2)?.split_at_checked(keys).ok_or(Refusal::Syntax)?;
    let options = options(keys.len(), rest)?;
    let values: Vec<_> = keys.iter().map(|key| source(context, key)).collect::<Result<_, _>>()?;
    let sources: Option<Vec<_>> = values
        .iter()
        .map(|value| Source::of(value.as_ref().map(NewValue::as_ref), context.now()))
        .collect();
    let sources = sources.ok_or(Refusal::Value)?;
    let value = context.aside(|| {
        let members = combine(&sources, &options);
        algebra::collect(stored_all(context.redis(), members), context.seed())
    })?;
    // Before the key is locked, as it may take long.
    context.aside(|| drop(values));
    context.put(arg(args, 0)?, value, None);
    Ok(())
}

/// The sorted set of a key, or the set.
fn source(context: &Context<'_, '_>, key: &[u8]) -> Result<Option<NewValue>, Refusal> {
    match context.read(key, |entry| entry.map(Entry::kind)) {
        Some(Type::Set) => set::source(context, key),
        _ => context.copy(key, Type::Zset),
    }
}

fn options(keys: usize, args: &Args<'_>) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let mut left = args;
    while let Some((name, values)) = left.split_first() {
        left = if is(name, "WEIGHTS") {
            let (weights, left) = values.split_at_checked(keys).ok_or(Refusal::Syntax)?;
            let weights = weights.iter().map(|weight| number(weight));
            options.weights = Some(weights.collect::<Result<_, _>>()?);
            left
        } else if is(name, "AGGREGATE") {
            options.aggregate = aggregate(arg(values, 0)?)?;
            rest(values, 1)?
        } else {
            return Err(Refusal::Syntax);
        };
    }
    Ok(options)
}

fn aggregate(name: &[u8]) -> Result<Aggregate, Refusal> {
    const ALL: [(&str, Aggregate); 4] = [
        ("SUM", Aggregate::Sum),
        ("MIN", Aggregate::Min),
        ("MAX", Aggregate::Max),
        ("COUNT", Aggregate::Count),
    ];
    let found = ALL.into_iter().find(|(word, _)| is(name, word));
    found.map(|(_, aggregate)| aggregate).ok_or(Refusal::Syntax)
}

fn zrangestore(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (mut by, mut way, mut limit) = (By::Index, Way::Forward, None);
    let mut index = 4;
    while let Some(name) = args.get(index) {
        index += 1;
        if is(name, "BYSCORE") {
            by = By::Score;
        } else if is(name, "BYLEX") {
            by = By::Lex;
        } else if is(name, "REV") {
            way = Way::Backward;
        } else if is(name, "LIMIT") {
            limit = Some((int(args, index)?, int(args, index + 1)?));
            index += 2;
        } else {
            return Err(Refusal::Syntax);
        }
    }
    let range = range(by, way, arg(args, 2)?, arg(args, 3)?)?;
    let from = context.copy(arg(args, 1)?, Type::Zset)?;
    let selection = Selection { range, way, limit };
    let value = match from.as_ref().and_then(|value| Zset::of(value.as_ref())) {
        Some(zset) => context.aside(|| selected(context, zset, by, selection))?,
        None => zset::new(),
    };
    context.put(arg(args, 0)?, value, None);
    Ok(())
}

fn selected(
    context: &Context<'_, '_>,
    zset: Zset<'_>,
    by: By,
    selection: Selection<'_>,
) -> Result<NewValue, Refusal> {
    let way = selection.way;
    let places = select(zset, selection)?;
    let is_hinted = by == By::Index;
    let mut signs = Signs::new(context.redis(), if is_hinted { places.len() } else { 0 });
    let mut builder = ZsetBuilder::new(context.seed());
    let mut result = Ok::<_, Refused>(());
    let push = |score, member: Element<'_>| {
        heap::step();
        let score = signs.stored(member.len(), score);
        result = result.and_then(|()| builder.push(member, score));
    };
    match way {
        Way::Forward => zset.for_each(places, push),
        Way::Backward => zset.for_each_back(places, push),
    }
    result?;
    Ok(builder.finish())
}
