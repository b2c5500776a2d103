//! Where a reader looks for keys: in a store, or in those of a cluster's shards.

use std::fmt;

use crate::keyspace::db::Db;
use crate::keyspace::entry::Entry;
use crate::keyspace::error::ReadError;
use crate::keyspace::look::{Located, Look};
use crate::keyspace::shards::{self, Shards};
use crate::keyspace::store::Store;
use crate::keyspace::version::Server;
use crate::keyspace::witness::Witness;

/// Where a reader looks.
#[derive(Clone, Copy)]
pub(crate) enum View<'a> {
    Store(&'a Store),
    Cluster(&'a (dyn Shards + 'a)),
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(_) => "Store",
            Self::Cluster(_) => "Cluster",
        })
    }
}

impl<'a> View<'a> {
    /// Whose keys they are. In a cluster: those of the first shard that has data.
    pub(crate) fn server(self) -> Server {
        match self {
            Self::Store(store) => store.server(),
            Self::Cluster(of) => shards::stores(of).next().map(Store::server).unwrap_or_default(),
        }
    }

    /// Hands the entry of a key to `with`, or `None` where it is missing or its time has passed.
    /// The key is locked meanwhile: `with` must be short.
    #[inline]
    pub(crate) fn with_key<R>(
        self,
        key: &[u8],
        look: Look<'_>,
        with: impl FnOnce(Option<Located<'_, 'a>>) -> R,
    ) -> Result<R, ReadError> {
        match self {
            Self::Store(store) => store.with_key(key, look, |entry| {
                with(entry.map(|entry| Located::new(entry, store.account())))
            }),
            Self::Cluster(of) => shards::with_key(of, key, look, with),
        }
    }

    /// Hands the entries of several keys, as they are at one moment, to `with`. They are locked
    /// meanwhile: `with` must be short.
    pub(crate) fn with_keys<K: AsRef<[u8]>, R>(
        self,
        keys: &[K],
        look: Look<'_>,
        with: impl FnOnce(&[Option<Located<'_, 'a>>]) -> R,
    ) -> Result<R, ReadError> {
        match self {
            Self::Store(store) => store.with_keys(keys, look, with),
            Self::Cluster(of) => shards::with_keys(of, keys, look, with),
        }
    }

    /// How many stripes can be walked.
    pub(crate) fn stripe_count(self) -> usize {
        match self {
            Self::Store(store) => store.layout().stripes(),
            Self::Cluster(_) => shards::STRIPES,
        }
    }

    /// Hands the entries of one stripe that have not expired to `each`. They are locked meanwhile.
    /// In a cluster a stripe is a slot, and there may be [`ReadError::NotServed`].
    pub(crate) fn stripe(
        self,
        stripe: usize,
        look: Look<'_>,
        mut each: impl FnMut(&Entry),
    ) -> Result<(), ReadError> {
        match self {
            Self::Store(store) => store.with_stripe(stripe, look, |keys| {
                keys.iter().filter(|entry| entry.is_live(look.now)).for_each(&mut each);
            }),
            Self::Cluster(of) => shards::with_slot(of, stripe, look, |slot| slot.each(look, each))?,
        }
    }

    /// The number of keys, also of those that have expired.
    pub(crate) fn len(self, look: Look<'_>) -> Result<usize, ReadError> {
        match self {
            Self::Store(store) => store.with_db(look, |db| db.map_or(0, Db::len)),
            Self::Cluster(of) => shards::len(of, look),
        }
    }

    /// About that number, which takes no time.
    pub(crate) fn len_hint(self, look: Look<'_>) -> Result<usize, ReadError> {
        match self {
            Self::Store(_) => self.len(look),
            Self::Cluster(of) => Ok(shards::stores(of).map(|store| store.len_of(look.db)).sum()),
        }
    }

    /// Whether all that reads have found is still so. `None`: the writer is changing databases, and
    /// only when it is done can this be told.
    pub(crate) fn is_as_seen(self, witness: &Witness) -> Option<bool> {
        match self {
            Self::Store(store) => store.is_as_seen(witness),
            Self::Cluster(of) => shards::is_as_seen(of, witness),
        }
    }
}
