//! Commands that write positions, which are the scores of sorted sets, or store those found near a
//! place. The distances of `STOREDIST` are as exact as the mathematical libraries of the two machines
//! agree: they may differ in the last bits.

use crate::keyspace::version::Version;
use crate::values::Type;
use crate::values::geo::place::{Place, Shape};
use crate::values::geo::search::{self, Hit, Order};
use crate::values::geo::{Position, Unit};
use crate::values::zset::Zset;
use crate::values::zset::algebra::{self, Scored};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest, to_size};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::zset::{self, Flags};

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("geoadd", geoadd),
    ("georadius", georadius),
    ("georadiusbymember", georadiusbymember),
    ("geosearchstore", geosearchstore),
];

/// The versions from which on a position is kept within the map, and two on one meridian have a
/// simpler distance; some of 7.0 have that, too. All masters with these commands tell their version.
const FRAMED: Version = Version::new(6, 0);
const SOME_SIMPLER: Version = Version::new(7, 0);
const SIMPLER: Version = Version::new(7, 2);

/// Where a search begins.
#[derive(Debug, Clone, Copy)]
enum Center<'a> {
    /// A polygon has its own.
    None,
    At(Position),
    Member(&'a [u8]),
}

/// What becomes the score of a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Score,
    Distance,
}

#[derive(Debug)]
struct Search<'a> {
    center: Center<'a>,
    shape: Option<Shape>,
    order: Order,
    count: Option<usize>,
    any: bool,
    /// Where the result goes. `GEOSEARCHSTORE` has it before its options.
    target: Option<&'a [u8]>,
    stored: Stored,
}

impl<'a> Search<'a> {
    fn new(center: Center<'a>, shape: Option<Shape>, target: Option<&'a [u8]>) -> Self {
        let (order, stored) = (Order::None, Stored::Score);
        Self { center, shape, order, count: None, any: false, target, stored }
    }

    /// Reads options.
    fn read(&mut self, args: &Args<'a>) -> Result<(), Refusal> {
        let has_target = self.target.is_some();
        let mut left = args.iter().copied();
        while let Some(name) = left.next() {
            let mut next = || left.next().ok_or(Refusal::Syntax);
            if is(name, "ASC") {
                self.order = Order::Ascending;
            } else if is(name, "DESC") {
                self.order = Order::Descending;
            } else if is(name, "ANY") {
                self.any = true;
            } else if is(name, "COUNT") {
                self.count = Some(to_size(next()?)?);
            } else if is(name, "STORE") {
                (self.target, self.stored) = (Some(next()?), Stored::Score);
            } else if is(name, "STOREDIST") {
                self.stored = Stored::Distance;
                if !has_target {
                    self.target = Some(next()?);
                }
            } else if is(name, "FROMMEMBER") {
                self.center = Center::Member(next()?);
            } else if is(name, "FROMLONLAT") {
                self.center = Center::At(position(next()?, next()?)?);
            } else if is(name, "BYRADIUS") {
                self.shape = Some(radius(next()?, next()?)?);
            } else if is(name, "BYBOX") {
                let (width, height) = (number(next()?)?, number(next()?)?);
                self.shape = Some(Shape::Box(width, height, unit(next()?)?));
            } else if is(name, "BYPOLYGON") {
                let corners = (0..to_size(next()?)?).map(|_| position(next()?, next()?));
                self.shape = Some(Shape::Polygon(corners.collect::<Result<_, _>>()?));
            } else if !name.get(..4).is_some_and(|start| is(start, "WITH")) {
                return Err(Refusal::Syntax);
            }
        }
        Ok(())
    }
}

fn position(longitude: &[u8], latitude: &[u8]) -> Result<Position, Refusal> {
    Ok(Position::new(number(longitude)?, number(latitude)?))
}

fn number(text: &[u8]) -> Result<f64, Refusal> {
    let number = zset::number(text)?;
    if number.is_finite() { Ok(number) } else { Err(Refusal::Value) }
}

fn radius(radius: &[u8], name: &[u8]) -> Result<Shape, Refusal> {
    Ok(Shape::Radius(number(radius)?, unit(name)?))
}

fn unit(name: &[u8]) -> Result<Unit, Refusal> {
    Unit::of(&name.to_ascii_lowercase()).ok_or(Refusal::Syntax)
}

fn geoadd(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let mut flags = Flags::default();
    let mut members = Vec::with_capacity(args.len() / 3);
    let mut left = rest(args, 1)?;
    while let Some((first, behind)) = left.split_first() {
        if flags.take(first) {
            left = behind;
            continue;
        }
        let (given, behind) = left.split_at_checked(3).ok_or(Refusal::Syntax)?;
        members.push((position(first, arg(given, 1)?)?.score(), arg(given, 2)?));
        left = behind;
    }
    zset::add(context, arg(args, 0)?, flags, members.into_iter().map(Ok))
}

fn georadius(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let center = Center::At(position(arg(args, 1)?, arg(args, 2)?)?);
    let shape = radius(arg(args, 3)?, arg(args, 4)?)?;
    store_or_read(context, arg(args, 0)?, Search::new(center, Some(shape), None), rest(args, 5)?)
}

fn georadiusbymember(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let center = Center::Member(arg(args, 1)?);
    let shape = radius(arg(args, 2)?, arg(args, 3)?)?;
    store_or_read(context, arg(args, 0)?, Search::new(center, Some(shape), None), rest(args, 4)?)
}

/// Without a target it is only a read.
fn store_or_read<'a>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    mut search: Search<'a>,
    options: &Args<'a>,
) -> Result<(), Refusal> {
    search.read(options)?;
    match search.target {
        Some(target) => store(context, key, target, &search),
        None => Ok(()),
    }
}

fn geosearchstore(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let target = arg(args, 0)?;
    let mut search = Search::new(Center::None, None, Some(target));
    search.read(rest(args, 2)?)?;
    store(context, arg(args, 1)?, target, &search)
}

fn store(
    context: &mut Context<'_, '_>,
    key: &[u8],
    target: &[u8],
    search: &Search<'_>,
) -> Result<(), Refusal> {
    let value = context.copy(key, Type::Zset)?;
    let value = context.aside(|| {
        let members = match value.as_ref().and_then(|value| Zset::of(value.as_ref())) {
            Some(zset) => members(zset, search, context.redis())?,
            None => Scored::new(),
        };
        Ok::<_, Refusal>(algebra::collect(members, context.seed())?)
    })?;
    context.put(target, value, None);
    Ok(())
}

/// What is stored of a sorted set, if it is sure what the master stores.
fn members(zset: Zset<'_>, search: &Search<'_>, version: Version) -> Result<Scored, Refusal> {
    let shape = search.shape.as_ref().ok_or(Refusal::Syntax)?;
    let center = center(zset, search.center, shape)?;
    let place = Place::new(center, shape).ok_or(Refusal::Syntax)?;
    if !place.is_defined() {
        return Err(Refusal::Value);
    }
    let hits = found(zset, search, &place)?;
    let mut positions = center.into_iter().chain(hits.iter().map(|hit| hit.position));
    if version < FRAMED && positions.any(is_on_edge) {
        return Err(Refusal::Value);
    }
    hits.into_iter()
        .map(|hit| {
            let score = match (search.stored, center) {
                (Stored::Score, _) => hit.score,
                (Stored::Distance, center) => {
                    meters(version, hit.meters, center, hit.position)? / shape.unit().meters()
                }
            };
            Ok((score, hit.member))
        })
        .collect()
}

fn center(zset: Zset<'_>, center: Center<'_>, shape: &Shape) -> Result<Option<Position>, Refusal> {
    match (shape, center) {
        (Shape::Polygon(_), _) => Ok(None),
        (_, Center::None) => Err(Refusal::Syntax),
        (_, Center::At(position)) => Ok(Some(position)),
        (_, Center::Member(member)) => {
            let score = zset.score(member).ok_or(Refusal::Missing)?;
            Position::of_score(score).map(Some).ok_or(Refusal::Value)
        }
    }
}

/// With a count it is the nearest that are stored; without one the order does not matter.
fn found(zset: Zset<'_>, search: &Search<'_>, place: &Place<'_>) -> Result<Vec<Hit>, Refusal> {
    let count = search.count.unwrap_or(usize::MAX);
    if search.any {
        return Ok(search::search(zset, place, count));
    }
    let mut hits = search::search(zset, place, usize::MAX);
    let order = if search.order == Order::None { Order::Ascending } else { search.order };
    search::sort(&mut hits, order);
    // Which of two at the same distance a server stores depends on how its library sorts.
    let last = count.checked_sub(1).and_then(|last| hits.get(last));
    if let (Some(last), Some(next)) = (last, hits.get(count))
        && last.meters == next.meters
    {
        return Err(Refusal::Value);
    }
    hits.truncate(count);
    Ok(hits)
}

/// Servers up to 5.0 take what is on the edge of the map for a little beyond it.
fn is_on_edge(position: Position) -> bool {
    position.longitude.abs() >= 180.0 || position.latitude.abs() >= 85.05112878
}

/// A distance, if it is sure which formula the master has.
fn meters(
    version: Version,
    simpler: f64,
    center: Option<Position>,
    position: Position,
) -> Result<f64, Refusal> {
    if version >= SIMPLER {
        return Ok(simpler);
    }
    let general = center.ok_or(Refusal::Value)?.haversine(position);
    if version < SOME_SIMPLER || general == simpler { Ok(general) } else { Err(Refusal::Value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two formulas differ in the last bit for some positions on one meridian.
    #[test]
    fn distances_are_those_of_the_version() {
        let center = Position::new(10.0, 20.0);
        let differs =
            |position: &Position| center.distance(*position) != center.haversine(*position);
        let north = |step: i32| Position::new(10.0, 20.0 + f64::from(step) / 100.0);
        let one = (1..1000).map(north).find(differs).unwrap();
        let (simpler, general) = (center.distance(one), center.haversine(one));
        for (version, wanted) in [
            (Version::new(6, 2), Ok(general)),
            (Version::new(7, 0), Err(Refusal::Value)),
            (Version::new(7, 2), Ok(simpler)),
            (Version::NEWEST, Ok(simpler)),
        ] {
            assert_eq!(meters(version, simpler, Some(center), one), wanted, "{version:?}");
        }
        let same = Position::new(11.0, 20.0);
        let distance = center.distance(same);
        assert_eq!(meters(Version::new(7, 0), distance, Some(center), same), Ok(distance));
    }

    #[test]
    fn old_servers_have_no_edge_of_the_map() {
        assert!(
            is_on_edge(Position::new(-180.0, 0.0)) && is_on_edge(Position::new(0.0, 85.05112878))
        );
        assert!(!is_on_edge(Position::new(179.99, -85.05)));
    }
}
