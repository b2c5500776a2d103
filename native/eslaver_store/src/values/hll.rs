//! HyperLogLogs as servers have them: strings of 16,384 registers, in a sparse representation of run
//! lengths or in a dense one of 6 bits each, byte by byte the same as on the server.
//!
//! How a union is stored has changed with 4.0.7, and how it is estimated with 5.0; so some functions
//! take the master's version. A sparse one becomes dense before it exceeds 3,000 bytes, which is the
//! servers' default (`hll-sparse-max-bytes`).

mod estimate;
mod sparse;

use crate::keyspace::version::Version;

const REGISTERS: usize = 16_384;
const HEADER: usize = 16;
const ENCODING: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
/// The byte whose highest bit says that the count in the header is out of date.
const STALE_BYTE: usize = 15;
const STALE: u8 = 0x80;
const INDEX_BITS: u32 = 14;
/// The bits of a hash that are left to count zeros in.
const RUN_BITS: u32 = 50;
const ERTL: Version = Version::new(5, 0);
const SPARSE_UNIONS: Version = Version::new(4, 0);

/// The value of each register.
type Registers = [u8; REGISTERS];

/// One without elements.
pub(crate) fn new() -> Vec<u8> {
    let mut hll = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    hll.extend(sparse::EMPTY);
    hll
}

/// The same as a command makes it: the count in its header is not up to date.
pub(crate) fn fresh() -> Vec<u8> {
    let mut hll = new();
    mark_stale(&mut hll);
    hll
}

/// Whether a string is a HyperLogLog.
pub(crate) fn is_hll(string: &[u8]) -> bool {
    string.starts_with(b"HYLL")
        && match string.get(ENCODING) {
            Some(&DENSE) => string.len() == DENSE_LEN,
            Some(&SPARSE) => string.len() >= HEADER,
            _ => false,
        }
}

fn is_sparse(hll: &[u8]) -> bool {
    hll.get(ENCODING) == Some(&SPARSE)
}

fn mark_stale(hll: &mut [u8]) {
    if let Some(byte) = hll.get_mut(STALE_BYTE) {
        *byte |= STALE;
    }
}

/// Adds elements. `None` where it is no HyperLogLog.
pub(crate) fn add(hll: &mut Vec<u8>, elements: &[&[u8]]) -> Option<()> {
    if !is_hll(hll) {
        return None;
    }
    let mut changed = false;
    for element in elements {
        let (index, value) = position(element);
        changed |= raise(hll, index, value)?;
    }
    if changed {
        mark_stale(hll);
    }
    Some(())
}

/// Adds the elements of `others`. Of 4.0 one cannot know how it stores that: `None`, as where one is no
/// HyperLogLog.
pub(crate) fn merge(version: Version, hll: &mut Vec<u8>, others: &[Vec<u8>]) -> Option<()> {
    let mut maxima = [0; REGISTERS];
    let mut all_sparse = true;
    for one in std::iter::once(&*hll).chain(others) {
        all_sparse &= is_sparse(one);
        raise_all(&mut maxima, one)?;
    }
    if all_sparse && version >= SPARSE_UNIONS {
        if version == SPARSE_UNIONS {
            return None;
        }
        for (index, &value) in maxima.iter().enumerate().filter(|(_, value)| **value > 0) {
            raise(hll, index, value)?;
        }
    } else {
        pack(&maxima, hll);
    }
    mark_stale(hll);
    Some(())
}

/// Puts the estimate into the header, if it is out of date.
pub(crate) fn cache(version: Version, hll: &mut [u8]) -> Option<()> {
    if is_hll(hll) && hll.get(STALE_BYTE)? & STALE != 0 {
        let mut maxima = [0; REGISTERS];
        raise_all(&mut maxima, hll)?;
        let estimate = estimate::estimate(version >= ERTL, &maxima);
        hll.get_mut(8..HEADER)?.copy_from_slice(&estimate.to_le_bytes());
    }
    is_hll(hll).then_some(())
}

/// Makes it dense.
pub(crate) fn make_dense(hll: &mut Vec<u8>) -> Option<()> {
    if is_sparse(hll) {
        let mut values = [0; REGISTERS];
        raise_all(&mut values, hll)?;
        pack(&values, hll);
    }
    is_hll(hll).then_some(())
}

/// The server's estimate of how many different elements these have been given together. `None` where
/// one is no HyperLogLog.
pub(crate) fn count(version: Version, hlls: &[Vec<u8>]) -> Option<u64> {
    if !hlls.iter().all(|hll| is_hll(hll)) {
        return None;
    }
    if let [hll] = hlls
        && hll.get(STALE_BYTE)? & STALE == 0
    {
        return Some(u64::from_le_bytes(hll.get(8..HEADER)?.try_into().ok()?));
    }
    let mut maxima = [0; REGISTERS];
    for hll in hlls {
        raise_all(&mut maxima, hll)?;
    }
    Some(estimate::estimate(version >= ERTL, &maxima))
}

/// Sets a register to what it has to be at least: whether it was less.
fn raise(hll: &mut Vec<u8>, index: usize, value: u8) -> Option<bool> {
    if is_sparse(hll) {
        match sparse::raise(hll, index, value)? {
            sparse::Raised::Done(changed) => return Some(changed),
            sparse::Raised::TooLarge => make_dense(hll)?,
        }
    }
    let (byte, shift) = (HEADER + index * 6 / 8, index * 6 % 8);
    let low = u16::from(*hll.get(byte)?);
    let high = u16::from(hll.get(byte + 1).copied().unwrap_or_default());
    let word = low | (high << 8);
    let old = (word >> shift) & 0x3f;
    if old >= u16::from(value) {
        return Some(false);
    }
    let [low, high] = (word ^ ((old ^ u16::from(value)) << shift)).to_le_bytes();
    *hll.get_mut(byte)? = low;
    if let Some(byte) = hll.get_mut(byte + 1) {
        *byte = high;
    }
    Some(true)
}

/// Raises registers to those of `hll`.
fn raise_all(registers: &mut Registers, hll: &[u8]) -> Option<()> {
    if !is_hll(hll) {
        return None;
    }
    let packed = hll.get(HEADER..)?;
    if is_sparse(hll) {
        return sparse::raise_all(registers, packed);
    }
    for (four, word) in registers.chunks_exact_mut(4).zip(packed.chunks_exact(3)) {
        let word = word.iter().rev().fold(0u32, |word, &byte| (word << 8) | u32::from(byte));
        for (at, register) in four.iter_mut().enumerate() {
            *register = (*register).max((word >> (6 * at)) as u8 & 0x3f);
        }
    }
    Some(())
}

/// Makes it dense, with these registers.
fn pack(registers: &Registers, hll: &mut Vec<u8>) {
    hll.truncate(HEADER);
    if let Some(encoding) = hll.get_mut(ENCODING) {
        *encoding = DENSE;
    }
    hll.reserve_exact(DENSE_LEN - HEADER);
    for four in registers.chunks_exact(4) {
        let word = four.iter().rev().fold(0u32, |word, &value| (word << 6) | u32::from(value));
        hll.extend(word.to_le_bytes().iter().take(3));
    }
}

/// Which register an element belongs to, and the value it asks for: how far the first set bit in the
/// rest of its hash is.
fn position(element: &[u8]) -> (usize, u8) {
    let hash = hash(element);
    let index = hash as usize & (REGISTERS - 1);
    let run = (hash >> INDEX_BITS) | (1 << RUN_BITS);
    (index, run.trailing_zeros() as u8 + 1)
}

/// `MurmurHash64A`.
fn hash(element: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    let multiply = |value: u64| value.wrapping_mul(MULTIPLIER);
    let shift = |value: u64| value ^ (value >> 47);
    let (blocks, tail) = element.as_chunks::<8>();
    let mut hash = SEED ^ multiply(element.len() as u64);
    for block in blocks {
        let mixed = multiply(shift(multiply(u64::from_le_bytes(*block))));
        hash = multiply(hash ^ mixed);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |last, &byte| (last << 8) | u64::from(byte));
        hash = multiply(hash ^ last);
    }
    shift(multiply(shift(hash)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEW: Version = Version::new(8, 6);

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn numbers(range: std::ops::Range<u32>) -> Vec<Vec<u8>> {
        range.map(|number| number.to_string().into_bytes()).collect()
    }

    fn with(mut hll: Vec<u8>, elements: &[Vec<u8>]) -> Vec<u8> {
        let elements: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
        add(&mut hll, &elements).unwrap();
        hll
    }

    /// As `GET` of a real 8.6.2 answers.
    #[test]
    fn bytes_are_those_of_servers() {
        let mut abc = with(fresh(), &[b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
        assert_eq!(hex(&abc), "48594C4C01000000000000000000008060F38050B1844BFB80425A");
        cache(NEW, &mut abc).unwrap();
        assert_eq!(hex(&abc), "48594C4C01000000030000000000000060F38050B1844BFB80425A");
        let long = with(fresh(), &[b"xxxxxxxxx".to_vec(), Vec::new()]);
        assert_eq!(hex(&long), "48594C4C0100000000000000000000804ADA904C558468CC");
    }

    /// As `STRLEN` and `PFCOUNT` of a real 8.6.2 answer.
    #[test]
    fn counts_are_those_of_servers() {
        let sparse = with(fresh(), &numbers(1..501));
        assert_eq!((sparse.len(), count(NEW, &[sparse])), (1061, Some(503)));
        let dense = (1..21).fold(fresh(), |hll, n| with(hll, &numbers(n * 200..n * 200 + 200)));
        assert_eq!((dense.len(), count(NEW, &[dense])), (12_304, Some(3993)));
    }

    #[test]
    fn other_strings_are_none() {
        for string in [&b""[..], b"HYLL", b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0", &[b'x'; DENSE_LEN]] {
            assert_eq!(count(NEW, &[string.to_vec()]), None);
            assert_eq!(add(&mut string.to_vec(), &[b"a"]), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        /// It does not matter by which way a HyperLogLog has come to be.
        #[test]
        fn ways_lead_to_the_same(
            elements in proptest::collection::vec(any::<[u8; 9]>(), 1..3000),
            at: prop::sample::Index,
        ) {
            let elements: Vec<_> = elements.iter().map(|element| element.to_vec()).collect();
            let (some, others) = elements.split_at(at.index(elements.len()));
            let (one, other) = (with(fresh(), some), with(fresh(), others));
            let mut all = with(fresh(), &elements);
            prop_assert_eq!(count(NEW, &[all.clone()]), count(NEW, &[one.clone(), other.clone()]));
            let mut merged = one.clone();
            merge(NEW, &mut merged, std::slice::from_ref(&other)).unwrap();
            let mut old = one;
            merge(Version::UNKNOWN, &mut old, &[other]).unwrap();
            make_dense(&mut merged).unwrap();
            make_dense(&mut all).unwrap();
            prop_assert_eq!(&merged, &all);
            prop_assert_eq!(&old, &all);
        }
    }
}
