//! What a link tells the server besides batches.

use eslaver_core::handshake::{Peer, Role};
use eslaver_core::rdb::LeftOut;
use rustler::{Atom, Env, LocalPid};

use crate::atoms;
use crate::terms::message::{Built, Message};

pub(crate) enum News<'a> {
    /// What the node tells of itself. A sync with it may follow.
    Peer(&'a Peer),
    /// The master has granted a snapshot, which it may still have to make.
    Granted,
    /// A snapshot begins. Masters without `PSYNC` have no id, and some do not know the size.
    Full { replid: Option<&'a str>, offset: u64, bytes: Option<u64>, master: &'a str },
    /// The stream goes on from the position that was asked for.
    Partial { replid: Option<&'a str>, offset: u64, master: &'a str },
    /// The snapshot holds something that has no place in events.
    LeftOut(LeftOut),
    /// A command could not be applied to the keyspace.
    Refused { command: &'a [u8], reason: &'a str },
    /// The keyspace needs a full resync.
    Lost,
    /// The snapshot is complete.
    Loaded { keys: u64, bytes: u64, offset: u64, db: u32 },
}

impl News<'_> {
    /// Sends `{eslaver_link, LinkPid, {Tag, Map}}`.
    pub(crate) fn send(self, caller: Env<'_>, server: LocalPid) {
        let mut message = Message::new();
        let (tag, pairs) = self.build(&mut message);
        let map = message.map(&pairs);
        let news = message.tuple(&[tag.into(), map]);
        message.send_from_link(caller, server, news);
    }

    fn build(self, message: &mut Message) -> (Atom, Vec<(Atom, Built)>) {
        match self {
            News::Peer(peer) => (atoms::peer(), facts(peer, message)),
            News::Granted => (atoms::granted(), Vec::new()),
            News::Full { replid, offset, bytes, master } => {
                let size = number(bytes, message);
                let pairs = vec![
                    (atoms::replid(), text(replid, message)),
                    (atoms::offset(), message.uint(offset)),
                    (atoms::bytes(), size),
                    (atoms::master(), message.binary(master.as_bytes())),
                ];
                (atoms::full(), pairs)
            }
            News::Partial { replid, offset, master } => {
                let pairs = vec![
                    (atoms::replid(), text(replid, message)),
                    (atoms::offset(), message.uint(offset)),
                    (atoms::master(), message.binary(master.as_bytes())),
                ];
                (atoms::partial(), pairs)
            }
            News::LeftOut(what) => {
                let text = message.binary(what.to_string().as_bytes());
                (atoms::left_out(), vec![(atoms::text(), text)])
            }
            News::Refused { command, reason } => {
                let pairs = vec![
                    (atoms::command(), message.binary(command)),
                    (atoms::reason(), message.binary(reason.as_bytes())),
                ];
                (atoms::refused(), pairs)
            }
            News::Lost => (atoms::lost(), Vec::new()),
            News::Loaded { keys, bytes, offset, db } => {
                let pairs = vec![
                    (atoms::keys(), message.uint(keys)),
                    (atoms::bytes(), message.uint(bytes)),
                    (atoms::offset(), message.uint(offset)),
                    (atoms::db(), message.uint(db.into())),
                ];
                (atoms::loaded(), pairs)
            }
        }
    }
}

fn text(text: Option<&str>, message: &mut Message) -> Built {
    text.map_or(atoms::undefined().into(), |text| message.binary(text.as_bytes()))
}

fn number(number: Option<u64>, message: &mut Message) -> Built {
    number.map_or(atoms::undefined().into(), |number| message.uint(number))
}

fn facts(peer: &Peer, message: &mut Message) -> Vec<(Atom, Built)> {
    let role = match peer.role {
        Some(Role::Master) => atoms::master(),
        Some(Role::Replica) => atoms::replica(),
        None => atoms::unknown(),
    };
    let link = match peer.is_linked {
        Some(true) => atoms::up(),
        Some(false) => atoms::down(),
        None => atoms::undefined(),
    };
    let master = match &peer.master {
        Some((host, port)) => {
            let address = [message.binary(host.as_bytes()), message.uint((*port).into())];
            message.tuple(&address)
        }
        None => atoms::undefined().into(),
    };
    vec![
        (atoms::role(), role.into()),
        (atoms::master(), master),
        (atoms::master_link(), link.into()),
        (atoms::replid(), text(peer.replid.as_deref(), message)),
        (atoms::replid2(), text(peer.replid2.as_deref(), message)),
        (atoms::offset(), number(peer.offset, message)),
        (atoms::second_offset(), number(peer.second_offset, message)),
        (atoms::backlog_first(), number(peer.backlog_first, message)),
        (atoms::keys(), number(peer.keys, message)),
        (atoms::version(), text(peer.version.as_deref(), message)),
    ]
}
