//! Positions on the earth, as servers keep them in the scores of sorted sets. A score is a geohash of 52
//! bits: those of the longitude and the latitude in turn. All computing is in the order of the server's,
//! so that no last bit of a float differs.

pub(crate) mod place;
pub(crate) mod search;

use std::f64::consts::PI;

/// The bits of a score that each of the two has.
const STEPS: u32 = 26;
const MAX_LATITUDE: f64 = 85.05112878;
const MAX_LONGITUDE: f64 = 180.0;
const EARTH_RADIUS: f64 = 6372797.560856;
const RADIANS: f64 = PI / 180.0;
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// The characters of a standard geohash. The last one has no bits left.
const HASH_LEN: u32 = 11;

/// A position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Position {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

/// What distances are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Meters,
    Kilometers,
    Feet,
    Miles,
}

impl Unit {
    /// The unit of this name, in lower case.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"m" => Some(Self::Meters),
            b"km" => Some(Self::Kilometers),
            b"ft" => Some(Self::Feet),
            b"mi" => Some(Self::Miles),
            _ => None,
        }
    }

    pub(crate) fn meters(self) -> f64 {
        match self {
            Self::Meters => 1.0,
            Self::Kilometers => 1000.0,
            Self::Feet => 0.3048,
            Self::Miles => 1609.34,
        }
    }
}

impl Position {
    pub(crate) fn new(longitude: f64, latitude: f64) -> Self {
        Self { longitude, latitude }
    }

    /// The position of a score: the middle of its cell. An infinite score has none.
    pub(crate) fn of_score(score: f64) -> Option<Self> {
        score.is_finite().then(|| {
            let bounds = Cell { bits: bits(score), steps: STEPS }.bounds();
            let framed = |degrees: f64, max: f64| degrees.min(max).max(-max);
            Self {
                longitude: framed((bounds.west + bounds.east) / 2.0, MAX_LONGITUDE),
                latitude: framed((bounds.south + bounds.north) / 2.0, MAX_LATITUDE),
            }
        })
    }

    /// Its score.
    pub(crate) fn score(self) -> f64 {
        // 54 bits at most, of which the lowest two are 0 where there are more than 52.
        encode(self, MAX_LATITUDE, STEPS) as f64
    }

    /// Its standard geohash, which has other bounds than a score.
    pub(crate) fn hash(self) -> [u8; HASH_LEN as usize] {
        let bits = encode(self, 90.0, STEPS) >> 2;
        let mut hash = [b'0'; HASH_LEN as usize];
        for (place, character) in (0..HASH_LEN - 1).rev().zip(&mut hash) {
            // Five bits are less than 32.
            *character = ALPHABET[(bits >> (5 * place)) as usize & 31];
        }
        hash
    }

    /// How far another position is, in meters.
    pub(crate) fn distance(self, other: Self) -> f64 {
        let aside = (other.longitude.radians() - self.longitude.radians()) / 2.0;
        if aside.sin() == 0.0 {
            north_distance(self.latitude, other.latitude)
        } else {
            self.haversine(other)
        }
    }

    /// The same by one formula for all, as old servers have it. It may differ in the last bits.
    pub(crate) fn haversine(self, other: Self) -> f64 {
        let v = ((other.longitude.radians() - self.longitude.radians()) / 2.0).sin();
        let (a, b) = (self.latitude.radians(), other.latitude.radians());
        let u = ((b - a) / 2.0).sin();
        // Rounding may bring opposite points of the earth a little beyond 1.
        let sine = (u * u + a.cos() * b.cos() * v * v).sqrt().min(1.0);
        2.0 * EARTH_RADIUS * sine.asin()
    }
}

fn north_distance(one: f64, other: f64) -> f64 {
    EARTH_RADIUS * (other.radians() - one.radians()).abs()
}

/// Angles, converted as servers do it: [`f64::to_radians`] may differ in the last bit.
trait Angle {
    fn radians(self) -> f64;
    fn degrees(self) -> f64;
}

impl Angle for f64 {
    fn radians(self) -> f64 {
        self * RADIANS
    }

    fn degrees(self) -> f64 {
        self / RADIANS
    }
}

/// A part of the earth, by the number of bits of each of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    bits: u64,
    steps: u32,
}

/// Where a cell or a place ends.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Cell {
    fn bounds(self) -> Bounds {
        let (x, y) = (gather(self.bits >> 1), gather(self.bits));
        Bounds {
            west: edge(x, self.steps, MAX_LONGITUDE),
            south: edge(y, self.steps, MAX_LATITUDE),
            east: edge(x + 1, self.steps, MAX_LONGITUDE),
            north: edge(y + 1, self.steps, MAX_LATITUDE),
        }
    }

    /// The neighbour so far to the east and to the north. Behind the last one is the first.
    fn beside(self, east: i64, north: i64) -> Self {
        let step = |place: u64, by: i64| place.wrapping_add_signed(by) & ((1 << self.steps) - 1);
        let moved = |place: u64, by: i64| if by == 0 { place } else { step(place, by) };
        let x = moved(gather(self.bits >> 1), east);
        let y = moved(gather(self.bits), north);
        Self { bits: (spread(x) << 1) | spread(y), steps: self.steps }
    }
}

fn edge(place: u64, steps: u32, max: f64) -> f64 {
    -max + place as f64 / (1u64 << steps) as f64 * (max + max)
}

fn encode(position: Position, max_latitude: f64, steps: u32) -> u64 {
    let x = (position.longitude + MAX_LONGITUDE) / (MAX_LONGITUDE + MAX_LONGITUDE);
    let y = (position.latitude + max_latitude) / (max_latitude + max_latitude);
    let cells = (1u64 << steps) as f64;
    (spread((x * cells) as u64) << 1) | spread((y * cells) as u64)
}

/// The lowest bits of a score without its decimals.
fn bits(score: f64) -> u64 {
    // Greater ones are multiples of 2 to the power of 64.
    if score.abs() < 2f64.powi(120) { score as i128 as u64 } else { 0 }
}

/// Each of 32 bits to the place of twice its number.
fn spread(bits: u64) -> u64 {
    let a = (bits | (bits << 16)) & 0x0000_ffff_0000_ffff;
    let b = (a | (a << 8)) & 0x00ff_00ff_00ff_00ff;
    let c = (b | (b << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let d = (c | (c << 2)) & 0x3333_3333_3333_3333;
    (d | (d << 1)) & 0x5555_5555_5555_5555
}

/// And back.
fn gather(bits: u64) -> u64 {
    let a = bits & 0x5555_5555_5555_5555;
    let b = (a | (a >> 1)) & 0x3333_3333_3333_3333;
    let c = (b | (b >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    let d = (c | (c >> 4)) & 0x00ff_00ff_00ff_00ff;
    let e = (d | (d >> 8)) & 0x0000_ffff_0000_ffff;
    (e | (e >> 16)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALERMO: Position =
        Position { longitude: 13.361389338970184, latitude: 38.1155563954963 };
    const CATANIA: Position =
        Position { longitude: 15.087267458438873, latitude: 37.50266842333162 };

    /// As a real server has them.
    #[test]
    fn positions_are_those_of_servers() {
        for (given, score, decoded, hash) in [
            (Position::new(13.361389, 38.115556), 3479099956230698.0, PALERMO, "sqc8b49rny0"),
            (Position::new(15.087269, 37.502669), 3479447370796909.0, CATANIA, "sqdtr74hyu0"),
        ] {
            assert_eq!(given.score(), score);
            assert_eq!(Position::of_score(score), Some(decoded));
            assert_eq!(decoded.hash(), hash.as_bytes());
        }
    }

    #[test]
    fn distances_are_those_of_servers() {
        assert_eq!(format!("{:.4}", PALERMO.distance(CATANIA)), "166274.1516");
        let north = Position::new(10.0, 20.0).distance(Position::new(10.0, 21.0));
        assert_eq!(format!("{north:.4}"), format!("{:.4}", EARTH_RADIUS * RADIANS));
        let opposite = Position::new(0.0, 0.0).distance(Position::new(180.0, 0.0));
        assert_eq!(opposite, EARTH_RADIUS * PI);
    }

    #[test]
    fn any_score_has_a_position_on_the_map() {
        let scores =
            [0.0, -1.0, 1.5, 2f64.powi(54), -2f64.powi(62), 1e20, -1e40, f64::MAX, f64::MIN];
        for score in scores {
            let position = Position::of_score(score).unwrap();
            assert!(position.longitude.abs() <= MAX_LONGITUDE, "{score}");
            assert!(position.latitude.abs() <= MAX_LATITUDE, "{score}");
        }
        for score in [f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Position::of_score(score), None);
        }
        // The corners of the map: what is on the edge counts as beyond the last cell.
        assert_eq!(Position::new(-180.0, -MAX_LATITUDE).score(), 0.0);
        assert_eq!(Position::new(180.0, MAX_LATITUDE).score(), 3.0 * 2f64.powi(52));
    }
}
