//! Whether memory comes back after churn. Commands of all types, with values of random sizes,
//! deletes and expiries, are applied for SECONDS (600) by THREADS (4) that take turns, as dirty
//! schedulers do, while another thread drops what is out of reach and compacts the rest. Then the
//! keyspace is saved, a new process loads the file, and both are compared: the memory that is resident, and that which the
//! allocator, the NIF's own, has given to the keyspace. The second ratio is due to the keyspace alone,
//! whose trees and tables are fuller when they have just been loaded; what the first is above it is due
//! to the allocator.
//!
//! `SEED=1 SECONDS=600 cargo run -p eslaver_bench --release --bin churn`

#[path = "../../../../native/eslaver_nif/src/allocator.rs"]
mod allocator;
mod commands;
#[path = "../../../../native/eslaver_nif/src/keyspace/compactor.rs"]
mod compactor;
mod slices;

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eslaver_core::rdb::Family;
use eslaver_core::rdb::write::{Dialect, Writer};
use eslaver_store::{Save, Store};

use slices::Slices;

/// What goes wrong ends the program, and is told.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often the sizes of values change: what was freed then is of the wrong size.
const PHASES: u64 = 10;
/// A thread applies this number of commands before the next has its turn.
const SLICE: usize = 2000;
/// How long the threads rest before memory is measured, while it is compacted.
const REST: Duration = Duration::from_secs(10);
/// The version of the file.
const RDB_VERSION: u32 = 17;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => churn(),
        ["load", file] => load(Path::new(file)),
        _ => Err("usage: churn, with SECONDS, SEED and THREADS in the environment".into()),
    }
}

fn number(name: &str, default: u64) -> Outcome<u64> {
    std::env::var(name).map_or(Ok(default), |text| Ok(text.parse()?))
}

fn churn() -> Outcome<()> {
    let seconds = number("SECONDS", 600)?;
    let store = Arc::new(Store::new());
    let slices = Slices::new(&store, number("THREADS", 4)?, number("SEED", 1)?)?;
    let (began, mut applied, mut peak) = (Instant::now(), 0, 0);
    for phase in 0..PHASES {
        let end = Duration::from_secs(seconds * (phase + 1) / PHASES);
        while began.elapsed() < end {
            slices.run(phase, SLICE)?;
            applied += SLICE as u64;
        }
        let now = resident()?;
        peak = peak.max(now);
        println!("phase {phase}: {} keys, {} MB resident", store.len(), mega(now));
    }
    let busy = began.elapsed().as_secs_f64();
    std::thread::sleep(REST);
    let after = Memory::of(&store)?;
    allocator::trim();
    let trimmed = resident()?;
    let file = std::env::temp_dir().join(format!("churn-{}.rdb", std::process::id()));
    write(&store, &file)?;
    let fresh = Command::new(std::env::current_exe()?).arg("load").arg(&file).output()?.stdout;
    std::fs::remove_file(&file)?;
    let fresh = Memory::parse(std::str::from_utf8(&fresh)?)?;
    println!(
        "{applied} commands, {:.0} k/s, at most {} MB",
        applied as f64 / busy / 1e3,
        mega(peak)
    );
    for (what, after, fresh) in [
        ("resident", after.resident, fresh.resident),
        ("resident, trimmed", trimmed, fresh.resident),
        ("allocated", after.allocated, fresh.allocated),
    ] {
        let ratio = after as f64 / fresh as f64;
        println!("{what}: {} MB, fresh {} MB, ratio {ratio:.3}", mega(after), mega(fresh));
    }
    Ok(())
}

/// In bytes.
struct Memory {
    resident: usize,
    allocated: usize,
}

impl Memory {
    fn of(store: &Store) -> Outcome<Self> {
        Ok(Self { resident: resident()?, allocated: store.account().bytes() })
    }

    fn parse(text: &str) -> Outcome<Self> {
        let (resident, allocated) = text.trim().split_once(' ').ok_or("no answer")?;
        Ok(Self { resident: resident.parse()?, allocated: allocated.parse()? })
    }
}

fn write(store: &Store, path: &Path) -> Outcome<()> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    let mut result = Ok(());
    let dialect = Dialect::new(Family::Redis, RDB_VERSION).ok_or("no such version")?;
    let output = |bytes: &[u8]| {
        if result.is_ok() {
            result = file.write_all(bytes);
        }
    };
    let mut rdb = Writer::new(dialect, output);
    Save::begin(store).ok_or("it is being saved")?.write_all(&mut rdb)?;
    let _ = rdb.finish()?;
    result?;
    Ok(file.flush()?)
}

/// Loads a file, and tells how much memory is resident then.
fn load(path: &Path) -> Outcome<()> {
    let store = Arc::new(Store::new());
    slices::load(&store, File::open(path)?)?;
    std::thread::sleep(REST);
    let Memory { resident, allocated } = Memory::of(&store)?;
    println!("{resident} {allocated}");
    std::process::exit(0)
}

/// The bytes of this process that are in memory.
fn resident() -> Outcome<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}

fn mega(bytes: usize) -> usize {
    bytes >> 20
}
