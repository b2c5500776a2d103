//! What is searched around a position, and in which ranges of scores it is to be found.

use std::ops::Range;

use super::{
    Angle, Bounds, Cell, EARTH_RADIUS, MAX_LATITUDE, MAX_LONGITUDE, Position, STEPS, Unit, encode,
    north_distance,
};

/// Half of the equator, as the projection has it.
const MERCATOR: f64 = 20037726.37;

/// A shape around a position, or between corners.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Radius(f64, Unit),
    /// A width and a height.
    Box(f64, f64, Unit),
    Polygon(Vec<Position>),
}

impl Shape {
    /// The unit that distances in it have.
    pub(crate) fn unit(&self) -> Unit {
        match self {
            Self::Radius(_, unit) | Self::Box(_, _, unit) => *unit,
            Self::Polygon(_) => Unit::Meters,
        }
    }
}

/// What is searched.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    center: Position,
    shape: &'a Shape,
    /// In meters; of a polygon's box and a box that is half its diagonal.
    radius: f64,
    bounds: Bounds,
}

impl<'a> Place<'a> {
    /// A shape around a position. A polygon's is made from its corners; `None` where one is missing.
    pub(crate) fn new(center: Option<Position>, shape: &'a Shape) -> Option<Self> {
        Some(match shape {
            Shape::Radius(radius, unit) => {
                let (center, radius) = (center?, radius * unit.meters());
                Self { center, shape, radius, bounds: around(center, radius, radius) }
            }
            Shape::Box(width, height, unit) => {
                let (center, meters) = (center?, unit.meters());
                let half = ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt();
                let bounds = around(center, meters * (width / 2.0), meters * (height / 2.0));
                Self { center, shape, radius: half * meters, bounds }
            }
            Shape::Polygon(corners) => {
                let bounds = bounds(corners);
                let Bounds { west, south, east, north } = bounds;
                let center = centroid(corners);
                let radius = [(west, north), (east, north), (west, south), (east, south)]
                    .map(|(longitude, latitude)| center.distance(Position { longitude, latitude }))
                    .into_iter()
                    .fold(0.0, f64::max);
                Self { center, shape, radius, bounds }
            }
        })
    }

    /// Whether a server's search of this place has a result: a polygon may have its center so near to
    /// a pole that the server has no cell for it, and searches anywhere.
    pub(crate) fn is_defined(&self) -> bool {
        self.center.latitude.abs() <= MAX_LATITUDE
    }

    /// How far in meters a position is from the center of the place, if it is in it.
    pub(crate) fn distance_within(&self, position: Position) -> Option<f64> {
        let center = self.center;
        match self.shape {
            Shape::Radius(..) => {
                let distance = center.distance(position);
                (distance <= self.radius).then_some(distance)
            }
            Shape::Box(width, height, unit) => {
                let meters = unit.meters();
                let beside = Position { latitude: position.latitude, ..center };
                let is_outside = north_distance(position.latitude, center.latitude)
                    > height * meters / 2.0
                    || position.distance(beside) > width * meters / 2.0;
                (!is_outside).then(|| center.distance(position))
            }
            Shape::Polygon(corners) => {
                is_inside(corners, position).then(|| center.distance(position))
            }
        }
    }

    /// The ranges of scores in which all that is in this place is found: those of the cell that its
    /// center is in and of the neighbours of that cell, in the order in which servers search them.
    pub(crate) fn areas(&self) -> Vec<Range<u64>> {
        if !self.is_defined() {
            return vec![Range { start: 0, end: 1 << (2 * STEPS + 2) }];
        }
        let estimated = steps(self.radius, self.center.latitude);
        let too_small = estimated > 1 && !self.is_covered(estimated);
        let mut cells = self.useful(self.center_cell(estimated - u32::from(too_small)));
        // With cells as large as continents, neighbours may be the same.
        cells.dedup();
        cells.into_iter().map(Cell::scores).collect()
    }

    fn center_cell(&self, steps: u32) -> Cell {
        Cell { bits: encode(self.center, MAX_LATITUDE, steps), steps }
    }

    /// Whether the neighbours reach as far as the place does.
    fn is_covered(&self, steps: u32) -> bool {
        let center = self.center_cell(steps);
        center.beside(0, 1).bounds().north >= self.bounds.north
            && center.beside(0, -1).bounds().south <= self.bounds.south
            && center.beside(1, 0).bounds().east >= self.bounds.east
            && center.beside(-1, 0).bounds().west <= self.bounds.west
    }

    /// The cell and those around it which the place reaches into.
    fn useful(&self, center: Cell) -> Vec<Cell> {
        const WAYS: [(i64, i64); 9] =
            [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let (cell, few) = (center.bounds(), center.steps < 2);
        let east_or_west = |by: i64| match by {
            0 => true,
            1 => few || cell.east <= self.bounds.east,
            _ => few || cell.west >= self.bounds.west,
        };
        let north_or_south = |by: i64| match by {
            0 => true,
            1 => few || cell.north <= self.bounds.north,
            _ => few || cell.south >= self.bounds.south,
        };
        WAYS.into_iter()
            .filter(|&(east, north)| east_or_west(east) && north_or_south(north))
            .map(|(east, north)| center.beside(east, north))
            .collect()
    }
}

impl Cell {
    fn scores(self) -> Range<u64> {
        let shift = 2 * (STEPS - self.steps);
        self.bits << shift..(self.bits + 1) << shift
    }
}

/// Where a shape ends that reaches so far from its center. It is widest on the side of the pole.
fn around(center: Position, width: f64, height: f64) -> Bounds {
    let up = (height / EARTH_RADIUS).degrees();
    let pole = if center.latitude < 0.0 { center.latitude - up } else { center.latitude + up };
    let aside = (width / EARTH_RADIUS / pole.radians().cos()).degrees();
    Bounds {
        west: center.longitude - aside,
        south: center.latitude - up,
        east: center.longitude + aside,
        north: center.latitude + up,
    }
}

fn bounds(corners: &[Position]) -> Bounds {
    let nowhere = Bounds {
        west: MAX_LONGITUDE,
        south: MAX_LATITUDE,
        east: -MAX_LONGITUDE,
        north: -MAX_LATITUDE,
    };
    corners.iter().fold(nowhere, |bounds, corner| Bounds {
        west: bounds.west.min(corner.longitude),
        south: bounds.south.min(corner.latitude),
        east: bounds.east.max(corner.longitude),
        north: bounds.north.max(corner.latitude),
    })
}

fn centroid(corners: &[Position]) -> Position {
    let (x, y, z) = corners.iter().fold((0.0, 0.0, 0.0), |(x, y, z): (f64, f64, f64), corner| {
        let (a, b) = (corner.longitude.radians(), corner.latitude.radians());
        (x + b.cos() * a.cos(), y + b.cos() * a.sin(), z + b.sin())
    });
    Position {
        longitude: y.atan2(x).degrees(),
        latitude: z.atan2((x * x + y * y).sqrt()).degrees(),
    }
}

fn steps(radius: f64, latitude: f64) -> u32 {
    if radius <= 0.0 {
        return STEPS;
    }
    let wider = match latitude.abs() {
        latitude if latitude > 80.0 => 2,
        latitude if latitude > 66.0 => 1,
        _ => 0,
    };
    let (mut doublings, mut radius) = (1u32, radius);
    while radius < MERCATOR {
        radius *= 2.0;
        doublings += 1;
    }
    doublings.saturating_sub(2 + wider).clamp(1, STEPS)
}

/// Whether a line from the position to the east crosses an odd number of edges.
fn is_inside(corners: &[Position], position: Position) -> bool {
    let before = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    let edges = corners.iter().zip(before);
    edges.filter(|(one, other)| crosses(**one, **other, position)).count() % 2 == 1
}

fn crosses(one: Position, other: Position, position: Position) -> bool {
    let (x1, y1, x2, y2) = (one.longitude, one.latitude, other.longitude, other.latitude);
    let (x, y) = (position.longitude, position.latitude);
    (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(size: f64) -> impl Strategy<Value = (f64, f64)> {
        let far = (size / 40_000.0).min(20.0);
        (-far..far, -far..far)
    }

    fn place() -> impl Strategy<Value = (Position, f64, Shape)> {
        let corner = || (-9.0..9.0, -9.0..9.0);
        (-100.0..100.0, -60.0..60.0, 0.0..6.0, 0..3, corner(), corner(), corner()).prop_map(
            |(longitude, latitude, power, kind, a, b, c)| {
                let size = f64::powf(10.0, power);
                let shape = match kind {
                    0 => Shape::Radius(size, Unit::Meters),
                    1 => Shape::Box(size, size / 3.0, Unit::Meters),
                    _ => Shape::Polygon(
                        [a, b, c].map(|(x, y)| Position::new(longitude + x, latitude + y)).into(),
                    ),
                };
                (Position::new(longitude, latitude), size, shape)
            },
        )
    }

    proptest! {
        /// What is in a place is in its areas, and none of those overlap.
        #[test]
        fn areas_hold_what_is_in_a_place(
            ((center, _, shape), near) in place().prop_flat_map(|place| {
                let size = place.1;
                (Just(place), proptest::collection::vec(near(size), 100))
            }),
        ) {
            let place = Place::new(Some(center), &shape).unwrap();
            let areas = place.areas();
            let mut sorted = areas.clone();
            sorted.sort_by_key(|area| area.start);
            prop_assert!(sorted.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for (x, y) in near {
                let score = Position::new(center.longitude + x, center.latitude + y).score();
                if place.distance_within(Position::of_score(score).unwrap()).is_some() {
                    prop_assert!(areas.iter().any(|area| area.contains(&(score as u64))));
                }
            }
        }
    }

    #[test]
    fn a_polygon_holds_what_is_between_its_corners() {
        let corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 5.0), (0.0, 10.0)];
        let shape = Shape::Polygon(corners.map(|(x, y)| Position::new(x, y)).into());
        let place = Place::new(None, &shape).unwrap();
        for (x, y, inside) in
            [(5.0, 4.0, true), (5.0, 6.0, false), (1.0, 8.0, true), (-1.0, 5.0, false)]
        {
            assert_eq!(place.distance_within(Position::new(x, y)).is_some(), inside, "{x} {y}");
        }
        assert!(place.is_defined());
        assert!(Place::new(None, &Shape::Radius(1.0, Unit::Meters)).is_none());
    }

    #[test]
    fn around_the_pole_all_is_searched() {
        let corners = [(-120.0, 85.0), (0.0, 85.0), (120.0, 85.0)];
        let shape = Shape::Polygon(corners.map(|(x, y)| Position::new(x, y)).into());
        let place = Place::new(None, &shape).unwrap();
        assert!(!place.is_defined());
        assert_eq!(place.areas(), vec![Range { start: 0, end: 1 << 54 }]);
    }
}
