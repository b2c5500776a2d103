//! Threads that take turns at writing, and one that drops what is out of reach.

use std::fs::File;
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::{Decoder, Status};
use eslaver_store::{Feed, Loader, Store, Trash, Writer};

use super::Outcome;
use super::commands::{Commands, Random};
use super::compactor::{self, Compactor};

/// How long what a reader holds is left alone.
const PAUSE: Duration = Duration::from_millis(5);
/// The bytes that are decoded in one turn.
const BUFFER: usize = 64 << 10;

/// What a turn is: commands of a phase, and how many.
type Turn = (u64, usize);

struct Work {
    commands: Commands,
    feed: Feed,
}

/// The threads, and who has which turn.
pub(crate) struct Slices {
    threads: Vec<Sender<Turn>>,
    done: Receiver<()>,
    random: Mutex<Random>,
}

impl Slices {
    pub(crate) fn new(store: &Arc<Store>, threads: u64, seed: u64) -> Outcome<Self> {
        compactor::watch(store);
        let feed = Feed::new(Writer::new(Arc::clone(store), Learned::default(), None));
        let work = Arc::new(Mutex::new(Work { commands: Commands::new(seed), feed }));
        let (report, done) = channel();
        let (bury, buried) = channel();
        thread::Builder::new().spawn(move || reap(&buried))?;
        let threads = (0..threads)
            .map(|_| {
                let (work, report, bury) = (Arc::clone(&work), report.clone(), bury.clone());
                let (sender, turns) = channel();
                thread::Builder::new().spawn(move || take_turns(&turns, &work, &bury, &report))?;
                Ok(sender)
            })
            .collect::<Outcome<_>>()?;
        Ok(Self { threads, done, random: Mutex::new(Random::new(seed)) })
    }

    /// Has one of the threads, at random, apply commands.
    pub(crate) fn run(&self, phase: u64, count: usize) -> Outcome<()> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = random.below(self.threads.len() as u64) as usize;
        self.threads.get(chosen).ok_or("no threads")?.send((phase, count))?;
        Ok(self.done.recv()?)
    }
}

fn take_turns(
    turns: &Receiver<Turn>,
    work: &Mutex<Work>,
    bury: &Sender<Trash>,
    report: &Sender<()>,
) {
    for (phase, count) in turns {
        let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { commands, feed } = &mut *work;
        (0..count).for_each(|_| commands.apply(phase, feed));
        if bury.send(feed.writer().take_trash()).is_err() || report.send(()).is_err() {
            return;
        }
    }
}

fn reap(buried: &Receiver<Trash>) {
    let mut waiting = Vec::new();
    let mut compactor = Compactor::new();
    loop {
        match buried.recv_timeout(if waiting.is_empty() { compactor.wait() } else { PAUSE }) {
            Ok(trash) => waiting.push(trash),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        waiting = waiting.into_iter().filter_map(Trash::sweep).collect();
        compactor.go_on();
    }
}

/// Fills a store with the keys of a file.
pub(crate) fn load(store: &Arc<Store>, mut file: File) -> Outcome<()> {
    let mut loader = Loader::new(Arc::clone(store), None);
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match decoder.next(&mut loader)? {
            Status::Done => return Ok(decoder.finish()?),
            Status::Event => {}
            Status::NeedMore => match file.read(&mut buffer)? {
                0 => return Ok(decoder.finish()?),
                count => decoder.feed(buffer.get(..count).unwrap_or_default()),
            },
        }
    }
}
