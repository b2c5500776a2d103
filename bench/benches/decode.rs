//! The core crate alone, on the snapshots that `bench/run.py` has made: `ESLAVER_BENCH_DATA` is
//! their folder. Each is fed in pieces of 64 KB, as they come off a socket.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eslaver_core::rdb::{
    Decoder, Item, Kind, LeftOut, Meta, ModuleField, Sink, Status, StreamId, StreamMeta,
};
use eslaver_core::resp::{Commands, Limits};

const PIECE: usize = 64 * 1024;

#[derive(Default)]
struct Counting {
    keys: u64,
    items: u64,
    bytes: u64,
}

impl Sink for Counting {
    fn aux(&mut self, _name: &[u8], _value: &[u8]) {}
    fn function(&mut self, _code: &[u8]) {}
    fn begin(&mut self, key: &[u8], _kind: Kind, _meta: &Meta) -> bool {
        self.bytes += key.len() as u64;
        true
    }
    fn item(&mut self, item: Item<'_>) {
        self.items += 1;
        self.bytes += match item {
            Item::Bytes(bytes) => bytes.len() as u64,
            Item::Int(_) => 8,
        };
    }
    fn score(&mut self, _score: f64) {
        self.bytes += 8;
    }
    fn expiry(&mut self, _at_ms: u64) {}
    fn next_index(&mut self, _index: u64) {}
    fn index(&mut self, _index: u64) {}
    fn path(&mut self, _path: Item<'_>) {}
    fn entry(&mut self, _id: StreamId) {
        self.items += 1;
    }
    fn stream(&mut self, _meta: StreamMeta) {}
    fn module(&mut self, _name: &[u8; 9], _version: u16) {}
    fn module_field(&mut self, _field: ModuleField<'_>) {}
    fn end(&mut self) {
        self.keys += 1;
    }
    fn discard(&mut self) {}
    fn left_out(&mut self, _what: LeftOut) {}
}

fn decode(snapshot: &[u8]) -> Counting {
    let (mut decoder, mut sink) = (Decoder::new(), Counting::default());
    for piece in snapshot.chunks(PIECE) {
        decoder.feed(piece);
        while decoder.next(&mut sink).unwrap() == Status::Event {}
    }
    decoder.finish().unwrap();
    sink
}

fn commands(stream: &[u8]) -> u64 {
    let mut commands = Commands::new(Limits::default());
    let mut count = 0;
    for piece in stream.chunks(PIECE) {
        commands.feed(piece);
        while let Some(command) = commands.next().unwrap() {
            count += 1 + command.args().len() as u64;
        }
    }
    count
}

fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path);
    if bytes.is_err() {
        eprintln!("{} is missing: bench/run.py makes it", path.display());
    }
    bytes.ok()
}

fn workloads(criterion: &mut Criterion) {
    let folder = std::env::var_os("ESLAVER_BENCH_DATA").map(PathBuf::from).unwrap_or_default();
    let mut group = criterion.benchmark_group("core");
    group.sample_size(10).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(5));
    for workload in ["w1", "w2", "w3"] {
        if let Some(bytes) = read(&folder, &format!("{workload}.rdb")) {
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(workload, |bencher| bencher.iter(|| decode(&bytes)));
        }
    }
    if let Some(bytes) = read(&folder, "w4-3000000.resp") {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("w4", |bencher| bencher.iter(|| commands(&bytes)));
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);
