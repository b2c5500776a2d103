//! Keys of any type, and whole databases.

use super::{Change, Done};

impl Change<'_> {
    pub(super) fn of_key(&mut self, name: &str) -> Option<Done> {
        Some(match name {
            "copy" => self.copy(),
            "del" => self.del(),
            "flushall" => {
                self.model.keys.clear();
                Some(())
            }
            "flushdb" => {
                self.model.keys.retain(|(db, _), _| *db != self.db);
                Some(())
            }
            "move" => self.r#move(),
            "persist" => self.persist(),
            "pexpireat" => self.pexpireat(),
            "rename" => self.rename(),
            "swapdb" => self.swapdb(),
            _ => return None,
        })
    }

    fn del(&mut self) -> Done {
        for key in self.args {
            self.model.keys.remove(&(self.db, key.clone()));
        }
        Some(())
    }

    fn rename(&mut self) -> Done {
        let (from, to) = (self.arg(0)?, self.arg(1)?);
        let held = self.model.keys.remove(&(self.db, from.to_vec()))?;
        self.put(to, held);
        Some(())
    }

    /// `copy from to db number replace`.
    fn copy(&mut self) -> Done {
        let held = self.get(self.arg(0)?)?.clone();
        let db = u32::try_from(self.int(3)?).ok()?;
        if db == self.db && self.arg(0) == self.arg(1) {
            return None;
        }
        self.model.keys.insert((db, self.arg(1)?.to_vec()), held);
        Some(())
    }

    fn r#move(&mut self) -> Done {
        let (key, db) = (self.arg(0)?.to_vec(), u32::try_from(self.int(1)?).ok()?);
        let held = self.model.keys.remove(&(self.db, key.clone()))?;
        // Before Redis 3.0 the time did not move along, and the store does not know the version.
        if db == self.db
            || held.expire_at.is_some()
            || self.model.keys.contains_key(&(db, key.clone()))
        {
            return None;
        }
        self.model.keys.insert((db, key), held);
        Some(())
    }

    fn pexpireat(&mut self) -> Done {
        let at = self.int(1)?;
        self.get_mut(self.arg(0)?)?.expire_at = Some(at);
        Some(())
    }

    fn persist(&mut self) -> Done {
        self.get_mut(self.arg(0)?)?.expire_at.take().map(drop)
    }

    fn swapdb(&mut self) -> Done {
        let numbers = [self.int(0)?, self.int(1)?].map(|db| u32::try_from(db).ok());
        let [Some(one), Some(other)] = numbers else { return None };
        let swapped = |db| match db {
            _ if db == one => other,
            _ if db == other => one,
            _ => db,
        };
        let keys = std::mem::take(&mut self.model.keys).into_iter();
        self.model.keys = keys.map(|((db, key), held)| ((swapped(db), key), held)).collect();
        Some(())
    }
}
