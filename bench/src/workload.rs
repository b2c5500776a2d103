//! The workloads: the same bytes on every machine, as all that looks like chance comes of a seed.

use crate::{Outcome, mirror};

const SEED: u64 = 2016;
/// When keys that expire do: in the year 2100.
const LATER: &[u8] = b"4102444800000";
const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog and ";

/// Takes a command.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&[&[u8]]) -> Outcome<()>;

/// Writes a dataset: `w1`, `w2` or `w3`, or with `w1:N` an Nth of it; `keys:N` (as W1, with N keys),
/// `fields:N` (hashes of N fields each, a million fields in all), `all`, `all-and-huge` or
/// `values:TYPE:SIZE:COUNT` (see `mirror.rs`).
pub(crate) fn fill(workload: &str, take: Take<'_>) -> Outcome<()> {
    let mut random = Random::new();
    match workload.split(':').collect::<Vec<_>>()[..] {
        ["w1"] => strings(2_000_000, &mut random, take),
        ["w1", part] => strings(2_000_000 / part.parse::<u64>()?, &mut random, take),
        ["w2"] => small(1, &mut random, take),
        ["w2", part] => small(part.parse()?, &mut random, take),
        ["w3"] => large(1, &mut random, take),
        ["w3", part] => large(part.parse()?, &mut random, take),
        ["all"] => mirror::all(take),
        ["all-and-huge"] => mirror::all_and_huge(take),
        ["values", kind, size, count] => mirror::keys(kind, size.parse()?, count.parse()?, take),
        ["keys", count] => strings(count.parse()?, &mut random, take),
        ["fields", count] => {
            let fields: u64 = count.parse()?;
            for key in 0..1_000_000 / fields {
                hash(&format!("hash:{key:07}"), fields, &mut random, take)?;
            }
            Ok(())
        }
        _ => Err(format!("no such workload: {workload}").into()),
    }
}

/// W1: strings of 64 bytes that do not compress.
fn strings(count: u64, random: &mut Random, take: Take<'_>) -> Outcome<()> {
    for key in 0..count {
        take(&[b"SET", format!("key:{key:07}").as_bytes(), &random.bytes::<64>()])?;
    }
    Ok(())
}

/// W2: small values of all types, one key in ten with a time to live.
fn small(part: u64, random: &mut Random, take: Take<'_>) -> Outcome<()> {
    for key in 0..200_000 / part {
        let name = format!("hash:{key:06}");
        let values: Vec<_> =
            (0..10).map(|field| (field_name(field), random.text::<12>())).collect();
        let pairs = values.iter().flat_map(|(field, value)| [field.as_bytes(), value]);
        command(b"HSET", &name, pairs, take)?;
        some_expire(key, &name, take)?;
    }
    for key in 0..100_000 / part {
        let name = format!("list:{key:06}");
        let values: Vec<_> = (0..20).map(|_| random.text::<12>()).collect();
        command(b"RPUSH", &name, values.iter().map(<[u8; 12]>::as_slice), take)?;
        some_expire(key, &name, take)?;

        let name = format!("zset:{key:06}");
        let values: Vec<_> = (0..20)
            .map(|_| (format!("{}.25", random.below(1_000_000)), random.text::<12>()))
            .collect();
        let pairs = values.iter().flat_map(|(score, member)| [score.as_bytes(), member]);
        command(b"ZADD", &name, pairs, take)?;
        some_expire(key, &name, take)?;

        let name = format!("set:{key:06}");
        let values: Vec<_> = (0..20).map(|_| random.below(1 << 31).to_string()).collect();
        command(b"SADD", &name, values.iter().map(String::as_bytes), take)?;
        some_expire(key, &name, take)?;

        let name = format!("stream:{key:06}");
        for entry in 1..=5 {
            let id = format!("{}-0", 1_700_000_000_000_u64 + key * 1000 + entry);
            let (one, other) = (random.text::<12>(), random.below(10_000).to_string());
            let words = [id.as_bytes(), b"sensor", &one, b"value", other.as_bytes()];
            command(b"XADD", &name, words.into_iter(), take)?;
        }
        some_expire(key, &name, take)?;
    }
    for key in 0..200_000 / part {
        let name = format!("text:{key:06}");
        let mut text = format!("{key} ").into_bytes();
        text.extend(TEXT.iter().cycle().take(400 - text.len()));
        take(&[b"SET", name.as_bytes(), &text])?;
        some_expire(key, &name, take)?;
    }
    Ok(())
}

/// W3: two hashes of a million fields, a list of one and a half million, 100 strings of 10 MB.
fn large(part: u64, random: &mut Random, take: Take<'_>) -> Outcome<()> {
    hash("huge:hash:1", 1_000_000 / part, random, take)?;
    hash("huge:hash:2", 1_000_000 / part, random, take)?;
    for _ in 0..1_500_000 / 500 / part {
        let elements: Vec<_> = (0..500).map(|_| random.bytes::<64>()).collect();
        command(b"RPUSH", "huge:list", elements.iter().map(<[u8; 64]>::as_slice), take)?;
    }
    for key in 0..100 / part {
        let value: Vec<u8> = (0..1_250_000).flat_map(|_| random.next().to_le_bytes()).collect();
        take(&[b"SET", format!("big:{key}").as_bytes(), &value])?;
    }
    Ok(())
}

/// A hash with values of 64 bytes that do not compress.
fn hash(name: &str, fields: u64, random: &mut Random, take: Take<'_>) -> Outcome<()> {
    let mut field = 0;
    while field < fields {
        let last = fields.min(field + 500);
        let values: Vec<_> = (field..last).map(|f| (field_name(f), random.bytes::<64>())).collect();
        let pairs = values.iter().flat_map(|(field, value)| [field.as_bytes(), value]);
        command(b"HSET", name, pairs, take)?;
        field = last;
    }
    Ok(())
}

/// Commands of one kind (see `mirror.rs`), or `w4`: of five kinds, each a fifth.
pub(crate) fn commands(kind: &str, count: u64, take: Take<'_>) -> Outcome<()> {
    if kind != "w4" {
        return mirror::commands(kind, count, take);
    }
    let mut random = Random::new();
    for number in 0..count {
        let key = random.below(100_000);
        let value = random.text::<32>();
        match number % 5 {
            0 => take(&[b"SET", format!("key:{key:07}").as_bytes(), &value])?,
            1 => {
                let field = field_name(random.below(16));
                take(&[b"HSET", format!("hash:{key:07}").as_bytes(), field.as_bytes(), &value])?;
            }
            2 => take(&[b"LPUSH", format!("list:{key:07}").as_bytes(), &value])?,
            3 => {
                let (zset, score) = (format!("zset:{key:07}"), random.below(1000).to_string());
                take(&[b"ZADD", zset.as_bytes(), score.as_bytes(), &value])?;
            }
            _ => take(&[b"INCR", format!("count:{key:07}").as_bytes()])?,
        }
    }
    Ok(())
}

pub(crate) fn command<'a>(
    name: &'a [u8],
    key: &'a str,
    args: impl Iterator<Item = &'a [u8]>,
    take: Take<'_>,
) -> Outcome<()> {
    let words: Vec<&[u8]> = [name, key.as_bytes()].into_iter().chain(args).collect();
    take(&words)
}

fn some_expire(number: u64, key: &str, take: Take<'_>) -> Outcome<()> {
    if number.is_multiple_of(10) { take(&[b"PEXPIREAT", key.as_bytes(), LATER]) } else { Ok(()) }
}

fn field_name(number: u64) -> String {
    format!("field:{number:06}")
}

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(SEED)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From 1 up to `last`.
    pub(crate) fn up_to(&mut self, last: u64) -> u64 {
        1 + self.below(last)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }

    /// Letters, as most values are.
    pub(crate) fn text<const N: usize>(&mut self) -> [u8; N] {
        self.bytes().map(|byte| b'a' + byte % 26)
    }

    pub(crate) fn letter(&mut self) -> u8 {
        self.text::<1>()[0]
    }

    pub(crate) fn word(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(self.letter())).collect()
    }
}
