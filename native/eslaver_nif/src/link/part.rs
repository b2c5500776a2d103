//! A link's part in a cluster: what of its stream must wait, who has made it, and which shard it is of.

use std::sync::Arc;

use eslaver_cluster::{Deed, Import, Member, Move, Origin, Verdict, of_field, of_key};
use eslaver_core::commands::Learned;
use eslaver_core::resp::Command;
use rustler::{Env, ResourceArc};

use crate::atoms;
use crate::cluster::{Cluster, told};

/// A shard of a cluster, as a link knows it.
#[derive(Clone)]
pub(crate) struct Seat {
    cluster: ResourceArc<Cluster>,
    member: Arc<Member>,
    /// The shard's id, for events.
    pub(crate) id: Arc<[u8]>,
}

impl Seat {
    pub(crate) fn new(cluster: ResourceArc<Cluster>, member: Arc<Member>, id: &[u8]) -> Self {
        Self { cluster, member, id: id.into() }
    }

    /// The calling process runs the shard's link from now on, which goes to this node.
    pub(crate) fn take(&self, env: Env<'_>, node: Option<&[u8]>) {
        let shard = self.member.shard();
        self.cluster.set_link(shard, env.pid());
        node.into_iter().for_each(|node| self.cluster.slots.know(node, shard));
    }

    /// The slot of a key of the snapshot, and whether its keys do not count yet.
    pub(crate) fn of_key(&self, key: &[u8]) -> Judged {
        let slot = of_key(key);
        let is_importing = self.cluster.slots.is_importing(&self.member, slot);
        let origin = if is_importing { Origin::Migration } else { Origin::User };
        Judged { origin, slot: Some(slot) }
    }

    /// The snapshot that begins was taken within an import of these slots.
    pub(crate) fn import(&self, name: &[u8], ranges: &[(u16, u16)]) {
        let (name, ranges) = (name.into(), ranges.to_vec());
        self.begin(Import { name, source: None, ranges, empties: false });
    }

    /// The snapshot that begins has this field.
    pub(crate) fn aux(&self, name: &[u8], value: &[u8]) {
        of_field(name, value).into_iter().for_each(|import| self.begin(import));
    }

    fn begin(&self, import: Import) {
        self.cluster.slots.begin(self.member.shard(), import);
    }

    /// A snapshot begins, which stands for this offset.
    pub(crate) fn restart(&self, offset: u64) {
        self.cluster.slots.restart(self.member.shard(), offset);
    }

    /// The stream goes on from where everything has been handled, perhaps under another id.
    pub(crate) fn resume(&self, env: Env<'_>, offset: u64, has_new_id: bool) {
        self.cluster.slots.resume(self.member.shard(), offset, has_new_id);
        self.handled(env, offset);
    }

    /// Everything up to this offset has been handled.
    pub(crate) fn handled(&self, env: Env<'_>, offset: u64) {
        if self.member.set_handled(offset) {
            self.cluster.tell(env, atoms::reached(), self.member.shard().0);
        }
    }
}

/// What is known of a command or a key besides what it says.
#[derive(Clone, Copy)]
pub(crate) struct Judged {
    pub(crate) origin: Origin,
    /// The slot of its first key.
    pub(crate) slot: Option<u16>,
}

impl Default for Judged {
    /// Of a master that is in no cluster.
    fn default() -> Self {
        Self { origin: Origin::User, slot: None }
    }
}

impl Judged {
    /// Whether the cluster itself has made it.
    pub(crate) fn is_migration(self) -> bool {
        self.origin == Origin::Migration
    }
}

/// A link's part in a cluster.
pub(crate) struct Part {
    pub(crate) seat: Seat,
    /// What the cluster's process is to be told.
    marked: bool,
    moves: Vec<Move>,
}

impl Part {
    pub(crate) fn new(seat: Seat) -> Self {
        Self { seat, marked: false, moves: Vec::new() }
    }

    /// What a command is that begins at this offset, or `None` if it must wait. `safe` is the last offset
    /// outside a transaction, and `has` tells whether a key would be missed.
    #[inline]
    pub(crate) fn judge(
        &mut self,
        learned: &Learned,
        command: &Command<'_>,
        (offset, safe): (u64, u64),
        has: impl FnMut(&[u8]) -> bool,
    ) -> Option<Judged> {
        let args = command.args();
        let (deed, slot) = Deed::of(learned, command.name(), &args);
        let Seat { cluster, member, .. } = &self.seat;
        match cluster.slots.judge(member, (&deed, slot), &args, offset, has) {
            Verdict::Held => {
                member.set_held_behind(safe);
                None
            }
            Verdict::Passes { origin, marked, moves } => {
                self.marked |= marked;
                self.moves.extend(moves);
                Some(Judged { origin, slot })
            }
        }
    }

    /// Whether readers may get a snapshot that stands for this offset instead of what they have.
    pub(crate) fn admits_snapshot(&self, offset: u64) -> bool {
        self.seat.cluster.slots.admits_snapshot(&self.seat.member, offset)
    }

    /// Tells the cluster's process what it is to know.
    pub(crate) fn tell(&mut self, env: Env<'_>) {
        let Seat { cluster, member, .. } = &self.seat;
        let shard = member.shard().0;
        let has_moves = !self.moves.is_empty();
        if has_moves {
            cluster.tell(env, atoms::moved(), told(std::mem::take(&mut self.moves)));
        }
        if std::mem::take(&mut self.marked) {
            cluster.tell(env, atoms::marked(), shard);
        }
        let is_held = member.take_untold();
        if is_held {
            cluster.tell(env, atoms::held(), shard);
        }
        // what others wait for may depend on both
        if has_moves || is_held {
            cluster.wake_held(env, Some(member.shard()));
        }
    }
}
