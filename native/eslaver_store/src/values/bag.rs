//! Fields of hashes and members of sets: records that are found by their elements, in the key's block
//! while they are few and small, else in a table.

use std::ops::ControlFlow;

use crate::collections::element::Element;
use crate::collections::packed::{MOST_BYTES, Packed, PackedMut};
use crate::collections::record::{Expiry, Fields, Kind, Members, Record, Refused};
use crate::collections::table::Table;
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::{Large, NewValue, Type, ValueRef};

/// The form of a packed bag; other forms are the type's own.
pub(crate) const PACKED: u8 = 0;
/// A bag with more records, or bytes, is a table.
const MOST_PACKED: usize = 128;
/// A table with no more records is packed again.
const FEW: usize = 32;

/// A kind of record that makes up a type.
pub(crate) trait BagKind: Kind + 'static {
    const TYPE: Type;
    fn table(large: &Large) -> Option<&Table<Self>>;
    fn table_mut(large: &mut Large) -> Option<&mut Table<Self>>;
    fn large(table: Table<Self>) -> Large;
    fn tail_len(tail: Self::Tail<'_>) -> usize;
}

impl BagKind for Fields {
    const TYPE: Type = Type::Hash;

    fn table(large: &Large) -> Option<&Table<Self>> {
        if let Large::Hash(table) = large { Some(table) } else { None }
    }

    fn table_mut(large: &mut Large) -> Option<&mut Table<Self>> {
        if let Large::Hash(table) = large { Some(table) } else { None }
    }

    fn large(table: Table<Self>) -> Large {
        Large::Hash(table)
    }

    fn tail_len(tail: Element<'_>) -> usize {
        tail.len()
    }
}

impl BagKind for Members {
    const TYPE: Type = Type::Set;

    fn table(large: &Large) -> Option<&Table<Self>> {
        if let Large::Set(table) = large { Some(table) } else { None }
    }

    fn table_mut(large: &mut Large) -> Option<&mut Table<Self>> {
        if let Large::Set(table) = large { Some(table) } else { None }
    }

    fn large(table: Table<Self>) -> Large {
        Large::Set(table)
    }

    fn tail_len((): ()) -> usize {
        0
    }
}

/// A bag that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bag<'a, K: BagKind> {
    Packed(Packed<'a, K>),
    Table(&'a Table<K>),
}

impl<'a, K: BagKind> Bag<'a, K> {
    /// The bag that a value is, where it is one.
    #[inline]
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Packed { kind, form: PACKED, payload } if kind == K::TYPE => {
                Some(Self::Packed(Packed::new(payload)))
            }
            ValueRef::Large(large) => K::table(large).map(Self::Table),
            _ => None,
        }
    }

    /// The number of records, also of those that have expired.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// The number of records that have not expired at `now`.
    pub(crate) fn live_len(self, now: i64) -> usize {
        match self {
            Self::Packed(packed) => packed.len() - packed.expired(now),
            Self::Table(table) if table.timed() == 0 => table.len(),
            Self::Table(table) => table.len() - table.expired(now),
        }
    }

    /// Steps of some 10 ns that [`Bag::live_len`] takes.
    pub(crate) fn live_len_steps(self, now: i64) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Table(table) => table.expired_steps(now),
        }
    }

    /// The record of an element, also if it has expired.
    #[inline]
    pub(crate) fn get(self, element: &[u8]) -> Option<Record<'a, K>> {
        match self {
            Self::Packed(packed) => packed.find(Element::Bytes(element)).map(|place| place.record),
            Self::Table(table) => table.get(Element::Bytes(element)),
        }
    }

    /// The record of an element, unless it has expired at `now`.
    #[inline]
    pub(crate) fn live(self, element: &[u8], now: i64) -> Option<Record<'a, K>> {
        self.get(element).filter(|record| !record.is_expired(now))
    }

    /// Hands all records to `each`.
    pub(crate) fn for_each(self, mut each: impl FnMut(Record<'a, K>)) {
        let _: ControlFlow<()> = self.try_for_each(|record| {
            each(record);
            ControlFlow::Continue(())
        });
    }

    /// Hands records to `each` until it breaks off.
    pub(crate) fn try_for_each<B>(
        self,
        mut each: impl FnMut(Record<'a, K>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Packed(packed) => packed.iter().try_for_each(&mut each),
            Self::Table(table) => table.iter().try_for_each(&mut each),
        }
    }

    /// Hands about `count` records to `each`, from a cursor on: the next cursor, 0 at the end. A packed
    /// bag comes at once.
    pub(crate) fn scan(
        self,
        cursor: u64,
        count: usize,
        mut each: impl FnMut(Record<'_, K>),
    ) -> u64 {
        match self {
            Self::Packed(packed) => {
                packed.iter().for_each(&mut each);
                0
            }
            Self::Table(table) => table.scan(cursor, count, each),
        }
    }

    /// A random record, also one that has expired.
    pub(crate) fn random(self, mut random: impl FnMut() -> u64) -> Option<Record<'a, K>> {
        match self {
            Self::Packed(packed) => {
                let len = u64::try_from(packed.len()).ok().filter(|len| *len > 0)?;
                packed.nth((random() % len) as usize)
            }
            Self::Table(table) => table.random(random),
        }
    }
}

/// An empty bag.
pub(crate) fn new<K: BagKind>() -> NewValue {
    let mut payload = Vec::with_capacity(1);
    PackedMut::<K>::create(&mut payload);
    NewValue::Packed { kind: K::TYPE, form: PACKED, payload }
}

/// A bag of these records. `seed` is the table's, if it comes to be one.
#[derive(Debug)]
pub(crate) struct Builder<K: BagKind> {
    seed: u64,
    packed: Vec<u8>,
    table: Option<Table<K>>,
}

/// More than a packed record takes besides its bytes.
const OVERHEAD: usize = 32;

impl<K: BagKind> Builder<K> {
    pub(crate) fn new(seed: u64) -> Self {
        Self::within(seed, Vec::new())
    }

    /// Its records are in this buffer, which is empty, as long as they are packed.
    pub(crate) fn within(seed: u64, mut packed: Vec<u8>) -> Self {
        PackedMut::<K>::create(&mut packed);
        Self { seed, packed, table: None }
    }

    /// Adds records. Where the bag is packed, none of their elements may be there.
    #[inline]
    pub(crate) fn extend<'a>(
        &mut self,
        mut records: impl Iterator<Item = (Element<'a>, K::Tail<'a>)>,
    ) -> Result<(), Refused> {
        let table = match &mut self.table {
            Some(table) => table,
            None => {
                let mut packed = PackedMut::<K>::new(&mut self.packed, 0);
                let Some((element, tail)) = packed.extend(&mut records, MOST_PACKED)? else {
                    return Ok(());
                };
                let mut table = to_table(packed.get(), self.seed)?;
                table.insert(element, tail, Expiry::Never)?;
                self.packed = Vec::new();
                self.table.insert(table)
            }
        };
        for (element, tail) in records {
            table.insert(element, tail, Expiry::Never)?;
        }
        Ok(())
    }

    /// Sets a record: whether its element is new.
    pub(crate) fn insert(
        &mut self,
        element: Element<'_>,
        tail: K::Tail<'_>,
        expiry: Expiry,
    ) -> Result<bool, Refused> {
        let seed = self.seed;
        let packed = Packed::<K>::new(&self.packed);
        let can_pack = packed.len() < MOST_PACKED && fits(packed, element, tail);
        if self.table.is_none() && !can_pack {
            self.table = Some(to_table(packed, seed)?);
            self.packed = Vec::new();
        }
        match &mut self.table {
            Some(table) => table.insert(element, tail, expiry),
            None => {
                // An edit reserves no more than it needs.
                self.packed.reserve(element.len() + K::tail_len(tail) + OVERHEAD);
                PackedMut::<K>::new(&mut self.packed, 0).insert(element, tail, expiry)
            }
        }
    }

    pub(crate) fn finish(self) -> NewValue {
        match self.table {
            Some(mut table) => {
                table.settle();
                NewValue::Large(K::large(table))
            }
            None => NewValue::Packed { kind: K::TYPE, form: PACKED, payload: self.packed },
        }
    }
}

/// Whether the bytes of a record can be packed with the others.
fn fits<K: BagKind>(packed: Packed<'_, K>, element: Element<'_>, tail: K::Tail<'_>) -> bool {
    packed.bytes() + element.len() + K::tail_len(tail) <= MOST_BYTES
}

fn to_table<K: BagKind>(packed: Packed<'_, K>, seed: u64) -> Result<Table<K>, Refused> {
    let mut table = Table::new(seed);
    for record in packed.iter() {
        let expiry = record.expire_at.map_or(Expiry::Never, Expiry::At);
        table.insert(record.element, record.tail, expiry)?;
    }
    Ok(table)
}

/// Sets a record of an entry's bag: whether its element is new.
pub(crate) fn insert<K: BagKind>(
    entry: &mut Entry,
    seed: u64,
    element: &[u8],
    tail: K::Tail<'_>,
    expiry: Expiry,
) -> Result<bool, Refused> {
    let element = Element::Bytes(element);
    let table = match entry.value_mut() {
        ValueMut::Large(large) => {
            return K::table_mut(large).map_or(Ok(false), |t| t.insert(element, tail, expiry));
        }
        ValueMut::Packed(mut edit) => {
            let packed = Packed::<K>::new(edit.payload());
            // Where it replaces one, the records do not become more.
            let is_full = packed.len() >= MOST_PACKED && !packed.contains(element);
            if !is_full && fits(packed, element, tail) {
                let base = edit.base();
                return PackedMut::<K>::new(edit.bytes(), base).insert(element, tail, expiry);
            }
            let mut table = to_table(packed, seed)?;
            table.insert(element, tail, expiry).map(|new| (table, new))?
        }
    };
    let (table, new) = table;
    drop(entry.set_value(NewValue::Large(K::large(table))));
    Ok(new)
}

/// Removes a record of an entry's bag: whether it was there.
pub(crate) fn remove<K: BagKind>(entry: &mut Entry, element: &[u8]) -> bool {
    let element = Element::Bytes(element);
    let packed = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            return PackedMut::<K>::new(edit.bytes(), base).remove(element);
        }
        ValueMut::Large(large) => match K::table_mut(large) {
            Some(table) => {
                if !table.remove(element) {
                    return false;
                }
                to_packed(table)
            }
            None => return false,
        },
    };
    if let Some(payload) = packed {
        let value = NewValue::Packed { kind: K::TYPE, form: PACKED, payload };
        drop(entry.set_value(value));
    }
    true
}

/// The records of a table, packed, if they are few and small.
fn to_packed<K: BagKind>(table: &Table<K>) -> Option<Vec<u8>> {
    // Not at each removal: a table with long elements would be walked every time.
    if table.len() > FEW || !table.len().is_multiple_of(8) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut packed = PackedMut::<K>::create(&mut bytes);
    for record in table.iter() {
        packed.push(record.element, record.tail, record.expire_at).ok()?;
        if packed.get().bytes() > MOST_BYTES / 2 {
            return None;
        }
    }
    Some(bytes)
}

/// Gives a record of an entry's bag another time to live, or none of its own: whether it is there.
pub(crate) fn set_expiry<K: BagKind>(
    entry: &mut Entry,
    element: &[u8],
    expire_at: Option<i64>,
) -> Result<bool, Refused> {
    let element = Element::Bytes(element);
    match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            Ok(PackedMut::<K>::new(edit.bytes(), base).set_expiry(element, expire_at))
        }
        ValueMut::Large(large) => {
            K::table_mut(large).map_or(Ok(false), |table| table.set_expiry(element, expire_at))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Edit {
        Insert(u8, usize, Option<i64>),
        Remove(u8),
        Expire(u8, Option<i64>),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let at = || proptest::option::weighted(0.2, 1i64..100);
        prop_oneof![
            4 => (any::<u8>(), prop_oneof![9 => 0usize..20, 1 => 1000usize..3000], at())
                .prop_map(|(field, len, at)| Edit::Insert(field, len, at)),
            3 => any::<u8>().prop_map(Edit::Remove),
            1 => (any::<u8>(), at()).prop_map(|(field, at)| Edit::Expire(field, at)),
        ]
    }

    #[test]
    fn a_full_bag_is_packed_until_it_has_one_more() {
        let mut entry = Entry::new(b"key", None, new::<Fields>());
        let set = |entry: &mut Entry, field: usize| {
            let (field, value) = (field.to_string(), Element::Bytes(b"v"));
            insert::<Fields>(entry, 7, field.as_bytes(), value, Expiry::Never).unwrap()
        };
        assert!((0..MOST_PACKED).all(|field| set(&mut entry, field)));
        assert!(!set(&mut entry, 0));
        assert!(matches!(entry.value(), ValueRef::Packed { .. }));
        assert!(set(&mut entry, MOST_PACKED));
        assert!(matches!(entry.value(), ValueRef::Large(_)));
    }

    proptest! {
        /// A bag goes from packed to a table and back, and is the same map in both.
        #[test]
        fn a_bag_is_a_map(edits in proptest::collection::vec(edit(), 0..600)) {
            let mut model: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> = BTreeMap::new();
            let mut entry = Entry::new(b"key", Some(5), new::<Fields>());
            for edit in edits {
                match edit {
                    Edit::Insert(field, len, at) => {
                        let (field, value) = (field.to_string().into_bytes(), vec![b'v'; len]);
                        let expiry = at.map_or(Expiry::Never, Expiry::At);
                        let new = insert::<Fields>(
                            &mut entry, 7, &field, Element::Bytes(&value), expiry,
                        );
                        prop_assert_eq!(new, Ok(model.insert(field, (value, at)).is_none()));
                    }
                    Edit::Remove(field) => {
                        let field = field.to_string().into_bytes();
                        let removed = remove::<Fields>(&mut entry, &field);
                        prop_assert_eq!(removed, model.remove(&field).is_some());
                    }
                    Edit::Expire(field, at) => {
                        let field = field.to_string().into_bytes();
                        let found = set_expiry::<Fields>(&mut entry, &field, at);
                        prop_assert_eq!(found, Ok(model.contains_key(&field)));
                        model.entry(field).and_modify(|(_, old)| *old = at);
                    }
                }
                prop_assert_eq!(entry.value().is_empty(), model.is_empty());
            }
            prop_assert_eq!((entry.key(), entry.expire_at()), (&b"key"[..], Some(5)));
            let bag = Bag::<Fields>::of(entry.value()).unwrap();
            let mut found = BTreeMap::new();
            bag.for_each(|record| {
                let value = (record.tail.to_bytes().into_owned(), record.expire_at);
                found.insert(record.element.to_bytes().into_owned(), value);
            });
            prop_assert_eq!(&found, &model);
            prop_assert_eq!(bag.len(), model.len());
            let live = model.values().filter(|(_, at)| at.is_none_or(|at| at > 50)).count();
            prop_assert_eq!(bag.live_len(50), live);
        }
    }
}
