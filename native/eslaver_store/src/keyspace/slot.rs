//! The slot of a cluster that a key is in: a CRC-16 (XMODEM) of its hash tag, or of all of it.

/// How many slots a cluster has.
pub const SLOTS: u16 = 16_384;

const TABLE: [u16; 256] = table();

/// The slot of a key.
pub fn of(key: &[u8]) -> u16 {
    let crc = tag(key)
        .iter()
        .fold(0, |crc: u16, &byte| (crc << 8) ^ TABLE[usize::from(crc >> 8) ^ usize::from(byte)]);
    crc % SLOTS
}

/// What stands in the first braces, if anything does.
fn tag(key: &[u8]) -> &[u8] {
    let inner = || {
        let (_, behind) = split(key, b'{')?;
        let (tag, _) = split(behind, b'}')?;
        (!tag.is_empty()).then_some(tag)
    };
    inner().unwrap_or(key)
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == at)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `CLUSTER KEYSLOT` of a real server says.
    #[test]
    fn slots_are_those_of_servers() {
        for (key, slot) in [
            ("", 0),
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{foo}bar", 12_182),
            ("a{foo}{bar}", 12_182),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
        ] {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(tag(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(tag(b"foo{bar"), b"foo{bar");
    }
}
