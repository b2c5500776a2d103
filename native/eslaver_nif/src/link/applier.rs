//! What a link brings, put into a keyspace.

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::filter::{Before, Filter};
use eslaver_core::position::Position;
use eslaver_core::resp;
use eslaver_store::{Account, Command, Feed, Functions, Refusal, Store, Watch, Writer};
use rustler::{Env, ResourceArc};

use crate::keyspace::{self, Fault, Keyspace, Projections};
use crate::link::end::End;
use crate::link::intake::Intake;
use crate::link::part::{Judged, Seat};

/// Commands of up to this number of arguments, as most are, need no memory of their own to be handed on.
const FEW: usize = 16;

/// For fewer keys it does not pay to look at them before they are needed.
const FEW_KEYS: usize = 4;

/// The writer of a keyspace, for one link.
pub(crate) struct Applier {
    keyspace: ResourceArc<Keyspace>,
    ticket: u64,
    filter: Option<Arc<Filter>>,
    intake: Option<Intake>,
    feed: Option<Feed>,
    /// What the master told of its commands.
    learned: Arc<Learned>,
    /// The offset behind what the keyspace has: commands before it are passed over.
    from: u64,
    /// In a cluster.
    migrating: Option<Migrating>,
    news: Vec<News>,
}

/// What the server is to be told.
pub(crate) enum News {
    /// A command could not be applied, for the first time.
    Refused { command: Vec<u8>, reason: String },
    /// Only a full resync helps.
    Lost,
}

impl Applier {
    pub(crate) fn new(
        keyspace: ResourceArc<Keyspace>,
        ticket: u64,
        filter: Option<Arc<Filter>>,
        in_cluster: bool,
    ) -> Self {
        Self {
            keyspace,
            ticket,
            filter,
            intake: None,
            feed: None,
            learned: Arc::default(),
            from: 0,
            migrating: in_cluster.then(Migrating::default),
            news: Vec::new(),
        }
    }

    pub(crate) fn keyspace(&self) -> &ResourceArc<Keyspace> {
        &self.keyspace
    }

    pub(crate) fn ticket(&self) -> u64 {
        self.ticket
    }

    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    fn filter(&self) -> Option<Filter> {
        self.filter.as_deref().cloned()
    }

    /// A snapshot begins.
    pub(crate) fn begin(&mut self, max_value: u64, seat: Option<Seat>) {
        if self.keyspace.policy.in_place {
            self.keyspace.withdraw();
        }
        if self.keyspace.applied().is_lost {
            self.keyspace.forget_position();
        }
        self.feed = None;
        let fault = self.keyspace.take_fault(Fault::load);
        self.intake =
            Some(Intake::new(self.keyspace.clone(), self.filter(), max_value, seat, fault));
    }

    /// Where the snapshot goes.
    pub(crate) fn intake(&mut self) -> Option<&mut Intake> {
        self.intake.as_mut()
    }

    /// The snapshot is whole: readers get it. How many keys it has, and which db the stream behind it
    /// begins with.
    pub(crate) fn loaded(
        &mut self,
        replid: Option<&str>,
        offset: u64,
        learned: Arc<Learned>,
    ) -> Result<(u64, u32), End> {
        let mut intake = self.intake.take().ok_or(End::Confused)?;
        let store = intake.finish().ok_or(End::Confused)?;
        for (problem, count) in intake.problems() {
            self.count(b"loading", *count, &problem.to_string());
        }
        let mut functions = Functions::default();
        for code in intake.functions() {
            functions.load(code);
        }
        let replid = replid.map(str::to_owned);
        let position = keyspace::Position { replid, offset, db: intake.stream_db() };
        self.learned = learned;
        self.feed = Some(self.feed_of(&store, functions.clone()));
        self.from = offset;
        self.keyspace.publish(store, position, functions);
        Ok((intake.keys(), intake.stream_db()))
    }

    /// The stream goes on under this id, perhaps before the end of what the keyspace has.
    pub(crate) fn resume(&mut self, replid: &str, learned: Arc<Learned>) -> Result<(), End> {
        let store = self.keyspace.store().ok_or(End::Confused)?;
        let functions = {
            let mut applied = self.keyspace.applied();
            let position = applied.position.as_mut().ok_or(End::Confused)?;
            position.replid = Some(replid.to_owned());
            self.from = position.offset;
            applied.functions.clone()
        };
        self.learned = learned;
        self.feed = Some(self.feed_of(&store, functions));
        self.keyspace.set_followed(true);
        Ok(())
    }

    fn feed_of(&self, store: &Arc<Store>, functions: Functions) -> Feed {
        let learned = Learned::clone(&self.learned);
        let mut writer = Writer::new(Arc::clone(store), learned, self.filter());
        writer.set_functions(functions);
        if let Some(command) = self.keyspace.take_fault(Fault::command) {
            writer.set_faulty(&command);
        }
        if let Some(projections) = self.keyspace.projections() {
            writer.set_watch(Watch::new(projections.interests()));
        }
        Feed::new(writer)
    }

    /// Sends the mirror what it has to tell.
    pub(crate) fn notify(&self, env: Env<'_>) {
        Keyspace::notify(&self.keyspace, env);
    }

    /// Has the processor fetch what it needs for the keys of the next commands: see [`Writer::warm`].
    #[inline]
    pub(crate) fn warm(&mut self, db: u32, keys: &[&[u8]]) {
        if let Some(feed) = &mut self.feed
            && keys.len() >= FEW_KEYS
        {
            feed.writer().warm(db, keys);
        }
    }

    /// Applies the command behind `before`, with what must precede it, if the keyspace does not have
    /// it. `behind` is the offset behind it.
    #[inline]
    pub(crate) fn command(
        &mut self,
        frame: Before,
        command: &resp::Command<'_>,
        before: Position,
        behind: u64,
        (judged, now): (Judged, i64),
    ) {
        if before.offset < self.from {
            return;
        }
        let at = (before.db, behind);
        if frame.multi {
            self.note_migration(b"multi", Judged::default());
            self.apply(b"multi", at, &[], now);
        }
        self.note_migration(command.name(), judged);
        let args = command.args();
        let mut few: [&[u8]; FEW] = [&[]; FEW];
        match few.get_mut(..args.len()) {
            Some(few) => {
                few.iter_mut().zip(args.iter()).for_each(|(place, arg)| *place = arg);
                self.apply(command.name(), at, few, now);
            }
            None => {
                let many: Vec<&[u8]> = args.iter().collect();
                self.apply(command.name(), at, &many, now);
            }
        }
    }

    #[inline]
    fn note_migration(&mut self, name: &[u8], judged: Judged) {
        if let Some(migrating) = &mut self.migrating {
            migrating.note(name, judged.is_migration());
        }
    }

    /// Whether readers have a key.
    pub(crate) fn has(&self, db: u32, key: &[u8], now: i64) -> bool {
        let store = self.keyspace.store();
        store.is_some_and(|store| store.has(db, key, now).unwrap_or(true))
    }

    /// Whether readers have anything.
    pub(crate) fn has_readers(&self) -> bool {
        self.keyspace.store().is_some()
    }

    fn apply(&mut self, name: &[u8], (db, offset): (u32, u64), args: &[&[u8]], now: i64) {
        let Some(feed) = &mut self.feed else { return };
        let mut refused: Vec<(Vec<u8>, Refusal)> = Vec::new();
        let refuse = |command: &Command<'_>, refusal| {
            refused.push((command.name.to_vec(), refusal));
        };
        let migrating = &self.migrating;
        let applied = |unit: &[Command<'_>]| {
            self.keyspace.note(&self.learned, unit, offset, |at| {
                migrating.as_ref().is_some_and(|migrating| migrating.has(at))
            });
        };
        feed.command(db, name, args, now, refuse, applied);
        for (command, refusal) in refused {
            self.count(&command, 1, &refusal.to_string());
        }
    }

    fn count(&mut self, command: &[u8], times: u64, reason: &str) {
        let mut applied = self.keyspace.applied();
        match applied.refused.get_mut(command) {
            Some(count) => *count += times,
            None => {
                applied.refused.insert(command.to_vec(), times);
                drop(applied);
                self.news.push(News::Refused { command: command.to_vec(), reason: reason.into() });
            }
        }
    }

    fn lose(&mut self) {
        if !self.keyspace.applied().is_lost {
            self.keyspace.set_lost();
            self.news.push(News::Lost);
        }
    }

    /// Commands have been applied up to this place. After an `end` within a command, it is not known
    /// what of it was.
    pub(crate) fn applied(&mut self, offset: u64, db: u32, end: Option<&End>) {
        let Some(feed) = &mut self.feed else { return };
        self.keyspace.bury_trash(feed.writer().take_trash());
        if let Some(functions) = feed.writer().take_new_functions() {
            self.keyspace.applied().functions = functions;
        }
        self.keyspace.changed(feed.writer().take_applied());
        if let (Some(projections), Some(changes)) =
            (self.keyspace.projections(), feed.writer().take_changes())
        {
            projections.note(changes);
        }
        if feed.writer().needs_resync() {
            self.lose();
        }
        let mut applied = self.keyspace.applied();
        if end.is_some_and(End::is_bad_stream) {
            applied.position = None;
        } else if let Some(position) = &mut applied.position
            && offset >= self.from
        {
            (position.offset, position.db) = (offset, db);
        }
    }

    /// Whether there is room for more, beside what of a snapshot is not decoded. If not, there will be
    /// once what is out of reach has been dropped; else the link ends, and only a snapshot tells
    /// whether the data is small enough again.
    pub(crate) fn has_room(&self, snapshot: Option<&Progress>) -> Result<bool, End> {
        let (Some(limit), Some(account)) = (self.keyspace.policy.max_memory, self.account()) else {
            return Ok(true);
        };
        let taken = account.bytes() as u64;
        if taken + snapshot.map_or(0, |progress| progress.pending) <= limit {
            return Ok(true);
        }
        if self.keyspace.is_clearing() {
            return Ok(false);
        }
        if snapshot.is_none() {
            self.keyspace.forget_position();
        }
        Err(End::Memory { limit, needs: snapshot.and_then(|progress| progress.estimate(taken)) })
    }

    /// That of the store that is written.
    fn account(&self) -> Option<&Account> {
        match (&self.intake, &self.feed) {
            (Some(intake), _) => intake.account(),
            (None, feed) => feed.as_ref().map(Feed::account),
        }
    }

    /// Whether the store that is written takes more than it may.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        let Some(limit) = self.keyspace.policy.max_memory else { return false };
        self.account().is_some_and(|account| account.bytes() as u64 > limit)
    }

    /// Whether a slice may wait for more before it returns: nobody waits for its end.
    pub(crate) fn may_wait(&self) -> bool {
        self.keyspace.projections().is_none() && !self.keyspace.is_held()
    }

    /// Whether the server may be told what has been applied: the projections have it.
    pub(crate) fn is_settled(&self) -> bool {
        self.keyspace.projections().is_none_or(Projections::is_settled)
    }

    /// A panic has cut the slice short. What it was loading is dropped; if it was applying commands,
    /// nothing of the store can be relied upon. Whether the next link gets what they came to in a
    /// snapshot, instead of the commands.
    pub(crate) fn give_up(&mut self) -> bool {
        self.intake = None;
        let was_applying = self.feed.take().is_some();
        if was_applying {
            self.keyspace.withdraw();
        }
        was_applying
    }
}

/// Which commands of the unit in hand, one or a transaction, a cluster has made as it moves its slots.
#[derive(Default)]
struct Migrating {
    /// Their places in it.
    places: Vec<usize>,
    /// How many commands of a transaction there are so far.
    count: Option<usize>,
}

impl Migrating {
    /// A command follows.
    #[inline]
    fn note(&mut self, name: &[u8], is_migration: bool) {
        match name.len() {
            5 if name.eq_ignore_ascii_case(b"MULTI") => return self.count = Some(0),
            // the unit ends with it
            4 if name.eq_ignore_ascii_case(b"EXEC") => return self.count = None,
            7 if name.eq_ignore_ascii_case(b"DISCARD") => self.count = None,
            _ => {}
        }
        let at = self.count.unwrap_or(0);
        if at == 0 {
            self.places.clear();
        }
        if is_migration {
            self.places.push(at);
        }
        self.count = self.count.map(|count| count + 1);
    }

    fn has(&self, at: usize) -> bool {
        self.places.contains(&at)
    }
}

/// How far a snapshot has come.
pub(crate) struct Progress {
    /// Bytes that have been decoded, and how many there are in all, where the master knows that.
    pub(crate) decoded: u64,
    pub(crate) bytes: Option<u64>,
    /// Bytes of a string that is not whole.
    pub(crate) pending: u64,
}

impl Progress {
    /// What all of it would take, if the rest is like what has come and takes this.
    fn estimate(&self, taken: u64) -> Option<u64> {
        Some((taken as f64 * self.bytes? as f64 / self.decoded.max(1) as f64) as u64)
    }
}
