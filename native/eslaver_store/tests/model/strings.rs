//! Strings.

use super::{Change, Done, Held, NOW, Value, number};

impl Change<'_> {
    pub(super) fn of_string(&mut self, name: &str) -> Option<Done> {
        Some(match name {
            "append" => self.append(),
            "bitop" => self.bitop(),
            "getdel" => self.getdel(),
            "getex" => self.getex(),
            "getset" => self.set(),
            "incrby" => self.incrby(),
            "mset" => self.mset(),
            "set" => self.set(),
            "setbit" => self.setbit(),
            "setrange" => self.setrange(),
            _ => return None,
        })
    }

    /// A missing key is an empty string.
    fn text(&mut self, key: &[u8]) -> Option<&mut Vec<u8>> {
        if self.get(key).is_none() {
            self.put_value(key, Value::String(Vec::new()));
        }
        match &mut self.get_mut(key)?.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn append(&mut self) -> Done {
        let tail = self.arg(1)?;
        self.text(self.arg(0)?)?.extend_from_slice(tail);
        Some(())
    }

    fn setrange(&mut self) -> Done {
        let (at, bytes) = (usize::try_from(self.int(1)?).ok()?, self.arg(2)?);
        if bytes.is_empty() {
            return None;
        }
        let text = self.text(self.arg(0)?)?;
        text.resize(text.len().max(at + bytes.len()), 0);
        text[at..at + bytes.len()].copy_from_slice(bytes);
        Some(())
    }

    fn setbit(&mut self) -> Done {
        let (at, bit) = (usize::try_from(self.int(1)?).ok()?, self.int(2)? == 1);
        let text = self.text(self.arg(0)?)?;
        text.resize(text.len().max(at / 8 + 1), 0);
        let mask = 0x80 >> (at % 8);
        text[at / 8] = if bit { text[at / 8] | mask } else { text[at / 8] & !mask };
        Some(())
    }

    /// `set key value [px|pxat ms|keepttl]`.
    fn set(&mut self) -> Done {
        let (key, value) = (self.arg(0)?, self.arg(1)?.to_vec());
        let expire_at = match (self.arg(2), self.int(3)) {
            (None, _) => None,
            (Some(b"px"), Some(ms)) => Some(NOW + ms),
            (Some(b"PXAT"), Some(ms)) => Some(ms),
            (Some(b"KeepTTL"), None) => self.get(key).and_then(|held| held.expire_at),
            _ => return None,
        };
        self.put(key, Held { value: Value::String(value), expire_at });
        Some(())
    }

    fn mset(&mut self) -> Done {
        for pair in self.args.chunks(2) {
            let [key, value] = pair else { return None };
            self.put_value(key, Value::String(value.clone()));
        }
        Some(())
    }

    fn getdel(&mut self) -> Done {
        let key = self.arg(0)?;
        self.get(key)?;
        self.text(key)?;
        self.model.keys.remove(&(self.db, key.to_vec())).map(drop)
    }

    /// `getex key persist|pxat ms`.
    fn getex(&mut self) -> Done {
        let key = self.arg(0)?;
        self.get(key)?;
        self.text(key)?;
        let expire_at = match self.arg(1)? {
            b"persist" => None,
            _ => Some(self.int(2)?),
        };
        self.get_mut(key)?.expire_at = expire_at;
        Some(())
    }

    fn incrby(&mut self) -> Done {
        let by = self.int(1)?;
        let text = self.text(self.arg(0)?)?;
        let old = if text.is_empty() { 0 } else { number(text)? };
        *text = old.checked_add(by)?.to_string().into_bytes();
        Some(())
    }

    /// `bitop and|or|xor|not target source...`.
    fn bitop(&mut self) -> Done {
        let mut sources = Vec::new();
        for key in self.rest(2) {
            sources.push(match self.get(key) {
                None => Vec::new(),
                Some(Held { value: Value::String(text), .. }) => text.clone(),
                Some(_) => return None,
            });
        }
        let len = sources.iter().map(Vec::len).max()?;
        let byte = |source: &Vec<u8>, at: usize| source.get(at).copied().unwrap_or_default();
        let combine: fn(u8, u8) -> u8 = match self.arg(0)? {
            b"and" => |one, other| one & other,
            b"or" => |one, other| one | other,
            b"xor" => |one, other| one ^ other,
            _ => |_, other| !other,
        };
        if self.arg(0)? == b"not" {
            sources.truncate(1);
            sources.push(sources[0].clone());
        }
        let len = if self.arg(0)? == b"not" { sources[0].len() } else { len };
        let combined = (0..len).map(|at| {
            sources.iter().map(|source| byte(source, at)).reduce(combine).unwrap_or_default()
        });
        let combined: Vec<u8> = combined.collect();
        let target = self.arg(1)?;
        self.model.keys.remove(&(self.db, target.to_vec()));
        if len > 0 {
            self.put_value(target, Value::String(combined));
        }
        Some(())
    }
}
