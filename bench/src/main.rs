//! What the benchmarks measure with. `bench/run.py` starts it:
//!
//! | call | does |
//! |---|---|
//! | `fill PORT WORKLOAD` | writes a workload to a master |
//! | `stream COUNT` | writes COUNT commands of W4 to standard output, as a master sends them |
//! | `write PORT COUNT` | sends the same commands to a master, as fast as it takes them |
//! | `serve SNAPSHOT [STREAM]` | stands in for a master: serves these files from memory |
//! | `wait PORT COUNT` | times `WAIT` after `SET` |
//! | `alone PORT COUNT` | tells when `SET` was answered, each after a pause |
//! | `decode WHAT` | decodes something small, for instructions to be counted: see `count.rs` |
//! | `pace PORT RATE SECONDS` | sends a master RATE times `SET` each second |
//!
//! What was measured goes to standard output as a line of JSON; `serve` says there what happens.

mod client;
mod count;
mod latency;
mod serve;
mod workload;

use std::error::Error;
use std::io::{BufWriter, Write, stdout};
use std::time::Instant;

use client::Pipeline;
use eslaver_core::resp::encode;

/// What goes wrong ends the program, and is told.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", port, workload] => {
            let mut pipeline = Pipeline::connect(port.parse()?)?;
            workload::fill(workload, &mut |command| pipeline.send(command))?;
            pipeline.finish()
        }
        ["stream", count] => stream(count.parse()?),
        ["write", port, count] => write(port.parse()?, count.parse()?),
        ["serve", snapshot] => serve::serve(snapshot, None),
        ["serve", snapshot, stream] => serve::serve(snapshot, Some(stream)),
        ["decode", what] => count::decode(what),
        ["wait", port, count] => latency::wait(port.parse()?, count.parse()?),
        ["alone", port, count] => latency::alone(port.parse()?, count.parse()?),
        ["pace", port, rate, seconds] => {
            latency::pace(port.parse()?, rate.parse()?, seconds.parse()?)
        }
        _ => Err("usage: see the first lines of bench/src/main.rs".into()),
    }
}

fn stream(count: u64) -> Outcome<()> {
    let mut out = BufWriter::with_capacity(1 << 20, stdout().lock());
    out.write_all(&encode(&[b"SELECT", b"0"]))?;
    workload::commands(count, &mut |command| Ok(out.write_all(&encode(command))?))?;
    Ok(out.flush()?)
}

fn write(port: u16, count: u64) -> Outcome<()> {
    let mut all = Vec::new();
    workload::commands(count, &mut |command| {
        all.extend(encode(command));
        Ok(())
    })?;
    let mut pipeline = Pipeline::connect(port)?;
    let began = Instant::now();
    pipeline.send_bytes(&all)?;
    pipeline.finish()?;
    println!("{{\"seconds\": {}}}", began.elapsed().as_secs_f64());
    Ok(())
}
