//! What the node at the other end tells of itself, and whether it may be followed.

use super::config::{Config, ReadFrom, Resume};
use super::refusal::{Refusal, shown};

/// The role of a node in its replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Master,
    /// It follows a master.
    Replica,
}

/// The node at the other end, as its answers to `ROLE` and `INFO` describe it. What it does not
/// tell, or refuses to, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its role.
    pub role: Option<Role>,
    /// The host and the port of its own master, if it is a replica.
    pub master: Option<(String, u16)>,
    /// Whether its link to its own master is up, if it is a replica.
    pub is_linked: Option<bool>,
    /// The replication id of its history.
    pub replid: Option<String>,
    /// The id of the history before, which its own continues.
    pub replid2: Option<String>,
    /// The offset in its history that it has reached.
    pub offset: Option<u64>,
    /// The first offset that is not of the history before any more: from offsets below, a replica
    /// of that one goes on here.
    pub second_offset: Option<u64>,
    /// The offset of the first byte in its backlog, if that is in use.
    pub backlog_first: Option<u64>,
    /// The number of its keys, in all dbs.
    pub keys: Option<u64>,
    /// The version of Redis or Valkey.
    pub version: Option<String>,
}

/// What a node's answer tells.
#[derive(Debug)]
pub(super) enum Told {
    /// It is a Sentinel, in words for people.
    Sentinel(Vec<u8>),
    /// It is a master or a replica, or has not told.
    Peer(Peer),
}

impl Peer {
    /// What both answers tell. `INFO` is asked later: the role that it tells is the newer one.
    pub(super) fn joined(role: Peer, info: Peer) -> Peer {
        match info.role {
            Some(_) => info,
            None => {
                let Peer { role, master, is_linked, offset, .. } = role;
                Peer { role, master, is_linked, offset: info.offset.or(offset), ..info }
            }
        }
    }

    /// Whether its history has everything up to this position.
    pub fn has(&self, position: &Resume) -> bool {
        let is = |id: &Option<String>| id.as_ref() == Some(&position.replid);
        let is_within = |end: Option<u64>| end.is_some_and(|end| position.offset < end);
        is(&self.replid) && self.offset.is_none_or(|offset| position.offset <= offset)
            || is(&self.replid2) && is_within(self.second_offset)
    }

    /// Why it is not to be followed, if so.
    pub(super) fn refusal(&self, config: &Config) -> Option<Refusal> {
        match (config.read_from, self.role) {
            (ReadFrom::Master, Some(Role::Replica)) => {
                let text = shown(self.master().as_bytes(), config.password.as_deref());
                Some(Refusal::Replica { text })
            }
            (ReadFrom::Replica, Some(Role::Master)) => {
                Some(Refusal::Master { text: "its role is master".to_owned() })
            }
            (_, Some(Role::Replica)) if self.is_behind(config.resume.as_ref()) => {
                let text = "it is at an earlier offset of the same history".to_owned();
                Some(Refusal::Behind { text })
            }
            _ if config.confirm_empty && self.would_empty(config.resume.as_ref()) => {
                let text = format!("its id is {}", self.replid.as_deref().unwrap_or_default());
                Some(Refusal::EmptyMaster { text })
            }
            _ => None,
        }
    }

    /// The address of its master, for people.
    fn master(&self) -> String {
        match &self.master {
            Some((host, port)) if host.contains(':') => format!("[{host}]:{port}"),
            Some((host, port)) => format!("{host}:{port}"),
            None => "another node".to_owned(),
        }
    }

    /// Whether a sync now would be a full one, and soon a partial one: its master sends it the rest.
    /// Before Redis 4 a replica counts offsets of its own, and only with a backlog.
    fn is_behind(&self, resume: Option<&Resume>) -> bool {
        resume.zip(self.offset).is_some_and(|(position, offset)| {
            self.is_linked == Some(true)
                && self.backlog_first.is_some()
                && self.replid.as_ref() == Some(&position.replid)
                && offset < position.offset
        })
    }

    /// Whether the sync is certainly a full one, of no keys. A replica without a link to its master
    /// begins none.
    fn would_empty(&self, resume: Option<&Resume>) -> bool {
        self.keys == Some(0)
            && self.replid.is_some()
            && self.is_linked != Some(false)
            && !resume.is_some_and(|position| self.has(position))
    }
}
