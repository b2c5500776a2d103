//! Loads a snapshot, applies a command stream, and writes what has come of both as an RDB file.
//!
//! ```sh
//! cargo run --example replay -- snapshot.rdb stream.resp written.rdb redis-7.0
//! ```
//!
//! Both parts of a server's append-only file will do. What cannot be applied or written is named on
//! standard error.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use eslaver_core::commands::Learned;
use eslaver_core::position::Tracker;
use eslaver_core::rdb::write::{Dialect, Server, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Status};
use eslaver_core::resp::{Commands, Limits};
use eslaver_store::{Feed, Loader, Save, Store, Writer};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [snapshot, stream, written, server] = arguments.as_slice() else {
        return Err("replay SNAPSHOT STREAM WRITTEN redis-MAJOR.MINOR|valkey-MAJOR.MINOR".into());
    };
    let store = Arc::new(Store::new());
    load(&fs::read(snapshot)?, &store)?;
    apply(&fs::read(stream)?, &store)?;
    let mut rdb = RdbWriter::new(dialect(server).ok_or("an unknown server")?, Vec::new());
    let saved = Save::begin(&store).ok_or("a save beside another")?.write_all(&mut rdb)?;
    fs::write(written, rdb.finish()?)?;
    println!("{} keys written, {} unknown", saved.keys, saved.unknown.len());
    Ok(())
}

fn dialect(server: &str) -> Option<Dialect> {
    let (family, version) = server.split_once('-')?;
    let (major, minor) = version.split_once('.')?;
    let family = match family {
        "redis" => Server::Redis,
        "valkey" => Server::Valkey,
        _ => return None,
    };
    Dialect::of_server(family, major.parse().ok()?, minor.parse().ok()?)
}

fn load(snapshot: &[u8], store: &Arc<Store>) -> Result<(), Box<dyn Error>> {
    if snapshot.is_empty() {
        return Ok(());
    }
    let mut loader = Loader::new(Arc::clone(store), None);
    let mut decoder = Decoder::new();
    decoder.feed(snapshot);
    loop {
        match decoder.next(&mut loader)? {
            Status::Event => continue,
            Status::Done => break,
            Status::NeedMore => {
                decoder.finish()?;
                break;
            }
        }
    }
    for (problem, count) in loader.problems() {
        eprintln!("{count} times: {problem}");
    }
    Ok(())
}

fn apply(stream: &[u8], store: &Arc<Store>) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now = i64::try_from(now)?;
    let mut feed = Feed::new(Writer::new(Arc::clone(store), Learned::default(), None));
    let mut parser = Commands::new(Limits::default());
    let mut tracker = Tracker::new(0, 0);
    let mut refused = BTreeMap::<(String, String), u64>::new();
    parser.feed(stream);
    while let Some(command) = parser.next()? {
        let db = tracker.position().db;
        tracker.apply(&command)?;
        let args: Vec<&[u8]> = command.args().iter().collect();
        let refuse = |command: &eslaver_store::Command<'_>, refusal: eslaver_store::Refusal| {
            let name = command.name.escape_ascii().to_string();
            *refused.entry((name, refusal.to_string())).or_default() += 1;
        };
        feed.command(db, command.name(), &args, now, refuse, |_| {});
    }
    for ((name, refusal), count) in refused {
        eprintln!("{name}: {refusal}, {count} times");
    }
    Ok(())
}
