//! The databases of a store, kept at hand for the writer.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use crate::keyspace::dbs::Dbs;
use crate::keyspace::store::Store;

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
