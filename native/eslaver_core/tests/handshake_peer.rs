//! What a node tells of itself, in words of servers old and new, and which nodes are refused for it.

mod support;

use eslaver_core::handshake::{
    Config, Handshake, Peer, ReadFrom, Refusal, Reply, Resume, Role, Step,
};
use eslaver_core::lines::Lines;
use support::handshake::{ID, asking_config, at, bare_config, begun, hear, outcome};

const OTHER: &str = "584ba871923d384ad8f30431189ab6439636c15f";

/// What becomes of a handshake whose questions are answered so: the answers come whole, and then
/// byte by byte.
fn meet(role: &[u8], info: &[u8], config: Config) -> (Result<Reply, Refusal>, Option<Peer>) {
    let answers = [role, info, b"*0\r\n"].concat();
    let mut whole = at(Step::Role, config.clone());
    let found = (last(&mut whole, [&answers[..]]), whole.peer());
    let mut pieces = at(Step::Role, config);
    assert_eq!((last(&mut pieces, answers.chunks(1)), pieces.peer()), found);
    found
}

/// The answer of the handshake to the last of these bytes that it understands.
fn last<'a>(
    handshake: &mut Handshake,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Reply, Refusal> {
    let mut lines = Lines::new();
    let mut last = None;
    for piece in pieces {
        lines.feed(piece);
        while let Some(reply) = handshake.next(&mut lines)? {
            last = Some(reply);
        }
    }
    let Some(last) = last else { unreachable!("these are answers") };
    Ok(last)
}

fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

/// A node that is followed, by its answers to `ROLE` and `INFO`.
fn peer(role: &[u8], info: &[u8]) -> Peer {
    let config = Config { read_from: ReadFrom::PreferReplica, ..asking_config() };
    let (reply, peer) = meet(role, info, config);
    assert!(matches!(reply, Ok(Reply::Send(_))), "{reply:?}");
    let Some(peer) = peer else { unreachable!("both have been answered") };
    peer
}

fn by_info(text: &str) -> Peer {
    peer(b"-NOPERM no\r\n", &bulk(text))
}

fn by_role(answer: &[u8]) -> Peer {
    peer(answer, b"-ERR unknown command 'info'\r\n")
}

const REFUSED: [&[u8]; 7] = [
    b"-NOPERM this user has no permissions to run the 'role' command\r\n",
    b"-ERR unknown command 'ROLE', with args beginning with: \r\n",
    b"-LOADING Redis is loading the dataset in memory\r\n",
    b"+OK\r\n",
    b":7\r\n",
    b"$-1\r\n",
    b"*0\r\n",
];

#[test]
fn nothing_told() {
    for role in REFUSED {
        for info in REFUSED {
            assert_eq!(peer(role, info), Peer::default());
        }
    }
}

#[test]
fn answers_to_role() {
    let replica = Peer { role: Some(Role::Replica), ..Peer::default() };
    let cases: [(&[u8], Peer); 14] = [
        (
            b"*3\r\n$6\r\nmaster\r\n:51\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$5\r\n21503\r\n$1\r\n1\r\n",
            Peer { role: Some(Role::Master), offset: Some(51), ..Peer::default() },
        ),
        (
            b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n",
            Peer { role: Some(Role::Master), offset: Some(0), ..Peer::default() },
        ),
        (b"*1\r\n$6\r\nmaster\r\n", Peer { role: Some(Role::Master), ..Peer::default() }),
        (
            b"*3\r\n$6\r\nmaster\r\n:-1\r\n*0\r\n",
            Peer { role: Some(Role::Master), ..Peer::default() },
        ),
        (
            b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:21502\r\n$9\r\nconnected\r\n:51\r\n",
            Peer {
                master: Some(("127.0.0.1".to_owned(), 21502)),
                is_linked: Some(true),
                offset: Some(51),
                ..replica.clone()
            },
        ),
        (
            b"*5\r\n$5\r\nslave\r\n$11\r\ndb.internal\r\n:1\r\n$9\r\nhandshake\r\n:-1\r\n",
            Peer {
                master: Some(("db.internal".to_owned(), 1)),
                is_linked: Some(false),
                ..replica.clone()
            },
        ),
        (b"*1\r\n$7\r\nreplica\r\n", replica.clone()),
        // addresses that are none
        (b"*3\r\n$5\r\nslave\r\n$0\r\n\r\n:1\r\n", replica.clone()),
        (b"*3\r\n$5\r\nslave\r\n$3\r\na b\r\n:1\r\n", replica.clone()),
        (b"*3\r\n$5\r\nslave\r\n$1\r\n\xff\r\n:1\r\n", replica.clone()),
        (b"*3\r\n$5\r\nslave\r\n$1\r\na\r\n:0\r\n", replica.clone()),
        (b"*3\r\n$5\r\nslave\r\n$1\r\na\r\n:65536\r\n", replica.clone()),
        (b"*3\r\n$5\r\nslave\r\n$1\r\na\r\n$1\r\n1\r\n", replica.clone()),
        (b"*1\r\n$3\r\nnew\r\n", Peer::default()),
    ];
    for (answer, expected) in cases {
        assert_eq!(by_role(answer), expected, "{}", answer.escape_ascii());
    }
    let long = format!("*3\r\n$5\r\nslave\r\n$256\r\n{}\r\n:1\r\n", "a".repeat(256));
    assert_eq!(by_role(long.as_bytes()), replica);
}

/// As the servers tell it, of each line of versions, as a master and as a replica.
#[test]
fn texts_of_info() {
    let master = |version: &str| Peer {
        role: Some(Role::Master),
        replid: Some(ID.to_owned()),
        offset: Some(50),
        backlog_first: Some(1),
        keys: Some(1),
        version: Some(version.to_owned()),
        ..Peer::default()
    };
    let replica = |version: &str| Peer {
        role: Some(Role::Replica),
        master: Some(("127.0.0.1".to_owned(), 6379)),
        is_linked: Some(true),
        ..master(version)
    };
    for (file, expected) in [
        (
            "redis-2.8.17-master",
            Peer { offset: Some(51), backlog_first: Some(2), ..master("2.8.17") },
        ),
        (
            "redis-2.8.17-replica",
            Peer { offset: Some(0), backlog_first: None, ..replica("2.8.17") },
        ),
        ("redis-3.2.6-replica", Peer { offset: Some(0), backlog_first: None, ..replica("3.2.6") }),
        ("redis-5.0.6-master", master("5.0.6")),
        ("redis-6.2.14-replica", replica("6.2.14")),
        ("redis-7.0.15-master", master("7.0.15")),
        (
            "redis-7.0.15-promoted",
            Peer { replid2: Some(OTHER.to_owned()), second_offset: Some(51), ..master("7.0.15") },
        ),
        (
            "redis-7.0.15-without-replicas",
            Peer { offset: Some(0), backlog_first: None, keys: Some(0), ..master("7.0.15") },
        ),
        ("redis-8.10.2-master", Peer { offset: Some(381), keys: Some(12), ..master("8.10.2") }),
        (
            "redis-8.10.2-connecting",
            Peer {
                is_linked: Some(false),
                offset: Some(0),
                backlog_first: None,
                keys: Some(0),
                ..replica("8.10.2")
            },
        ),
        ("valkey-8.0.1-master", master("8.0.1")),
        ("valkey-9.1.2-replica", Peer { offset: Some(64), ..replica("9.1.2") }),
    ] {
        let path = format!("{}/tests/data/info/{file}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(by_info(&text), expected, "{file}");
        assert_eq!(by_info(&text.replace("\r\n", "\n")), expected, "{file}");
    }
}

/// Whatever the text is, it can be read.
#[test]
fn odd_texts_of_info() {
    let role = |role| Peer { role: Some(role), ..Peer::default() };
    let keys = |keys| Peer { keys: Some(keys), ..Peer::default() };
    for (text, expected) in [
        ("", Peer::default()),
        ("\r\n\r\n", Peer::default()),
        (":", Peer::default()),
        ("role", Peer::default()),
        ("role:", Peer::default()),
        ("role:king\r\n", Peer::default()),
        ("role: master\r\n", Peer::default()),
        ("xrole:master\r\n", Peer::default()),
        ("role:master", role(Role::Master)),
        ("role:replica\n", role(Role::Replica)),
        // of a master there is no master
        (
            "role:master\r\nmaster_host:a\r\nmaster_port:1\r\nmaster_link_status:up",
            role(Role::Master),
        ),
        ("role:slave\r\nmaster_host:a\r\nmaster_port:0\r\n", role(Role::Replica)),
        ("role:slave\r\nmaster_host:a\r\nmaster_port:x\r\n", role(Role::Replica)),
        ("role:slave\r\nmaster_host:\r\nmaster_port:1\r\n", role(Role::Replica)),
        // numbers and ids
        ("master_repl_offset:-1\r\n", Peer::default()),
        ("master_repl_offset:9223372036854775808\r\n", Peer::default()),
        ("master_repl_offset:1e3\r\n", Peer::default()),
        ("master_replid:short\r\n", Peer::default()),
        ("master_replid:0123456789012345678901234567890123456-89\r\n", Peer::default()),
        ("master_replid2:0000000000000000000000000000000000000000\r\n", Peer::default()),
        ("second_repl_offset:-1\r\n", Peer::default()),
        ("repl_backlog_first_byte_offset:5\r\n", Peer::default()),
        ("repl_backlog_active:0\r\nrepl_backlog_first_byte_offset:5\r\n", Peer::default()),
        // keys
        ("# Keyspace", keys(0)),
        ("# Keyspace\r\ndb0:keys=1,expires=0\r\ndb15:expires=0,keys=2\r\n", keys(3)),
        ("db0:keys=4", keys(4)),
        ("# Keyspace\r\ndb0:keys=x\r\ndbx:keys=4\r\ndb-1:keys=4\r\n", keys(0)),
        (
            "db0:keys=9223372036854775807\ndb1:keys=9223372036854775807\ndb2:keys=9223372036854775807",
            keys(u64::MAX),
        ),
        ("loading:1\r\n# Keyspace\r\ndb0:keys=1\r\n", Peer::default()),
        ("loading:0\r\n# Keyspace\r\n", keys(0)),
        // versions
        ("redis_version:\r\n", Peer::default()),
        ("redis_version:7.0 beta\r\n", Peer::default()),
        (
            "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n",
            Peer { version: Some("8.0.1".to_owned()), ..Peer::default() },
        ),
    ] {
        assert_eq!(by_info(text), expected, "{text:?}");
    }
    let long = format!("redis_version:{}\r\n", "7".repeat(65));
    assert_eq!(by_info(&long), Peer::default());
    let bytes = peer(b"*0\r\n", b"$20\r\nrole:master\nid:\xff\xfe\0\xc3\n\r\n");
    assert_eq!(bytes, role(Role::Master));
}

/// The id of its run is that of its stream only where a server has no other.
#[test]
fn ids_of_runs() {
    let run = format!("run_id:{ID}\r\n");
    for (text, has) in [
        ("redis_version:2.8.17\r\nrole:master\r\n", true),
        ("redis_version:3.2.6\r\nrole:slave\r\n", true),
        ("redis_version:3.2.6\r\n", false),
        ("redis_version:4.0.0\r\nrole:master\r\n", false),
        ("role:master\r\n", false),
        ("redis_version:30.1.0\r\nrole:master\r\n", false),
    ] {
        let id = by_info(&format!("{run}{text}")).replid;
        assert_eq!(id, has.then(|| ID.to_owned()), "{text:?}");
    }
}

/// `INFO` comes later, and tells more.
#[test]
fn both_answers() {
    let slave = b"*5\r\n$5\r\nslave\r\n$1\r\na\r\n:7\r\n$9\r\nconnected\r\n:51\r\n";
    let found = peer(slave, &bulk("role:master\r\nmaster_repl_offset:60\r\n"));
    assert_eq!(found, Peer { role: Some(Role::Master), offset: Some(60), ..Peer::default() });
    let found = peer(slave, &bulk("# Keyspace\r\ndb0:keys=1\r\nmaster_repl_offset:60\r\n"));
    let linked = Peer {
        role: Some(Role::Replica),
        master: Some(("a".to_owned(), 7)),
        is_linked: Some(true),
        offset: Some(51),
        ..Peer::default()
    };
    assert_eq!(found, Peer { offset: Some(60), keys: Some(1), ..linked.clone() });
    assert_eq!(peer(slave, &bulk("# Server\r\n")), linked);
}

const SENTINEL: &[u8] = b"*2\r\n$8\r\nsentinel\r\n*2\r\n$2\r\nit\r\n$5\r\nother\r\n";

/// Known at once, by either answer, whatever else is configured.
#[test]
fn sentinels() {
    for read_from in [ReadFrom::Master, ReadFrom::PreferReplica, ReadFrom::Replica] {
        let config = Config { read_from, ..asking_config() };
        for (role, info, says) in [
            (SENTINEL, &b"-ERR no\r\n"[..], "it monitors it other"),
            (b"*2\r\n$8\r\nsentinel\r\n*0\r\n", b"", "it monitors no master"),
            (b"*1\r\n$8\r\nsentinel\r\n", b"", "it monitors no master"),
            (b"-NOPERM no\r\n", &bulk("redis_mode:sentinel\r\n"), "as its INFO says"),
            (b"-NOPERM no\r\n", &bulk("server_mode:sentinel\n"), "as its INFO says"),
        ] {
            let (result, peer) = meet(role, info, config.clone());
            let refusal = result.unwrap_err();
            assert_eq!(
                (refusal.tag(), refusal.heals(), refusal.is_ours()),
                ("sentinel", false, true)
            );
            let text = refusal.to_string();
            for word in ["sentinels", "master_name", says] {
                assert!(text.contains(word), "{text}");
            }
            assert_eq!(peer, None);
        }
    }
}

/// It takes the master's password for its own, and says that it has none.
#[test]
fn a_sentinel_with_the_masters_password() {
    let not_set =
        b"-ERR AUTH <password> called without any password configured for the default user.";
    let to_role = |config: Config| {
        let mut handshake = at(Step::Auth, config);
        assert_eq!(hear(&mut handshake, not_set), Ok(Reply::Wait));
        while handshake.step() != Step::Role {
            assert_eq!(hear(&mut handshake, b"-ERR unknown command"), Ok(Reply::Wait));
        }
        handshake
    };
    let mut handshake = to_role(asking_config());
    assert_eq!(begun(&mut handshake, SENTINEL).unwrap_err().tag(), "sentinel");
    // of all others the first answer counts
    for answer in REFUSED.into_iter().chain([&b"*3\r\n$6\r\nmaster\r\n:51\r\n*0\r\n"[..]]) {
        let refusal = begun(&mut to_role(asking_config()), answer).unwrap_err();
        assert_eq!(refusal.tag(), "password_not_set");
    }
    // also if no other comes
    let refused = to_role(asking_config()).refused().unwrap();
    assert_eq!(refused.tag(), "password_not_set");
}

const MASTER: &str = "role:master\r\n# Keyspace\r\ndb0:keys=1\r\n";
const REPLICA: &str = "role:slave\r\nmaster_host:::1\r\nmaster_port:7\r\nmaster_link_status:up\r\n";

#[test]
fn roles_that_are_read_from() {
    use ReadFrom::{Master, PreferReplica, Replica};
    for (read_from, info, expected) in [
        (Master, MASTER, "go"),
        (Master, REPLICA, "replica"),
        (PreferReplica, MASTER, "go"),
        (PreferReplica, REPLICA, "go"),
        (Replica, MASTER, "master"),
        (Replica, REPLICA, "go"),
        (Master, "", "go"),
        (Replica, "", "go"),
    ] {
        let config = Config { read_from, ..asking_config() };
        let (result, peer) = meet(b"-NOPERM\r\n", &bulk(info), config);
        assert_eq!(outcome(&result), expected, "{read_from:?} {info:?}");
        assert!(peer.is_some());
        if let Err(refusal) = result {
            assert!(refusal.heals() && refusal.is_ours());
            let text = refusal.to_string();
            let says = if expected == "replica" { "of [::1]:7" } else { "a master" };
            assert!(text.contains(says) && text.contains("read_from to"), "{text}");
        }
    }
    // with nothing asked, nothing is refused
    let config = Config { read_from: ReadFrom::Replica, ..bare_config() };
    let mut handshake = at(Step::Version, config);
    assert!(matches!(hear(&mut handshake, b"+OK"), Ok(Reply::Send(_))));
    assert_eq!(handshake.peer(), Some(Peer::default()));
}

/// A full sync that another moment spares: a replica has not got yet what its master has sent.
#[test]
fn replicas_that_are_behind() {
    let replica = |id: &str, offset: u64, link: &str, more: &str| {
        format!(
            "role:slave\r\nmaster_link_status:{link}\r\nmaster_replid:{id}\r\n\
             master_repl_offset:{offset}\r\n\
             repl_backlog_active:1\r\nrepl_backlog_first_byte_offset:1\r\n{more}# Keyspace\r\n"
        )
    };
    let of_other = format!("master_replid2:{ID}\r\nsecond_repl_offset:41\r\ndb0:keys=1\r\n");
    for (info, resume, expected) in [
        (replica(ID, 40, "up", ""), Some(41), "behind"),
        (replica(ID, 40, "up", "db0:keys=1\r\n"), Some(41), "behind"),
        (replica(ID, 41, "up", ""), Some(41), "go"),
        (replica(ID, 42, "up", ""), Some(41), "go"),
        (replica(ID, 40, "up", "db0:keys=1\r\n"), None, "go"),
        // nothing more comes, or offsets do not count on
        (replica(ID, 40, "up", "repl_backlog_active:0\r\ndb0:keys=1\r\n"), Some(41), "go"),
        (replica(ID, 40, "down", ""), Some(41), "go"),
        (replica(OTHER, 40, "up", &of_other), Some(41), "go"),
        (replica(OTHER, 40, "up", ""), Some(41), "empty_master"),
        (replica(ID, 40, "up", "").replace("slave", "master"), Some(41), "empty_master"),
    ] {
        for read_from in [ReadFrom::PreferReplica, ReadFrom::Replica] {
            let resume = resume.map(|offset| Resume { replid: ID.to_owned(), offset });
            let config = Config { read_from, confirm_empty: true, resume, ..asking_config() };
            let (result, _) = meet(b"-NOPERM\r\n", &bulk(&info), config);
            let is_master = info.contains("role:master") && read_from == ReadFrom::Replica;
            let expected = if is_master { "master" } else { expected };
            assert_eq!(outcome(&result), expected, "{info:?}");
            if let Err(refusal) = result {
                assert!(refusal.heals() && refusal.is_ours());
            }
        }
    }
}

/// A full sync of no keys is only accepted where it would be that of the data's own history.
#[test]
fn masters_that_have_lost_their_data() {
    let master =
        |id: &str, more: &str| format!("role:master\r\nmaster_replid:{id}\r\n{more}# Keyspace\r\n");
    let position = |offset| Some(Resume { replid: ID.to_owned(), offset });
    for (info, resume, is_refused) in [
        // another history
        (master(OTHER, ""), position(41), true),
        (master(OTHER, ""), None, true),
        (master(OTHER, "master_repl_offset:100\r\n"), position(41), true),
        (master(OTHER, "db0:keys=1\r\n"), position(41), false),
        // our own, as far as the position
        (master(ID, ""), position(41), false),
        (master(ID, "master_repl_offset:41\r\n"), position(41), false),
        (master(ID, "master_repl_offset:40\r\n"), position(41), true),
        (
            master(OTHER, &format!("master_replid2:{ID}\r\nsecond_repl_offset:42\r\n")),
            position(41),
            false,
        ),
        (
            master(OTHER, &format!("master_replid2:{ID}\r\nsecond_repl_offset:41\r\n")),
            position(41),
            true,
        ),
        (master(OTHER, &format!("master_replid2:{ID}\r\n")), position(41), true),
        // no certain full sync of nothing
        ("role:master\r\n# Keyspace\r\n".to_owned(), position(41), false),
        (format!("role:master\r\nmaster_replid:{OTHER}\r\n"), position(41), false),
        (format!("loading:1\r\n{}", master(OTHER, "")), position(41), false),
        (
            master(OTHER, "master_link_status:down\r\n").replace("master\r\n", "slave\r\n"),
            position(41),
            false,
        ),
        (
            master(OTHER, "master_link_status:up\r\n").replace("master\r\n", "slave\r\n"),
            position(41),
            true,
        ),
    ] {
        for confirm_empty in [true, false] {
            let read_from = ReadFrom::PreferReplica;
            let config =
                Config { read_from, confirm_empty, resume: resume.clone(), ..asking_config() };
            let (result, _) = meet(b"-NOPERM\r\n", &bulk(&info), config);
            let expected = if confirm_empty && is_refused { "empty_master" } else { "go" };
            assert_eq!(outcome(&result), expected, "{info:?} {resume:?}");
            if let Err(refusal) = result {
                assert!(refusal.heals() && refusal.is_ours());
                assert!(refusal.to_string().contains("empty_master_delay"), "{refusal}");
            }
        }
    }
}

/// A node may repeat the password where it should name its master, or a group.
#[test]
fn the_password_is_not_shown() {
    let info = bulk("role:slave\r\nmaster_host:sesame\r\nmaster_port:7\r\n");
    let (result, _) = meet(b"-NOPERM\r\n", &info, asking_config());
    let refusal = result.unwrap_err();
    assert!(refusal.to_string().contains("***:7") && !format!("{refusal:?}").contains("sesame"));
    let sentinel = b"*2\r\n$8\r\nsentinel\r\n*1\r\n$6\r\nsesame\r\n";
    let (result, _) = meet(sentinel, b"", asking_config());
    let refusal = result.unwrap_err();
    assert!(refusal.to_string().contains("***") && !format!("{refusal:?}").contains("sesame"));
}

/// A node is known by the answer to `CLUSTER MYID`; one that does not tell may be followed.
#[test]
fn another_node_of_a_cluster() {
    let id = "b635a2a95e6f4800a71ab628e04ec4587ff6a861";
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    for (answer, is_other) in [
        (bulk(id), false),
        (bulk("2a342689a20a21807d69ebe264ff4651b98fdf5f"), true),
        ("-ERR This instance has cluster support disabled\r\n".to_owned(), false),
        ("-NOPERM this user has no permissions\r\n".to_owned(), false),
    ] {
        let config = Config { node: Some(id.as_bytes().to_vec()), ..asking_config() };
        let mut handshake = at(Step::MyId, config);
        let mut lines = Lines::new();
        lines.feed(answer.as_bytes());
        assert!(matches!(handshake.next(&mut lines), Ok(Some(Reply::Wait))), "{answer}");
        lines.feed(b"*0\r\n");
        match handshake.next(&mut lines) {
            Err(refusal) if is_other => {
                let told = (refusal.tag(), refusal.heals(), refusal.is_ours());
                assert_eq!(told, ("other_node", true, true));
                assert!(refusal.to_string().contains(id) && refusal.text() != id);
            }
            reply => assert!(!is_other && matches!(reply, Ok(Some(Reply::Send(_)))), "{answer}"),
        }
    }
}
