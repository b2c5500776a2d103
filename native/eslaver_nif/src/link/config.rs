//! The configuration of a link.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eslaver_cluster::Shard;
use eslaver_core::commands::Learned;
use eslaver_core::filter::Filter;
use eslaver_core::handshake::{self, ReadFrom};
use eslaver_core::position::Position;
use eslaver_core::{rdb, resp};
use rustler::types::erlang_option::ErlOption;
use rustler::{Binary, NifMap, NifTaggedEnum, NifUnitEnum, ResourceArc};

use crate::backlog::Backlog;
use crate::cluster::Cluster;
use crate::filter::RawFilter;
use crate::keyspace::Keyspace;
use crate::link::part::Seat;
use crate::link::start::{Place, Start};
use crate::terms::event::Shape;

/// The newest server whose snapshots can be read: Valkey chooses the snapshot's format by it.
const ANNOUNCED_VERSION: &str = "9.2.0";

/// The most bytes of a string in terms that the VM decodes. A key's value that is one string is
/// made otherwise, and may be longer.
pub(crate) const TERM: u64 = u32::MAX as u64;

/// This library's own version.
const LIB_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether the master may compress the strings of a snapshot.
#[derive(Debug, Clone, Copy, NifUnitEnum)]
pub(crate) enum Compression {
    /// Only if the master is on another machine.
    Auto,
    True,
    False,
}

impl Compression {
    /// Whether the master may compress; `is_local` is whether it is on this machine.
    pub(crate) fn is_taken(self, is_local: bool) -> bool {
        match self {
            Compression::Auto => !is_local,
            Compression::True => true,
            Compression::False => false,
        }
    }
}

/// The form that events have.
#[derive(NifUnitEnum)]
enum RawEvents {
    Classic,
    Full,
}

/// Which nodes may be followed.
#[derive(NifUnitEnum)]
enum RawReadFrom {
    Master,
    PreferReplica,
    Replica,
}

/// Where the master is.
#[derive(NifTaggedEnum)]
pub(crate) enum RawAddress<'a> {
    /// A host's name or address, and its port.
    Tcp(Binary<'a>, u16),
    /// The path of a unix socket.
    Local(Binary<'a>),
    /// The path of a snapshot's file.
    File(Binary<'a>),
    /// The same, and only a file of this process's user is read.
    OwnFile(Binary<'a>),
}

/// The map that `eslaver_nif:open/1` takes; see there.
#[derive(NifMap)]
pub(crate) struct RawConfig<'a> {
    address: RawAddress<'a>,
    user: ErlOption<Binary<'a>>,
    password: ErlOption<Binary<'a>>,
    listening_port: u16,
    announce_ip: ErlOption<Binary<'a>>,
    client_name: ErlOption<Binary<'a>>,
    psync_command: Binary<'a>,
    read_from: RawReadFrom,
    confirm_empty: bool,
    rdb_compression: Compression,
    resume: ErlOption<RawResume<'a>>,
    dbfilename: ErlOption<Binary<'a>>,
    tls: ErlOption<RawTls<'a>>,
    events: RawEvents,
    filter: ErlOption<RawFilter<'a>>,
    connect_timeout: u64,
    repl_timeout: u64,
    proto_max_bulk_len: u64,
    max_arguments: u64,
    max_value: u64,
    hidden_commands: Vec<Binary<'a>>,
    keyspace: ErlOption<Mirror>,
    shard: ErlOption<RawShard<'a>>,
    acknowledge: Acknowledge,
    backlog: ResourceArc<Backlog>,
    server: rustler::LocalPid,
}

/// The keyspace of a mirror, which everything is applied to.
#[derive(Clone, NifMap)]
pub(crate) struct Mirror {
    pub(crate) keyspace: ResourceArc<Keyspace>,
    /// Allows the link to write, until another has been given.
    pub(crate) ticket: u64,
    /// Whether the server gets the events, too.
    pub(crate) events: bool,
}

/// The shard of a cluster that the link is of.
#[derive(NifMap)]
struct RawShard<'a> {
    cluster: ResourceArc<Cluster>,
    shard: u16,
    id: Binary<'a>,
    node: ErlOption<Binary<'a>>,
}

/// What the master is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, NifUnitEnum)]
pub(crate) enum Acknowledge {
    /// What has been handled.
    Handled,
    /// What has been decoded.
    Received,
}

/// The position to go on from.
#[derive(NifMap)]
pub(crate) struct RawResume<'a> {
    replid: Binary<'a>,
    offset: u64,
    db: u32,
    in_transaction: bool,
    safe_offset: u64,
    safe_db: u32,
}

impl RawResume<'_> {
    fn read(self) -> Option<Place> {
        let Self { replid, offset, db, in_transaction, safe_offset, safe_db } = self;
        let now = Position { offset, db, in_transaction };
        let safe = Position { offset: safe_offset, db: safe_db, in_transaction: false };
        Some(Place { replid: text(replid)?, now, safe })
    }
}

/// The options of TLS; see `eslaver_nif`.
#[derive(NifMap)]
pub(crate) struct RawTls<'a> {
    cacertfile: ErlOption<Binary<'a>>,
    certfile: ErlOption<Binary<'a>>,
    keyfile: ErlOption<Binary<'a>>,
    server_name: ErlOption<Binary<'a>>,
    verify: Verify,
}

/// What is checked of the master's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, NifUnitEnum)]
pub(crate) enum Verify {
    /// Who signed it, and whom it names.
    True,
    /// Who signed it.
    Chain,
    /// Nothing.
    False,
}

/// The options of TLS.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// Whom to trust, instead of those whom the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// Our own certificate, and its key.
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    /// The name that the master's certificate must have, instead of the host's name.
    pub(crate) server_name: Option<String>,
    pub(crate) verify: Verify,
}

impl RawTls<'_> {
    fn read(self) -> Option<Tls> {
        Some(Tls {
            ca_file: optional_path(self.cacertfile),
            cert_file: optional_path(self.certfile),
            key_file: optional_path(self.keyfile),
            server_name: optional_text(self.server_name)?,
            verify: self.verify,
        })
    }
}

/// Where the master is.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Local(PathBuf),
    File(PathBuf),
    OwnFile(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Local(path) | Address::File(path) | Address::OwnFile(path) => {
                write!(f, "{}", path.display())
            }
        }
    }
}

/// The limits of what is read: more is refused when it is announced, or at the latest when it is
/// read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes in an argument of a command, or in a string of a snapshot.
    pub(crate) proto_max_bulk_len: u64,
    /// Arguments in a command, its name included.
    pub(crate) max_arguments: u64,
    /// Bytes that the terms of a snapshot's value weigh.
    pub(crate) max_value: u64,
}

impl Limits {
    pub(crate) fn of_snapshot(self) -> rdb::Limits {
        rdb::Limits {
            proto_max_bulk_len: self.proto_max_bulk_len,
            max_element: TERM,
            max_templates: self.max_value,
        }
    }

    pub(crate) fn of_stream(self, inline: bool) -> resp::Limits {
        resp::Limits {
            proto_max_bulk_len: self.proto_max_bulk_len.min(TERM),
            max_arguments: self.max_arguments,
            inline,
            ..resp::Limits::default()
        }
    }
}

/// A link's configuration.
pub(crate) struct Config {
    pub(crate) address: Address,
    pub(crate) handshake: handshake::Config,
    pub(crate) compression: Compression,
    pub(crate) start: Option<Start>,
    /// Where the snapshot is kept on disk.
    pub(crate) dbfilename: Option<PathBuf>,
    pub(crate) tls: Option<Tls>,
    pub(crate) connect_timeout: Duration,
    /// How long a master may be silent.
    pub(crate) repl_timeout: Duration,
    /// The form that events have.
    pub(crate) shape: Shape,
    /// What is wanted; without one, everything.
    pub(crate) filter: Option<Arc<Filter>>,
    pub(crate) limits: Limits,
    /// The commands to ask the master about, though the table has them.
    pub(crate) learned: Learned,
    pub(crate) mirror: Option<Mirror>,
    /// Whether events leave out what a cluster does to move its slots.
    pub(crate) of_users: bool,
    pub(crate) seat: Option<Seat>,
    pub(crate) acknowledge: Acknowledge,
    pub(crate) backlog: ResourceArc<Backlog>,
    pub(crate) server: rustler::LocalPid,
}

impl RawConfig<'_> {
    /// The configuration, or `None` if a name is not UTF-8, or the cluster has no such shard.
    pub(crate) fn read(self) -> Option<Config> {
        let address = match self.address {
            RawAddress::Tcp(host, port) => Address::Tcp { host: text(host)?, port },
            RawAddress::Local(path) => Address::Local(as_path(&path).into()),
            RawAddress::File(path) => Address::File(as_path(&path).into()),
            RawAddress::OwnFile(path) => Address::OwnFile(as_path(&path).into()),
        };
        let mirror: Option<Mirror> = self.keyspace.into();
        let start = match Option::<RawResume<'_>>::from(self.resume) {
            Some(resume) => {
                Start::new(resume.read()?, mirror.as_ref().map(|mirror| &*mirror.keyspace))
            }
            None => None,
        };
        let tls = match Option::<RawTls<'_>>::from(self.tls) {
            Some(tls) => Some(tls.read()?),
            None => None,
        };
        let (seat, node) = match Option::<RawShard<'_>>::from(self.shard) {
            Some(RawShard { cluster, shard, id, node }) => {
                let member = cluster.slots.member(Shard(shard))?;
                member.set_listens(mirror.as_ref().is_none_or(|mirror| mirror.events));
                (Some(Seat::new(cluster, member, &id)), bytes(node))
            }
            None => (None, None),
        };
        let filter: Option<RawFilter<'_>> = self.filter.into();
        Some(Config {
            address,
            handshake: handshake::Config {
                user: bytes(self.user),
                password: bytes(self.password),
                listening_port: self.listening_port,
                announce_ip: bytes(self.announce_ip),
                version: ANNOUNCED_VERSION,
                client_name: bytes(self.client_name),
                lib_version: LIB_VERSION,
                psync_command: Some(self.psync_command.to_vec()),
                read_from: match self.read_from {
                    RawReadFrom::Master => ReadFrom::Master,
                    RawReadFrom::PreferReplica => ReadFrom::PreferReplica,
                    RawReadFrom::Replica => ReadFrom::Replica,
                },
                confirm_empty: self.confirm_empty,
                node,
                resume: start.as_ref().map(Start::resume),
                // the rest depends on the connection
                ..handshake::Config::default()
            },
            compression: self.rdb_compression,
            start,
            dbfilename: optional_path(self.dbfilename),
            tls,
            connect_timeout: Duration::from_millis(self.connect_timeout),
            repl_timeout: Duration::from_millis(self.repl_timeout),
            shape: match self.events {
                RawEvents::Classic => Shape::Classic,
                RawEvents::Full => Shape::Full,
            },
            limits: Limits {
                proto_max_bulk_len: self.proto_max_bulk_len,
                max_arguments: self.max_arguments,
                max_value: self.max_value,
            },
            learned: Learned::hiding(self.hidden_commands.iter().map(|name| name.to_vec())),
            mirror,
            of_users: filter.as_ref().is_some_and(RawFilter::is_of_users),
            filter: filter.map(|raw| Arc::new(raw.read())),
            seat,
            acknowledge: self.acknowledge,
            backlog: self.backlog,
            server: self.server,
        })
    }
}

fn text(binary: Binary<'_>) -> Option<String> {
    String::from_utf8(binary.to_vec()).ok()
}

/// `None` if it is not UTF-8, `Some(None)` if it is undefined.
fn optional_text(binary: ErlOption<Binary<'_>>) -> Option<Option<String>> {
    match Option::<Binary<'_>>::from(binary) {
        Some(binary) => text(binary).map(Some),
        None => Some(None),
    }
}

/// Paths may be any bytes.
pub(crate) fn as_path<'a>(path: &'a Binary<'_>) -> &'a Path {
    OsStr::from_bytes(path.as_slice()).as_ref()
}

fn optional_path(binary: ErlOption<Binary<'_>>) -> Option<PathBuf> {
    Option::<Binary<'_>>::from(binary).map(|path| as_path(&path).into())
}

fn bytes(binary: ErlOption<Binary<'_>>) -> Option<Vec<u8>> {
    Option::<Binary<'_>>::from(binary).map(|binary| binary.to_vec())
}
