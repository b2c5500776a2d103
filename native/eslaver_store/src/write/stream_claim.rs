//! Commands by which pending entries change hands: `XCLAIM`, `XAUTOCLAIM`, `XNACK`.

use eslaver_core::rdb::StreamId;

use crate::keyspace::version::Version;
use crate::values::stream::entries::Entries;
use crate::values::stream::group::{Group, Pending};
use crate::values::stream::id;
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, rest, to_int, to_size};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::stream::update;
use crate::write::stream_args::{self, next, to_id, to_unsigned};
use crate::write::stream_group::with_group;

pub(crate) const COMMANDS: &[(&str, Apply)] =
    &[("xautoclaim", xautoclaim), ("xclaim", xclaim), ("xnack", xnack)];

/// How many entries `XAUTOCLAIM` claims unless it says so, and how many it looks at for each.
const COUNT: u64 = 100;
const ATTEMPTS: u64 = 10;
/// Of an entry that is not to be delivered again.
const MOST_DELIVERIES: u64 = i64::MAX as u64;

/// How entries are claimed.
#[derive(Debug, Clone, Copy, Default)]
struct Claim {
    now: i64,
    min_idle: i64,
    delivered_at: Option<i64>,
    deliveries: Option<i64>,
    is_forced: bool,
    is_just_id: bool,
    last_id: Option<StreamId>,
}

impl Claim {
    /// The options of `XCLAIM`, without its ids.
    fn read(mut self, args: &Args<'_>) -> Result<Self, Refusal> {
        let mut left = args.iter();
        while let Some(name) = left.next() {
            if is(name, "FORCE") {
                self.is_forced = true;
            } else if is(name, "JUSTID") {
                self.is_just_id = true;
            } else if is(name, "IDLE") {
                let idle = to_int(next(&mut left)?)?;
                self.delivered_at = Some(self.now.checked_sub(idle).ok_or(Refusal::Range)?);
            } else if is(name, "TIME") {
                self.delivered_at = Some(to_int(next(&mut left)?)?);
            } else if is(name, "RETRYCOUNT") {
                self.deliveries = Some(to_int(next(&mut left)?)?);
            } else if is(name, "LASTID") {
                self.last_id = Some(to_id(next(&mut left)?)?);
            } else {
                return Err(Refusal::Syntax);
            }
        }
        Ok(self)
    }

    fn is_idle(&self, pending: &Pending) -> bool {
        self.min_idle <= 0 || self.now.saturating_sub(pending.delivered_at()) >= self.min_idle
    }

    /// Claims an entry that was delivered `deliveries` times.
    fn take(&self, group: &mut Group, consumer: u32, id: StreamId, deliveries: u64) {
        let deliveries = match self.deliveries.map(u64::try_from) {
            Some(Ok(given)) => given,
            _ if self.is_just_id => deliveries,
            _ => deliveries.saturating_add(1),
        };
        group.claim(id, consumer, self.delivered_at.unwrap_or(self.now), deliveries);
    }
}

fn xclaim(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (name, consumer) = (arg(args, 1)?, arg(args, 2)?);
    let claim = Claim { now: context.now(), min_idle: int(args, 3)?, ..Claim::default() };
    // Ids come first, and what is none is an option.
    let args_of_ids = rest(args, 4)?;
    let is_id = |arg: &&[u8]| arg.first().is_some_and(u8::is_ascii_digit);
    let count = args_of_ids.iter().take_while(|arg| is_id(arg)).count();
    let (ids, options) = args_of_ids.split_at(count);
    let (ids, claim) = (stream_args::ids(ids)?, claim.read(options)?);
    let redis = context.redis();
    update(context, arg(args, 0)?, |stream| {
        let entries = stream.entries().clone();
        with_group(stream, name, |group| {
            group.last_id = claim.last_id.map_or(group.last_id, |last| last.max(group.last_id));
            let consumer = group.consumer(consumer, claim.now);
            let mut has_got = false;
            for id in ids {
                has_got |= claim_one(&claim, &entries, group, consumer, id, redis)?;
            }
            group.see(consumer, claim.now, has_got);
            Ok(())
        })?
    })
}

/// Claims an entry, if it can be: whether it was.
fn claim_one(
    claim: &Claim,
    entries: &Entries,
    group: &mut Group,
    consumer: u32,
    id: StreamId,
    redis: Version,
) -> Result<bool, Refusal> {
    let pending = group.pending().get(id).copied();
    if pending.is_none() && !claim.is_forced {
        return Ok(false);
    }
    match (entries.rank_of(id).is_some(), pending) {
        (false, None) => Ok(false),
        (false, Some(_)) => claim_gone(claim, group, consumer, id, redis),
        (true, None) => {
            claim.take(group, consumer, id, 1);
            Ok(true)
        }
        (true, Some(pending)) => {
            let is_idle = claim.is_idle(&pending);
            if is_idle {
                claim.take(group, consumer, id, pending.deliveries);
            }
            Ok(is_idle)
        }
    }
}

/// Of an entry that is gone, masters before Redis 7.0 replicate the claim of it, and later ones that
/// it is no longer pending, by a claim, too.
fn claim_gone(
    claim: &Claim,
    group: &mut Group,
    consumer: u32,
    id: StreamId,
    redis: Version,
) -> Result<bool, Refusal> {
    redis.numbers().ok_or(Refusal::NotKnown)?;
    if redis >= Version::new(7, 0) {
        group.release(id);
        return Ok(false);
    }
    let delivered_at = claim.delivered_at.ok_or(Refusal::Value)?;
    let deliveries = u64::try_from(claim.deliveries.ok_or(Refusal::Value)?);
    group.claim(id, consumer, delivered_at, deliveries.map_err(|_| Refusal::Range)?);
    Ok(true)
}

fn xautoclaim(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (name, consumer) = (arg(args, 1)?, arg(args, 2)?);
    let start = to_id(arg(args, 4)?)?;
    let mut claim = Claim { now: context.now(), min_idle: int(args, 3)?, ..Claim::default() };
    let mut count = COUNT;
    let mut left = rest(args, 5)?.iter();
    while let Some(option) = left.next() {
        if is(option, "COUNT") {
            count = to_unsigned(next(&mut left)?)?;
        } else if is(option, "JUSTID") {
            claim.is_just_id = true;
        } else {
            return Err(Refusal::Syntax);
        }
    }
    update(context, arg(args, 0)?, |stream| {
        let entries = stream.entries().clone();
        with_group(stream, name, |group| {
            let consumer = group.consumer(consumer, claim.now);
            let has_got = claim_from(&claim, &entries, group, consumer, start, count);
            group.see(consumer, claim.now, has_got);
        })
    })
}

/// Claims up to `count` entries from an id on: whether there were any.
fn claim_from(
    claim: &Claim,
    entries: &Entries,
    group: &mut Group,
    consumer: u32,
    start: StreamId,
    count: u64,
) -> bool {
    let (mut left, mut attempts) = (count, count.saturating_mul(ATTEMPTS));
    let mut has_got = false;
    let mut from = Some(start);
    while left > 0
        && attempts > 0
        && let Some(pending) = from.and_then(|from| group.pending().from(from)).copied()
    {
        attempts -= 1;
        if entries.rank_of(pending.id).is_none() {
            group.release(pending.id);
            left -= 1;
        } else if claim.is_idle(&pending) {
            claim.take(group, consumer, pending.id, pending.deliveries);
            has_got = true;
            left -= 1;
        }
        from = id::next(pending.id);
    }
    has_got
}

/// How often an entry that is given back counts as delivered.
#[derive(Debug, Clone, Copy)]
enum Mode {
    Silent,
    Fail,
    Fatal,
}

fn xnack(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    const MODES: [(&str, Mode); 3] =
        [("SILENT", Mode::Silent), ("FAIL", Mode::Fail), ("FATAL", Mode::Fatal)];
    let (name, word) = (arg(args, 1)?, arg(args, 2)?);
    let mode = MODES.iter().find(|(mode, _)| is(word, mode)).ok_or(Refusal::Syntax)?.1;
    let (mut ids, mut given, mut is_forced) = (None, None, false);
    let mut left = rest(args, 3)?;
    while let [option, behind @ ..] = left {
        left = if is(option, "IDS") {
            let count = to_size(arg(behind, 0)?)?;
            let (found, others) =
                rest(behind, 1)?.split_at_checked(count).ok_or(Refusal::Syntax)?;
            ids = Some(stream_args::ids(found)?);
            others
        } else if is(option, "RETRYCOUNT") {
            given = Some(to_unsigned(arg(behind, 0)?)?);
            rest(behind, 1)?
        } else if is(option, "FORCE") {
            is_forced = true;
            behind
        } else {
            return Err(Refusal::Syntax);
        };
    }
    let ids = ids.ok_or(Refusal::Syntax)?;
    update(context, arg(args, 0)?, |stream| {
        let entries = stream.entries().clone();
        with_group(stream, name, |group| {
            for id in ids {
                // Forced it is pending even if it was not, as long as the stream has it.
                let deliveries = match group.pending().get(id) {
                    Some(pending) => pending.deliveries,
                    None if is_forced && entries.rank_of(id).is_some() => 0,
                    None => continue,
                };
                let deliveries = given.unwrap_or(match mode {
                    Mode::Silent => deliveries.saturating_sub(1),
                    Mode::Fail => deliveries,
                    Mode::Fatal => MOST_DELIVERIES,
                });
                group.give_back(id, deliveries);
            }
        })
    })
}
