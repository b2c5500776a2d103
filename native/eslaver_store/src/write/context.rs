//! What a command sees of keys. Whether their time has passed does not matter to it: the master says
//! when a key is gone.

use eslaver_core::rdb::Family;

use std::any::Any;

use crate::heap;
use crate::keyspace::db::Db;
use crate::keyspace::entry::Entry;
use crate::keyspace::layout::KeyHash;
use crate::keyspace::session::Session;
use crate::keyspace::trash::Trash;
use crate::keyspace::version::Version;
use crate::values::{NewValue, Type, ValueRef};
use crate::write::refusal::Refusal;

/// With more elements to change, a key is not locked meanwhile.
const MANY: usize = 500;

/// The keys of a database, for one command.
#[derive(Debug)]
pub(crate) struct Context<'a, 's> {
    session: &'a mut Session<'s>,
    trash: &'a mut Trash,
    number: u32,
    db: &'s Db,
    now: i64,
}

impl<'a, 's> Context<'a, 's> {
    /// `None` where there is no such database yet.
    pub(crate) fn new(
        session: &'a mut Session<'s>,
        trash: &'a mut Trash,
        number: u32,
        now: i64,
    ) -> Option<Self> {
        let db = session.db(number)?;
        Some(Self { session, trash, number, db, now })
    }

    /// The same for another database.
    pub(crate) fn in_db(&mut self, number: u32) -> Result<Context<'_, 's>, Refusal> {
        Context::new(self.session, self.trash, number, self.now).ok_or(Refusal::Missing)
    }

    /// When the command came, in ms since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// What the tables of large values are seeded with.
    pub(crate) fn seed(&self) -> u64 {
        self.session.store().seed()
    }

    /// The version of Redis whose commands the master has.
    pub(crate) fn redis(&self) -> Version {
        self.session.store().server().redis
    }

    /// Whose server the master is.
    pub(crate) fn family(&self) -> Family {
        self.session.store().server().family
    }

    /// The database that the command is for.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Does work that may take long. It is [gentle](heap::gently), unless readers wait for its end.
    pub(crate) fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.session.keeps_readers_out() { work() } else { heap::gently(work) }
    }

    /// Hands a key's entry to `with`.
    #[inline]
    pub(crate) fn read<R>(&self, key: &[u8], with: impl FnOnce(Option<&Entry>) -> R) -> R {
        let hash = self.db.hash(key);
        self.session.read(self.number, self.db, hash, |keys| with(keys.get(hash, key)))
    }

    /// Hands the value of a key to `with`, or `None` where the key is missing. Another type than
    /// `kind` is refused.
    pub(crate) fn view<R>(
        &self,
        key: &[u8],
        kind: Type,
        with: impl FnOnce(Option<ValueRef<'_>>) -> R,
    ) -> Result<R, Refusal> {
        self.read(key, |entry| match entry {
            None => Ok(with(None)),
            Some(entry) => {
                check(entry, kind)?;
                Ok(with(Some(entry.value())))
            }
        })
    }

    /// A copy of the value of a key, to be walked while other keys change. That of a large value
    /// costs nothing.
    pub(crate) fn copy(&self, key: &[u8], kind: Type) -> Result<Option<NewValue>, Refusal> {
        self.view(key, kind, |value| value.map(ValueRef::to_new))
    }

    /// Changes the entry of a key, or does nothing where the key is missing (`None`). A value that is
    /// empty afterwards is removed with its key.
    #[inline]
    pub(crate) fn edit<R>(
        &mut self,
        key: &[u8],
        kind: Type,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Result<Option<R>, Refusal> {
        self.edit_at(self.db.hash(key), key, kind, change)
    }

    #[inline]
    fn edit_at<R>(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        kind: Type,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Result<Option<R>, Refusal> {
        let keys = self.session.lock(self.number, self.db, hash);
        let Some(entry) = keys.get_mut(hash, key) else {
            return Ok(None);
        };
        check(entry, kind)?;
        let result = change(entry);
        let is_empty = entry.value().is_empty();
        self.session.charge(kind);
        if is_empty {
            let old = self.take_at(hash, key);
            old.into_iter().for_each(|old| self.discard(old));
        }
        Ok(Some(result))
    }

    /// The same, where a missing key is made first, with the value of `new`.
    #[inline]
    pub(crate) fn change<R>(
        &mut self,
        key: &[u8],
        kind: Type,
        new: impl FnOnce() -> NewValue,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Result<R, Refusal> {
        let mut change = Some(change);
        let mut once = |entry: &mut Entry| change.take().map(|change| change(entry));
        let hash = self.db.hash(key);
        if let Some(Some(result)) = self.edit_at(hash, key, kind, &mut once)? {
            return Ok(result);
        }
        let mut entry = Entry::new(key, None, new());
        let result = once(&mut entry).ok_or(Refusal::Missing)?;
        if !entry.value().is_empty() {
            self.insert_at(hash, entry);
        }
        Ok(result)
    }

    /// [`Context::edit`] for a change of this number of elements. With many of them, a copy is changed,
    /// and the key is locked only to put it in its place.
    #[inline]
    pub(crate) fn edit_elements<R>(
        &mut self,
        key: &[u8],
        kind: Type,
        elements: usize,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Result<Option<R>, Refusal> {
        if elements <= MANY {
            return self.edit(key, kind, change);
        }
        match self.entry_aside(key, kind)? {
            Some(entry) => Ok(Some(self.change_aside(key, entry, change))),
            None => Ok(None),
        }
    }

    /// [`Context::change`] in the same way.
    #[inline]
    pub(crate) fn change_elements<R>(
        &mut self,
        key: &[u8],
        kind: Type,
        elements: usize,
        new: impl FnOnce() -> NewValue,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Result<R, Refusal> {
        if elements <= MANY {
            return self.change(key, kind, new, change);
        }
        let entry = self.entry_aside(key, kind)?;
        let entry = entry.unwrap_or_else(|| Entry::new(key, None, new()));
        Ok(self.change_aside(key, entry, change))
    }

    fn entry_aside(&self, key: &[u8], kind: Type) -> Result<Option<Entry>, Refusal> {
        self.read(key, |entry| match entry {
            None => Ok(None),
            Some(entry) => check(entry, kind).map(|()| Some(entry.clone())),
        })
    }

    fn change_aside<R>(
        &mut self,
        key: &[u8],
        mut entry: Entry,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> R {
        let result = self.aside(|| change(&mut entry));
        if entry.value().is_empty() {
            self.remove(key);
        } else {
            self.insert(entry);
        }
        result
    }

    /// Gives a key this value, whatever it had, and this time to expire, in ms since the epoch.
    /// With an empty value the key is removed.
    #[inline]
    pub(crate) fn put(&mut self, key: &[u8], value: NewValue, expire_at: Option<i64>) {
        if value.as_ref().is_empty() {
            self.remove(key);
        } else {
            self.insert(Entry::new(key, expire_at, value));
        }
    }

    /// The same with a packed value that is not empty, as a string.
    #[inline]
    pub(crate) fn put_packed(
        &mut self,
        key: &[u8],
        kind: Type,
        payload: &[u8],
        expire_at: Option<i64>,
    ) {
        let hash = self.db.hash(key);
        let keys = self.session.lock(self.number, self.db, hash);
        let old = keys.get_mut(hash, key);
        if !old.is_some_and(|old| old.overwrite(expire_at, kind, 0, payload)) {
            self.insert_at(hash, Entry::packed(key, expire_at, kind, 0, payload));
        }
    }

    /// Puts an entry in the place of what its key had.
    pub(crate) fn insert(&mut self, entry: Entry) {
        self.insert_at(self.db.hash(entry.key()), entry);
    }

    fn insert_at(&mut self, hash: KeyHash, entry: Entry) {
        let kind = entry.kind();
        self.session.charge(kind);
        let keys = self.session.lock(self.number, self.db, hash);
        let old = keys.put(hash, entry, self.db);
        self.session.charge_none();
        self.db.usage().add(kind);
        if let Some(old) = old {
            self.db.usage().remove(old.kind());
            self.discard(old);
        }
    }

    /// Removes a key: whether there was one.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let old = self.take(key);
        let found = old.is_some();
        old.into_iter().for_each(|old| self.discard(old));
        found
    }

    /// Removes a key, and gives what it had.
    pub(crate) fn take(&mut self, key: &[u8]) -> Option<Entry> {
        self.take_at(self.db.hash(key), key)
    }

    fn take_at(&mut self, hash: KeyHash, key: &[u8]) -> Option<Entry> {
        let old = self.session.lock(self.number, self.db, hash).remove(hash, key, self.db)?;
        self.session.charge_none();
        self.db.usage().remove(old.kind());
        Some(old)
    }

    /// Has a part of a value of this type, which was removed from it, dropped where nobody waits.
    pub(crate) fn discard_part(&mut self, kind: Type, part: impl Any + Send + Sync) {
        let part = Box::new(part);
        self.session.charge(kind);
        self.trash.part(kind, part);
        self.session.charge_none();
    }

    fn discard(&mut self, old: Entry) {
        let kind = old.kind();
        let large = old.into_large();
        self.session.charge(kind);
        if let Some(large) = large {
            self.trash.value(large);
            self.session.charge_none();
        }
    }

    /// Sets when a key expires, in ms since the epoch: whether there is one.
    pub(crate) fn set_expire_at(&mut self, key: &[u8], at: Option<i64>) -> bool {
        let hash = self.db.hash(key);
        let keys = self.session.lock(self.number, self.db, hash);
        let Some(entry) = keys.get_mut(hash, key) else {
            return false;
        };
        // The master has found the key: there is no doubt any more that it exists.
        if entry.kind() == Type::Unsure {
            self.insert(Entry::new(key, at, NewValue::unknown(Type::Unknown)));
            return true;
        }
        entry.set_expire_at(at);
        let kind = entry.kind();
        self.session.charge(kind);
        true
    }

    /// Whether a key exists, as far as is known.
    pub(crate) fn exists(&self, key: &[u8]) -> bool {
        self.read(key, |entry| entry.is_some_and(|entry| entry.kind() != Type::Unsure))
    }

    /// How many keys there are of which it is not known whether they exist.
    pub(crate) fn unsure(&self) -> usize {
        self.db.usage().count(Type::Unsure)
    }

    /// What a key holds is not known any more.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        self.mark(key, Type::Unknown);
    }

    /// Whether a key exists is not known any more.
    pub(crate) fn doubt(&mut self, key: &[u8]) {
        self.mark(key, Type::Unsure);
    }

    fn mark(&mut self, key: &[u8], kind: Type) {
        self.insert(Entry::new(key, None, NewValue::unknown(kind)));
    }
}

fn check(entry: &Entry, kind: Type) -> Result<(), Refusal> {
    if entry.kind() == kind { Ok(()) } else { Err(Refusal::WrongType(entry.kind())) }
}
