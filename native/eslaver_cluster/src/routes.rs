//! Where the keys of each slot are read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::slot::SLOTS;

/// A shard, by its number among those of one cluster here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u16);

/// No shard.
const NONE: u16 = u16::MAX;

/// Where the keys of a slot are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The shard whose slot it is.
    pub owner: Option<Shard>,
    /// A shard to which its keys are moved one by one: what the owner does not have may be there.
    pub other: Option<Shard>,
    /// How often the route has changed.
    pub version: u32,
}

/// The routes of all slots. Any thread reads them; one at a time changes them.
#[derive(Debug)]
pub struct Routes(Box<[AtomicU64]>);

impl Default for Routes {
    fn default() -> Self {
        let nowhere = Route { owner: None, other: None, version: 0 }.pack();
        Self((0..SLOTS).map(|_| AtomicU64::new(nowhere)).collect())
    }
}

impl Route {
    fn pack(self) -> u64 {
        let number = |shard: Option<Shard>| u64::from(shard.map_or(NONE, |Shard(number)| number));
        number(self.owner) << 48 | number(self.other) << 32 | u64::from(self.version)
    }

    fn unpack(packed: u64) -> Self {
        let shard = |number: u64| match number as u16 {
            NONE => None,
            number => Some(Shard(number)),
        };
        Self { owner: shard(packed >> 48), other: shard(packed >> 32), version: packed as u32 }
    }
}

impl Routes {
    /// The route of a slot. There is no slot from [`SLOTS`] on, nor a route.
    #[inline]
    pub fn get(&self, slot: u16) -> Route {
        let packed = self.0.get(usize::from(slot)).map(|route| route.load(Ordering::Acquire));
        Route::unpack(packed.unwrap_or(u64::from(NONE) << 48 | u64::from(NONE) << 32))
    }

    /// Changes the route of a slot, if it is another one.
    pub fn set(&self, slot: u16, owner: Option<Shard>, other: Option<Shard>) {
        let before = self.get(slot);
        if (before.owner, before.other) != (owner, other)
            && let Some(route) = self.0.get(usize::from(slot))
        {
            let version = before.version.wrapping_add(1);
            route.store(Route { owner, other, version }.pack(), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_no_owner_at_first() {
        let routes = Routes::default();
        assert_eq!(routes.get(0), Route { owner: None, other: None, version: 0 });
        assert_eq!(routes.get(SLOTS - 1).owner, None);
    }

    #[test]
    fn a_route_is_what_was_set_last() {
        let routes = Routes::default();
        routes.set(7, Some(Shard(3)), None);
        routes.set(7, Some(Shard(3)), Some(Shard(65_534)));
        let route = Route { owner: Some(Shard(3)), other: Some(Shard(65_534)), version: 2 };
        assert_eq!(routes.get(7), route);
        assert_eq!(routes.get(8).version, 0);
    }

    #[test]
    fn the_version_is_that_of_changes() {
        let routes = Routes::default();
        routes.set(1, Some(Shard(1)), None);
        routes.set(1, Some(Shard(1)), None);
        assert_eq!(routes.get(1).version, 1);
    }

    #[test]
    fn there_are_no_other_slots() {
        let routes = Routes::default();
        routes.set(SLOTS, Some(Shard(1)), None);
        assert_eq!(routes.get(SLOTS), Route { owner: None, other: None, version: 0 });
        assert_eq!(routes.get(u16::MAX).owner, None);
    }
}
