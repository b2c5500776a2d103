//! A command, as it is to be applied.

/// A command, as it is to be applied.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// The database that was selected.
    pub db: u32,
    /// The name, in lower case.
    pub name: &'a [u8],
    /// The arguments, after the name.
    pub args: &'a [&'a [u8]],
}
