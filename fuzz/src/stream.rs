//! Streams of each format: as they are, or with nodes whose listpacks are right around their
//! entries.

use crate::container;
use crate::snapshot;
use crate::support::build;

pub(crate) const TYPES: [u8; 4] = [15, 19, 21, 26];
/// With this bit of the mode it is a stream of the last format instead.
pub(crate) const NACK: u8 = 32;

/// The mode's lowest bits choose the format; the next, whether the bytes are the stream, or
/// a number of nodes, the entries of each, and what follows the nodes.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    let value_type = if mode & NACK == 0 { TYPES[usize::from(mode & 3)] } else { 27 };
    let body = if mode & 4 == 0 { bytes.to_vec() } else { nodes(mode >> 3 & 3, bytes) };
    let _ = snapshot::holds(&snapshot::value(value_type, &body));
}

fn nodes(count: u8, mut bytes: &[u8]) -> Vec<u8> {
    let mut body = vec![count];
    for node in 0..count {
        let (size, rest) = crate::mode(bytes);
        let (program, left) = rest.split_at(usize::from(size).min(rest.len()));
        bytes = left;
        let id = [[0; 7].as_slice(), &[node + 1], &[0; 8]].concat();
        body.extend(build::string(&id));
        body.extend(build::string(build::listpack(&container::entries(program))));
    }
    body.extend_from_slice(bytes);
    body
}
