//! The databases of a store.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use crate::keyspace::db::Db;
use crate::keyspace::store::Store;

/// The databases that there are, by ascending number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dbs(Vec<(u32, Arc<Db>)>);

/// The databases of a store as they are, for one who looks often.
#[derive(Debug)]
pub(crate) struct LatestDbs(Cache<DbsOf, Arc<Dbs>>);

#[derive(Debug)]
struct DbsOf(Arc<Store>);

impl Deref for DbsOf {
    type Target = ArcSwap<Dbs>;

    #[inline]
    fn deref(&self) -> &ArcSwap<Dbs> {
        self.0.dbs_cell()
    }
}

impl LatestDbs {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self(Cache::new(DbsOf(store)))
    }

    /// The databases as they are now. Others are kept until this is called again.
    #[inline]
    pub(crate) fn latest(&mut self) -> &Dbs {
        self.0.load()
    }
}

impl Dbs {
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Db> {
        self.shared(number).map(Arc::as_ref)
    }

    #[inline]
    pub(crate) fn shared(&self, number: u32) -> Option<&Arc<Db>> {
        match self.0.first() {
            Some((first, db)) if *first == number => Some(db),
            _ => {
                let at = self.0.binary_search_by_key(&number, |(other, _)| *other).ok()?;
                self.0.get(at).map(|(_, db)| db)
            }
        }
    }

    pub(crate) fn put(&mut self, number: u32, db: Arc<Db>) {
        self.take(number);
        let at = self.0.partition_point(|(other, _)| *other < number);
        self.0.insert(at, (number, db));
    }

    pub(crate) fn take(&mut self, number: u32) -> Option<Arc<Db>> {
        let at = self.0.binary_search_by_key(&number, |(other, _)| *other).ok()?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Arc<Db>> {
        self.0.drain(..).map(|(_, db)| db)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Arc<Db>)> {
        self.0.iter().map(|(number, db)| (*number, db))
    }
}
