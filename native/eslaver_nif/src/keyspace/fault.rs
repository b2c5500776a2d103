//! Faults that tests ask for, as only a panic shows what one leaves behind.

/// Where the next link panics, once.
pub(crate) enum Fault {
    /// Half-way through this command.
    Command(Vec<u8>),
    /// At this key of the snapshot, counted from 1.
    Load(u64),
}

impl Fault {
    pub(crate) fn command(&self) -> Option<Vec<u8>> {
        match self {
            Self::Command(name) => Some(name.clone()),
            Self::Load(_) => None,
        }
    }

    pub(crate) fn load(&self) -> Option<u64> {
        match self {
            Self::Command(_) => None,
            Self::Load(key) => Some(*key),
        }
    }
}
