//! Every answer that a master gives, in every step.

use eslaver_core::handshake::{Config, Handshake, Refusal, Reply, Resume, Step};

const ID: &str = "e8ed51b7170b32fbd6d84e30c5af89f5544fa41e";

const STEPS: [Step; 7] = [
    Step::Ping,
    Step::Auth,
    Step::ListeningPort,
    Step::IpAddress,
    Step::Capabilities,
    Step::Version,
    Step::Psync,
];

/// With everything configured, so that no step is left out.
fn full_config() -> Config {
    Config {
        user: Some(b"repl".to_vec()),
        password: Some(b"sesame".to_vec()),
        listening_port: 7777,
        announce_ip: Some(b"10.1.2.3".to_vec()),
        version: "9.1.0",
        resume: Some(Resume { replid: ID.to_owned(), offset: 41 }),
    }
}

fn bare_config() -> Config {
    Config { version: "9.1.0", ..Config::default() }
}

/// A handshake that awaits the answer of `step`.
fn at(step: Step, config: Config) -> Handshake {
    let mut handshake = Handshake::new(config);
    handshake.start();
    while handshake.step() != step {
        assert!(matches!(handshake.line(b"+OK"), Ok(Reply::Send(_))), "{step} is never reached");
    }
    handshake
}

fn outcome(result: &Result<Reply, Refusal>) -> &'static str {
    match result {
        Ok(Reply::Send(_)) => "go",
        Ok(Reply::Wait) => "wait",
        Ok(Reply::FullSync { .. }) => "full",
        Ok(Reply::Continue { .. }) => "continue",
        Ok(Reply::LegacySync { .. }) => "legacy",
        Err(refusal) => refusal.tag(),
    }
}

/// An answer, and what it leads to after `PING`, `AUTH`, each `REPLCONF`, and `PSYNC`.
type Row = (&'static str, [&'static str; 4]);

const ROWS: &[Row] = &[
    ("", ["wait"; 4]),
    ("+OK", ["go", "go", "go", "unsupported"]),
    ("+PONG", ["go", "go", "go", "unsupported"]),
    ("+FULLRESYNC e8ed51b7170b32fbd6d84e30c5af89f5544fa41e 106", ["go", "go", "go", "full"]),
    ("+CONTINUE", ["go", "go", "go", "continue"]),
    ("+CONTINUE e8ed51b7170b32fbd6d84e30c5af89f5544fa41e", ["go", "go", "go", "continue"]),
    ("+DUALCHANNELSYNC", ["go", "go", "go", "unsupported"]),
    ("+RDBCHANNELSYNC 12", ["go", "go", "go", "unsupported"]),
    ("-DENIED Redis is running in protected mode", ["protected_mode"; 4]),
    ("-ERR max number of clients reached", ["too_many_clients"; 4]),
    ("-LOADING Redis is loading the dataset in memory", ["loading", "loading", "go", "loading"]),
    (
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ["master_down", "master_down", "go", "master_down"],
    ),
    (
        "-NOMASTERLINK Can't SYNC while not connected with my master",
        ["no_master_link", "no_master_link", "go", "no_master_link"],
    ),
    (
        "-ERR Can't SYNC while not connected with my master",
        ["no_master_link", "no_master_link", "go", "no_master_link"],
    ),
    ("-MISCONF Redis is configured to save RDB snapshots", ["misconf", "misconf", "go", "misconf"]),
    ("-BUSY Redis is busy running a script.", ["busy", "busy", "go", "busy"]),
    ("-TRYAGAIN later", ["try_again", "try_again", "go", "try_again"]),
    (
        "-NOAUTH Authentication required.",
        ["go", "password_needed", "password_needed", "password_needed"],
    ),
    (
        "-ERR operation not permitted",
        ["go", "password_needed", "password_needed", "password_needed"],
    ),
    (
        "-WRONGPASS invalid username-password pair or user is disabled.",
        ["wrong_password", "wrong_password", "go", "wrong_password"],
    ),
    ("-ERR invalid password", ["wrong_password", "wrong_password", "go", "wrong_password"]),
    (
        "-ERR Client sent AUTH, but no password is set",
        ["password_not_set", "password_not_set", "go", "password_not_set"],
    ),
    (
        "-ERR AUTH <password> called without any password configured for the default user.",
        ["password_not_set", "password_not_set", "go", "password_not_set"],
    ),
    ("-ERR wrong number of arguments for 'auth' command", ["error", "no_users", "go", "error"]),
    (
        "-NOPERM this user has no permissions to run the 'psync' command",
        ["go", "no_permission", "no_permission", "no_permission"],
    ),
    ("-ERR this command is disallowed", ["go", "no_permission", "no_permission", "no_permission"]),
    ("-ERR unknown command 'PSYNC'", ["error", "error", "go", "legacy"]),
    (
        "-ERR unknown command `PSYNC`, with args beginning with: `?`, `-1`, ",
        ["error", "error", "go", "legacy"],
    ),
    ("-ERR Unrecognized REPLCONF option: capa", ["error", "error", "go", "error"]),
    ("-ERR syntax error", ["error", "error", "go", "error"]),
    ("-ERR", ["error", "error", "go", "error"]),
    ("-", ["error", "error", "go", "error"]),
    ("-BUSY Valkey is busy running a script.", ["busy", "busy", "go", "busy"]),
    ("-DENIED Running in protected mode because protected mode is enabled", ["protected_mode"; 4]),
    (
        "-NOPERM User nobody has no permissions to run the 'psync' command",
        ["go", "no_permission", "no_permission", "no_permission"],
    ),
    (
        "-ERR unknown command 'REPLCONF', with args beginning with: 'version' '9.1.0' ",
        ["error", "error", "go", "legacy"],
    ),
    ("-ERR SYNC and PSYNC are invalid with pending output", ["error", "error", "go", "error"]),
    ("HTTP/1.1 400 Bad Request", ["not_redis"; 4]),
    ("SSH-2.0-OpenSSH_9.2", ["not_redis"; 4]),
    ("ERROR", ["not_redis"; 4]),
    ("$4", ["not_redis"; 4]),
    ("\u{15}\u{3}\u{3}", ["not_redis"; 4]),
];

#[test]
fn every_answer_in_every_step() {
    for (line, [ping, auth, replconf, psync]) in ROWS {
        for step in STEPS {
            let expected = match step {
                Step::Ping => ping,
                Step::Auth => auth,
                Step::Psync => psync,
                _ => replconf,
            };
            let mut handshake = at(step, full_config());
            let result = handshake.line(line.as_bytes());
            assert_eq!(outcome(&result), *expected, "{line:?} after {step}");
            let after = match outcome(&result) {
                "wait" => step,
                "go" => STEPS[STEPS.iter().position(|one| *one == step).unwrap() + 1],
                _ => Step::Done,
            };
            assert_eq!(handshake.step(), after, "{line:?} after {step}");
        }
    }
}

#[test]
fn what_is_sent() {
    let mut handshake = Handshake::new(full_config());
    let mut sent = vec![handshake.start()];
    while let Ok(Reply::Send(bytes)) = handshake.line(b"+OK") {
        sent.push(bytes);
    }
    let expected: [&[u8]; 7] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$4\r\nAUTH\r\n$4\r\nrepl\r\n$6\r\nsesame\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n7777\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$10\r\nip-address\r\n$8\r\n10.1.2.3\r\n",
        b"*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$5\r\n9.1.0\r\n",
        b"*3\r\n$5\r\nPSYNC\r\n$40\r\ne8ed51b7170b32fbd6d84e30c5af89f5544fa41e\r\n$2\r\n42\r\n",
    ];
    assert_eq!(sent, expected);
}

#[test]
fn what_is_sent_with_nothing_configured() {
    let mut handshake = Handshake::new(bare_config());
    let mut sent = vec![handshake.start()];
    while let Ok(Reply::Send(bytes)) = handshake.line(b"+OK") {
        sent.push(bytes);
    }
    let expected: [&[u8]; 5] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$1\r\n0\r\n",
        b"*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$5\r\n9.1.0\r\n",
        b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n",
    ];
    assert_eq!(sent, expected);
}

#[test]
fn the_forms_of_auth() {
    for (user, password, expected) in [
        (None, Some("p\r\n"), &b"*2\r\n$4\r\nAUTH\r\n$3\r\np\r\n\r\n"[..]),
        (Some("u"), None, b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$0\r\n\r\n"),
        (Some("u"), Some("p"), b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n"),
    ] {
        let config = Config {
            user: user.map(|user| user.as_bytes().to_vec()),
            password: password.map(|password| password.as_bytes().to_vec()),
            ..bare_config()
        };
        let mut handshake = at(Step::Ping, config);
        assert_eq!(handshake.line(b"-NOAUTH"), Ok(Reply::Send(expected.to_vec())));
        assert_eq!(handshake.step(), Step::Auth);
    }
}

#[test]
fn a_password_that_is_wanted_and_not_configured() {
    for line in [&b"-NOAUTH Authentication required."[..], b"-ERR operation not permitted"] {
        let refusal = at(Step::Ping, bare_config()).line(line).unwrap_err();
        assert_eq!(refusal.tag(), "password_needed");
    }
}

#[test]
fn answers_to_psync() {
    let id = ID.to_owned();
    let full = |offset| Ok(Reply::FullSync { replid: ID.to_owned(), offset });
    let cases = [
        (format!("+FULLRESYNC {id} 0"), full(0)),
        (format!("+FULLRESYNC {id} 9223372036854775807"), full(i64::MAX as u64)),
        (format!("+FULLRESYNC {id} 7 a cloud's own"), full(7)),
        ("+CONTINUE".to_owned(), Ok(Reply::Continue { replid: None })),
        ("+CONTINUE ".to_owned(), Ok(Reply::Continue { replid: None })),
        (format!("+CONTINUE {id}"), Ok(Reply::Continue { replid: Some(id.clone()) })),
        (format!("+CONTINUE {id} more"), Ok(Reply::Continue { replid: Some(id.clone()) })),
        ("-ERR unknown command".to_owned(), Ok(Reply::LegacySync { send: b"SYNC\r\n" })),
    ];
    for (line, expected) in cases {
        assert_eq!(at(Step::Psync, full_config()).line(line.as_bytes()), expected, "{line}");
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
        let refusal = at(Step::Psync, full_config()).line(line.as_bytes()).unwrap_err();
        assert_eq!(refusal.tag(), "malformed", "{line}");
    }
}

#[test]
fn a_stream_that_nobody_asked_for_is_refused() {
    let line = format!("+CONTINUE {ID}");
    for line in ["+CONTINUE", &line] {
        let refusal = at(Step::Psync, bare_config()).line(line.as_bytes()).unwrap_err();
        assert_eq!(refusal.tag(), "unsupported");
    }
}

#[test]
fn the_answer_to_psync_may_be_long_in_coming() {
    let mut handshake = at(Step::Psync, bare_config());
    for _ in 0..10 {
        assert_eq!(handshake.line(b""), Ok(Reply::Wait));
    }
    let line = format!("+FULLRESYNC {ID} 5");
    assert!(matches!(handshake.line(line.as_bytes()), Ok(Reply::FullSync { offset: 5, .. })));
    assert_eq!(outcome(&handshake.line(b"+OK")), "unexpected");
}

#[test]
fn a_refusal_may_come_unasked() {
    let mut handshake = Handshake::new(bare_config());
    let refusal = handshake.line(b"-DENIED Redis is running in protected mode").unwrap_err();
    assert_eq!((refusal.tag(), refusal.heals()), ("protected_mode", false));
}

#[test]
fn what_heals() {
    let heals = |tag| {
        let healing = [
            "loading",
            "master_down",
            "no_master_link",
            "misconf",
            "busy",
            "try_again",
            "too_many_clients",
            "error",
        ];
        healing.contains(&tag)
    };
    for (line, _) in ROWS {
        for step in STEPS {
            if let Err(refusal) = at(step, full_config()).line(line.as_bytes()) {
                assert_eq!(refusal.heals(), heals(refusal.tag()), "{line:?} after {step}");
            }
        }
    }
}

#[test]
fn messages_name_what_is_missing() {
    let refused = |step, line: &[u8]| at(step, full_config()).line(line).unwrap_err().to_string();
    assert_eq!(
        refused(Step::Psync, b"-NOPERM this user has no permissions to run the 'psync' command"),
        "the master's user may not PSYNC: a replica's user needs +psync +replconf +ping (NOPERM \
         this user has no permissions to run the 'psync' command)"
    );
    assert_eq!(
        refused(Step::Capabilities, b"-NOPERM no"),
        "the master's user may not REPLCONF capa: a replica's user needs +psync +replconf +ping \
         (NOPERM no)"
    );
    assert_eq!(
        refused(Step::Ping, b"HTTP/1.1 400 Bad Request"),
        "this is no Redis server, its answer to PING begins with: HTTP/1.1 400 Bad Request"
    );
}

#[test]
fn the_masters_words_are_cut_and_cleaned() {
    let mut handshake = at(Step::Ping, bare_config());
    let line = [b"-ERR \x07\xff".to_vec(), "é".repeat(500).into_bytes()].concat();
    let refusal = handshake.line(&line).unwrap_err();
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
        let refusal = handshake.line(line).unwrap_err();
        assert_eq!(refusal.tag(), "error");
        for text in [format!("{refusal:?}"), refusal.to_string(), format!("{handshake:?}")] {
            assert!(!text.contains("sesa"), "{text}");
        }
    }
}

#[test]
fn what_cannot_become_an_answer_is_found_before_its_line_ends() {
    let handshake = at(Step::Ping, bare_config());
    for begun in [&b""[..], b"+", b"-ERR", b"\r"] {
        assert_eq!(handshake.partial(begun), Ok(()));
    }
    for begun in [&b"\x15\x03\x03\0\x02\x02F"[..], b"HTTP", b"\0"] {
        assert_eq!(handshake.partial(begun).unwrap_err().tag(), "not_redis");
    }
}
