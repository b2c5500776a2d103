//! The answer to `ROLE`.

use super::peer::{Peer, Role, Told};
use super::words::{host, port};
use crate::reply::Value;

/// What the answer tells. One that is not understood tells nothing.
pub(super) fn read(answer: &Value) -> Told {
    let elements = answer.array().unwrap_or_default();
    let text = |at: usize| elements.get(at).and_then(Value::text);
    let integer = |at: usize| elements.get(at).and_then(Value::integer);
    let offset = |at: usize| integer(at).and_then(|offset| u64::try_from(offset).ok());
    Told::Peer(match text(0) {
        Some(b"sentinel") => return Told::Sentinel(groups(elements.get(1))),
        Some(b"master") => Peer { role: Some(Role::Master), offset: offset(1), ..Peer::default() },
        Some(b"slave" | b"replica") => Peer {
            role: Some(Role::Replica),
            master: text(1).and_then(host).zip(integer(2).and_then(port)),
            is_linked: text(3).map(|state| state == b"connected"),
            offset: offset(4),
            ..Peer::default()
        },
        _ => Peer::default(),
    })
}

fn groups(names: Option<&Value>) -> Vec<u8> {
    let names = names.and_then(Value::array).unwrap_or_default();
    let names: Vec<_> = names.iter().filter_map(Value::text).collect();
    match names.is_empty() {
        true => b"it monitors no master".to_vec(),
        false => [&b"it monitors "[..], &names.join(&b' ')].concat(),
    }
}
