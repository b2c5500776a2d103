//! Random commands of all types.

use eslaver_store::Feed;

/// How many keys there may be of each type.
const KEYS: u64 = 40_000;
/// When the stream begins, in ms since the epoch.
const NOW: i64 = 1_700_000_000_000;

/// xorshift.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// Up to `1 << bits`, each magnitude as often as any other.
    fn magnitude(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits + 1);
        (1 << bits) + self.below(1 << bits)
    }
}

/// The keys and the values that commands are made of.
pub(crate) struct Commands {
    random: Random,
    filler: Vec<u8>,
    id: u64,
}

impl Commands {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let filler = (0..1 << 14).map(|_| random.below(256) as u8).collect();
        Self { random, filler, id: 0 }
    }

    /// Bytes whose length the phase decides: short, long or both.
    fn value(&mut self, phase: u64) -> Vec<u8> {
        let length = match phase % 3 {
            0 => self.random.magnitude(6),
            1 => 100 + self.random.magnitude(10),
            _ => self.random.magnitude(12),
        } as usize;
        let from = self.random.below(4096) as usize;
        self.filler.get(from..from + length).unwrap_or_default().to_vec()
    }

    /// Applies the next command.
    pub(crate) fn apply(&mut self, phase: u64, feed: &mut Feed) {
        let number = self.random.below(KEYS);
        let kind = self.random.below(7);
        let key = format!("key:{kind}:{number}");
        let key = key.as_bytes();
        // some collections are large, and stay so
        let elements = 4 << (number % 9);
        let element = self.random.below(elements).to_string();
        let element = element.as_bytes();
        let (score, value) = (self.random.below(1000).to_string(), self.value(phase));
        let choice = self.random.below(100);
        let mut run = |words: &[&[u8]]| {
            if let Some((name, args)) = words.split_first() {
                feed.command(0, name, args, NOW, |_, _| (), |_| ());
            }
        };
        match (choice, kind) {
            (0..3, _) => run(&[b"DEL", key]),
            // the key expires, and the master says so
            (3..5, _) => {
                run(&[b"PEXPIREAT", key, b"1700000000001"]);
                run(&[b"UNLINK", key]);
            }
            (5..8, _) => run(&[b"PEXPIREAT", key, b"4000000000000"]),
            (_, 0) => run(&[b"SET", key, &value]),
            (8..40, 1) => run(&[b"HDEL", key, element]),
            (_, 1) => run(&[b"HSET", key, element, &value]),
            (8..40, 2) => run(&[b"SREM", key, element]),
            (_, 2) => run(&[b"SADD", key, element]),
            (8..40, 3) => run(&[b"ZREM", key, element]),
            (_, 3) => run(&[b"ZADD", key, score.as_bytes(), element]),
            (8..40, 4) => run(&[b"LPOP", key]),
            (_, 4) => run(&[b"RPUSH", key, &value]),
            (8..40, 5) => run(&[b"XTRIM", key, b"MAXLEN", b"=", element]),
            (_, 5) => {
                self.id += 1;
                let id = format!("{}-1", self.id);
                run(&[b"XADD", key, id.as_bytes(), b"field", &value]);
            }
            (8..30, _) => run(&[b"SREM", key, &value]),
            (_, _) => run(&[b"SADD", key, &value]),
        }
        if kind == 4 && choice == 99 {
            run(&[b"LTRIM", key, b"0", element]);
        }
    }
}
