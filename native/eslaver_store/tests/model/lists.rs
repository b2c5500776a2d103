//! Lists.

use super::{Change, Done, Value};

impl Change<'_> {
    pub(super) fn of_list(&mut self, name: &str) -> Option<Done> {
        Some(match name {
            "linsert" => self.linsert(),
            "lmove" => self.lmove(self.args.get(2), self.args.get(3)),
            "lpop" => self.pop(true),
            "lpush" => self.push(true),
            "lpushx" => self.pushx(),
            "lrem" => self.lrem(),
            "lset" => self.lset(),
            "ltrim" => self.ltrim(),
            "rpop" => self.pop(false),
            "rpoplpush" => self.lmove(Some(&b"right".to_vec()), Some(&b"left".to_vec())),
            "rpush" => self.push(false),
            _ => return None,
        })
    }

    fn list_of(&mut self, key: &[u8]) -> Option<&mut Vec<Vec<u8>>> {
        match &mut self.get_mut(key)?.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    fn push(&mut self, front: bool) -> Done {
        let (key, elements) = (self.arg(0)?, self.rest(1));
        if self.get(key).is_none() {
            // An empty collection is not put.
            let held = super::Held { value: Value::List(Vec::new()), expire_at: None };
            self.model.keys.insert((self.db, key.to_vec()), held);
        }
        let list = self.list_of(key)?;
        match front {
            true => drop(list.splice(0..0, elements.iter().rev().cloned())),
            false => list.extend_from_slice(elements),
        }
        Some(())
    }

    fn pushx(&mut self) -> Done {
        self.get(self.arg(0)?)?;
        self.push(true)
    }

    fn pop(&mut self, front: bool) -> Done {
        let key = self.arg(0)?;
        let count = usize::try_from(if self.args.len() > 1 { self.int(1)? } else { 1 }).ok()?;
        let list = self.list_of(key)?;
        let count = count.min(list.len());
        match front {
            true => drop(list.drain(..count)),
            false => list.truncate(list.len() - count),
        }
        self.tidy(key);
        Some(())
    }

    fn linsert(&mut self) -> Done {
        let (behind, pivot, element) = (self.arg(1)? == b"after", self.arg(2)?, self.arg(3)?);
        let list = self.list_of(self.arg(0)?)?;
        let at = list.iter().position(|found| found == pivot)?;
        list.insert(at + usize::from(behind), element.to_vec());
        Some(())
    }

    fn lset(&mut self) -> Done {
        let (index, element) = (self.int(1)?, self.arg(2)?.to_vec());
        let list = self.list_of(self.arg(0)?)?;
        let index = if index < 0 { index + list.len() as i64 } else { index };
        *list.get_mut(usize::try_from(index).ok()?)? = element;
        Some(())
    }

    fn lrem(&mut self) -> Done {
        let (key, count, element) = (self.arg(0)?, self.int(1)?, self.arg(2)?);
        let list = self.list_of(key)?;
        let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        let mut left = most;
        let mut keep = |found: &Vec<u8>| {
            let gone = left > 0 && found == element;
            left -= usize::from(gone);
            !gone
        };
        if count < 0 {
            list.reverse();
            list.retain(&mut keep);
            list.reverse();
        } else {
            list.retain(&mut keep);
        }
        self.tidy(key);
        Some(())
    }

    fn ltrim(&mut self) -> Done {
        let (key, start, stop) = (self.arg(0)?, self.int(1)?, self.int(2)?);
        let list = self.list_of(key)?;
        let len = list.len() as i64;
        let from = |index: i64| if index < 0 { index + len } else { index };
        let (start, stop) = (from(start).max(0), from(stop));
        *list = (0..)
            .zip(std::mem::take(list))
            .filter(|(index, _)| (start..=stop).contains(index))
            .map(|(_, element)| element)
            .collect();
        self.tidy(key);
        Some(())
    }

    fn lmove(&mut self, from_end: Option<&Vec<u8>>, to_end: Option<&Vec<u8>>) -> Done {
        let (from, to) = (self.arg(0)?, self.arg(1)?);
        self.list_of(from)?;
        if self.get(to).is_some() {
            self.list_of(to)?;
        }
        let list = self.list_of(from)?;
        let element = match from_end?.as_slice() {
            b"left" => list.remove(0),
            _ => list.pop()?,
        };
        let front = to_end? == b"left";
        if from != to {
            self.tidy(from);
        }
        let args = [to.to_vec(), element];
        let pushed = Change { model: self.model, db: self.db, args: &args }.push(front);
        self.tidy(from);
        pushed
    }
}
