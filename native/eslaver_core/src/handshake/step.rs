//! The steps of a handshake, and what each sends.

use super::config::{Config, Questions, Resume};
use crate::resp;

/// The name of this library in the master's `CLIENT LIST`.
const LIB_NAME: &[u8] = b"eslaver";

/// A step of a handshake, named after the command that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `PING`.
    Ping,
    /// `AUTH`.
    Auth,
    /// `CLIENT SETNAME`.
    ClientName,
    /// `CLIENT SETINFO LIB-NAME`.
    LibName,
    /// `CLIENT SETINFO LIB-VER`.
    LibVersion,
    /// `REPLCONF listening-port`.
    ListeningPort,
    /// `REPLCONF ip-address`.
    IpAddress,
    /// `REPLCONF capa`.
    Capabilities,
    /// `REPLCONF rdb-no-compress`.
    NoCompress,
    /// `REPLCONF version`.
    Version,
    /// `ROLE`.
    Role,
    /// `INFO`.
    Info,
    /// `CLUSTER MYID`.
    MyId,
    /// `COMMAND`.
    Commands,
    /// `PSYNC`.
    Psync,
    /// `SYNC`, after `PSYNC` was refused.
    Sync,
    /// The handshake is over.
    Done,
}

/// The steps sent together after the answer to `PING`, if configured.
const INTRODUCTION: [Step; 13] = [
    Step::Auth,
    Step::ClientName,
    Step::LibName,
    Step::LibVersion,
    Step::ListeningPort,
    Step::IpAddress,
    Step::Capabilities,
    Step::NoCompress,
    Step::Version,
    Step::Role,
    Step::Info,
    Step::MyId,
    Step::Commands,
];

impl Step {
    /// The steps to send together once this one, and those sent with it, have been answered.
    pub(super) fn next(self, config: &Config) -> Vec<Self> {
        match self {
            Self::Ping => {
                INTRODUCTION.into_iter().filter(|step| step.is_configured(config)).collect()
            }
            _ => vec![Self::Psync],
        }
    }

    fn is_configured(self, config: &Config) -> bool {
        match self {
            Self::Auth => config.authenticates(),
            Self::ClientName => config.client_name.is_some(),
            Self::IpAddress => config.announce_ip.is_some(),
            Self::NoCompress => config.no_compress,
            Self::Role => config.questions.role,
            Self::Info => config.questions.info,
            Self::MyId => config.questions.node && config.node.is_some(),
            Self::Commands => config.questions.commands,
            _ => true,
        }
    }

    /// Whether it asks the master about itself. The answer is a value, which may be longer than a
    /// line, and the handshake does without.
    pub fn is_question(self) -> bool {
        matches!(self, Self::Role | Self::Info | Self::MyId | Self::Commands)
    }

    /// The questions without this one.
    pub fn left_out_of(self, questions: Questions) -> Questions {
        Questions {
            role: questions.role && self != Self::Role,
            info: questions.info && self != Self::Info,
            node: questions.node && self != Self::MyId,
            commands: questions.commands && self != Self::Commands,
        }
    }

    /// Whether the answer may take long: the master prepares a snapshot, and keeps the link alive
    /// by empty lines meanwhile.
    pub fn awaits_snapshot(self) -> bool {
        matches!(self, Self::Psync | Self::Sync)
    }

    /// The step's name for messages.
    pub(super) fn name(self, config: &Config) -> String {
        match self {
            Self::Ping => "PING",
            Self::Auth => "AUTH",
            Self::ClientName => "CLIENT SETNAME",
            Self::LibName | Self::LibVersion => "CLIENT SETINFO",
            Self::ListeningPort => "REPLCONF listening-port",
            Self::IpAddress => "REPLCONF ip-address",
            Self::Capabilities => "REPLCONF capa",
            Self::NoCompress => "REPLCONF rdb-no-compress",
            Self::Version => "REPLCONF version",
            Self::Role => "ROLE",
            Self::Info => "INFO",
            Self::MyId => "CLUSTER MYID",
            Self::Commands => "COMMAND",
            Self::Psync => return String::from_utf8_lossy(config.psync()).into_owned(),
            Self::Sync => "SYNC",
            Self::Done => "the end of the handshake",
        }
        .to_owned()
    }

    pub(super) fn command(self, config: &Config) -> Vec<u8> {
        match self {
            Self::Ping => resp::encode(&[b"PING"]),
            Self::Auth => auth(config),
            Self::ClientName => {
                client(&[b"SETNAME", config.client_name.as_deref().unwrap_or_default()])
            }
            Self::LibName => client(&[b"SETINFO", b"LIB-NAME", LIB_NAME]),
            Self::LibVersion => client(&[b"SETINFO", b"LIB-VER", config.lib_version.as_bytes()]),
            Self::ListeningPort => {
                replconf(&[b"listening-port", config.listening_port.to_string().as_bytes()])
            }
            Self::IpAddress => {
                replconf(&[b"ip-address", config.announce_ip.as_deref().unwrap_or_default()])
            }
            Self::Capabilities => replconf(&[b"capa", b"eof", b"capa", b"psync2"]),
            Self::NoCompress => replconf(&[b"rdb-no-compress", b"1"]),
            Self::Version => replconf(&[b"version", config.version.as_bytes()]),
            Self::Role => resp::encode(&[b"ROLE"]),
            Self::Info => resp::encode(&[b"INFO"]),
            Self::MyId => resp::encode(&[b"CLUSTER", b"MYID"]),
            Self::Commands => resp::encode(&[b"COMMAND"]),
            Self::Psync => psync(config),
            // inline, as the oldest masters are asked
            Self::Sync => b"SYNC\r\n".to_vec(),
            Self::Done => Vec::new(),
        }
    }
}

fn auth(config: &Config) -> Vec<u8> {
    let password = config.password.as_deref().unwrap_or_default();
    match &config.user {
        Some(user) => resp::encode(&[b"AUTH", user, password]),
        None => resp::encode(&[b"AUTH", password]),
    }
}

fn psync(config: &Config) -> Vec<u8> {
    match &config.resume {
        Some(Resume { replid, offset }) => {
            let first = offset.saturating_add(1).to_string();
            resp::encode(&[config.psync(), replid.as_bytes(), first.as_bytes()])
        }
        None => resp::encode(&[config.psync(), b"?", b"-1"]),
    }
}

fn client(args: &[&[u8]]) -> Vec<u8> {
    command(b"CLIENT", args)
}

fn replconf(args: &[&[u8]]) -> Vec<u8> {
    command(b"REPLCONF", args)
}

fn command(name: &[u8], args: &[&[u8]]) -> Vec<u8> {
    let mut words = vec![name];
    words.extend(args);
    resp::encode(&words)
}

/// Whether bytes are a TLS alert: the answer of a port for TLS to plain text.
pub(super) fn is_tls_alert(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x15, 0x03])
}

/// Whether bytes may be the beginning of an answer.
pub(super) fn may_be_line(bytes: &[u8]) -> bool {
    matches!(bytes.first(), None | Some(b'+' | b'-' | b'\r' | b'\n')) || bytes == [0x15]
}
