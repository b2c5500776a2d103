//! The NIF of eslaver: terms, scheduling and I/O around [`eslaver_core`], which does the decoding.
//!
//! | module | what it is for |
//! |---|---|
//! | `slice` | decoding on a dirty scheduler, in slices that return |
//! | `batch`, `value`, `stream`, `names`, `etf`, `message` | events as terms |
//! | `io` | the thread that owns the socket |
//! | `shared` | what slices, the thread and the server's calls share |
//! | `filter` | filters, and the keys of commands |
//! | `config`, `end`, `atoms` | what a link is told, and what it says |
#![deny(unsafe_op_in_unsafe_fn)]

mod atoms;
mod batch;
mod config;
mod end;
mod etf;
mod filter;
mod io;
mod message;
mod names;
mod shared;
mod slice;
mod stream;
mod value;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use eslaver_core::rdb;
use mio::{Poll, Waker};
use rustler::types::erlang_option::ErlOption;
use rustler::{Atom, Binary, Encoder, Env, LocalPid, Monitor, Resource, ResourceArc, Term};

use batch::{Batch, Shape};
use config::RawConfig;
use shared::Shared;
use slice::{Outcome, Slicer};

/// Which Erlang module this library belongs to: both are changed together.
const ABI: u32 = 3;
/// Buffers on their way from the I/O thread to the slices, of up to 64 KB each, or of 256 KB of a
/// snapshot.
const CHANNEL: usize = 8;

/// Links that have not been dropped.
static LINKS: AtomicU64 = AtomicU64::new(0);

/// A link to a master, as Erlang holds it.
struct Link {
    shared: Arc<Shared>,
    slicer: Mutex<Slicer>,
}

#[rustler::resource_impl]
impl Resource for Link {
    const IMPLEMENTS_DOWN: bool = true;

    /// The process that runs the slices is gone. A slice may still be running here and hold the
    /// lock, so nothing is locked.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        self.shared.stop();
    }
}

impl Link {
    fn new(shared: Arc<Shared>, slicer: Slicer) -> Self {
        LINKS.fetch_add(1, Ordering::Relaxed);
        Self { shared, slicer: Mutex::new(slicer) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        LINKS.fetch_sub(1, Ordering::Relaxed);
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
        Err(error) => (atoms::error(), error.to_string()).encode(env),
    }
}

fn start(env: Env<'_>, config: config::Config) -> std::io::Result<ResourceArc<Link>> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), io::WAKE)?;
    let link = env.pid();
    let handled = config.start.as_ref().map(|start| start.handled());
    let shared = Arc::new(Shared::new(link, waker, handled));
    let (sender, receiver) = crossbeam_channel::bounded(CHANNEL);
    let slicer = Slicer::new(receiver, &config);
    let resource = ResourceArc::new(Link::new(Arc::clone(&shared), slicer));
    if resource.monitor(Some(env), &link).is_none() {
        shared.stop();
    }
    io::spawn(config, poll, shared, sender)?;
    Ok(resource)
}

/// Decodes and sends what is there.
#[rustler::nif(schedule = "DirtyCpu")]
fn slice<'a>(env: Env<'a>, link: ResourceArc<Link>) -> Term<'a> {
    let mut slicer = link.slicer.lock().unwrap_or_else(PoisonError::into_inner);
    match slicer.run(env, &link.shared) {
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
    if link.shared.credit(weight, offset.into()) {
        // the link may be gone
        let _ = env.send(&link.shared.link, (atoms::eslaver_nif(), atoms::wake()));
    }
    atoms::ok()
}

/// All up to this offset is on the disk, too.
#[rustler::nif]
fn durable(link: ResourceArc<Link>, offset: u64) -> Atom {
    link.shared.set_durable(offset);
    atoms::ok()
}

/// Ends the link, whatever it does; its process is told by the next slice.
#[rustler::nif]
fn close(link: ResourceArc<Link>) -> Atom {
    link.shared.stop();
    atoms::ok()
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

/// How many links there are that nobody has let go of.
#[rustler::nif]
fn links() -> u64 {
    LINKS.load(Ordering::Relaxed)
}

/// The value of a payload of `DUMP`, as the event that a snapshot would have it in.
#[rustler::nif(schedule = "DirtyCpu")]
fn decode_dump<'a>(env: Env<'a>, payload: Binary<'a>) -> Term<'a> {
    let mut batch = Batch::new(Shape::Full, None, u64::MAX);
    match rdb::decode_dump(&payload, &mut batch) {
        Ok(()) => (atoms::ok(), batch.only(env)).encode(env),
        Err(error) => (atoms::error(), error.to_string()).encode(env),
    }
}

fn load(_env: Env<'_>, info: Term<'_>) -> bool {
    info.decode::<u32>().is_ok_and(|abi| abi == ABI)
}

rustler::init!("eslaver_nif", load = load);
