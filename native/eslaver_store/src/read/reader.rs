//! Finds values for readers: one alone, or several as they are at one moment.

use std::cell::RefCell;

use crate::keyspace::db::{Db, STRIPES};
use crate::keyspace::entry::Entry;
use crate::keyspace::kept::Kept;
use crate::keyspace::store::{Patience, ReadError, Store};
use crate::keyspace::witness::{Note, Witness};
use crate::values::{Type, ValueRef};

/// Reads of one database at one time.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    store: &'a Store,
    db: u32,
    now: i64,
    patience: Patience,
    note: Note<'a>,
}

impl<'a> Reader<'a> {
    /// `now` is in ms since the epoch: keys that have expired by then are missing.
    pub fn new(store: &'a Store, db: u32, now: i64, patience: Patience) -> Self {
        Self { store, db, now, patience, note: Note::default() }
    }

    /// The same, where `witness` notes what is read.
    pub fn noting<'b>(self, witness: &'b RefCell<Witness>) -> Reader<'b>
    where
        'a: 'b,
    {
        let short: Reader<'b> = self;
        Reader { note: short.note.and(witness), ..short }
    }

    /// When the reader reads, in ms since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// Refuses what takes more than `steps` of some 10 ns, where there is no patience for it.
    pub(crate) fn check_steps(&self, steps: usize) -> Result<(), ReadError> {
        const SHORT: usize = 20_000;
        match self.patience {
            Patience::Short if steps > SHORT => Err(ReadError::TakesLong),
            _ => Ok(()),
        }
    }

    /// Hands the entry of a key to `with`, or `None` where it is missing. The key is locked meanwhile.
    #[inline]
    pub(crate) fn entry<R>(
        &self,
        key: &[u8],
        with: impl FnOnce(Option<&Entry>) -> R,
    ) -> Result<R, ReadError> {
        self.store.with_key(self.db, key, self.now, self.patience, self.note, with)
    }

    /// Hands the value of a key to `with`, or `None` where the key is missing. The key is locked
    /// meanwhile: this is for answers that take a few microseconds whatever the value's size.
    #[inline]
    pub(crate) fn point<R>(
        &self,
        key: &[u8],
        kind: Type,
        with: impl FnOnce(Option<ValueRef<'_>>) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        self.entry(key, |entry| with(typed(entry, kind)?))?
    }

    /// The same for answers that walk the value. A large value is walked outside the lock, as it
    /// was at that moment.
    pub(crate) fn walk<R>(
        &self,
        key: &[u8],
        kind: Type,
        with: impl FnOnce(Option<ValueRef<'_>>) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        self.walk_entry(key, |entry| typed(entry, kind), with)
    }

    /// The same for a value of any type.
    pub(crate) fn walk_any<R>(
        &self,
        key: &[u8],
        with: impl FnOnce(Option<ValueRef<'_>>) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        self.walk_entry(key, |entry| entry.map(known).transpose(), with)
    }

    fn walk_entry<R>(
        &self,
        key: &[u8],
        value: impl Fn(Option<&Entry>) -> Result<Option<ValueRef<'_>>, ReadError>,
        with: impl FnOnce(Option<ValueRef<'_>>) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        let mut with = Some(with);
        let mut once = |value: Option<ValueRef<'_>>| match with.take() {
            Some(with) => with(value),
            None => Err(ReadError::BadQuery),
        };
        let large = self.entry(key, |entry| match value(entry)? {
            Some(large @ ValueRef::Large(_)) => Ok(Err(self.keep(large))),
            small => Ok(Ok(once(small)?)),
        })??;
        match large {
            Ok(result) => Ok(result),
            Err(large) => once(Some(large.as_ref())),
        }
    }

    /// The values of several keys of one type, as they are at one moment.
    pub(crate) fn all<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        kind: Type,
    ) -> Result<Vec<Option<Kept<'a>>>, ReadError> {
        self.store.with_keys(self.db, keys, self.now, self.patience, self.note, |entries| {
            entries
                .iter()
                .map(|entry| Ok(typed(*entry, kind)?.map(|value| self.keep(value))))
                .collect::<Result<Vec<_>, _>>()
        })?
    }

    /// A copy of a value that is locked, for when it is not.
    pub(crate) fn keep(&self, value: ValueRef<'_>) -> Kept<'a> {
        Kept::new(value, self.store.account())
    }

    /// The number of keys in the database, also of those that have expired.
    pub(crate) fn db_len(&self) -> Result<usize, ReadError> {
        self.store.with_db(self.db, self.patience, self.note, |db| db.map_or(0, Db::len))
    }

    /// Hands the entries of whole stripes from number `from` on, which have not expired, to `each`,
    /// until there are `count`: the number of the next stripe, 0 at the end.
    pub(crate) fn each_stripe(
        &self,
        from: usize,
        count: usize,
        mut each: impl FnMut(&Entry),
    ) -> Result<usize, ReadError> {
        let mut seen = 0;
        for number in from..STRIPES {
            if seen >= count {
                return Ok(number);
            }
            self.stripe(number, |entry| {
                seen += 1;
                each(entry);
            })?;
        }
        Ok(0)
    }

    /// Hands the entries of one stripe that have not expired to `each`. They are locked meanwhile.
    pub(crate) fn stripe(
        &self,
        number: usize,
        mut each: impl FnMut(&Entry),
    ) -> Result<(), ReadError> {
        self.store.with_stripe(self.db, number, self.patience, self.note, |keys| {
            keys.iter().filter(|entry| entry.is_live(self.now)).for_each(&mut each);
        })
    }

    /// Hands the entries of several keys, as they are at one moment, to `with`. They are locked
    /// meanwhile.
    pub(crate) fn entries<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        with: impl FnOnce(&[Option<&Entry>]) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        self.store.with_keys(self.db, keys, self.now, self.patience, self.note, with)?
    }
}

fn typed(entry: Option<&Entry>, kind: Type) -> Result<Option<ValueRef<'_>>, ReadError> {
    match entry {
        None => Ok(None),
        Some(entry) if entry.kind() == kind => Ok(Some(entry.value())),
        Some(entry) => known(entry).and(Err(ReadError::WrongType)),
    }
}

fn known(entry: &Entry) -> Result<ValueRef<'_>, ReadError> {
    match entry.kind() {
        Type::Unknown | Type::Unsure => Err(ReadError::Unknown),
        _ => Ok(entry.value()),
    }
}
