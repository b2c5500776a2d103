//! What a master is told, and where to go on.

use std::fmt;

/// What a master is told, and where to go on.
#[derive(Clone, Default)]
pub struct Config {
    /// The ACL user, for masters since 6.0. With a user and no password an empty one is sent, which
    /// is right for a `nopass` user.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The port that the master and its Sentinels list. 0 stands for none.
    pub listening_port: u16,
    /// The address that they list instead of the link's own.
    pub announce_ip: Option<Vec<u8>>,
    /// The newest server version, as `x.y.z`, whose snapshots this crate reads. Valkey since 9.1
    /// chooses the snapshot's format by it.
    pub version: &'static str,
    /// The name of this link in the master's `CLIENT LIST`.
    pub client_name: Option<Vec<u8>>,
    /// The version of this library, for that list.
    pub lib_version: &'static str,
    /// Whether the master is asked not to compress strings in the snapshot.
    pub no_compress: bool,
    /// The master's name for `PSYNC`, if that was renamed.
    pub psync_command: Option<Vec<u8>>,
    /// What the master is asked about itself.
    pub questions: Questions,
    /// Which nodes may be followed.
    pub read_from: ReadFrom,
    /// Whether a node is refused from which a full sync of no keys would come, as it does not have
    /// the history up to `resume`.
    pub confirm_empty: bool,
    /// The id that the node must have, as one of a cluster.
    pub node: Option<Vec<u8>>,
    /// Where to go on. `None` asks for a full sync.
    pub resume: Option<Resume>,
}

impl Config {
    /// Whether `AUTH` is sent.
    pub(super) fn authenticates(&self) -> bool {
        self.user.is_some() || self.password.is_some()
    }

    /// The name of `PSYNC`.
    pub(super) fn psync(&self) -> &[u8] {
        self.psync_command.as_deref().unwrap_or(b"PSYNC")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("user", &self.user.as_ref().map(|user| user.escape_ascii().to_string()))
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("listening_port", &self.listening_port)
            .field("announce_ip", &self.announce_ip)
            .field("version", &self.version)
            .field("client_name", &self.client_name)
            .field("lib_version", &self.lib_version)
            .field("no_compress", &self.no_compress)
            .field("psync_command", &self.psync_command)
            .field("questions", &self.questions)
            .field("read_from", &self.read_from)
            .field("confirm_empty", &self.confirm_empty)
            .field("node", &self.node.as_ref().map(|node| node.escape_ascii().to_string()))
            .field("resume", &self.resume)
            .finish()
    }
}

/// A position in a master's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The replication id of that stream.
    pub replid: String,
    /// The number of its bytes that have been handled. The master is asked for the byte after
    /// these.
    pub offset: u64,
}

/// Which nodes may be followed. A node that does not tell its role may be, as real replicas do not
/// ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadFrom {
    /// Masters.
    #[default]
    Master,
    /// Both.
    PreferReplica,
    /// Replicas.
    Replica,
}

/// What a master is asked about itself. It may refuse any answer; a proxy before it may even close
/// the connection, and can be spared the question then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Questions {
    /// `ROLE`: see [`Handshake::peer`](super::Handshake::peer).
    pub role: bool,
    /// `INFO`, for the same.
    pub info: bool,
    /// `CLUSTER MYID`, if a node is expected.
    pub node: bool,
    /// `COMMAND`: see [`Handshake::commands`](super::Handshake::commands).
    pub commands: bool,
}

impl Questions {
    /// All of them.
    pub const ALL: Self = Self { role: true, info: true, node: true, commands: true };
}
