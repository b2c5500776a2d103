//! Every answer that a master gives, in every step, and what is sent to it.

mod support;

use eslaver_core::handshake::{Config, Handshake, Questions, Reply, Step};
use eslaver_core::lines::Lines;
use support::handshake::{
    ID, STEPS, asking_config, at, bare_config, begun, full_config, hear, outcome,
};

/// An answer, and what it leads to after `PING`, `AUTH`, each `CLIENT`, each `REPLCONF`, and `PSYNC`.
type Row = (&'static str, [&'static str; 5]);

const ROWS: &[Row] = &[
    ("+OK", ["go", "go", "go", "go", "sync"]),
    ("+PONG", ["go", "go", "go", "go", "sync"]),
    ("+FULLRESYNC e8ed51b7170b32fbd6d84e30c5af89f5544fa41e 106", ["go", "go", "go", "go", "full"]),
    ("+CONTINUE", ["go", "go", "go", "go", "continue"]),
    ("+CONTINUE e8ed51b7170b32fbd6d84e30c5af89f5544fa41e", ["go", "go", "go", "go", "continue"]),
    ("+DUALCHANNELSYNC", ["go", "go", "go", "go", "unsupported"]),
    ("+RDBCHANNELSYNC 12", ["go", "go", "go", "go", "unsupported"]),
    ("-DENIED Redis is running in protected mode", ["protected_mode"; 5]),
    ("-DENIED Running in protected mode because protected mode is enabled", ["protected_mode"; 5]),
    ("-ERR max number of clients reached", ["too_many_clients"; 5]),
    (
        "-LOADING Redis is loading the dataset in memory",
        ["loading", "loading", "go", "go", "loading"],
    ),
    (
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ["master_down", "master_down", "go", "go", "master_down"],
    ),
    (
        "-NOMASTERLINK Can't SYNC while not connected with my master",
        ["no_master_link", "no_master_link", "go", "go", "no_master_link"],
    ),
    (
        "-ERR Can't SYNC while not connected with my master",
        ["no_master_link", "no_master_link", "go", "go", "no_master_link"],
    ),
    (
        "-MISCONF Redis is configured to save RDB snapshots",
        ["misconf", "misconf", "go", "go", "misconf"],
    ),
    (
        "-CLUSTERDOWN The cluster is down",
        ["cluster_down", "cluster_down", "go", "go", "cluster_down"],
    ),
    ("-BUSY Redis is busy running a script.", ["busy", "busy", "go", "go", "busy"]),
    ("-BUSY Valkey is busy running a script.", ["busy", "busy", "go", "go", "busy"]),
    ("-TRYAGAIN later", ["try_again", "try_again", "go", "go", "try_again"]),
    (
        "-NOAUTH Authentication required.",
        ["go", "password_needed", "go", "password_needed", "sync"],
    ),
    ("-ERR operation not permitted", ["go", "password_needed", "go", "password_needed", "sync"]),
    (
        "-WRONGPASS invalid username-password pair or user is disabled.",
        ["wrong_password", "wrong_password", "go", "go", "sync"],
    ),
    ("-ERR invalid password", ["wrong_password", "wrong_password", "go", "go", "sync"]),
    (
        "-ERR Client sent AUTH, but no password is set",
        ["password_not_set", "password_not_set", "go", "go", "sync"],
    ),
    (
        "-ERR AUTH <password> called without any password configured for the default user.",
        ["password_not_set", "password_not_set", "go", "go", "sync"],
    ),
    (
        "-ERR wrong number of arguments for 'auth' command",
        ["error", "no_users", "go", "go", "sync"],
    ),
    (
        "-NOPERM this user has no permissions to run the 'psync' command",
        ["go", "no_permission", "go", "no_permission", "sync"],
    ),
    (
        "-NOPERM User nobody has no permissions to run the 'psync' command",
        ["go", "no_permission", "go", "no_permission", "sync"],
    ),
    ("-ERR this command is disallowed", ["go", "no_permission", "go", "no_permission", "sync"]),
    ("-ERR unknown command 'PSYNC'", ["error", "error", "go", "go", "sync"]),
    (
        "-ERR unknown command `PSYNC`, with args beginning with: `?`, `-1`, ",
        ["error", "error", "go", "go", "sync"],
    ),
    (
        "-ERR unknown command 'REPLCONF', with args beginning with: 'version' '9.1.0' ",
        ["error", "error", "go", "go", "sync"],
    ),
    ("-ERR command `psync` disabled", ["error", "error", "go", "go", "sync"]),
    ("-ERR unsupported command", ["error", "error", "go", "go", "sync"]),
    (
        "-ERR wrong number of arguments for 'psync' command",
        ["error", "no_users", "go", "go", "sync"],
    ),
    ("-ERR Unrecognized REPLCONF option: capa", ["error", "error", "go", "go", "sync"]),
    ("-ERR syntax error", ["error", "error", "go", "go", "sync"]),
    ("-ERR", ["error", "error", "go", "go", "sync"]),
    ("-", ["error", "error", "go", "go", "sync"]),
    ("-ERR SYNC and PSYNC are invalid with pending output", ["error", "error", "go", "go", "sync"]),
    ("HTTP/1.1 400 Bad Request", ["not_redis"; 5]),
    ("SSH-2.0-OpenSSH_9.2", ["not_redis"; 5]),
    ("ERROR", ["not_redis"; 5]),
    ("$4", ["not_redis", "not_redis", "not_redis", "not_redis", "legacy"]),
    ("\u{15}", ["not_redis"; 5]),
    ("\u{15}HTTP", ["not_redis"; 5]),
    ("\u{15}\u{3}\u{3}", ["tls"; 5]),
];

#[test]
fn every_answer_in_every_step() {
    for (line, [ping, auth, client, replconf, psync]) in ROWS {
        for step in STEPS {
            let expected = match step {
                Step::Ping => ping,
                Step::Auth => auth,
                Step::ClientName | Step::LibName | Step::LibVersion => client,
                Step::Psync => psync,
                _ => replconf,
            };
            let mut handshake = at(step, full_config());
            let result = hear(&mut handshake, line.as_bytes());
            assert_eq!(outcome(&result), *expected, "{line:?} after {step:?}");
            let after = match outcome(&result) {
                "go" => STEPS[STEPS.iter().position(|one| *one == step).unwrap() + 1],
                "sync" => Step::Sync,
                _ => Step::Done,
            };
            assert_eq!(handshake.step(), after, "{line:?} after {step:?}");
        }
    }
}

/// Whatever value the master answers to a question, the handshake goes on.
#[test]
fn every_answer_to_a_question() {
    for (step, after) in
        [(Step::Role, Step::Info), (Step::Info, Step::Commands), (Step::Commands, Step::Psync)]
    {
        for (answer, tells) in [
            ("*2\r\n*1\r\n$3\r\nget\r\n*1\r\n$2\r\nx\n\r\n", true),
            ("*0\r\n", true),
            ("*-1\r\n", true),
            ("+OK\r\n", true),
            (":1\r\n", true),
            ("\r\n\r\n$1\r\nx\r\n", true),
            ("-NOPERM this user has no permissions to run the 'command' command\r\n", true),
            ("-ERR unknown command 'COMMAND'\r\n", true),
            ("-NOAUTH Authentication required.\r\n", true),
            ("HTTP/1.1 400 Bad Request\r\n", false),
            ("*x\r\n", false),
            ("*1\r\n%1\r\n", false),
            ("$99999999\r\n", false),
            (&"*1\r\n".repeat(40), false),
            (&format!("*9999999\r\n{}", ":1\r\n".repeat(1_000_000)), false),
        ] {
            let mut handshake = at(step, asking_config());
            let mut lines = Lines::new();
            lines.feed(answer.as_bytes());
            let reply = handshake.next(&mut lines);
            let shown: String = answer.chars().take(60).collect();
            if tells {
                assert!(matches!(reply, Ok(Some(_))), "{step:?} {shown:?}: {reply:?}");
                assert!(handshake.step() == after && lines.rest().is_empty(), "{shown:?}");
                assert_eq!(handshake.commands().is_some(), step == Step::Commands, "{shown:?}");
                assert_eq!(handshake.peer().is_some(), step == Step::Commands, "{shown:?}");
            } else {
                let refusal = reply.unwrap_err();
                assert_eq!(refusal.tag(), "malformed", "{shown:?}");
                let text = refusal.to_string();
                let asked = format!("{step:?}").to_uppercase().replace("COMMANDS", "COMMAND");
                let begin = format!("the master's answer to {asked} cannot be read: expected ");
                assert!(text.starts_with(&begin), "{shown:?}: {text}");
            }
        }
        let mut handshake = at(step, asking_config());
        assert_eq!(begun(&mut handshake, b"*2\r\n:1\r\n:2\r"), Ok(None));
        let mut handshake = at(step, asking_config());
        assert!(matches!(begun(&mut handshake, b"*2\r\n:1\r\n:2\r\n"), Ok(Some(_))));
    }
}

/// Every answer to `SYNC` after a refusal of `PSYNC`.
#[test]
fn every_answer_to_sync() {
    let passing = ["loading", "master_down", "no_master_link", "misconf", "cluster_down", "busy"];
    let ending = ["try_again", "protected_mode", "too_many_clients", "not_redis", "tls"];
    for (line, [.., after_psync]) in ROWS.iter().filter(|(line, _)| !line.starts_with('$')) {
        let mut handshake = at(Step::Psync, full_config());
        assert_eq!(outcome(&hear(&mut handshake, b"-ERR command `psync` disabled")), "sync");
        let result = hear(&mut handshake, line.as_bytes());
        if passing.contains(after_psync) || ending.contains(after_psync) {
            assert_eq!(outcome(&result), *after_psync, "{line:?}");
            assert_eq!(handshake.step(), Step::Done, "{line:?}");
        } else {
            assert_eq!(outcome(&result), "no_sync", "{line:?}");
        }
    }
}

#[test]
fn the_snapshot_after_sync() {
    for header in [&b"$"[..], b"$1", b"$123\r\nREDIS", b"$EOF:0123"] {
        let mut handshake = at(Step::Psync, full_config());
        assert_eq!(outcome(&hear(&mut handshake, b"-ERR unknown command 'PSYNC'")), "sync");
        for _ in 0..3 {
            assert_eq!(hear(&mut handshake, b""), Ok(Reply::Wait));
        }
        let mut lines = Lines::new();
        lines.feed(header);
        assert_eq!(handshake.next(&mut lines), Ok(Some(Reply::LegacySync)));
        assert_eq!(lines.into_rest(), header);
        assert_eq!(handshake.step(), Step::Done);
    }
}

/// `PSYNC` by another name: that is sent, and named where it is refused.
#[test]
fn psync_by_another_name() {
    let config = Config { psync_command: Some(b"sEcret-0".to_vec()), ..bare_config() };
    let mut handshake = at(Step::Version, config.clone());
    let sent = hear(&mut handshake, b"-ERR Unrecognized REPLCONF option: version");
    assert_eq!(sent, Ok(Reply::Send(b"*3\r\n$8\r\nsEcret-0\r\n$1\r\n?\r\n$2\r\n-1\r\n".to_vec())));
    assert_eq!(handshake.asked(), "sEcret-0");
    assert!(matches!(
        hear(&mut handshake, format!("+FULLRESYNC {ID} 7").as_bytes()),
        Ok(Reply::FullSync { offset: 7, .. })
    ));
    let mut handshake = at(Step::Psync, config.clone());
    let text = hear(&mut handshake, b"+FULLRESYNC").unwrap_err().to_string();
    assert_eq!(text, "the master's answer to sEcret-0 cannot be read: +FULLRESYNC");
    let mut handshake = at(Step::Psync, config);
    assert_eq!(outcome(&hear(&mut handshake, b"-ERR unknown command 'sEcret-0'")), "sync");
    let text = hear(&mut handshake, b"-ERR unknown command 'SYNC'").unwrap_err().to_string();
    assert!(text.contains("it answered sEcret-0 with 'ERR unknown command 'sEcret-0''"), "{text}");
}

/// What is sent to a master that takes everything, one answer after the other.
fn sent(config: Config) -> Vec<Vec<u8>> {
    let mut handshake = Handshake::new(config);
    let mut sent = vec![handshake.start()];
    while handshake.step() != Step::Psync {
        match hear(&mut handshake, b"+OK") {
            Ok(Reply::Send(bytes)) => sent.push(bytes),
            reply => assert_eq!(reply, Ok(Reply::Wait)),
        }
    }
    sent
}

#[test]
fn what_is_sent() {
    let introduction: [&[u8]; 9] = [
        b"*3\r\n$4\r\nAUTH\r\n$4\r\nrepl\r\n$6\r\nsesame\r\n",
        b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$13\r\neslaver:users\r\n",
        b"*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$7\r\neslaver\r\n",
        b"*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n1.2.3\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n7777\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$10\r\nip-address\r\n$8\r\n10.1.2.3\r\n",
        b"*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$15\r\nrdb-no-compress\r\n$1\r\n1\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$5\r\n9.1.0\r\n",
    ];
    let psync: &[u8] =
        b"*3\r\n$5\r\nPSYNC\r\n$40\r\ne8ed51b7170b32fbd6d84e30c5af89f5544fa41e\r\n$2\r\n42\r\n";
    let expected = [b"*1\r\n$4\r\nPING\r\n", &introduction.concat()[..], psync];
    assert_eq!(sent(full_config()), expected);
}

/// Questions go with the introduction: they cost no round trip.
#[test]
fn what_is_sent_with_questions() {
    let (plain, asking) =
        (sent(bare_config()), sent(Config { questions: Questions::ALL, ..bare_config() }));
    let questions: &[u8] = b"*1\r\n$4\r\nROLE\r\n*1\r\n$4\r\nINFO\r\n*1\r\n$7\r\nCOMMAND\r\n";
    assert_eq!(asking.len(), 3);
    assert_eq!(asking[1], [&plain[1], questions].concat());
    assert_eq!((&asking[0], &asking[2]), (&plain[0], &plain[2]));
}

/// What a proxy cannot bear is left out, one by one.
#[test]
fn questions_left_out() {
    for step in [Step::Role, Step::Info, Step::Commands] {
        let questions = step.left_out_of(Questions::ALL);
        let sent = sent(Config { questions, ..bare_config() }).concat();
        for (other, name) in
            [(Step::Role, "ROLE"), (Step::Info, "INFO"), (Step::Commands, "COMMAND")]
        {
            let line = format!("\r\n{name}\r\n");
            let is_sent = sent.windows(line.len()).any(|window| window == line.as_bytes());
            assert_eq!(is_sent, other != step, "{name} without {step:?}");
        }
        assert_eq!(step.left_out_of(questions), questions);
    }
    assert_eq!(Step::Ping.left_out_of(Questions::ALL), Questions::ALL);
}

#[test]
fn what_is_sent_with_nothing_configured() {
    let introduction: [&[u8]; 5] = [
        b"*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$7\r\neslaver\r\n",
        b"*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n1.2.3\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$1\r\n0\r\n",
        b"*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n",
        b"*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$5\r\n9.1.0\r\n",
    ];
    let psync: &[u8] = b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n";
    let expected = [b"*1\r\n$4\r\nPING\r\n", &introduction.concat()[..], psync];
    assert_eq!(sent(bare_config()), expected);
}

/// Many answers at once, as they come to many commands at once.
#[test]
fn answers_at_once() {
    let mut handshake = at(Step::ClientName, full_config());
    let mut lines = Lines::new();
    lines.feed(b"-ERR unknown command 'CLIENT'\r\n-ERR\r\n-NOPERM\r\n");
    lines.feed(&b"+OK\r\n".repeat(5));
    for _ in 0..7 {
        assert_eq!(handshake.next(&mut lines), Ok(Some(Reply::Wait)));
    }
    assert!(matches!(handshake.next(&mut lines), Ok(Some(Reply::Send(_)))));
    assert_eq!((handshake.next(&mut lines), handshake.step()), (Ok(None), Step::Psync));
}

/// Empty lines tell that a master lives only while it may have to wait for a snapshot.
#[test]
fn empty_lines_before_psync_are_no_answer() {
    for step in STEPS {
        let mut handshake = at(step, full_config());
        let expected = if step == Step::Psync { Some(Reply::Wait) } else { None };
        assert_eq!(begun(&mut handshake, b"\r\n"), Ok(expected), "{step:?}");
        assert_eq!(handshake.step(), step);
    }
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
        let reply = hear(&mut handshake, b"-NOAUTH");
        assert!(matches!(reply, Ok(Reply::Send(sent)) if sent.starts_with(expected)));
        assert_eq!(handshake.step(), Step::Auth);
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
        ("-ERR unknown command".to_owned(), Ok(Reply::Send(b"SYNC\r\n".to_vec()))),
    ];
    for (line, expected) in cases {
        let mut handshake = at(Step::Psync, full_config());
        assert_eq!(hear(&mut handshake, line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn the_answer_to_psync_may_be_long_in_coming() {
    let mut handshake = at(Step::Psync, bare_config());
    for _ in 0..10 {
        assert_eq!(hear(&mut handshake, b""), Ok(Reply::Wait));
    }
    let line = format!("+FULLRESYNC {ID} 5");
    let reply = hear(&mut handshake, line.as_bytes());
    assert!(matches!(reply, Ok(Reply::FullSync { offset: 5, .. })));
    assert_eq!(outcome(&hear(&mut handshake, b"+OK")), "unexpected");
}

#[test]
fn what_heals() {
    let heals = |tag| {
        let healing = [
            "loading",
            "master_down",
            "no_master_link",
            "misconf",
            "cluster_down",
            "busy",
            "try_again",
            "too_many_clients",
            "error",
        ];
        healing.contains(&tag)
    };
    for (line, _) in ROWS {
        for step in STEPS {
            if let Err(refusal) = hear(&mut at(step, full_config()), line.as_bytes()) {
                assert_eq!(refusal.heals(), heals(refusal.tag()), "{line:?} after {step:?}");
            }
        }
    }
}
