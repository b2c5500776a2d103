//! The arguments of stream commands.

use eslaver_core::rdb::StreamId;

use crate::values::stream::{Limit, Policy};
use crate::write::arguments::{Args, is, to_int, to_stream_id};
use crate::write::refusal::Refusal;

/// The options of `XADD` and `XTRIM`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trim<'a> {
    pub(crate) limit: Option<Limit>,
    /// Whether all that may go goes.
    pub(crate) is_exact: bool,
    pub(crate) policy: Policy,
    /// Who sent an entry that is remembered, and as what, where that is said.
    pub(crate) producer: Option<(&'a [u8], Option<&'a [u8]>)>,
}

/// An argument that must be there.
pub(crate) fn next<'a: 'i, 'i>(
    args: &mut impl Iterator<Item = &'i &'a [u8]>,
) -> Result<&'a [u8], Refusal> {
    args.next().copied().ok_or(Refusal::Syntax)
}

/// An id as a command has it.
pub(crate) fn to_id(arg: &[u8]) -> Result<StreamId, Refusal> {
    to_stream_id(arg, 0)
}

/// A number that is not negative.
pub(crate) fn to_unsigned(arg: &[u8]) -> Result<u64, Refusal> {
    u64::try_from(to_int(arg)?).map_err(|_| Refusal::Range)
}

/// Ids, and nothing else.
pub(crate) fn ids(args: &Args<'_>) -> Result<Vec<StreamId>, Refusal> {
    args.iter().map(|arg| to_id(arg)).collect()
}

fn policy(name: &[u8]) -> Option<Policy> {
    const POLICIES: [(&str, Policy); 3] =
        [("KEEPREF", Policy::KeepRef), ("DELREF", Policy::DelRef), ("ACKED", Policy::Acked)];
    POLICIES.into_iter().find(|(word, _)| is(name, word)).map(|(_, policy)| policy)
}

/// The options of `XADD` and `XTRIM`, and what is behind them.
pub(crate) fn trim<'a, 'b>(args: &'b Args<'a>) -> Result<(Trim<'a>, &'b Args<'a>), Refusal> {
    let mut options = Trim::default();
    let mut left = args.iter();
    loop {
        let behind = left.as_slice();
        let Some(name) = left.next() else { return Ok((options, behind)) };
        // Ids, which end the options, begin with a digit or a star.
        if !name.first().is_some_and(u8::is_ascii_alphabetic) {
            return Ok((options, behind));
        }
        if is(name, "MAXLEN") {
            let (is_exact, most) = limit(&mut left)?;
            options.limit = Some(Limit::MaxLen(to_unsigned(most)?));
            options.is_exact = is_exact;
        } else if is(name, "MINID") {
            let (is_exact, least) = limit(&mut left)?;
            options.limit = Some(Limit::MinId(to_id(least)?));
            options.is_exact = is_exact;
        } else if is(name, "LIMIT") {
            next(&mut left)?;
        } else if is(name, "IDMP") {
            options.producer = Some((next(&mut left)?, Some(next(&mut left)?)));
        } else if is(name, "IDMPAUTO") {
            options.producer = Some((next(&mut left)?, None));
        } else if let Some(policy) = policy(name) {
            options.policy = policy;
        } else if !is(name, "NOMKSTREAM") {
            return Err(Refusal::Syntax);
        }
    }
}

/// A limit, and whether it is exact.
fn limit<'a: 'i, 'i>(
    args: &mut impl Iterator<Item = &'i &'a [u8]>,
) -> Result<(bool, &'a [u8]), Refusal> {
    match next(args)? {
        b"~" => Ok((false, next(args)?)),
        b"=" => Ok((true, next(args)?)),
        value => Ok((true, value)),
    }
}

/// `[KEEPREF | DELREF | ACKED] IDS n id ...`
pub(crate) fn policy_and_ids(args: &Args<'_>) -> Result<(Policy, Vec<StreamId>), Refusal> {
    let mut found = Policy::KeepRef;
    let mut left = args.iter();
    loop {
        let name = next(&mut left)?;
        if is(name, "IDS") {
            let count = to_unsigned(next(&mut left)?)?;
            let ids = ids(left.as_slice())?;
            let fits = ids.len() as u64 == count;
            return if fits { Ok((found, ids)) } else { Err(Refusal::Syntax) };
        }
        found = policy(name).ok_or(Refusal::Syntax)?;
    }
}
