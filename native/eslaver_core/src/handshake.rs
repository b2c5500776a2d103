//! From `PING` to the answer of `PSYNC`: line in, what to do out.
//!
//! | step | sent | goes on after |
//! |---|---|---|
//! | [`Step::Ping`] | `PING` | `+…`, and refusals that `AUTH` may lift |
//! | [`Step::Auth`] | `AUTH [user] password`, if configured | `+…` |
//! | [`Step::ListeningPort`] | `REPLCONF listening-port` | anything but "who are you" and "you may not" |
//! | [`Step::IpAddress`] | `REPLCONF ip-address`, if configured | the same |
//! | [`Step::Capabilities`] | `REPLCONF capa eof capa psync2` | the same |
//! | [`Step::Version`] | `REPLCONF version`, which Redis does not know | the same |
//! | [`Step::Psync`] | `PSYNC` | — |
//!
//! A master older than the errors' codes says the same things in words; both are read.

mod answer;
mod refusal;

pub use refusal::Refusal;

use std::fmt;

use refusal::Answered;

use crate::resp;

/// The length of a replication id.
const REPLID_LEN: usize = 40;

/// What a master is told, and where to go on.
#[derive(Clone, Default)]
pub struct Config {
    /// The ACL user, for masters since 6.0. With a user and no password an empty one is sent, which
    /// is right for a `nopass` user.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The port that the master and its Sentinels list; 0: none.
    pub listening_port: u16,
    /// The address that they list instead of the link's own.
    pub announce_ip: Option<Vec<u8>>,
    /// The newest server, as `x.y.z`, whose snapshots can be read here. Valkey since 9.1 chooses the
    /// snapshot's format by it.
    pub version: &'static str,
    /// Where to go on; `None` asks for a full sync.
    pub resume: Option<Resume>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("user", &self.user.as_ref().map(|user| user.escape_ascii().to_string()))
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("listening_port", &self.listening_port)
            .field("announce_ip", &self.announce_ip)
            .field("version", &self.version)
            .field("resume", &self.resume)
            .finish()
    }
}

/// A place in a master's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The replication id of that stream.
    pub replid: String,
    /// The bytes of it that have been handled: the first byte wanted is the next one.
    pub offset: u64,
}

/// What to do after a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Write this, then give the next line.
    Send(Vec<u8>),
    /// The line was there to keep the link alive: give the next one.
    Wait,
    /// A snapshot follows, then the stream from `offset` on.
    FullSync {
        /// The replication id of the stream.
        replid: String,
        /// The bytes of the stream that the snapshot stands for.
        offset: u64,
    },
    /// The stream follows from where it was asked for.
    Continue {
        /// The stream's new replication id; `None`: it has kept the old one.
        replid: Option<String>,
    },
    /// The master knows no `PSYNC`: write `send`. The snapshot follows, then a stream without offsets.
    ///
    /// If the snapshot is of [`Size::Known`](crate::transfer::Size::Known), write nothing more, not
    /// even a newline: before 2.8 there is no `REPLCONF ACK`, and a newline spoils the next command.
    /// If it is [`Size::Marked`](crate::transfer::Size::Marked), the master has taken `capa eof`, and
    /// sends no command before a `REPLCONF ACK`.
    LegacySync {
        /// `SYNC`.
        send: &'static [u8],
    },
}

/// How far a handshake has come: what has been sent and not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `PING`.
    Ping,
    /// `AUTH`.
    Auth,
    /// `REPLCONF listening-port`.
    ListeningPort,
    /// `REPLCONF ip-address`.
    IpAddress,
    /// `REPLCONF capa`.
    Capabilities,
    /// `REPLCONF version`.
    Version,
    /// `PSYNC`.
    Psync,
    /// The handshake is over, one way or the other.
    Done,
}

impl Step {
    /// The step as it reads in a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Auth => "AUTH",
            Self::ListeningPort => "REPLCONF listening-port",
            Self::IpAddress => "REPLCONF ip-address",
            Self::Capabilities => "REPLCONF capa",
            Self::Version => "REPLCONF version",
            Self::Psync => "PSYNC",
            Self::Done => "the end of the handshake",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One handshake with one master, on one link.
#[derive(Debug)]
pub struct Handshake {
    config: Config,
    step: Step,
}

impl Handshake {
    /// A handshake of which nothing has been sent.
    pub fn new(config: Config) -> Self {
        Self { config, step: Step::Ping }
    }

    /// What to write first.
    pub fn start(&mut self) -> Vec<u8> {
        self.step = Step::Ping;
        resp::encode(&[b"PING"])
    }

    /// The step whose answer is awaited.
    pub fn step(&self) -> Step {
        self.step
    }

    /// Takes a line of the master's, without its CR LF.
    ///
    /// # Errors
    /// When the master refuses, or is none. The handshake is over then.
    pub fn line(&mut self, line: &[u8]) -> Result<Reply, Refusal> {
        if line.is_empty() {
            return Ok(Reply::Wait);
        }
        let reply = self.answer(line);
        if !matches!(reply, Ok(Reply::Send(_))) {
            self.step = Step::Done;
        }
        reply
    }

    /// Looks at a line that has not all come, so that a peer which never ends one is found out: a
    /// TLS port answers with a few bytes that hold no newline.
    ///
    /// # Errors
    /// When this cannot become an answer of a Redis server.
    pub fn partial(&self, begun: &[u8]) -> Result<(), Refusal> {
        match begun.first() {
            None | Some(b'+' | b'-' | b'\r' | b'\n') => Ok(()),
            Some(_) => Err(self.answered(begun).not_redis()),
        }
    }

    fn answer(&mut self, line: &[u8]) -> Result<Reply, Refusal> {
        let answered = self.answered(line);
        match (self.step, line) {
            (Step::Done, _) => return Err(answered.unexpected()),
            (Step::Psync, [b'+', status @ ..]) => {
                return answer::sync(status, &answered, self.config.resume.is_some());
            }
            (Step::Psync, [b'-', ..]) if answered.unknown_command() => {
                return Ok(Reply::LegacySync { send: b"SYNC\r\n" });
            }
            (_, [b'+', ..]) => (),
            (step, [b'-', ..]) => self.error(step, &answered)?,
            _ => return Err(answered.not_redis()),
        }
        self.step = self.next();
        Ok(Reply::Send(self.command()))
    }

    /// Whether the handshake goes on after an error.
    fn error(&self, step: Step, answered: &Answered<'_>) -> Result<(), Refusal> {
        let refusal = answered.refusal();
        match (step, &refusal) {
            (Step::Ping, Refusal::PasswordNeeded { .. }) if self.authenticates() => Ok(()),
            (Step::Ping, Refusal::NoPermission { .. }) => Ok(()),
            (Step::Ping | Step::Auth | Step::Psync, _) => Err(refusal),
            (_, refused) if refused.is_lasting_for_replconf() => Err(refusal),
            _ => Ok(()),
        }
    }

    fn answered<'a>(&'a self, line: &'a [u8]) -> Answered<'a> {
        Answered { line, step: self.step, secret: self.config.password.as_deref() }
    }

    fn authenticates(&self) -> bool {
        self.config.user.is_some() || self.config.password.is_some()
    }

    fn next(&self) -> Step {
        match self.step {
            Step::Ping if self.authenticates() => Step::Auth,
            Step::Ping | Step::Auth => Step::ListeningPort,
            Step::ListeningPort if self.config.announce_ip.is_some() => Step::IpAddress,
            Step::ListeningPort | Step::IpAddress => Step::Capabilities,
            Step::Capabilities => Step::Version,
            Step::Version => Step::Psync,
            Step::Psync | Step::Done => Step::Done,
        }
    }

    fn command(&self) -> Vec<u8> {
        match self.step {
            Step::Ping => resp::encode(&[b"PING"]),
            Step::Auth => self.auth(),
            Step::ListeningPort => {
                replconf(&[b"listening-port", self.config.listening_port.to_string().as_bytes()])
            }
            Step::IpAddress => {
                replconf(&[b"ip-address", self.config.announce_ip.as_deref().unwrap_or_default()])
            }
            Step::Capabilities => replconf(&[b"capa", b"eof", b"capa", b"psync2"]),
            Step::Version => replconf(&[b"version", self.config.version.as_bytes()]),
            Step::Psync => self.psync(),
            Step::Done => Vec::new(),
        }
    }

    fn auth(&self) -> Vec<u8> {
        let password = self.config.password.as_deref().unwrap_or_default();
        match &self.config.user {
            Some(user) => resp::encode(&[b"AUTH", user, password]),
            None => resp::encode(&[b"AUTH", password]),
        }
    }

    fn psync(&self) -> Vec<u8> {
        match &self.config.resume {
            Some(Resume { replid, offset }) => {
                let first = offset.saturating_add(1).to_string();
                resp::encode(&[b"PSYNC", replid.as_bytes(), first.as_bytes()])
            }
            None => resp::encode(&[b"PSYNC", b"?", b"-1"]),
        }
    }
}

fn replconf(args: &[&[u8]]) -> Vec<u8> {
    let mut words: Vec<&[u8]> = vec![b"REPLCONF"];
    words.extend(args);
    resp::encode(&words)
}
