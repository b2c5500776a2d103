//! How far what is handled is behind what has arrived, as any process may ask at any time.
//!
//! A replica has one, of what its callback has handled, and a keyspace has one, of what has been
//! applied to it. They outlive the links, of which one at a time has the say.

use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eslaver_core::arrivals::{Arrivals, Rate};
use parking_lot::Mutex;
use rustler::types::erlang_option::ErlOption;
use rustler::{Atom, Resource, ResourceArc};

use crate::{atoms, clock};

/// Not behind.
const NEVER: u64 = u64::MAX;

/// What has arrived, and what of it has been handled.
pub(crate) struct Backlog {
    state: Mutex<State>,
    /// Since when it is behind, in µs, for those who ask often.
    since: AtomicU64,
}

impl UnwindSafe for Backlog {}
impl RefUnwindSafe for Backlog {}

struct State {
    arrivals: Arrivals,
    rate: Rate,
    /// Which link has the say.
    ticket: u64,
    /// Its socket, while that is open.
    socket: Option<RawFd>,
    /// The offset that its master has told over another connection.
    told: Option<u64>,
}

#[rustler::resource_impl]
impl Resource for Backlog {}

impl Backlog {
    pub(crate) fn new() -> Self {
        let now = clock::elapsed();
        let state = State {
            arrivals: Arrivals::new(now),
            rate: Rate::default(),
            ticket: 0,
            socket: None,
            told: None,
        };
        Self { state: Mutex::new(state), since: AtomicU64::new(micros(now)) }
    }

    /// For how long not everything has been handled that there was.
    pub(crate) fn behind_for(&self) -> Duration {
        match self.since.load(Ordering::Acquire) {
            NEVER => Duration::ZERO,
            since => clock::elapsed().saturating_sub(Duration::from_micros(since)),
        }
    }

    fn change(&self, ticket: u64, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        if state.ticket == ticket {
            change(&mut state);
            let since = state.arrivals.behind_since().map_or(NEVER, micros);
            self.since.store(since, Ordering::Release);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER)
}

impl State {
    /// The bytes that the kernel has for the link. Those of TLS are counted as they come, encrypted.
    fn unread(&self) -> u64 {
        let Some(socket) = self.socket else { return 0 };
        // SAFETY: it is open, as it is taken out of here before it is closed, and this is locked.
        let socket = unsafe { BorrowedFd::borrow_raw(socket) };
        rustix::io::ioctl_fionread(socket).unwrap_or(0)
    }
}

/// A backlog, as one link sees it: what that says has no effect once another link has the say.
pub(crate) struct Feed {
    backlog: ResourceArc<Backlog>,
    ticket: u64,
}

impl Feed {
    /// A link takes the say.
    pub(crate) fn new(backlog: ResourceArc<Backlog>) -> Self {
        let ticket = {
            let mut state = backlog.state.lock();
            state.ticket += 1;
            (state.socket, state.told) = (None, None);
            state.ticket
        };
        Self { backlog, ticket }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.backlog.change(self.ticket, change);
    }

    /// Everything up to this offset has been handled.
    pub(crate) fn handle(&self, offset: u64) {
        self.change(|state| state.arrivals.handle(offset));
    }

    /// Counts events that have been handled.
    pub(crate) fn count(&self, events: u64) {
        self.change(|state| state.rate.add(events, clock::elapsed()));
    }
}

/// What a link tells of what arrives, to one backlog or two.
pub(crate) struct Flow {
    /// Of what the server has handled.
    pub(crate) server: Feed,
    /// Of what has been applied to a keyspace, if there is one.
    pub(crate) keyspace: Option<Feed>,
}

impl Flow {
    fn each(&self, change: impl Fn(&mut State, Duration)) {
        let now = clock::elapsed();
        let both = std::iter::once(&self.server).chain(&self.keyspace);
        both.for_each(|feed| feed.change(|state| change(state, now)));
    }

    /// A snapshot follows, and then the stream from this offset on.
    pub(crate) fn renew(&self, offset: u64) {
        self.each(|state, now| state.arrivals.renew(offset, now));
    }

    /// The stream goes on from this offset. The master is known to have reached another one.
    pub(crate) fn resume(&self, offset: u64, handled: u64, applied: u64, known: Option<u64>) {
        self.server.change(|state| state.arrivals.resume(offset, handled));
        self.keyspace.iter().for_each(|feed| {
            feed.change(|state| state.arrivals.resume(offset, applied));
        });
        if let Some(known) = known {
            self.each(|state, now| state.arrivals.know(known, now));
        }
    }

    /// Bytes of the stream have been read.
    pub(crate) fn read(&self, bytes: usize) {
        self.each(|state, now| state.arrivals.read(bytes as u64, now));
    }

    /// There was nothing more to read.
    pub(crate) fn read_all(&self) {
        self.each(|state, now| state.arrivals.read_all(now));
    }

    /// There is nothing to read for now.
    pub(crate) fn drain(&self) {
        self.each(|state, now| state.arrivals.drain(now));
    }

    /// The link has ended.
    pub(crate) fn lose(&self) {
        self.each(|state, now| state.arrivals.lose(now));
    }

    fn set_socket(&self, socket: Option<RawFd>) {
        self.each(|state, _now| state.socket = socket);
    }

    /// What the kernel has for this socket counts, too, as long as the guard is kept. The socket must
    /// not be closed before.
    pub(crate) fn watch(&self, socket: RawFd) -> Watched<'_> {
        self.set_socket(Some(socket));
        Watched(self)
    }
}

/// An open socket that is looked at.
pub(crate) struct Watched<'a>(&'a Flow);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.set_socket(None);
    }
}

/// One of a replica that has handled nothing.
#[rustler::nif]
fn backlog_new() -> ResourceArc<Backlog> {
    ResourceArc::new(Backlog::new())
}

/// `{Ticket, Lag, BehindFor, EventsPerSecond, MasterLag}`.
#[rustler::nif]
fn backlog_info(backlog: ResourceArc<Backlog>) -> (u64, ErlOption<u64>, u64, u64, ErlOption<u64>) {
    let behind_for = u64::try_from(backlog.behind_for().as_millis()).unwrap_or(u64::MAX);
    let state = backlog.state.lock();
    let lag = state.arrivals.unhandled(state.unread());
    let events = state.rate.per_second(clock::elapsed());
    let master_lag = state.told.zip(state.arrivals.handled());
    let master_lag = master_lag.map(|(told, handled)| told.saturating_sub(handled));
    (state.ticket, lag.into(), behind_for, events, master_lag.into())
}

/// Counts events that the replica has handled.
#[rustler::nif]
fn backlog_count(backlog: ResourceArc<Backlog>, events: u64) -> Atom {
    backlog.state.lock().rate.add(events, clock::elapsed());
    atoms::ok()
}

/// The master of the link that had this ticket tells that it has reached this offset.
#[rustler::nif]
fn backlog_know(backlog: ResourceArc<Backlog>, ticket: u64, offset: u64) -> Atom {
    backlog.change(ticket, |state| {
        state.told = Some(offset);
        state.arrivals.know(offset, clock::elapsed());
    });
    atoms::ok()
}
