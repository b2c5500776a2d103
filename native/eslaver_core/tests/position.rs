//! The position after each command of a stream.

use eslaver_core::position::{BadSelect, Position, Tracker};
use eslaver_core::resp::{Commands, Limits};

fn at(offset: u64, db: u32, in_transaction: bool) -> Position {
    Position { offset, db, in_transaction }
}

fn follow(tracker: &mut Tracker, line: &[u8]) -> Result<(), BadSelect> {
    let mut parser = Commands::new(Limits::default());
    parser.feed(line);
    match parser.next() {
        Ok(Some(command)) => tracker.apply(&command),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn each_command_moves_it() {
    let mut tracker = Tracker::new(1000, 2);
    assert_eq!((tracker.position(), tracker.safe()), (at(1000, 2, false), at(1000, 2, false)));
    let steps: &[(&[u8], Position, Position)] = &[
        (b"*1\r\n$4\r\nPING\r\n", at(1014, 2, false), at(1014, 2, false)),
        (b"select 3\r\n", at(1024, 3, false), at(1024, 3, false)),
        (b"\n\nSeLeCt 15\n", at(1036, 15, false), at(1036, 15, false)),
        (b"*1\r\n$5\r\nMULTI\r\n", at(1051, 15, true), at(1036, 15, false)),
        (b"set a 1\n", at(1059, 15, true), at(1036, 15, false)),
        (b"select 0\n", at(1068, 0, true), at(1036, 15, false)),
        (b"exec\n", at(1073, 0, false), at(1073, 0, false)),
        (b"multi\n", at(1079, 0, true), at(1073, 0, false)),
        (b"multi\n", at(1085, 0, true), at(1073, 0, false)),
        (b"DISCARD\n", at(1093, 0, false), at(1093, 0, false)),
        (b"exec\n", at(1098, 0, false), at(1098, 0, false)),
        (b"selects 4\n", at(1108, 0, false), at(1108, 0, false)),
        (b"select 2147483647\n", at(1126, 2_147_483_647, false), at(1126, 2_147_483_647, false)),
    ];
    for (line, now, safe) in steps {
        assert_eq!(follow(&mut tracker, line), Ok(()));
        assert_eq!((tracker.position(), tracker.safe()), (*now, *safe), "{}", line.escape_ascii());
    }
}

#[test]
fn a_bad_select_moves_nothing() {
    let cases: &[(&[u8], Option<&[u8]>)] = &[
        (b"select\n", None),
        (b"select ''\n", Some(b"")),
        (b"select x\n", Some(b"x")),
        (b"select -1\n", Some(b"-1")),
        (b"select +1\n", Some(b"+1")),
        (b"select 2147483648\n", Some(b"2147483648")),
        (b"select 99999999999999999999\n", Some(b"99999999999999999999")),
    ];
    for (line, found) in cases {
        let mut tracker = Tracker::new(7, 5);
        let error = follow(&mut tracker, line).unwrap_err();
        assert_eq!(error.found.as_deref(), *found);
        assert_eq!(tracker.position(), at(7, 5, false));
    }
}

#[test]
fn a_bad_select_is_told_in_words() {
    let mut tracker = Tracker::new(0, 0);
    let none = follow(&mut tracker, b"select\n").unwrap_err().to_string();
    assert_eq!(none, "expected the number of a db after SELECT, found nothing");
    let bad = follow(&mut tracker, b"select \"\\n\"\n").unwrap_err().to_string();
    assert_eq!(bad, r"expected the number of a db after SELECT, found '\n'");
}
