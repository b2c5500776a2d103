//! Finds values for readers: one alone, or several as they are at one moment.

use std::cell::RefCell;

use crate::keyspace::entry::Entry;
use crate::keyspace::error::ReadError;
use crate::keyspace::kept::Kept;
use crate::keyspace::look::{Located, Look, Patience};
use crate::keyspace::shards::Shards;
use crate::keyspace::store::Store;
use crate::keyspace::version::Server;
use crate::keyspace::view::View;
use crate::keyspace::witness::{Note, Witness};
use crate::values::{Type, ValueRef};

/// Reads of one database at one time.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    view: View<'a>,
    look: Look<'a>,
}

impl<'a> Reader<'a> {
    /// `now` is in ms since the epoch: keys that have expired by then are missing.
    pub fn new(store: &'a Store, db: u32, now: i64, patience: Patience) -> Self {
        Self::of(View::Store(store), db, now, patience)
    }

    /// The same of a cluster.
    pub fn of_cluster(
        shards: &'a (dyn Shards + 'a),
        db: u32,
        now: i64,
        patience: Patience,
    ) -> Self {
        Self::of(View::Cluster(shards), db, now, patience)
    }

    fn of(view: View<'a>, db: u32, now: i64, patience: Patience) -> Self {
        Self { view, look: Look { db, now, patience, note: Note::default() } }
    }

    /// The same, where `witness` notes what is read.
    pub fn noting<'b>(self, witness: &'b RefCell<Witness>) -> Reader<'b>
    where
        'a: 'b,
    {
        let short: Reader<'b> = self;
        Reader { look: Look { note: short.look.note.and(witness), ..short.look }, ..short }
    }

    /// When the reader reads, in ms since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.look.now
    }

    /// Whose keys they are.
    pub(crate) fn server(&self) -> Server {
        self.view.server()
    }

    /// Whether all that reads have found is still so. `None`: the writer is changing databases, and
    /// only when it is done can this be told.
    pub fn is_as_seen(&self, witness: &Witness) -> Option<bool> {
        self.view.is_as_seen(witness)
    }

    /// Refuses what takes more than `steps` of some 10 ns, where there is no patience for it.
    pub(crate) fn check_steps(&self, steps: usize) -> Result<(), ReadError> {
        const SHORT: usize = 20_000;
        match self.look.patience {
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
        self.located(key, |entry| with(entry.map(Located::entry)))
    }

    /// The same for entries whose values are kept.
    #[inline]
    pub(crate) fn located<R>(
        &self,
        key: &[u8],
        with: impl FnOnce(Option<Located<'_, 'a>>) -> R,
    ) -> Result<R, ReadError> {
        self.view.with_key(key, self.look, with)
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
        let large =
            self.located(key, |entry| match (value(entry.map(Located::entry))?, entry) {
                (Some(ValueRef::Large(_)), Some(entry)) => Ok(Err(entry.keep())),
                (small, _) => Ok(Ok(once(small)?)),
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
        self.entries(keys, |entries| {
            let keep = |entry: &Option<Located<'_, 'a>>| {
                Ok(typed(entry.map(Located::entry), kind)?.and(*entry).map(Located::keep))
            };
            entries.iter().map(keep).collect()
        })
    }

    /// The number of keys in the database, also of those that have expired.
    pub(crate) fn db_len(&self) -> Result<usize, ReadError> {
        self.view.len(self.look)
    }

    /// About that number, which takes no time.
    pub(crate) fn about_db_len(&self) -> Result<usize, ReadError> {
        self.view.len_hint(self.look)
    }

    /// How many stripes there are.
    pub(crate) fn stripe_count(&self) -> usize {
        self.view.stripe_count()
    }

    /// Hands the entries of whole stripes from number `from` on, which have not expired, to `each`,
    /// until there are `count`: the number of the next stripe, 0 at the end. Stripes that are not served
    /// have none, unless that goes for all.
    pub(crate) fn each_stripe(
        &self,
        from: usize,
        count: usize,
        mut each: impl FnMut(&Entry),
    ) -> Result<usize, ReadError> {
        let (mut seen, mut is_served) = (0, from > 0);
        for number in from..self.stripe_count() {
            if seen >= count {
                return Ok(number);
            }
            let walked = self.stripe(number, |entry| {
                seen += 1;
                each(entry);
            });
            match walked {
                Ok(()) => is_served = true,
                Err(ReadError::NotServed) => {}
                Err(error) => return Err(error),
            }
        }
        if is_served { Ok(0) } else { Err(ReadError::NotServed) }
    }

    /// Hands the entries of one stripe that have not expired to `each`. They are locked meanwhile.
    pub(crate) fn stripe(&self, number: usize, each: impl FnMut(&Entry)) -> Result<(), ReadError> {
        self.view.stripe(number, self.look, each)
    }

    /// Hands the entries of several keys, as they are at one moment, to `with`. They are locked
    /// meanwhile.
    pub(crate) fn entries<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        with: impl FnOnce(&[Option<Located<'_, 'a>>]) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        self.view.with_keys(keys, self.look, with)?
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
