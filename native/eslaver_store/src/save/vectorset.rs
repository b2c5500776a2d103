//! Writes vector sets. Servers load them with the graph in which they search for what is similar, which
//! is not kept here: each element is linked to those whose names are next to its own, so that all can be
//! reached. Searches find less by such links, until servers replace them by better ones.

use eslaver_core::rdb::write::{Contents, Output, WriteError, Writer as RdbWriter};
use eslaver_core::rdb::{Item, Meta, ModuleField};

use super::view;
use crate::values::ValueRef;
use crate::values::vectorset::{
    HAS_ATTRIBUTES, HAS_PROJECTION, MODULE, Member, VERSION, VectorSet,
};

/// The version of a node's parameters, above its level: both are 0. Servers before 8.0.3 know no other,
/// and later ones find out by themselves which link is the farthest.
const NODE: u64 = 0;

pub(super) fn write<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let set = view(VectorSet::of(value))?;
    rdb.begin(key, meta, Contents::Module { name: *MODULE, version: VERSION })?;
    let shape = set.shape();
    let config = shape.quantization as u64 | (shape.m & 0xffff) << 8;
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    let has_attributes = set.attributes() > 0;
    let flags =
        flag(shape.projection.is_some(), HAS_PROJECTION) | flag(has_attributes, HAS_ATTRIBUTES);
    for number in [shape.dimension as u64, set.len(), config, flags] {
        rdb.module_field(ModuleField::Unsigned(number))?;
    }
    if let Some(projection) = &shape.projection {
        rdb.module_field(ModuleField::Unsigned(projection.input_dimension as u64))?;
        let matrix: Vec<u8> = projection.matrix.iter().flat_map(|n| n.to_le_bytes()).collect();
        string(rdb, &matrix)?;
    }
    for (at, (element, member)) in (0..).zip(set.iter()) {
        string(rdb, element)?;
        if has_attributes {
            string(rdb, member.attribute.unwrap_or_default())?;
        }
        string(rdb, member.vector)?;
        let params = params(at, set.len(), shape.m, member);
        rdb.module_field(ModuleField::Unsigned(params.len() as u64))?;
        for param in params {
            rdb.module_field(ModuleField::Unsigned(param))?;
        }
    }
    Ok(())
}

fn string<O: Output>(rdb: &mut RdbWriter<O>, bytes: &[u8]) -> Result<(), WriteError> {
    rdb.module_field(ModuleField::String(Item::Bytes(bytes)))
}

/// The number of an element, its links, and the floats of its vector.
fn params(at: u64, len: u64, m: u64, member: Member<'_>) -> Vec<u64> {
    let links = links(at, len, m);
    let mut params = vec![at + 1, NODE, links.len() as u64, 2 * m];
    params.extend(links.iter().map(|link| link + 1));
    params.push(u64::from(member.range.to_bits()) << 32 | u64::from(member.l2.to_bits()));
    params
}

/// The elements that one is linked to, each of which is linked to it: on both sides up to `m` of them.
fn links(at: u64, len: u64, m: u64) -> Vec<u64> {
    if len / 2 <= m {
        return (0..len).filter(|other| *other != at).take(2 * m as usize).collect();
    }
    (1..=m).flat_map(|far| [(at + far) % len, (at + len - far) % len]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn links_go_both_ways() {
        for m in [1, 2, 16] {
            for len in (0..2 * m + 5).chain([100]) {
                for at in 0..len {
                    let links = links(at, len, m);
                    let different: HashSet<u64> = links.iter().copied().collect();
                    assert_eq!(different.len(), links.len(), "{at} of {len}");
                    assert_eq!(links.len() as u64, (2 * m).min(len - 1), "{at} of {len}");
                    for link in links {
                        assert!(link < len && link != at);
                        assert!(super::links(link, len, m).contains(&at), "{at} of {len}");
                    }
                }
            }
        }
    }
}
