//! What the benchmarks measure with. `bench/run.py` starts it:
//!
//! | call | does |
//! |---|---|
//! | `fill PORT WORKLOAD` | writes a workload to a master |
//! | `stream KIND COUNT` | writes COUNT commands to standard output, as a master sends them |
//! | `write PORT KIND COUNT [RATE]` | sends the same commands to a master, as fast as it takes them, or RATE each second |
//! | `serve SNAPSHOT [STREAM [again]]` | stands in for a master: serves these files from memory, the stream perhaps again and again |
//! | `wait PORT COUNT` | times `WAIT` after `SET` |
//! | `alone PORT COUNT` | tells when `SET` was answered, each after a pause |
//! | `watch SOCKET COUNT` | tells when a server shows what `alone` has set |
//! | `decode WHAT` | decodes something small, for instructions to be counted: see `count.rs` |
//! | `pace PORT RATE SECONDS` | sends a master RATE times `SET` each second |
//!
//! What was measured goes to standard output as a line of JSON; `serve` says there what happens.

mod client;
mod count;
mod latency;
mod mirror;
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
        ["stream", kind, count] => stream(kind, count.parse()?),
        ["write", port, kind, count] => write(port.parse()?, kind, count.parse()?, None),
        ["write", port, kind, count, rate] => {
            write(port.parse()?, kind, count.parse()?, Some(rate.parse()?))
        }
        ["serve", snapshot] => serve::serve(snapshot, None, false),
        ["serve", snapshot, stream] => serve::serve(snapshot, Some(stream), false),
        ["serve", snapshot, stream, "again"] => serve::serve(snapshot, Some(stream), true),
        ["decode", what] => count::decode(what),
        ["wait", port, count] => latency::wait(port.parse()?, count.parse()?),
        ["alone", port, count] => latency::alone(port.parse()?, count.parse()?),
        ["watch", socket, count] => latency::watch(socket, count.parse()?),
        ["pace", port, rate, seconds] => {
            latency::pace(port.parse()?, rate.parse()?, seconds.parse()?)
        }
        _ => Err("usage: see the first lines of bench/src/main.rs".into()),
    }
}

fn stream(kind: &str, count: u64) -> Outcome<()> {
    let mut out = BufWriter::with_capacity(1 << 20, stdout().lock());
    out.write_all(&encode(&[b"SELECT", b"0"]))?;
    workload::commands(kind, count, &mut |command| Ok(out.write_all(&encode(command))?))?;
    Ok(out.flush()?)
}

/// With a rate, what is due is sent each millisecond.
fn write(port: u16, kind: &str, count: u64, rate: Option<u64>) -> Outcome<()> {
    let (mut all, mut ends) = (Vec::new(), vec![0]);
    workload::commands(kind, count, &mut |command| {
        all.extend(encode(command));
        ends.push(all.len());
        Ok(())
    })?;
    let mut pipeline = Pipeline::connect(port)?;
    let began = Instant::now();
    match rate {
        None => pipeline.send_bytes(&all)?,
        Some(rate) => latency::evenly(&mut pipeline, &all, &ends, rate)?,
    }
    pipeline.finish()?;
    println!("{{\"seconds\": {}, \"bytes\": {}}}", began.elapsed().as_secs_f64(), all.len());
    Ok(())
}
