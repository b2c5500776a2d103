//! Sets: few integers as such, else a bag of members.

use std::borrow::Borrow;
use std::ops::ControlFlow;

use foldhash::fast::RandomState;
use hashbrown::HashSet;

use crate::collections::element::{Element, integer};
use crate::collections::packed::{Ints, IntsMut};
use crate::collections::record::{Expiry, Members, Refused};
use crate::heap;
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::bag::{self, Bag, Builder};
use crate::values::{NewValue, Type, ValueRef};

/// The form of a set of integers.
const INTS: u8 = 1;
/// A set of more integers is a bag.
const MOST_INTS: usize = 512;

/// A set that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Set<'a> {
    Ints(Ints<'a>),
    Bag(Bag<'a, Members>),
}

impl<'a> Set<'a> {
    /// The set that a value is, where it is one.
    #[inline]
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Packed { kind: Type::Set, form: INTS, payload } => {
                Some(Self::Ints(Ints::new(payload)))
            }
            other => Bag::of(other).map(Self::Bag),
        }
    }

    /// The number of members, also of those that have expired.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Bag(bag) => bag.len(),
        }
    }

    /// The number of members that have not expired at `now`.
    pub(crate) fn live_len(self, now: i64) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Bag(bag) => bag.live_len(now),
        }
    }

    /// Steps of some 10 ns that [`Set::live_len`] takes.
    pub(crate) fn live_len_steps(self, now: i64) -> usize {
        match self {
            Self::Ints(_) => 1,
            Self::Bag(bag) => bag.live_len_steps(now),
        }
    }

    /// When a member expires, if it has a time of its own. `None` where it is missing.
    pub(crate) fn expire_at(self, member: &[u8]) -> Option<Option<i64>> {
        match self {
            Self::Ints(ints) => integer(member).filter(|value| ints.contains(*value)).map(|_| None),
            Self::Bag(bag) => bag.get(member).map(|record| record.expire_at),
        }
    }

    /// Whether it has a member that has not expired at `now`.
    #[inline]
    pub(crate) fn contains(self, member: &[u8], now: i64) -> bool {
        self.expire_at(member).is_some_and(|at| at.is_none_or(|at| at > now))
    }

    /// Hands the members that have not expired at `now` to `each`, until it breaks off.
    pub(crate) fn try_for_each<B>(
        self,
        now: i64,
        mut each: impl FnMut(Element<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Ints(ints) => ints.iter().try_for_each(|value| each(Element::Int(value))),
            Self::Bag(bag) => bag.try_for_each(|record| match record.is_expired(now) {
                true => ControlFlow::Continue(()),
                false => each(record.element),
            }),
        }
    }

    /// The same of all members.
    pub(crate) fn for_each(self, now: i64, mut each: impl FnMut(Element<'a>)) {
        let _: ControlFlow<()> = self.try_for_each(now, |member| {
            each(member);
            ControlFlow::Continue(())
        });
    }
}

/// These values as sets.
pub(crate) fn views<V: Borrow<NewValue>>(values: &[V]) -> Vec<Set<'_>> {
    values.iter().filter_map(|value| Set::of(value.borrow().as_ref())).collect()
}

/// Up to `limit` members that are in all of some sets, the smallest of which comes first.
pub(crate) fn intersection(sets: &[Set<'_>], now: i64, limit: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if let Some((first, others)) = sets.split_first() {
        first.for_each(now, |member| {
            heap::step();
            if found.len() < limit {
                let member = member.to_bytes();
                if others.iter().all(|other| other.contains(&member, now)) {
                    found.push(member.into_owned());
                }
            }
        });
    }
    found
}

/// The members that are in any of some sets.
pub(crate) fn union(sets: &[Set<'_>], now: i64) -> Vec<Vec<u8>> {
    let most = sets.iter().map(|set| set.len()).max().unwrap_or_default();
    // A table that grows moves all members at once.
    let mut found =
        HashSet::<Vec<u8>, RandomState>::with_capacity_and_hasher(most, RandomState::default());
    for set in sets {
        set.for_each(now, |member| {
            found.insert(member.to_bytes().into_owned());
        });
    }
    found.into_iter().inspect(|_| heap::step()).collect()
}

/// The members that are in the first set, and in no other.
pub(crate) fn difference(first: Set<'_>, others: &[Set<'_>], now: i64) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    first.for_each(now, |member| {
        heap::step();
        let member = member.to_bytes();
        if !others.iter().any(|other| other.contains(&member, now)) {
            found.push(member.into_owned());
        }
    });
    found
}

/// An empty set.
pub(crate) fn new() -> NewValue {
    let mut payload = Vec::new();
    IntsMut::create(&mut payload);
    NewValue::Packed { kind: Type::Set, form: INTS, payload }
}

/// A set of these members.
pub(crate) fn collect<M: AsRef<[u8]>>(
    members: impl IntoIterator<Item = M>,
    seed: u64,
) -> Result<NewValue, Refused> {
    let mut set = SetBuilder::new(seed);
    for member in members {
        set.insert(Element::Bytes(member.as_ref()), Expiry::Never)?;
    }
    Ok(set.finish())
}

/// Gathers the members of a set.
#[derive(Debug)]
pub(crate) struct SetBuilder {
    seed: u64,
    members: Gathered,
}

#[derive(Debug)]
enum Gathered {
    Ints(Vec<u8>),
    Bag(Builder<Members>),
}

impl SetBuilder {
    pub(crate) fn new(seed: u64) -> Self {
        Self::within(seed, Vec::new())
    }

    /// Its members are in this buffer, which is empty, as long as they are packed.
    pub(crate) fn within(seed: u64, mut ints: Vec<u8>) -> Self {
        IntsMut::create(&mut ints);
        Self { seed, members: Gathered::Ints(ints) }
    }

    /// Adds members, of which none may be there.
    #[inline]
    pub(crate) fn extend<'a>(
        &mut self,
        mut members: impl Iterator<Item = Element<'a>>,
    ) -> Result<(), Refused> {
        loop {
            if let Gathered::Bag(bag) = &mut self.members {
                return bag.extend(members.map(|member| (member, ())));
            }
            let Some(member) = members.next() else { return Ok(()) };
            self.insert(member, Expiry::Never)?;
        }
    }

    /// Adds a member: whether it is new.
    pub(crate) fn insert(&mut self, member: Element<'_>, expiry: Expiry) -> Result<bool, Refused> {
        match &mut self.members {
            Gathered::Bag(bag) => bag.insert(member, (), expiry),
            Gathered::Ints(bytes) => {
                let value = match member {
                    Element::Int(value) => Some(value),
                    Element::Bytes(bytes) => integer(bytes),
                };
                let mut ints = IntsMut::new(bytes, 0);
                if let (Some(value), Expiry::Never | Expiry::Keep) = (value, expiry)
                    && ints.get().len() < MOST_INTS
                {
                    return Ok(ints.add(value));
                }
                let bag = to_bag(std::mem::take(bytes), self.seed)?;
                self.members = Gathered::Bag(bag);
                self.insert(member, expiry)
            }
        }
    }

    pub(crate) fn finish(self) -> NewValue {
        match self.members {
            Gathered::Ints(payload) => NewValue::Packed { kind: Type::Set, form: INTS, payload },
            Gathered::Bag(bag) => bag.finish(),
        }
    }
}

/// A bag of integers that are in a buffer, which it goes on with.
fn to_bag(mut bytes: Vec<u8>, seed: u64) -> Result<Builder<Members>, Refused> {
    let ints: Vec<i64> = Ints::new(&bytes).iter().collect();
    bytes.clear();
    let mut bag = Builder::within(seed, bytes);
    bag.extend(ints.into_iter().map(|value| (Element::Int(value), ())))?;
    Ok(bag)
}

/// Adds a member to an entry's set, or gives it another time to live: whether it is new.
pub(crate) fn insert(
    entry: &mut Entry,
    seed: u64,
    member: &[u8],
    expiry: Expiry,
) -> Result<bool, Refused> {
    if let (Some(value), Expiry::Never | Expiry::Keep) = (integer(member), expiry)
        && let Some(new) = edit_ints(entry, |mut ints| {
            (ints.get().len() < MOST_INTS || ints.get().contains(value)).then(|| ints.add(value))
        })
        && let Some(new) = new
    {
        return Ok(new);
    }
    make_bag(entry, seed)?;
    bag::insert::<Members>(entry, seed, member, (), expiry)
}

/// Removes a member of an entry's set: whether it was there.
pub(crate) fn remove(entry: &mut Entry, member: &[u8]) -> bool {
    let value = integer(member);
    match edit_ints(entry, |mut ints| value.is_some_and(|value| ints.remove(value))) {
        Some(removed) => removed,
        None => bag::remove::<Members>(entry, member),
    }
}

/// Gives a member of an entry's set another time to live, or none of its own: whether it is there.
pub(crate) fn set_expiry(
    entry: &mut Entry,
    seed: u64,
    member: &[u8],
    expire_at: Option<i64>,
) -> Result<bool, Refused> {
    if expire_at.is_some() {
        make_bag(entry, seed)?;
    } else if let Some(Set::Ints(_)) = Set::of(entry.value()) {
        let value = integer(member);
        let found = edit_ints(entry, |ints| value.is_some_and(|value| ints.get().contains(value)));
        return Ok(found.unwrap_or_default());
    }
    bag::set_expiry::<Members>(entry, member, expire_at)
}

/// Edits a set of integers. `None` where it is not one.
fn edit_ints<R>(entry: &mut Entry, edit: impl FnOnce(IntsMut<'_>) -> R) -> Option<R> {
    match Set::of(entry.value()) {
        Some(Set::Ints(_)) => match entry.value_mut() {
            ValueMut::Packed(mut packed) => {
                let base = packed.base();
                Some(edit(IntsMut::new(packed.bytes(), base)))
            }
            ValueMut::Large(_) => None,
        },
        _ => None,
    }
}

/// Makes a bag of a set of integers.
fn make_bag(entry: &mut Entry, seed: u64) -> Result<(), Refused> {
    let Some(Set::Ints(ints)) = Set::of(entry.value()) else {
        return Ok(());
    };
    let mut bag = Builder::<Members>::new(seed);
    for value in ints.iter() {
        bag.insert(Element::Int(value), (), Expiry::Never)?;
    }
    drop(entry.set_value(bag.finish()));
    Ok(())
}

/// Whether the payload of a packed set has no member.
pub(crate) fn is_empty(form: u8, payload: &[u8]) -> bool {
    match form {
        INTS => Ints::new(payload).is_empty(),
        _ => crate::collections::packed::Packed::<Members>::new(payload).len() == 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => (-300i64..300).prop_map(|value| value.to_string().into_bytes()),
            1 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
            1 => (0u8..40).prop_map(|value| format!("m{value}").into_bytes()),
        ]
    }

    proptest! {
        /// A set goes from integers to a bag, and is the same set in both.
        #[test]
        fn a_set_is_a_set(
            ints_only: bool,
            edits in proptest::collection::vec(
                (0u8..6, member(), proptest::option::weighted(0.1, 1i64..100)),
                0..900,
            ),
        ) {
            let mut model: BTreeMap<Vec<u8>, Option<i64>> = BTreeMap::new();
            let mut entry = Entry::new(b"key", None, new());
            for (what, member, at) in edits {
                let is_int = integer(&member).is_some();
                if ints_only && (!is_int || at.is_some()) {
                    continue;
                }
                match what {
                    0 | 1 => {
                        let removed = remove(&mut entry, &member);
                        prop_assert_eq!(removed, model.remove(&member).is_some());
                    }
                    2 => {
                        let found = set_expiry(&mut entry, 3, &member, at);
                        prop_assert_eq!(found, Ok(model.contains_key(&member)));
                        model.entry(member).and_modify(|old| *old = at);
                    }
                    _ => {
                        let expiry = at.map_or(Expiry::Keep, Expiry::At);
                        let new = insert(&mut entry, 3, &member, expiry);
                        prop_assert_eq!(new, Ok(!model.contains_key(&member)));
                        let old = model.entry(member).or_default();
                        *old = at.or(*old);
                    }
                }
                prop_assert_eq!(entry.value().is_empty(), model.is_empty());
            }
            let set = Set::of(entry.value()).unwrap();
            let mut found = Vec::new();
            set.for_each(50, |member| found.push(member.to_bytes().into_owned()));
            found.sort();
            let live: Vec<_> = model
                .iter()
                .filter(|(_, at)| at.is_none_or(|at| at > 50))
                .map(|(member, _)| member.clone())
                .collect();
            prop_assert_eq!(&found, &live);
            prop_assert_eq!((set.len(), set.live_len(50)), (model.len(), live.len()));
            for (member, at) in &model {
                prop_assert_eq!(set.expire_at(member), Some(*at));
            }
        }
    }
}
