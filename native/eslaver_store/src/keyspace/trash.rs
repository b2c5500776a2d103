//! Values out of reach. Dropping a large one takes a while, and must hold up neither readers nor the
//! writer.

use std::any::Any;
use std::sync::Arc;

use crate::keyspace::account::Account;
use crate::keyspace::db::Db;
use crate::values::{Large, Type};

/// How often a value that is shared is left for later. After that it is no reader that shares it, but
/// another key, as after `COPY`.
const SWEEPS: u32 = 200;

/// What is out of reach, and costs time to drop.
#[derive(Debug)]
pub struct Trash {
    account: Arc<Account>,
    sweeps: u32,
    values: Vec<Large>,
    dbs: Vec<Arc<Db>>,
    /// Parts of values that have changed.
    parts: Vec<Part>,
}

/// A part of a value of some type.
type Part = (Type, Box<dyn Any + Send + Sync>);

impl Trash {
    /// For what is of the store with this account.
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self { account, sweeps: 0, values: Vec::new(), dbs: Vec::new(), parts: Vec::new() }
    }

    /// Whether there is nothing to drop.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.dbs.is_empty() && self.parts.is_empty()
    }

    /// Whether there are whole databases.
    pub fn has_dbs(&self) -> bool {
        !self.dbs.is_empty()
    }

    /// Drops what nobody else holds. The rest, if there is any, is for later: a reader must not be
    /// the one who drops it.
    pub fn sweep(mut self) -> Option<Self> {
        let account = Arc::clone(&self.account);
        self.sweeps += 1;
        let is_late = self.sweeps > SWEEPS;
        account.apart(|| {
            for value in self.values.extract_if(.., |value| is_late || !value.is_shared()) {
                account.of_kind(value.kind(), || drop(value));
            }
            for (kind, part) in self.parts.drain(..) {
                account.of_kind(kind, || drop(part));
            }
            let alone = self.dbs.extract_if(.., |db| Arc::strong_count(db) == 1);
            alone.filter_map(Arc::into_inner).for_each(Db::dismantle);
            (!self.is_empty()).then_some(self)
        })
    }

    pub(crate) fn value(&mut self, value: Large) {
        self.values.push(value);
    }

    pub(crate) fn part(&mut self, kind: Type, part: Box<dyn Any + Send + Sync>) {
        self.parts.push((kind, part));
    }

    pub(crate) fn db(&mut self, db: Arc<Db>) {
        self.dbs.push(db);
    }
}
