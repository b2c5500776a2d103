//! Limits of the command stream.

/// What a command may be at most. A length is checked as soon as it has been read, and no memory is
/// reserved because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one argument.
    pub proto_max_bulk_len: u64,
    /// Arguments in one command, its name included.
    pub max_arguments: u64,
    /// Bytes in one inline command, without its newline.
    pub max_inline: usize,
    /// Whether inline commands are accepted. Masters since 2.8 never send one: from a master that
    /// answered `PSYNC` they mean that the stream is out of step. Bare newlines are always skipped.
    pub inline: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            proto_max_bulk_len: 512 << 20,
            max_arguments: i32::MAX as u64,
            max_inline: 64 << 10,
            inline: true,
        }
    }
}
