//! The databases of a store.

use std::sync::Arc;

use crate::keyspace::db::Db;

/// The databases that there are, by ascending number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dbs(Vec<(u32, Arc<Db>)>);

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
