//! A cluster: its routes, and the keyspaces of its shards.

use std::sync::Arc;

use eslaver_cluster::Routes;
use rustler::{Env, LocalPid, Monitor, Resource};

use crate::cluster::Keyspaces;
use crate::keyspace::registry;

/// A cluster, for as long as its process lives. Its links and its readers share it.
pub(crate) struct Cluster {
    /// Its process, which gets its messages.
    #[expect(dead_code, reason = "messages come with the links' side")]
    pub(crate) owner: LocalPid,
    /// Where the keys of each slot are read.
    pub(crate) routes: Routes,
    /// Of a mirror. They know of it, too, but only for as long as it is there.
    pub(crate) keyspaces: Arc<Keyspaces>,
}

#[rustler::resource_impl]
impl Resource for Cluster {
    const IMPLEMENTS_DOWN: bool = true;

    /// Its process is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        registry::remove_cluster(self);
    }
}

impl Cluster {
    /// One without shards, of this process.
    pub(crate) fn new(owner: LocalPid) -> Self {
        Self { owner, routes: Routes::default(), keyspaces: Arc::default() }
    }
}
