//! The text of `INFO`: lines of `name:value`, in sections that begin with `# Name`. Any text can be
//! read; lines that are not understood tell nothing.

use super::peer::{Peer, Role, Told};
use super::words::{host, number, port, replid};

/// Bytes in a version, at most.
const MAX_VERSION: usize = 64;
/// What a master tells as an id that it does not have.
const NO_ID: &[u8] = b"0000000000000000000000000000000000000000";

/// What the text tells.
pub(super) fn read(text: &[u8]) -> Told {
    let mut info = Info::default();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.strip_prefix(b"# ") {
            Some(section) => info.section(section),
            None => {
                if let Some((name, value)) = field(line) {
                    info.field(name, value);
                }
            }
        }
    }
    info.told()
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some((&line[..colon], &line[colon + 1..]))
}

/// The fields that matter, as they are told.
#[derive(Default)]
struct Info<'a> {
    is_sentinel: bool,
    is_loading: bool,
    valkey_version: Option<&'a [u8]>,
    redis_version: Option<&'a [u8]>,
    run_id: Option<&'a [u8]>,
    role: Option<Role>,
    master_host: Option<&'a [u8]>,
    master_port: Option<&'a [u8]>,
    master_link: Option<&'a [u8]>,
    replid: Option<&'a [u8]>,
    replid2: Option<&'a [u8]>,
    offset: Option<&'a [u8]>,
    second_offset: Option<&'a [u8]>,
    has_backlog: bool,
    backlog_first: Option<&'a [u8]>,
    keys: Option<u64>,
}

impl<'a> Info<'a> {
    /// Without keys the section of keys is empty.
    fn section(&mut self, name: &[u8]) {
        if name == b"Keyspace" {
            self.keys = self.keys.or(Some(0));
        }
    }

    fn field(&mut self, name: &'a [u8], value: &'a [u8]) {
        match name {
            b"redis_mode" | b"server_mode" => self.is_sentinel |= value == b"sentinel",
            b"loading" => self.is_loading = value == b"1",
            b"valkey_version" => self.valkey_version = Some(value),
            b"redis_version" => self.redis_version = Some(value),
            b"run_id" => self.run_id = Some(value),
            b"role" => self.role = role(value),
            b"master_host" => self.master_host = Some(value),
            b"master_port" => self.master_port = Some(value),
            b"master_link_status" => self.master_link = Some(value),
            b"master_replid" => self.replid = Some(value),
            b"master_replid2" => self.replid2 = Some(value),
            b"master_repl_offset" => self.offset = Some(value),
            b"second_repl_offset" => self.second_offset = Some(value),
            b"repl_backlog_active" => self.has_backlog = value == b"1",
            b"repl_backlog_first_byte_offset" => self.backlog_first = Some(value),
            [b'd', b'b', db @ ..] if number(db).is_some() => self.db(value),
            _ => {}
        }
    }

    fn db(&mut self, value: &[u8]) {
        let mut pairs = value.split(|&byte| byte == b',');
        let keys = pairs.find_map(|pair| pair.strip_prefix(b"keys=")).and_then(number);
        if let Some(keys) = keys {
            self.keys = Some(self.keys.unwrap_or(0).saturating_add(keys));
        }
    }

    fn told(self) -> Told {
        if self.is_sentinel {
            return Told::Sentinel(b"as its INFO says".to_vec());
        }
        let is_replica = self.role == Some(Role::Replica);
        let version = self.valkey_version.or(self.redis_version).and_then(version);
        Told::Peer(Peer {
            role: self.role,
            master: self.master().filter(|_| is_replica),
            is_linked: self.master_link.map(|status| status == b"up").filter(|_| is_replica),
            replid: self.id(),
            replid2: self.replid2.filter(|&id| id != NO_ID).and_then(replid),
            offset: self.offset.and_then(number),
            second_offset: self.second_offset.and_then(number),
            backlog_first: self.backlog_first.filter(|_| self.has_backlog).and_then(number),
            // while it loads they are not all of its keys
            keys: self.keys.filter(|_| !self.is_loading),
            version,
        })
    }

    fn master(&self) -> Option<(String, u16)> {
        let number = self.master_port.and_then(number).and_then(|number| number.try_into().ok());
        self.master_host.and_then(host).zip(number.and_then(port))
    }

    /// Before Redis 4 a server's stream has the id of its run.
    fn id(&self) -> Option<String> {
        let is_old = self
            .redis_version
            .is_some_and(|version| version.starts_with(b"2.") || version.starts_with(b"3."));
        let run_id = self.run_id.filter(|_| is_old && self.role.is_some());
        self.replid.or(run_id).and_then(replid)
    }
}

fn role(value: &[u8]) -> Option<Role> {
    match value {
        b"master" => Some(Role::Master),
        b"slave" | b"replica" => Some(Role::Replica),
        _ => None,
    }
}

fn version(value: &[u8]) -> Option<String> {
    let valid = value.len() <= MAX_VERSION && value.iter().all(u8::is_ascii_graphic);
    (valid && !value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}
