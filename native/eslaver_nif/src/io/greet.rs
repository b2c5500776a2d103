//! The handshake, on the wire.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use eslaver_core::handshake::{Handshake, Questions, Refusal, Reply, Step};
use eslaver_core::lines::Lines;
use mio::Poll;

use super::wire::{Socket, Wire};
use super::{plain, tls};
use crate::link::config::Config;
use crate::link::end::End;
use crate::link::shared::{Chunk, Shared};

/// How long to wait for an answer, except the one to `PSYNC`: the master may have to begin a
/// snapshot first, and keeps the link alive by newlines.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
const BUFFER: usize = 4096;

/// How the sync begins.
pub(crate) enum Sync {
    Full {
        replid: String,
        offset: u64,
    },
    Continue {
        replid: Option<String>,
        /// The history and the offset that the node has told before.
        told: Option<(String, u64)>,
    },
    /// A master without `PSYNC`: nothing more may be written to it, unless it marks the end of the
    /// snapshot, which the oldest do not.
    Legacy,
}

/// A link that has been accepted.
pub(crate) struct Greeted {
    pub(crate) wire: Wire,
    pub(crate) sync: Sync,
    /// Bytes behind the last line.
    pub(crate) rest: Vec<u8>,
}

/// Why a link has not been accepted.
pub(crate) enum Failed {
    End(End),
    /// The link ended at this question. It may be accepted without that.
    At(Step, Poll),
}

/// Shakes hands, and asks the master these questions.
pub(crate) fn greet(
    mut wire: Wire,
    questions: Questions,
    config: &Config,
    shared: &Shared,
    chunks: &Sender<Chunk>,
) -> Result<Greeted, Failed> {
    let mut told = config.handshake.clone();
    told.no_compress = !config.compression.is_taken(wire.is_local());
    told.questions = questions;
    let mut handshake = Handshake::new(told);
    let mut at = Step::Ping;
    match shake_hands(&mut handshake, &mut at, &mut wire, config, shared, chunks) {
        Ok((sync, rest)) => {
            let mut learned = config.learned.clone();
            if let Some(reply) = handshake.commands() {
                learned.take(&reply);
            }
            shared.set_learned(learned);
            Ok(Greeted { wire, sync, rest })
        }
        Err(end) if at.is_question() && !is_final(&end) => Err(Failed::At(at, wire.into_poll())),
        Err(end) => Err(Failed::End(end)),
    }
}

/// Whether the question has nothing to do with it.
fn is_final(end: &End) -> bool {
    match end {
        End::Stopped => true,
        End::Refused(refusal) => refusal.is_ours(),
        _ => false,
    }
}

/// Gives how the sync begins, and the bytes behind that. `at` is set to the current step.
fn shake_hands(
    handshake: &mut Handshake,
    at: &mut Step,
    wire: &mut Wire,
    config: &Config,
    shared: &Shared,
    chunks: &Sender<Chunk>,
) -> Result<(Sync, Vec<u8>), End> {
    let mut lines = Lines::new();
    let mut buffer = [0; BUFFER];
    wire.write(&handshake.start())?;
    let mut heard = Instant::now();
    let mut told = None;
    let mut suspicious = Some(heard + plain::SILENCE);
    loop {
        loop {
            let next = next(handshake, at, &mut lines);
            if let Some(peer) = handshake.peer() {
                told = peer.replid.clone().zip(peer.offset);
                chunks.send(Chunk::Peer(Box::new(peer))).map_err(|_| End::Stopped)?;
                shared.wake_link();
            }
            let Some(reply) = next? else { break };
            heard = Instant::now();
            let sync = match reply {
                Reply::Wait => continue,
                Reply::Send(bytes) => {
                    wire.write(&bytes)?;
                    continue;
                }
                Reply::FullSync { replid, offset } => Sync::Full { replid, offset },
                Reply::Continue { replid } => Sync::Continue { replid, told },
                Reply::LegacySync => Sync::Legacy,
            };
            return Ok((sync, lines.into_rest()));
        }
        let timeout = match handshake.step().awaits_snapshot() {
            true => config.repl_timeout,
            false => STEP_TIMEOUT.min(config.repl_timeout),
        };
        let deadline = heard + timeout;
        if Instant::now() >= deadline {
            let (step, seconds) = (handshake.asked(), timeout.as_secs());
            return Err(said(handshake, End::NoAnswer { step, seconds }));
        }
        if suspicious.is_some_and(|since| Instant::now() >= since) {
            suspicious = None;
            if wire.securing().is_some_and(plain::is_spoken_at) {
                return Err(End::Tls(tls::PLAIN.to_owned()));
            }
        }
        match wire.read(&mut buffer) {
            Ok(0) => {
                wire.flush()?;
                wire.wait(suspicious.unwrap_or(deadline).min(deadline), shared)?;
            }
            Ok(count) => lines.feed(&buffer[..count]),
            Err(End::Closed) if handshake.step() == Step::Ping && lines.rest().is_empty() => {
                return Err(End::Mute { hint: hint(wire.socket()) });
            }
            Err(end) => return Err(said(handshake, end)),
        }
        if shared.is_stopped() {
            return Err(End::Stopped);
        }
    }
}

/// What may be wrong if the master closes the connection at once. TLS is right once it is
/// established, and a unix socket has none.
fn hint(socket: &Socket) -> &'static str {
    match socket {
        Socket::Tls(session) if session.is_handshaking() => {
            ": if the port does not use TLS, leave the option tls out"
        }
        Socket::Tcp(_) => ": if the port uses TLS, set the option tls",
        Socket::Tls(_) | Socket::Unix(_) => "",
    }
}

fn next(
    handshake: &mut Handshake,
    at: &mut Step,
    lines: &mut Lines,
) -> Result<Option<Reply>, Refusal> {
    *at = handshake.step();
    let reply = handshake.next(lines)?;
    *at = handshake.step();
    Ok(reply)
}

/// The master's refusal, if it sent one before the link ended: it tells more than the end does.
fn said(handshake: &mut Handshake, end: End) -> End {
    handshake.refused().map_or(end, End::Refused)
}
