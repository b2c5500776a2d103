//! A sink that keeps what it is told as JSON, and ways to feed a decoder.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod build;
pub mod compare;
pub mod counter;
pub mod handshake;
pub mod rewrite;

use eslaver_core::rdb::{
    Decoder, Error, Item, Kind, LeftOut, Meta, ModuleField, Piece, Sink, Status, StreamId,
    StreamMeta,
};
use serde_json::{Map, Value, json};

/// Keys, fields and functions, in order, each a JSON object.
#[derive(Default)]
pub struct Json {
    pub keys: Vec<Value>,
    pub aux: Vec<(String, String)>,
    pub functions: Vec<String>,
    pub left_out: Vec<String>,
    open: Map<String, Value>,
    value: Vec<Value>,
    kind: Option<Kind>,
    /// Keys to be passed over.
    pub unwanted: Option<fn(&[u8]) -> bool>,
}

impl Sink for Json {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.aux.push((escape(name), escape(value)));
    }

    fn function(&mut self, code: &[u8]) {
        self.functions.push(escape(code));
    }

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        if self.unwanted.is_some_and(|unwanted| unwanted(key)) {
            return false;
        }
        self.open = Map::new();
        self.value = Vec::new();
        self.kind = Some(kind);
        self.open.insert("db".into(), meta.db.into());
        self.open.insert("key".into(), escape(key).into());
        self.open.insert("type".into(), format!("{kind:?}").to_lowercase().into());
        if let Some(at) = meta.expire_at {
            self.open.insert("expire_at".into(), at.into());
        }
        if let Some(idle) = meta.idle {
            self.open.insert("idle".into(), idle.into());
        }
        if let Some(freq) = meta.freq {
            self.open.insert("freq".into(), freq.into());
        }
        true
    }

    fn item(&mut self, item: Item<'_>) {
        let text = json!(text(item));
        match self.kind {
            Some(Kind::Array) => self.value.last_mut().unwrap().as_array_mut().unwrap().push(text),
            Some(Kind::Hash) => match self.value.last_mut().and_then(Value::as_array_mut) {
                Some(pair) if pair.len() == 1 => pair.push(text),
                _ => self.value.push(json!([text])),
            },
            Some(Kind::Stream | Kind::PathHash) => {
                let fields = self.value.last_mut().unwrap()[1].as_array_mut().unwrap();
                match fields.last_mut().and_then(Value::as_array_mut) {
                    Some(pair) if pair.len() == 1 => pair.push(text),
                    _ => fields.push(json!([text])),
                }
            }
            Some(Kind::Zset) => self.value.push(json!([text])),
            _ => self.value.push(text),
        }
    }

    fn score(&mut self, score: f64) {
        let member = self.value.last_mut().unwrap().as_array_mut().unwrap();
        member.push(format!("{:016x}", score.to_bits()).into());
    }

    fn expiry(&mut self, at_ms: u64) {
        let last = self.value.last_mut().unwrap();
        match last.as_array_mut() {
            Some(pair) => pair.push(at_ms.into()),
            None => *last = json!([last, at_ms]),
        }
    }

    fn next_index(&mut self, index: u64) {
        self.open.insert("next_index".into(), index.into());
    }

    fn index(&mut self, index: u64) {
        self.value.push(json!([index]));
    }

    fn path(&mut self, path: Item<'_>) {
        self.value.push(json!([text(path), []]));
    }

    fn entry(&mut self, entry: StreamId) {
        self.value.push(json!([id(entry), []]));
    }

    fn stream(&mut self, meta: StreamMeta) {
        let groups: Vec<Value> = meta.groups.iter().map(group).collect();
        let mut stream = json!({
            "entries": std::mem::take(&mut self.value),
            "last_id": id(meta.last_id),
            "groups": groups,
        });
        let fields = stream.as_object_mut().unwrap();
        if let Some(first) = meta.first_id {
            fields.insert("first_id".into(), id(first).into());
        }
        if let Some(deleted) = meta.max_deleted_id {
            fields.insert("max_deleted_id".into(), id(deleted).into());
        }
        if let Some(added) = meta.entries_added {
            fields.insert("entries_added".into(), added.into());
        }
        if let Some(idempotency) = meta.idempotency {
            let producers: Vec<Value> = idempotency
                .producers
                .iter()
                .map(|producer| {
                    let entries: Vec<Value> = producer
                        .entries
                        .iter()
                        .map(|(iid, entry)| json!([escape(iid), id(*entry)]))
                        .collect();
                    json!([escape(&producer.id), entries])
                })
                .collect();
            fields.insert(
                "idempotency".into(),
                json!({
                    "duration": idempotency.duration,
                    "max_size": idempotency.max_size,
                    "producers": producers,
                    "added": idempotency.added,
                    "duplicates": idempotency.duplicates,
                }),
            );
        }
        self.value = vec![stream];
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.value = vec![json!({"name": escape(name), "encver": version, "fields": []})];
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        let field = match field {
            ModuleField::Signed(value) => json!(["sint", value]),
            ModuleField::Unsigned(value) => json!(["uint", value]),
            ModuleField::Float(value) => json!(["float", value]),
            ModuleField::Double(value) => json!(["double", value]),
            ModuleField::String(value) => json!(["string", text(value)]),
        };
        self.value[0]["fields"].as_array_mut().unwrap().push(field);
    }

    fn end(&mut self) {
        let value = std::mem::take(&mut self.value);
        let value = match self.kind {
            Some(Kind::String | Kind::Stream | Kind::Module | Kind::Gcra) => {
                value.into_iter().next().unwrap()
            }
            _ => Value::Array(value),
        };
        self.open.insert("value".into(), value);
        self.keys.push(Value::Object(std::mem::take(&mut self.open)));
    }

    fn discard(&mut self) {
        self.value.clear();
    }

    fn left_out(&mut self, what: LeftOut) {
        self.left_out.push(what.to_string());
    }
}

fn group(group: &eslaver_core::rdb::Group) -> Value {
    let pending: Vec<Value> = group
        .pending
        .iter()
        .map(|pending| {
            let consumer = pending.consumer.map(|index| escape(&group.consumers[index].name));
            json!([id(pending.id), consumer, pending.delivered_at, pending.deliveries])
        })
        .collect();
    let consumers: Vec<Value> = group
        .consumers
        .iter()
        .map(|consumer| match consumer.active_at {
            Some(active) => json!([escape(&consumer.name), consumer.seen_at, active]),
            None => json!([escape(&consumer.name), consumer.seen_at]),
        })
        .collect();
    let mut value = json!({
        "name": escape(&group.name),
        "last_id": id(group.last_id),
        "pending": pending,
        "consumers": consumers,
    });
    if let Some(read) = group.entries_read {
        value["entries_read"] = read.into();
    }
    if let Some(nack) = &group.nack {
        value["nack"] = nack.iter().map(|&entry| id(entry)).collect();
    }
    value
}

fn id(id: StreamId) -> String {
    format!("{}-{}", id.ms, id.seq)
}

fn text(item: Item<'_>) -> String {
    match item {
        Item::Bytes(bytes) => escape(bytes),
        Item::Int(value) => value.to_string(),
    }
}

/// Printable ASCII as it is, every other byte, `"` and the backslash as `\xNN`.
pub fn escape(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| match byte {
            b'"' | b'\\' => format!("\\x{byte:02x}"),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect()
}

/// Decodes pieces of a snapshot, and gives what was found up to the end or the error.
pub fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Json, Result<(), Error>) {
    decode_to(Json::default(), pieces)
}

/// Decodes pieces of a snapshot to a sink. Every second one is a buffer with some room in it.
pub fn decode_to<'a, S: Sink>(
    mut sink: S,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (S, Result<(), Error>) {
    let mut decoder = Decoder::new();
    for (number, piece) in pieces.into_iter().enumerate() {
        match number % 2 {
            0 => decoder.feed(piece),
            _ => drop(decoder.feed_piece(with_room(piece, number % 32))),
        }
        loop {
            match decoder.next(&mut sink) {
                Ok(Status::Event) => {}
                Ok(Status::NeedMore | Status::Done) => break,
                Err(error) => return (sink, Err(error)),
            }
        }
    }
    let end = decoder.finish();
    (sink, end)
}

fn with_room(bytes: &[u8], room: usize) -> Piece {
    Piece::new([&vec![b'?'; room], bytes].concat(), room)
}

/// A snapshot of these bytes between the magic and the end, with its checksum.
pub fn snapshot(magic: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = [magic.as_bytes(), body, &[0xff]].concat();
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, &bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// Numbers that look random, and are the same in every run (splitmix64).
pub fn random(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
