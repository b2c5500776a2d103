//! Things of a name each, as the consumers of a group: found by name, and by a number that stays theirs.

use std::sync::Arc;

use crate::collections::mover::Mover;

/// What has a name.
pub(crate) trait HasName: Clone + Default {
    fn name(&self) -> &[u8];

    /// Has `mover` see to all that it owns.
    fn compact(&mut self, mover: &mut Mover<'_>);

    /// The bytes that it takes on the heap.
    fn heap_bytes(&self) -> usize;
}

/// Things by name and by number. A clone shares them.
#[derive(Debug, Clone)]
pub(crate) struct Named<T> {
    /// By number. The number of what is gone is given anew.
    slots: Vec<Option<Arc<T>>>,
    /// The numbers in the order of names.
    order: Vec<u32>,
    /// What the things themselves take.
    bytes: usize,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), order: Vec::new(), bytes: 0 }
    }
}

impl<T: HasName> Named<T> {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Arc<T>>>()
            + self.order.capacity() * size_of::<u32>()
            + self.bytes
    }

    /// Has `mover` see to all parts.
    pub(crate) fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.slots);
        mover.vec(&mut self.order);
        for thing in self.slots.iter_mut().flatten() {
            mover.shared(thing, T::default, T::compact);
        }
    }

    /// Those with the numbers that they have, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.order.iter().filter_map(|&number| Some((number, self.get(number)?)))
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.as_deref()
    }

    /// The number of the one with this name.
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        let place = self.place(name).ok()?;
        self.order.get(place).copied()
    }

    fn place(&self, name: &[u8]) -> Result<usize, usize> {
        self.order.binary_search_by(|&number| self.get(number).map_or(&[][..], T::name).cmp(name))
    }

    /// The number of the one with this name, which is made if it is missing.
    pub(crate) fn ensure(&mut self, name: &[u8], new: impl FnOnce() -> T) -> u32 {
        let place = match self.place(name) {
            Ok(place) => return self.order.get(place).copied().unwrap_or_default(),
            Err(place) => place,
        };
        let thing = new();
        self.bytes += bytes(&thing);
        let thing = Some(Arc::new(thing));
        let free = match self.slots.len() == self.order.len() {
            true => None,
            false => self.slots.iter().position(Option::is_none),
        };
        let index = match free {
            Some(index) => {
                self.slots[index] = thing;
                index
            }
            None => {
                reserve(&mut self.slots);
                self.slots.push(thing);
                self.slots.len() - 1
            }
        };
        reserve(&mut self.order);
        // So many names never fit into memory.
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.order.insert(place, number);
        number
    }

    /// Changes the one with this number, but not its name.
    pub(crate) fn change<R>(&mut self, number: u32, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let thing = self.slots.get_mut(number as usize)?.as_mut()?;
        let thing = Arc::make_mut(thing);
        self.bytes -= bytes(thing);
        let result = change(thing);
        self.bytes += bytes(thing);
        Some(result)
    }

    /// Removes the one with this name.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<Arc<T>> {
        let place = self.place(name).ok()?;
        let number = self.order.remove(place);
        let thing = self.slots.get_mut(number as usize)?.take()?;
        self.bytes -= bytes(&*thing);
        while self.slots.pop_if(|slot| slot.is_none()).is_some() {}
        if self.slots.len() < self.slots.capacity() / 2 {
            self.slots.shrink_to_fit();
            self.order.shrink_to_fit();
        }
        Some(thing)
    }
}

/// What a thing takes, with its reference counts.
fn bytes<T: HasName>(thing: &T) -> usize {
    2 * size_of::<usize>() + size_of::<T>() + thing.heap_bytes()
}

/// Makes room for one more, and for a quarter where there are many.
fn reserve<T>(vec: &mut Vec<T>) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact(1 + vec.len() / 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl HasName for Vec<u8> {
        fn name(&self) -> &[u8] {
            self
        }
        fn compact(&mut self, mover: &mut Mover<'_>) {
            mover.vec(self);
        }
        fn heap_bytes(&self) -> usize {
            self.len()
        }
    }

    fn names(named: &Named<Vec<u8>>) -> Vec<&[u8]> {
        named.iter().map(|(_, name)| name.as_slice()).collect()
    }

    #[test]
    fn numbers_stay_and_are_given_anew() {
        let mut named = Named::default();
        let [c, a, b] = [b"c", b"a", b"b"].map(|name| named.ensure(name, || name.to_vec()));
        assert_eq!(names(&named), [b"a", b"b", b"c"]);
        assert_eq!(named.ensure(b"a", || panic!("is there")), a);
        assert_eq!(named.remove(b"a").as_deref(), Some(&b"a".to_vec()));
        assert_eq!((named.remove(b"a"), named.get(a)), (None, None));
        assert_eq!(
            [named.number(b"b"), named.number(b"c"), named.number(b"a")],
            [Some(b), Some(c), None]
        );
        let d = named.ensure(b"d", || b"d".to_vec());
        assert_eq!((d, named.len()), (a, 3));
        let shared = named.clone();
        named.change(d, |_| ());
        for name in [&b"d"[..], b"b", b"c"] {
            assert!(named.remove(name).is_some());
        }
        assert_eq!((named.len(), named.heap_bytes()), (0, 0));
        assert_eq!(names(&shared), [b"b", b"c", b"d"]);
    }
}
