//! The NIF of eslaver: terms, scheduling and I/O around [`eslaver_core`], which does the decoding.
//!
//! | module | what it is for |
//! |---|---|
//! | `allocator` | the memory of all the others, counted |
//! | `io` | the thread that owns a link's socket |
//! | `link` | the link: its configuration, its slices on a dirty scheduler, its end |
//! | `keyspace` | a mirror's keyspace, read by any process |
//! | `cluster` | a cluster: its routes, and the keyspaces of its shards |
//! | `terms` | events as terms |
//! | `backlog` | how far what is handled is behind what has arrived |
//! | `board` | what a process shows of itself |
//! | `payload` | the payloads of `DUMP` and `FUNCTION DUMP` |
//! | `filter` | filters |
//! | `interests` | who wants to know of which changes |
//! | `keys` | the keys of commands, and patterns |
//! | `panics` | panics, caught and told |
//! | `position_file` | the file that keeps a position |
//! | `atoms` | the names that both sides know |
#![deny(unsafe_op_in_unsafe_fn)]

mod allocator;
mod atoms;
mod backlog;
mod board;
mod clock;
mod cluster;
mod filter;
mod interests;
mod io;
mod keys;
mod keyspace;
mod link;
mod panics;
mod payload;
mod position_file;
mod terms;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use mio::{Poll, Waker};
use rustler::types::erlang_option::ErlOption;
use rustler::{Atom, Encoder, Env, LocalPid, Monitor, Resource, ResourceArc, Term};

use backlog::{Feed, Flow};
use link::config::{Acknowledge, Config, RawConfig};
use link::end::End;
use link::part::Seat;
use link::shared::{Alive, Shared};
use link::slice::{Outcome, Slicer};

/// Which version of the Erlang module this library belongs to: both change together.
const ABI: u32 = 13;
/// Buffers on their way from the I/O thread to the slices: up to 64 KB each, or 256 KB of a
/// snapshot.
const CHANNEL: usize = 8;

/// A link to a master, as Erlang holds it, for as long as it likes.
struct Link {
    shared: Arc<Shared>,
    /// The shard of a cluster that it is of, if what the server has handled is what counts.
    seat: Option<Seat>,
    /// Gone once the link has ended, as it may hold hundreds of megabytes.
    slicer: Mutex<Option<Box<Slicer>>>,
}

#[rustler::resource_impl]
impl Resource for Link {
    const IMPLEMENTS_DOWN: bool = true;

    /// The process that runs the slices is gone. This runs on a normal scheduler, so it must be
    /// short.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        self.shared.stop();
        if let Some(slicer) = self.take_slicer() {
            // without a thread it is freed at once
            let _ = std::thread::Builder::new().spawn(move || drop(slicer));
        }
    }
}

impl Link {
    fn slice(&self, env: Env<'_>) -> Outcome {
        let outcome = match &mut *self.slicer.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Outcome::Closed(End::Stopped),
            Some(slicer) => slicer.run(env, &self.shared),
        };
        if matches!(outcome, Outcome::Closed(_)) {
            self.shared.stop();
        }
        if self.shared.is_stopped() {
            drop(self.take_slicer());
        }
        outcome
    }

    /// The slicer of a stopped link, to be freed although somebody still holds the link. A slice
    /// that is running keeps it, and frees it when it ends.
    fn take_slicer(&self) -> Option<Box<Slicer>> {
        let slicer = match self.slicer.try_lock() {
            Ok(mut slicer) => slicer.take(),
            Err(TryLockError::Poisoned(slicer)) => slicer.into_inner().take(),
            Err(TryLockError::WouldBlock) => return None,
        };
        self.shared.drop_spares();
        slicer
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// Begins a link for the calling process.
#[rustler::nif]
fn open<'a>(env: Env<'a>, config: RawConfig<'_>) -> Term<'a> {
    let Some(config) = config.read() else {
        return (atoms::error(), atoms::invalid_config()).encode(env);
    };
    match start(env, config) {
        Ok(link) => (atoms::ok(), link).encode(env),
        Err(error) => {
            let text = format!("cannot get descriptors and a thread for a link: {error}");
            (atoms::error(), text).encode(env)
        }
    }
}

fn start(env: Env<'_>, config: Config) -> std::io::Result<ResourceArc<Link>> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), io::WAKE)?);
    let link = env.pid();
    let handled = config.start.as_ref().map(|start| start.handled.safe.offset);
    let receives = config.acknowledge == Acknowledge::Received;
    let flow = Flow {
        server: Feed::new(config.backlog.clone()),
        keyspace: config.mirror.as_ref().map(|mirror| Feed::new(mirror.keyspace.backlog.clone())),
    };
    let shared = Arc::new(Shared::new(link, &waker, flow, handled, receives));
    let (sender, receiver) = crossbeam_channel::bounded(CHANNEL);
    let alive = Alive::new();
    let slicer = Slicer::new(receiver, &config, Arc::clone(&alive));
    let slicer = Mutex::new(Some(Box::new(slicer)));
    if let Some(seat) = &config.seat {
        seat.take(env, config.handshake.node.as_deref());
    }
    let events = config.mirror.as_ref().is_none_or(|mirror| mirror.events);
    let seat = config.seat.clone().filter(|_| events);
    let resource = ResourceArc::new(Link { shared: Arc::clone(&shared), seat, slicer });
    if resource.monitor(Some(env), &link).is_none() {
        shared.stop();
    }
    io::spawn(config, poll, waker, alive, shared, sender)?;
    Ok(resource)
}

/// Decodes the bytes at hand, and sends what they hold.
#[rustler::nif(schedule = "DirtyCpu")]
fn slice<'a>(env: Env<'a>, link: ResourceArc<Link>) -> Term<'a> {
    match link.slice(env) {
        Outcome::More => atoms::more().encode(env),
        Outcome::Wait => atoms::wait().encode(env),
        Outcome::NoCredit => atoms::no_credit().encode(env),
        Outcome::Closed(end) => {
            let tag = Atom::from_str(env, end.tag());
            let tag = tag.unwrap_or_else(|_| atoms::error());
            (atoms::closed(), tag, end.to_string(), end.heals()).encode(env)
        }
    }
}

/// The server has handled batches of this weight, up to this offset.
#[rustler::nif]
fn credit(env: Env<'_>, link: ResourceArc<Link>, weight: u64, offset: ErlOption<u64>) -> Atom {
    let offset: Option<u64> = offset.into();
    if let (Some(seat), Some(offset)) = (&link.seat, offset) {
        seat.handled(env, offset);
    }
    if link.shared.credit(weight, offset) {
        wake(env, &link);
    }
    atoms::ok()
}

/// Everything up to this offset is on the disk.
#[rustler::nif]
fn durable(link: ResourceArc<Link>, offset: u64) -> Atom {
    link.shared.set_durable(offset);
    atoms::ok()
}

/// Ends the link, whatever it does. Its process learns it by the next slice, for which it is woken
/// here: the thread that would wake it may have ended.
#[rustler::nif]
fn close(env: Env<'_>, link: ResourceArc<Link>) -> Atom {
    link.shared.stop();
    if link.shared.take_waits() {
        wake(env, &link);
    }
    atoms::ok()
}

fn wake(env: Env<'_>, link: &Link) {
    // the process may be gone
    let _ = env.send(&link.shared.link, (atoms::eslaver_nif(), atoms::wake()));
}

/// Bytes of the snapshot, keys and commands decoded, and the offset decoded.
#[rustler::nif]
fn counters(link: ResourceArc<Link>) -> (u64, u64, u64, u64) {
    let counters = &link.shared.counters;
    (
        counters.bytes.load(Ordering::Relaxed),
        counters.keys.load(Ordering::Relaxed),
        counters.commands.load(Ordering::Relaxed),
        counters.offset.load(Ordering::Relaxed),
    )
}

/// What the master has told about commands that the table does not have, if anything.
#[rustler::nif]
fn commands(link: ResourceArc<Link>) -> ErlOption<ResourceArc<keys::Told>> {
    let learned = link.shared.learned();
    let told = (!learned.is_empty()).then(|| ResourceArc::new(keys::Told(learned)));
    ErlOption::from(told)
}

/// The number of links of which more is left than the handle.
#[rustler::nif]
fn links() -> u64 {
    Alive::count()
}

fn load(env: Env<'_>, info: Term<'_>) -> bool {
    panics::load();
    keyspace::load(env);
    info.decode::<u32>().is_ok_and(|abi| abi == ABI)
}

rustler::init!("eslaver_nif", load = load);
