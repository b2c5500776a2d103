//! What reads of hashes and of sets share: random records, scans, and times to live.

use eslaver_core::glob::Glob;
use eslaver_core::rdb::Family;
use hashbrown::HashSet;

use crate::collections::record::Record;
use crate::keyspace::error::ReadError;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::bag::{Bag, BagKind};

/// Tries to find a record that was not found before, for each that is wanted.
const TRIES: usize = 100;

/// Hands `count` random records to `each`, each of them once; with a negative count any may come again.
/// All have the same chance.
pub(crate) fn random<'a, K: BagKind>(
    reader: &Reader<'_>,
    bag: Bag<'a, K>,
    count: i64,
    mut each: impl FnMut(Record<'a, K>),
) -> Result<(), ReadError> {
    reader.check_steps(bag.live_len_steps(reader.now()))?;
    let live = bag.live_len(reader.now());
    if live == 0 {
        return Ok(());
    }
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let mut rng = fastrand::Rng::new();
    // Rejecting expired records takes no longer than twice as many tries.
    if live * 2 >= bag.len() && (count < 0 || wanted.saturating_mul(3) < live) {
        reader.check_steps(wanted.saturating_mul(16))?;
        let mut seen = HashSet::<_, foldhash::fast::RandomState>::default();
        let (mut left, mut tries) = (wanted, wanted.saturating_mul(TRIES));
        while left > 0 && tries > 0 {
            tries -= 1;
            let Some(record) = bag.random(|| rng.u64(..)) else {
                return Ok(());
            };
            if record.is_expired(reader.now()) {
                continue;
            }
            if count < 0 || seen.insert(record.element.to_bytes()) {
                each(record);
                left -= 1;
            }
        }
        return Ok(());
    }
    reader.check_steps(bag.len().saturating_mul(4))?;
    let mut all = Vec::with_capacity(live);
    bag.for_each(|record| {
        if !record.is_expired(reader.now()) {
            all.push(record);
        }
    });
    if count < 0 {
        reader.check_steps(wanted)?;
        (0..wanted)
            .filter_map(|_| all.get(rng.usize(..all.len())))
            .for_each(|record| each(*record));
    } else {
        rng.shuffle(&mut all);
        all.into_iter().take(wanted).for_each(each);
    }
    Ok(())
}

/// `{Next, Elements}` of a scan, whose arguments from `index` on are a cursor, a pattern or `any`, and
/// a count. A missing bag has ended.
pub(crate) fn scan<K: BagKind>(
    reader: &Reader<'_>,
    bag: Option<Bag<'_, K>>,
    args: Args<'_>,
    index: usize,
    reply: &mut dyn Reply,
    mut give: impl FnMut(&mut dyn Reply, Record<'_, K>),
) -> Result<(), ReadError> {
    let cursor = u64::try_from(args.int(index)?).map_err(|_| ReadError::BadQuery)?;
    let glob = match args.at(index + 1)? {
        Arg::Bytes(pattern) => Some(Glob::new(*pattern)),
        _ => None,
    };
    let count = usize::try_from(args.int(index + 2)?).map_err(|_| ReadError::BadQuery)?;
    reader.check_steps(count.saturating_mul(16))?;
    let mut found = Vec::new();
    let next = match bag {
        None => 0,
        // The records are gone from the bag when the answer begins with the cursor.
        Some(bag) => bag.scan(cursor, count, |record| {
            let wanted = |bytes: &[u8]| glob.as_ref().is_none_or(|glob| glob.matches(bytes));
            if !record.is_expired(reader.now()) && record.element.with_bytes(wanted) {
                found.push(record.element.to_bytes().into_owned());
            }
        }),
    };
    reply.begin();
    reply.unsigned(next);
    reply.begin();
    for element in &found {
        if let Some(record) = bag.and_then(|bag| bag.get(element)) {
            give(reply, record);
        }
    }
    reply.end_list();
    reply.end_tuple();
    Ok(())
}

/// What a list of times is of: of the time that is left, or of the time at which it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TimeOf {
    Seconds,
    Ms,
    AtSecond,
    AtMs,
}

/// Gives the time of each element: `infinity` where it lives as long as its key.
pub(crate) fn give_times(
    reader: &Reader<'_>,
    expiries: impl Iterator<Item = Option<Option<i64>>>,
    of: TimeOf,
    reply: &mut dyn Reply,
) {
    reply.begin();
    for expiry in expiries {
        match expiry {
            Some(None) => reply.atom("infinity"),
            Some(Some(at)) if at > reader.now() => reply.int(time(reader, at, of)),
            None | Some(Some(_)) => reply.missing(),
        }
    }
    reply.end_list();
}

fn time(reader: &Reader<'_>, at: i64, of: TimeOf) -> i64 {
    let left = at.saturating_sub(reader.now()).max(0);
    match of {
        TimeOf::Ms => left,
        TimeOf::AtMs => at,
        TimeOf::Seconds => seconds(reader, left),
        TimeOf::AtSecond => seconds(reader, at),
    }
}

/// Redis rounds up, Valkey to the nearest second.
fn seconds(reader: &Reader<'_>, ms: i64) -> i64 {
    match reader.server().family {
        Family::Valkey => ms.saturating_add(500) / 1000,
        _ => ms.saturating_add(999).max(0) / 1000,
    }
}
