//! Globs: a table of what servers answer, and chance against a matcher that only tries everything.
#![allow(clippy::unwrap_used)]

use eslaver_core::glob::{Glob, matches};
use proptest::prelude::*;

/// Pattern, key, and whether `KEYS pattern` gives the key.
const TABLE: &[(&str, &str, bool)] = &[
    ("*", "", true),
    ("*", "anything", true),
    ("", "", true),
    ("", "a", false),
    ("a", "", false),
    ("hello", "hello", true),
    ("hello", "Hello", false),
    ("hello", "hello2", false),
    ("h?llo", "hello", true),
    ("h?llo", "hllo", false),
    ("h*llo", "hllo", true),
    ("h*llo", "heeeello", true),
    ("h*llo", "hllo!", false),
    ("*a*a*", "ba", false),
    ("*a*a*", "aa", true),
    ("a**b", "ab", true),
    ("user:*:name", "user:1:name", true),
    ("user:*:name", "user:1:name:name", true),
    ("h[ae]llo", "hallo", true),
    ("h[ae]llo", "hillo", false),
    ("h[^e]llo", "hallo", true),
    ("h[^e]llo", "hello", false),
    ("h[a-c]llo", "hbllo", true),
    ("h[c-a]llo", "hbllo", true),
    ("h[a-c]llo", "hdllo", false),
    ("[^]x", "ax", true),
    ("[]x", "ax", false),
    ("[\\]]", "]", true),
    ("[\\a-\\c]", "b", false),
    ("[\\a-\\c]", "a", true),
    ("[a-]", "a", true),
    ("[a-]", "]", true),
    ("[a-]", "-", false),
    ("[a", "a", true),
    ("[a", "b", false),
    ("[^a", "b", true),
    ("[", "a", false),
    ("[a-", "-", true),
    ("\\*", "*", true),
    ("\\*", "a", false),
    ("\\[a]", "[a]", true),
    ("a\\", "a\\", true),
    ("\\\\", "\\", true),
    ("[*]", "*", true),
    ("[?]", "a", false),
];

#[test]
fn table() {
    for &(pattern, key, expected) in TABLE {
        assert_eq!(matches(pattern.as_bytes(), key.as_bytes()), expected, "{pattern} and {key}");
        assert_eq!(Glob::new(pattern).matches(key.as_bytes()), expected);
    }
}

#[test]
fn many_stars_take_no_longer_than_the_product() {
    let (pattern, key) = ("a*".repeat(500) + "b", "a".repeat(20_000));
    assert!(!matches(pattern.as_bytes(), key.as_bytes()));
    let (pattern, key) = ("*[^b]a?".repeat(100) + "b", "a".repeat(20_000));
    assert!(!matches(pattern.as_bytes(), key.as_bytes()));
}

/// The same by trying what a star may take, for patterns without classes.
fn tries(pattern: &[u8], key: &[u8]) -> bool {
    match (pattern, key) {
        ([], _) => key.is_empty(),
        ([b'*', rest @ ..], _) => (0..=key.len()).any(|taken| tries(rest, &key[taken..])),
        ([b'?', rest @ ..], [_, key @ ..]) => tries(rest, key),
        ([b'\\', escaped, rest @ ..], [byte, key @ ..]) => escaped == byte && tries(rest, key),
        ([first, rest @ ..], [byte, key @ ..]) => first == byte && tries(rest, key),
        (_, []) => false,
    }
}

proptest! {
    #[test]
    fn as_by_trying(pattern in "[ab*?\\\\]{0,10}", key in "[ab*\\\\]{0,8}") {
        let (pattern, key) = (pattern.as_bytes(), key.as_bytes());
        prop_assert_eq!(matches(pattern, key), tries(pattern, key));
    }

    #[test]
    fn a_class_is_one_of_its_bytes(class in "[a-z]{1,6}", byte in "[a-z]", tail in "[a-z]{0,3}") {
        let (pattern, key) = (format!("*[{class}]{tail}"), format!("x{byte}{tail}"));
        prop_assert_eq!(matches(pattern.as_bytes(), key.as_bytes()), class.contains(&byte));
        let (pattern, key) = (format!("[^{class}]{tail}"), format!("{byte}{tail}"));
        prop_assert_eq!(matches(pattern.as_bytes(), key.as_bytes()), !class.contains(&byte));
    }

    #[test]
    fn anything_is_a_pattern(pattern: Vec<u8>, key: Vec<u8>) {
        matches(&pattern, &key);
    }

    #[test]
    fn escaped_it_is_itself(key: Vec<u8>) {
        let pattern: Vec<u8> = key.iter().flat_map(|&byte| [b'\\', byte]).collect();
        prop_assert!(matches(&pattern, &key));
    }
}
