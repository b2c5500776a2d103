//! Values out of reach. Dropping a large one takes a while, and must hold up neither readers nor the
//! writer.

use std::any::Any;
use std::sync::Arc;

use crate::keyspace::db::Db;
use crate::values::Large;

/// What is out of reach, and costs time to drop.
#[derive(Debug, Default)]
pub struct Trash {
    values: Vec<Large>,
    dbs: Vec<Arc<Db>>,
    /// Parts of values that have changed.
    parts: Vec<Box<dyn Any + Send + Sync>>,
}

impl Trash {
    /// Whether there is nothing to drop.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.dbs.is_empty() && self.parts.is_empty()
    }

    pub(crate) fn value(&mut self, value: Option<Large>) {
        self.values.extend(value);
    }

    pub(crate) fn part(&mut self, part: impl Any + Send + Sync) {
        self.parts.push(Box::new(part));
    }

    pub(crate) fn db(&mut self, db: Arc<Db>) {
        self.dbs.push(db);
    }
}
