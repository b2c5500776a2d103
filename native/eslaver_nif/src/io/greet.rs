//! The handshake, on the wire.

use std::time::{Duration, Instant};

use eslaver_core::handshake::{Handshake, Reply, Step};
use eslaver_core::lines::Lines;

use super::wire::Wire;
use crate::config::Config;
use crate::end::End;
use crate::shared::Shared;

/// For how long an answer may be awaited, but for the one to `PSYNC`: that one may have to wait for
/// a snapshot to begin, and the master keeps the link alive by newlines meanwhile.
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
    },
    /// A master without `PSYNC`: nothing may be written to it any more, unless it marks the end of
    /// the snapshot, which the oldest do not.
    Legacy,
}

/// A link that has been accepted.
pub(crate) struct Greeted {
    pub(crate) wire: Wire,
    pub(crate) sync: Sync,
    /// Bytes that came behind the last line.
    pub(crate) rest: Vec<u8>,
}

/// Shakes hands.
pub(crate) fn greet(mut wire: Wire, config: &Config, shared: &Shared) -> Result<Greeted, End> {
    let mut handshake = Handshake::new(config.handshake.clone());
    let mut lines = Lines::new();
    wire.write(&handshake.start())?;
    // when the step began, or the master's last sign of life
    let mut heard = Instant::now();
    loop {
        if shared.is_stopped() {
            return Err(End::Stopped);
        }
        loop {
            let line = match lines.take() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(too_long) => {
                    handshake.partial(lines.rest())?;
                    return Err(too_long.into());
                }
            };
            let asked = handshake.step();
            let sync = match handshake.line(line)? {
                // a master that keeps its answer to `PSYNC` back says that it lives; no other does
                Reply::Wait => {
                    if asked == Step::Psync {
                        heard = Instant::now();
                    }
                    continue;
                }
                Reply::Send(bytes) => {
                    heard = Instant::now();
                    wire.write(&bytes)?;
                    continue;
                }
                Reply::FullSync { replid, offset } => Sync::Full { replid, offset },
                Reply::Continue { replid } => Sync::Continue { replid },
                Reply::LegacySync { send } => {
                    wire.write(send)?;
                    Sync::Legacy
                }
            };
            return Ok(Greeted { wire, sync, rest: lines.into_rest() });
        }
        handshake.partial(lines.rest())?;
        let timeout = match handshake.step() {
            Step::Psync => config.repl_timeout,
            _ => STEP_TIMEOUT.min(config.repl_timeout),
        };
        let deadline = heard + timeout;
        if Instant::now() >= deadline {
            let step = handshake.step().as_str();
            return Err(End::NoAnswer { step, seconds: timeout.as_secs() });
        }
        let mut buffer = [0; BUFFER];
        let read = wire.read(&mut buffer).map_err(|end| match (end, handshake.step()) {
            (End::Closed, Step::Ping) if lines.rest().is_empty() => End::Mute,
            (end, _) => end,
        });
        match read? {
            0 => {
                wire.flush()?;
                wire.wait(deadline, shared)?;
            }
            count => lines.feed(&buffer[..count]),
        }
    }
}
