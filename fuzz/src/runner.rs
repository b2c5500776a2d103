//! A fuzzer for a stable toolchain: it mutates what is known already, without looking at what the
//! code does with it.
//!
//! The same seed gives the same inputs. An input that fails is written to `artifacts`, as
//! cargo-fuzz does, and named.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support;
use crate::{Check, seeds, target};

/// Inputs are not made longer than this.
const LONGEST: usize = 16 << 10;

/// Bytes and numbers at which formats change their mind.
const EDGES: &[&[u8]] = &[
    &[0],
    &[1],
    &[0x3f],
    &[0x40],
    &[0x7f],
    &[0x80],
    &[0xbf],
    &[0xc0],
    &[0xc3],
    &[0xf0],
    &[0xfe],
    &[0xff],
    &[0xff, 0xff],
    &[0, 0, 0, 0x80],
    &[0x80, 0xff, 0xff, 0xff, 0xff],
    &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x81, 0, 0, 0, 1, 0, 0, 0, 0],
    b"\r\n",
    b"*1048576\r\n",
    b"$-1\r\n",
    b"$536870913\r\n",
    b"*",
    b"[",
    b"\\",
];

/// The program of a target: `--seconds N` and `--seed N`, `--seeds FOLDER` to write what to begin
/// with there, or files to look at.
///
/// # Panics
/// When a check does.
pub fn main(name: &str) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let given = |option: &str| args.iter().skip_while(|arg| *arg != option).nth(1);
    let number = |option: &str, otherwise| {
        given(option).map_or(otherwise, |number| number.parse().expect(option))
    };
    let check = target(name);
    if let Some(folder) = given("--seeds") {
        write_seeds(Path::new(folder), name);
    } else if args.first().is_some_and(|first| !first.starts_with("--")) {
        args.iter().for_each(|file| check(&std::fs::read(file).expect(file)));
    } else {
        let (seed, seconds) = (number("--seed", 1), number("--seconds", 60));
        let end = Instant::now() + Duration::from_secs(seconds);
        let runs = Mutations::of(name, seed).take_while(|_| Instant::now() < end);
        let runs = runs.map(|bytes| try_one(name, check, &bytes)).count();
        println!("{name}: {runs} runs in {seconds} s, seed {seed}");
    }
}

fn folder(kind: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(name)
}

/// What is known of a target: the inputs that its runs have kept, and what it begins with.
///
/// # Panics
/// When a file cannot be read.
pub fn known(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder("corpus", name))
        .map(|files| files.map(|file| file.unwrap().path()).collect())
        .unwrap_or_default();
    paths.sort();
    let kept = paths.iter().map(|path| std::fs::read(path).unwrap());
    kept.chain(seeds::seeds(name)).collect()
}

fn write_seeds(folder: &Path, name: &str) {
    for seed in seeds::seeds(name) {
        std::fs::write(folder.join(format!("{:x}", md5::compute(&seed))), seed).unwrap();
    }
}

fn try_one(name: &str, check: Check, bytes: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| check(bytes)) {
        let folder = folder("artifacts", name);
        let file = folder.join(format!("crash-{:x}", md5::compute(bytes)));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&file, bytes).unwrap();
        eprintln!("{name}: this input fails: {}", file.display());
        std::panic::resume_unwind(panic);
    }
}

/// Inputs without end, the same for the same seed.
pub struct Mutations {
    known: Vec<Vec<u8>>,
    random: Box<dyn FnMut() -> u64>,
}

impl Mutations {
    /// Of what is known of a target.
    pub fn of(name: &str, seed: u64) -> Self {
        let mut known = known(name);
        known.push(Vec::new());
        Self { known, random: Box::new(support::random(seed)) }
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.random)() % limit.max(1) as u64) as usize
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let size = 1 + self.below(16);
        let end = (at + size).min(bytes.len());
        match self.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = (self.random)() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let edge = EDGES[self.below(EDGES.len())];
                bytes.splice(at..end.min(at + edge.len()), edge.iter().copied());
            }
            5 => {
                let edge = EDGES[self.below(EDGES.len())];
                bytes.splice(at..at, edge.iter().copied());
            }
            6 => {
                let copy = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                let which = self.below(self.known.len());
                let from = self.below(self.known[which].len() + 1);
                let piece: Vec<u8> =
                    self.known[which][from..].iter().take(4 * size).copied().collect();
                bytes.splice(at..end, piece);
            }
        }
    }
}

impl Iterator for Mutations {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let which = self.below(self.known.len());
        let mut bytes = self.known[which].clone();
        for _ in 0..1 + self.below(6) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(LONGEST);
        Some(bytes)
    }
}
