//! Commands that bytes choose: few keys, short elements and long ones. At times there are enough for
//! a collection to outgrow its packed form, and then few enough for it to be packed again.

use super::{Command, NOW};

/// Bytes that choose. Without more of them, all is the first.
#[derive(Debug)]
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `limit`, which is at most 256.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        match self.0.split_first() {
            None => 0,
            Some((&first, rest)) => {
                self.0 = rest;
                usize::from(first) % limit
            }
        }
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A key for values of a kind. One in 32 is of another.
    fn key(&mut self, kind: &str) -> Vec<u8> {
        let kind =
            if self.below(32) == 31 { self.one_of(&["s", "n", "l", "t", "h"]) } else { kind };
        format!("{kind}{}", self.below(3)).into_bytes()
    }

    fn any_key(&mut self) -> Vec<u8> {
        let kind = self.one_of(&["s", "n", "l", "t", "h"]);
        self.key(kind)
    }

    fn element(&mut self) -> Vec<u8> {
        match self.below(32) {
            0 => Vec::new(),
            1 => vec![b'x'; 63 + self.below(4)],
            2 => vec![b'y'; 5000],
            3 => self.one_of(&["-0", "007", "9223372036854775807", "-9223372036854775808"]).into(),
            4 => vec![0xe0, 0, self.below(4) as u8],
            5..16 => (self.below(200) as i64 - 50).to_string().into_bytes(),
            _ => format!("e{}", self.below(24)).into_bytes(),
        }
    }

    /// A few elements, or many in a row.
    fn elements(&mut self) -> Vec<Vec<u8>> {
        match self.below(16) {
            0 => {
                let (from, count) = (self.below(256), 100 * (1 + self.below(8)));
                let prefix = self.one_of(&["", "e"]);
                (from..from + count).map(|number| format!("{prefix}{number}").into()).collect()
            }
            few => (0..1 + few % 4).map(|_| self.element()).collect(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        match self.below(24) {
            0 => vec![b'z'; 32_760 + self.below(16)],
            1 => vec![b'z'; 40_000],
            _ => self.element(),
        }
    }

    /// A time that has passed, or one that has not.
    fn time(&mut self) -> Vec<u8> {
        (NOW + self.one_of(&[-5000, -1, 0, 1, 1500, 999_999])).to_string().into_bytes()
    }

    fn int(&mut self) -> Vec<u8> {
        self.one_of(&["0", "1", "-1", "2", "-3", "10", "100", "-120", "400"]).into()
    }

    fn db(&mut self) -> u32 {
        self.below(3) as u32
    }

    /// A command.
    pub(crate) fn command(&mut self) -> Command {
        let db = self.one_of(&[0, 0, 0, 0, 1, 2]);
        let (name, args) = match self.below(8) {
            0 | 1 => self.string(),
            2 | 3 => self.list(),
            4 | 5 => self.set(),
            6 => self.hash(),
            _ => self.of_keys(),
        };
        Command { db, name, args }
    }

    /// A command alone, or a few as a transaction.
    pub(crate) fn unit(&mut self) -> Vec<Command> {
        let count = if self.below(8) == 0 { 2 + self.below(6) } else { 1 };
        (0..count).map(|_| self.command()).collect()
    }

    fn string(&mut self) -> (&'static str, Vec<Vec<u8>>) {
        let key = self.key("s");
        match self.below(12) {
            0 => ("append", vec![key, self.text()]),
            1 => {
                let at = [0, 5, 100, 32_765, 40_000][self.below(5)] + self.below(8);
                ("setrange", vec![key, at.to_string().into(), self.text()])
            }
            2 => {
                let at = [0, 9, 4000, 300_000][self.below(4)] + self.below(16);
                ("setbit", vec![key, at.to_string().into(), self.one_of(&["0", "1"]).into()])
            }
            3 => ("set", vec![key, self.text(), b"px".to_vec(), b"1500".to_vec()]),
            4 => ("set", vec![key, self.text(), b"PXAT".to_vec(), self.time()]),
            5 => ("set", vec![key, self.text(), b"KeepTTL".to_vec()]),
            6 => ("getset", vec![key, self.text()]),
            7 => ("getdel", vec![key]),
            8 => ("getex", vec![key, b"pxat".to_vec(), self.time()]),
            9 => ("mset", vec![key, self.text(), self.key("s"), self.element()]),
            10 => {
                let operation = self.one_of(&["and", "or", "xor", "not"]);
                let mut args = vec![operation.into(), key, self.key("s")];
                if operation != "not" {
                    args.extend((0..self.below(3)).map(|_| self.key("s")));
                }
                ("bitop", args)
            }
            _ => match self.below(3) {
                0 => ("set", vec![self.key("n"), self.int()]),
                _ => ("incrby", vec![self.key("n"), self.int()]),
            },
        }
    }

    fn list(&mut self) -> (&'static str, Vec<Vec<u8>>) {
        let key = self.key("l");
        let with = |more: Vec<Vec<u8>>| [vec![key.clone()], more].concat();
        match self.below(12) {
            0 | 1 => ("rpush", with(self.elements())),
            2 => ("lpush", with(self.elements())),
            3 => ("lpushx", with(self.elements())),
            4 => ("lpop", with(vec![self.int()])),
            5 => ("rpop", with((0..self.below(2)).map(|_| self.int()).collect())),
            6 => ("linsert", {
                let side = self.one_of(&["before", "after"]);
                with(vec![side.into(), self.element(), self.element()])
            }),
            7 => ("lset", with(vec![self.int(), self.element()])),
            8 => ("lrem", with(vec![self.int(), self.element()])),
            9 => ("ltrim", with(vec![self.int(), self.int()])),
            10 => ("rpoplpush", with(vec![self.key("l")])),
            _ => ("lmove", {
                let to = self.key("l");
                let ends = (0..2).map(|_| self.one_of(&["left", "right"]).into());
                with([to].into_iter().chain(ends).collect())
            }),
        }
    }

    fn set(&mut self) -> (&'static str, Vec<Vec<u8>>) {
        let key = self.key("t");
        let with = |more: Vec<Vec<u8>>| [vec![key.clone()], more].concat();
        match self.below(10) {
            0..3 => ("sadd", with(self.elements())),
            3 | 4 => ("srem", with(self.elements())),
            5 => ("smove", with(vec![self.key("t"), self.element()])),
            6 => ("spexpireat", with(self.timed("members"))),
            7 => ("sunionstore", with(vec![self.key("t"), self.key("t")])),
            8 => ("sinterstore", with(vec![self.key("t"), self.key("t")])),
            _ => ("sdiffstore", with(vec![self.key("t"), self.key("t")])),
        }
    }

    fn timed(&mut self, word: &str) -> Vec<Vec<u8>> {
        vec![self.time(), word.into(), b"1".to_vec(), self.element()]
    }

    fn hash(&mut self) -> (&'static str, Vec<Vec<u8>>) {
        let key = self.key("h");
        let with = |more: Vec<Vec<u8>>| [vec![key.clone()], more].concat();
        match self.below(8) {
            0..3 => {
                let fields = self.elements();
                let value = self.element();
                let pairs = fields.into_iter().flat_map(|field| [field, value.clone()]);
                (self.one_of(&["hset", "hmset"]), with(pairs.collect()))
            }
            3 | 4 => ("hdel", with(self.elements())),
            5 => ("hincrby", with(vec![self.element(), self.int()])),
            6 => ("hpexpireat", with(self.timed("fields"))),
            _ => ("hpersist", with(vec![b"fields".to_vec(), b"1".to_vec(), self.element()])),
        }
    }

    fn of_keys(&mut self) -> (&'static str, Vec<Vec<u8>>) {
        let key = self.any_key();
        match self.below(16) {
            0..3 => ("del", vec![key, self.any_key()]),
            3..6 => ("rename", vec![key, self.any_key()]),
            6..9 => {
                let db = self.db().to_string().into_bytes();
                ("copy", vec![key, self.any_key(), b"db".to_vec(), db, b"replace".to_vec()])
            }
            9 | 10 => ("move", vec![key, self.db().to_string().into()]),
            11 | 12 => ("pexpireat", vec![key, self.time()]),
            13 => ("persist", vec![key]),
            14 => ("swapdb", (0..2).map(|_| self.db().to_string().into()).collect()),
            _ => match self.below(8) {
                0 => ("flushall", Vec::new()),
                1 => ("flushdb", Vec::new()),
                _ => ("del", vec![key]),
            },
        }
    }
}
