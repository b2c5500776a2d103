//! Reads of the positions in sorted sets: of single ones, or which are near a place.

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::read::zset::score;
use crate::values::Type;
use crate::values::geo::place::{Place, Shape};
use crate::values::geo::search::{self, Hit, Order};
use crate::values::geo::{Position, Unit};
use crate::values::zset::Zset;

pub(crate) const QUERIES: &[(&str, Answer)] =
    &[("geodist", geodist), ("geohash", geohash), ("geopos", geopos), ("geosearch", geosearch)];

/// Steps of some 10 ns that a member takes: to be found, and to be looked at for a place.
const STEPS_OF_LOOKUP: usize = 10;
const STEPS_OF_SEARCH: usize = 20;

fn position(zset: Option<Zset<'_>>, member: &[u8]) -> Option<Position> {
    zset?.score(member).and_then(Position::of_score)
}

/// Answers a list, with something about each member.
fn each(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    give: fn(&mut dyn Reply, Position),
) -> Result<(), ReadError> {
    let members = args.strings(1)?;
    reader.check_steps(members.len().saturating_mul(STEPS_OF_LOOKUP))?;
    reader.walk(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        reply.begin();
        for member in members {
            match position(zset, member) {
                Some(position) => give(reply, position),
                None => reply.missing(),
            }
        }
        reply.end_list();
        Ok(())
    })
}

fn geopos(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    each(reader, args, reply, give_position)
}

fn give_position(reply: &mut dyn Reply, position: Position) {
    reply.begin();
    reply.float(position.longitude);
    reply.float(position.latitude);
    reply.end_tuple();
}

fn geohash(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    each(reader, args, reply, |reply, position| reply.bytes(&position.hash()))
}

fn geodist(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (one, other) = (args.bytes(1)?, args.bytes(2)?);
    let unit = unit(args.at(3)?)?;
    reader.point(args.bytes(0)?, Type::Zset, |value| {
        let zset = value.and_then(Zset::of);
        match (position(zset, one), position(zset, other)) {
            (Some(one), Some(other)) => reply.float(one.distance(other) / unit.meters()),
            _ => reply.missing(),
        }
        Ok(())
    })
}

fn unit(arg: &Arg<'_>) -> Result<Unit, ReadError> {
    match arg {
        Arg::Atom(name) => Unit::of(name.as_bytes()).ok_or(ReadError::BadQuery),
        _ => Err(ReadError::BadQuery),
    }
}

/// Where a search begins.
enum From<'a> {
    /// A polygon has its own center.
    None,
    At(Position),
    Member(&'a [u8]),
}

/// How many hits are wanted.
enum Count {
    All,
    Nearest(usize),
    Any(usize),
}

#[derive(Debug, Default)]
struct With {
    coord: bool,
    dist: bool,
    hash: bool,
}

/// Arguments: key, then `from`, `by`, `order`, `count` and `with` of the options, all of them: `none`,
/// `none`, `infinity` and `[]` for those that are not given.
fn geosearch(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (from, shape) = (from(args.at(1)?)?, shape(args.at(2)?)?);
    let order = match args.atom(3)? {
        "asc" => Order::Ascending,
        "desc" => Order::Descending,
        "none" => Order::None,
        _ => return Err(ReadError::BadQuery),
    };
    let (count, with) = (count(args.at(4)?)?, with(args.list(5)?)?);
    reader.walk(args.bytes(0)?, Type::Zset, |value| {
        let Some(zset) = value.and_then(Zset::of) else {
            reply.begin();
            reply.end_list();
            return Ok(());
        };
        let center = match from {
            From::None => None,
            From::At(position) => Some(position),
            From::Member(member) => match position(Some(zset), member) {
                Some(position) => Some(position),
                None => {
                    reply.begin();
                    reply.atom("error");
                    reply.atom("no_member");
                    reply.end_tuple();
                    return Ok(());
                }
            },
        };
        let place = Place::new(center, &shape).ok_or(ReadError::BadQuery)?;
        let candidates = search::candidates(zset, &place);
        reader.check_steps(candidates.saturating_mul(STEPS_OF_SEARCH))?;
        reply.begin();
        for hit in found(zset, &place, order, &count) {
            give(reply, &hit, &shape, &with);
        }
        reply.end_list();
        Ok(())
    })
}

fn from<'a>(arg: &Arg<'a>) -> Result<From<'a>, ReadError> {
    let Arg::Tuple(items) = arg else { return Ok(From::None) };
    match items.as_slice() {
        [Arg::Atom("member"), Arg::Bytes(member)] => Ok(From::Member(member)),
        [Arg::Atom("lonlat"), longitude, latitude] => {
            Ok(From::At(Position::new(score(longitude)?, score(latitude)?)))
        }
        _ => Err(ReadError::BadQuery),
    }
}

fn shape(arg: &Arg<'_>) -> Result<Shape, ReadError> {
    let Arg::Tuple(items) = arg else { return Err(ReadError::BadQuery) };
    match items.as_slice() {
        [Arg::Atom("radius"), radius, name] => Ok(Shape::Radius(score(radius)?, unit(name)?)),
        [Arg::Atom("box"), width, height, name] => {
            Ok(Shape::Box(score(width)?, score(height)?, unit(name)?))
        }
        [Arg::Atom("polygon"), Arg::List(corners)] => {
            let corner = |arg: &Arg<'_>| match arg {
                Arg::Tuple(items) => match items.as_slice() {
                    [x, y] => Ok(Position::new(score(x)?, score(y)?)),
                    _ => Err(ReadError::BadQuery),
                },
                _ => Err(ReadError::BadQuery),
            };
            Ok(Shape::Polygon(corners.iter().map(corner).collect::<Result<_, _>>()?))
        }
        _ => Err(ReadError::BadQuery),
    }
}

fn count(arg: &Arg<'_>) -> Result<Count, ReadError> {
    let size = |count: i64| usize::try_from(count).map_err(|_| ReadError::BadQuery);
    match arg {
        Arg::Atom("infinity") => Ok(Count::All),
        Arg::Int(count) => Ok(Count::Nearest(size(*count)?)),
        Arg::Tuple(items) => match items.as_slice() {
            [Arg::Int(count), Arg::Atom("any")] => Ok(Count::Any(size(*count)?)),
            [Arg::Atom("infinity"), Arg::Atom("any")] => Ok(Count::All),
            _ => Err(ReadError::BadQuery),
        },
        _ => Err(ReadError::BadQuery),
    }
}

fn with(args: Args<'_>) -> Result<With, ReadError> {
    let mut with = With::default();
    for index in 0..args.len() {
        match args.atom(index)? {
            "coord" => with.coord = true,
            "dist" => with.dist = true,
            "hash" => with.hash = true,
            _ => return Err(ReadError::BadQuery),
        }
    }
    Ok(with)
}

fn found(zset: Zset<'_>, place: &Place<'_>, order: Order, count: &Count) -> Vec<Hit> {
    let (order, most, wanted) = match (count, order) {
        (Count::All, order) => (order, usize::MAX, usize::MAX),
        (Count::Any(count), order) => (order, *count, *count),
        (Count::Nearest(count), Order::None) => (Order::Ascending, usize::MAX, *count),
        (Count::Nearest(count), order) => (order, usize::MAX, *count),
    };
    let mut hits = search::search(zset, place, most);
    search::sort(&mut hits, order);
    hits.truncate(wanted);
    hits
}

/// A member, or `{Member, Map}` with what is asked for.
fn give(reply: &mut dyn Reply, hit: &Hit, shape: &Shape, with: &With) {
    if !(with.coord || with.dist || with.hash) {
        return reply.bytes(&hit.member);
    }
    reply.begin();
    reply.bytes(&hit.member);
    reply.begin();
    if with.coord {
        reply.atom("coord");
        give_position(reply, hit.position);
    }
    if with.dist {
        reply.atom("dist");
        reply.float(hit.meters / shape.unit().meters());
    }
    if with.hash {
        reply.atom("hash");
        // Those in an area have 54 bits at most.
        reply.int(hit.score as i64);
    }
    reply.end_map();
    reply.end_tuple();
}
