//! Refusals: when a handshake ends with one, and what its text says.

mod support;

use eslaver_core::handshake::{Handshake, Step};
use eslaver_core::lines::{DEFAULT_LIMIT, Lines};
use support::handshake::{ID, STEPS, at, bare_config, begun, full_config, hear, outcome};

/// Both are refused: what the two answers come to.
#[test]
fn neither_psync_nor_sync() {
    let unknown = "-ERR unknown command 'PSYNC', with args beginning with: '?' '-1' ";
    let cases = [
        (unknown, "-ERR unknown command 'SYNC'", "no_sync"),
        (unknown, "-NOPERM no", "no_sync"),
        (unknown, "+OK", "no_sync"),
        ("+OK", "-ERR no", "no_sync"),
        ("-NOPERM no psync", "-NOPERM no sync", "no_permission"),
        ("-NOPERM no psync", "-ERR no sync", "no_permission"),
        ("-NOAUTH no psync", "-NOAUTH no sync", "password_needed"),
    ];
    for (psync, sync, expected) in cases {
        let mut handshake = at(Step::Psync, bare_config());
        assert_eq!(outcome(&hear(&mut handshake, psync.as_bytes())), "sync");
        let refusal = hear(&mut handshake, sync.as_bytes()).unwrap_err();
        assert_eq!((refusal.tag(), refusal.heals()), (expected, false), "{psync} {sync}");
        assert_eq!(handshake.step(), Step::Done);
        let text = refusal.to_string();
        assert!(text.contains(psync[1..].split(',').next().unwrap()), "{text}");
        assert!(text.contains(&sync[1..]), "{text}");
        assert_eq!(handshake.refused(), None);
    }
}

/// What has been said before the master closes the connection, or answers no more.
#[test]
fn refused_and_then_nothing() {
    let mut handshake = at(Step::Psync, bare_config());
    assert_eq!(handshake.refused(), None);
    assert_eq!(outcome(&hear(&mut handshake, b"-NOPERM no")), "sync");
    assert_eq!(handshake.refused().map(|refusal| refusal.tag()), Some("no_permission"));
}

#[test]
fn a_password_that_is_wanted_and_not_configured() {
    for line in [&b"-NOAUTH Authentication required."[..], b"-ERR operation not permitted"] {
        let refusal = hear(&mut at(Step::Ping, bare_config()), line).unwrap_err();
        assert_eq!(refusal.tag(), "password_needed");
    }
}

#[test]
fn malformed_answers_to_psync() {
    for line in [
        "+FULLRESYNC".to_owned(),
        format!("+FULLRESYNC {ID}"),
        format!("+FULLRESYNC {ID} "),
        format!("+FULLRESYNC {ID} -1"),
        format!("+FULLRESYNC {ID} x"),
        format!("+FULLRESYNC {ID} 9223372036854775808"),
        format!("+FULLRESYNC {} 1", &ID[..39]),
        format!("+FULLRESYNC {ID}0 1"),
        format!("+FULLRESYNC {}- 1", &ID[..39]),
        format!("+CONTINUE {}", &ID[..39]),
    ] {
        let refusal = hear(&mut at(Step::Psync, full_config()), line.as_bytes()).unwrap_err();
        assert_eq!(refusal.tag(), "malformed", "{line}");
    }
}

#[test]
fn a_stream_that_nobody_asked_for_is_refused() {
    let line = format!("+CONTINUE {ID}");
    for line in ["+CONTINUE", &line] {
        let refusal = hear(&mut at(Step::Psync, bare_config()), line.as_bytes()).unwrap_err();
        assert_eq!(refusal.tag(), "unsupported");
    }
}

#[test]
fn a_refusal_may_come_unasked() {
    let mut handshake = Handshake::new(bare_config());
    handshake.start();
    let denied = b"-DENIED Redis is running in protected mode";
    let refusal = hear(&mut handshake, denied).unwrap_err();
    assert_eq!((refusal.tag(), refusal.heals()), ("protected_mode", false));
}

#[test]
fn messages_name_what_is_missing() {
    let refused =
        |step, line: &[u8]| hear(&mut at(step, full_config()), line).unwrap_err().to_string();
    let mut handshake = at(Step::Psync, full_config());
    let psync = b"-NOPERM this user has no permissions to run the 'psync' command";
    assert_eq!(outcome(&hear(&mut handshake, psync)), "sync");
    assert_eq!(
        hear(&mut handshake, b"-NOPERM nor 'sync'").unwrap_err().to_string(),
        "the master's user may not PSYNC: a replica's user needs +psync +replconf +ping (NOPERM \
         this user has no permissions to run the 'psync' command; to SYNC: NOPERM nor 'sync')"
    );
    assert_eq!(
        refused(Step::Capabilities, b"-NOPERM no"),
        "the master's user may not REPLCONF capa: a replica's user needs +psync +replconf +ping \
         (NOPERM no)"
    );
    assert_eq!(
        refused(Step::Ping, b"HTTP/1.1 400 Bad Request"),
        "this is not a Redis server: its answer to PING begins with: H"
    );
    let mut lines = Lines::new();
    lines.feed(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n");
    assert_eq!(
        at(Step::Ping, full_config()).next(&mut lines).unwrap_err().to_string(),
        "this is not a Redis server: its answer to PING begins with: HTTP/1.1 400 Bad Request"
    );
    assert_eq!(
        refused(Step::Ping, b"\x15\x03\x03\0\x02\x02F"),
        "this is a port for TLS: set the option tls (its answer to PING: \u{fffd}\u{fffd})"
    );
}

#[test]
fn the_masters_words_are_cut_and_cleaned() {
    let mut handshake = at(Step::Ping, bare_config());
    let line = [b"-ERR \x07\xff".to_vec(), "é".repeat(500).into_bytes()].concat();
    let refusal = hear(&mut handshake, &line).unwrap_err();
    let expected = format!("ERR \u{fffd}\u{fffd}{}…", "é".repeat(194));
    assert_eq!(refusal.text(), expected);
}

#[test]
fn the_password_is_never_shown() {
    let config = full_config();
    assert!(!format!("{config:?}").contains("sesame"));
    assert!(format!("{config:?}").contains("repl"));
    let lines: [&[u8]; 3] = [
        b"-ERR unknown command 'AUTH', with args beginning with: 'repl' 'sesa",
        b"-ERR unknown command `AUTH`, with args beginning with: `repl`, `sesame`, ",
        b"-ERR what is sesame",
    ];
    for line in lines {
        let mut handshake = at(Step::Auth, full_config());
        let refusal = hear(&mut handshake, line).unwrap_err();
        assert_eq!(refusal.tag(), "error");
        for text in [format!("{refusal:?}"), refusal.to_string(), format!("{handshake:?}")] {
            assert!(!text.contains("sesa"), "{text}");
        }
    }
}

#[test]
fn what_cannot_become_an_answer_is_found_before_its_line_ends() {
    for step in STEPS {
        for bytes in [&b"+"[..], b"-ERR", b"\r", b"\x15"] {
            assert_eq!(begun(&mut at(step, full_config()), bytes), Ok(None), "{step:?}");
        }
        for (bytes, tag) in [(&b"\x15\x03\x03\0\x02\x02F"[..], "tls"), (b"HTTP", "not_redis")] {
            let refusal = begun(&mut at(step, full_config()), bytes).unwrap_err();
            assert_eq!(refusal.tag(), tag, "{step:?}");
        }
    }
    let mut lines = Lines::new();
    lines.feed(&b"+".repeat(DEFAULT_LIMIT + 1));
    let refusal = at(Step::Ping, bare_config()).next(&mut lines).unwrap_err();
    assert_eq!(refusal.tag(), "not_redis");
}
