//! Sorted sets and positions, written by commands and read by queries.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Dialect, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Family, Status};
use eslaver_store::{
    Answer, Arg, Command, Loader, Patience, Queries, ReadError, Reader, Refusal, Save, Store, Tree,
    Writer,
};

struct Mirror {
    store: Arc<Store>,
    writer: Writer,
}

impl Mirror {
    fn new() -> Self {
        let store = Arc::new(Store::new());
        let writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        Self { store, writer }
    }

    /// Applies a command, whose words are parted by single spaces.
    fn run(&mut self, command: &str) {
        assert_eq!(self.try_run(command), None, "{command}");
    }

    fn try_run(&mut self, command: &str) -> Option<Refusal> {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let mut refused = None;
        let command = Command { db: 0, name: words[0], args: &words[1..] };
        self.writer.apply(&[command], 0, |_, refusal| refused = Some(refusal));
        refused
    }

    /// What is loaded of the file that it saves.
    fn saved(&self) -> Self {
        let mut rdb = RdbWriter::new(Dialect::new(Family::Redis, 10).unwrap(), Vec::new());
        Save::begin(&self.store).unwrap().write_all(&mut rdb).unwrap();
        let mirror = Self::new();
        let mut loader = Loader::new(Arc::clone(&mirror.store), None);
        let mut decoder = Decoder::new();
        decoder.feed(&rdb.finish().unwrap());
        while let Status::Event = decoder.next(&mut loader).unwrap() {}
        assert!(loader.problems().is_empty());
        mirror
    }

    fn read(&self, name: &str, args: &[Arg<'_>]) -> Result<Answer, ReadError> {
        let reader = Reader::new(&self.store, 0, 0, Patience::Long);
        let mut tree = Tree::default();
        Queries::default().answer(&reader, name, args, &mut tree)?;
        Ok(tree.into_answer().unwrap())
    }

    fn zrange(&self, key: &str, start: Arg<'_>, stop: Arg<'_>, options: [Arg<'_>; 3]) -> String {
        let [by, rev, limit] = options;
        let args = [Arg::Bytes(key.as_bytes()), start, stop, by, rev, limit, Arg::Atom("true")];
        show(&self.read("zrange", &args).unwrap())
    }

    /// All members of a sorted set, with their scores.
    fn all(&self, key: &str) -> String {
        let options = [Arg::Atom("index"), Arg::Atom("false"), Arg::Atom("none")];
        self.zrange(key, Arg::Int(0), Arg::Int(-1), options)
    }

    fn ask(&self, name: &str, args: &[Arg<'_>]) -> String {
        show(&self.read(name, args).unwrap())
    }
}

/// An answer as Erlang would print it.
fn show(answer: &Answer) -> String {
    let all = |parts: &[Answer]| parts.iter().map(show).collect::<Vec<_>>().join(",");
    match answer {
        Answer::Atom(name) => (*name).to_owned(),
        Answer::Int(value) => value.to_string(),
        Answer::Float(value) => format!("{value:?}"),
        Answer::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Answer::List(parts) => format!("[{}]", all(parts)),
        Answer::Tuple(parts) => format!("{{{}}}", all(parts)),
        Answer::Map(pairs) => {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(key, value)| format!("{}=>{}", show(key), show(value)))
                .collect();
            format!("#{{{}}}", pairs.join(","))
        }
    }
}

fn bytes(text: &str) -> Arg<'_> {
    Arg::Bytes(text.as_bytes())
}

fn list<'a>(words: &[&'a str]) -> Arg<'a> {
    Arg::List(words.iter().map(|word| bytes(word)).collect())
}

fn exclusive(bound: Arg<'_>) -> Arg<'_> {
    Arg::Tuple(vec![Arg::Atom("exclusive"), bound])
}

fn inclusive(bound: Arg<'_>) -> Arg<'_> {
    Arg::Tuple(vec![Arg::Atom("inclusive"), bound])
}

#[test]
fn commands_change_sorted_sets() {
    for (commands, wanted) in [
        (&["zadd k 2 b 1 a 1.5 c"][..], "[{a,1.0},{c,1.5},{b,2.0}]"),
        (&["zadd k 1 a", "zadd k 3 a 1 b"], "[{b,1.0},{a,3.0}]"),
        (&["zadd k 1 a", "zadd k nx 3 a 1 b"], "[{a,1.0},{b,1.0}]"),
        (&["zadd k 1 a", "zadd k XX 3 a 1 b"], "[{a,3.0}]"),
        (&["zadd k 2 a 2 b", "zadd k gt ch 1 a 3 b 1 c"], "[{c,1.0},{a,2.0},{b,3.0}]"),
        (&["zadd k 2 a 2 b", "zadd k lt 1 a 3 b 1 c"], "[{a,1.0},{c,1.0},{b,2.0}]"),
        (&["zadd k 2 a", "zadd k xx incr 3 a"], "[{a,5.0}]"),
        (&["zadd k 2 a", "zadd k gt incr -3 a"], "[{a,2.0}]"),
        (&["zadd k xx 3 a"], "[]"),
        (&["zadd k -0 a +inf b -inf c"], "[{c,-inf},{a,-0.0},{b,inf}]"),
        (&["zincrby k 2.5 a", "zincrby k -1 a"], "[{a,1.5}]"),
        (&["zadd k 1 a 2 b 3 c", "zrem k b x"], "[{a,1.0},{c,3.0}]"),
        (&["zadd k 1 a", "zrem k a"], "[]"),
        (&["zadd k 1 a 2 b 3 c 4 d", "zremrangebyrank k 1 -2"], "[{a,1.0},{d,4.0}]"),
        (&["zadd k 1 a 2 b 3 c 4 d", "zremrangebyscore k (1 3"], "[{a,1.0},{d,4.0}]"),
        (&["zadd k 1 a 2 b 3 c 4 d", "zremrangebyscore k -inf +inf"], "[]"),
        (&["zadd k 0 a 0 b 0 c 0 d", "zremrangebylex k (a [c"], "[{a,0.0},{d,0.0}]"),
        (&["zadd k 1 a 2 b 3 c 4 d", "zremrangebylex k [b (d"], "[{a,1.0},{d,4.0}]"),
        (&["zadd k 0 a 0 b", "zremrangebylex k - +"], "[]"),
        (&["zadd k 1 a 2 b 3 c", "zpopmin k"], "[{b,2.0},{c,3.0}]"),
        (&["zadd k 1 a 2 b 3 c", "zpopmax k 2"], "[{a,1.0}]"),
        (&["zadd k 1 a 2 b", "bzpopmin none k 0"], "[{b,2.0}]"),
        (&["zadd k 1 a 2 b", "bzpopmax none k 0"], "[{a,1.0}]"),
        (&["zadd k 1 a 2 b 3 c", "zmpop 2 none k MAX COUNT 2"], "[{a,1.0}]"),
        (&["zadd k 1 a 2 b", "bzmpop 0 1 k min"], "[{b,2.0}]"),
        (&["zadd f 1 a 2 b", "zadd k 9 b", "zmove f k max"], "[{b,2.0}]"),
        (&["zadd f 1 a 2 b", "bzmove f k MIN 0"], "[{a,1.0}]"),
        (&["zadd f 1 a 2 b", "zadd k 9 a", "zmovemember f k a"], "[{a,1.0}]"),
        (&["zadd f 1 a 2 b 3 c", "zrangestore k f 1 2"], "[{b,2.0},{c,3.0}]"),
        (&["zadd f 1 a 2 b 3 c", "zrangestore k f 0 0 rev"], "[{c,3.0}]"),
        (&["zadd f 1 a 2 b 3 c", "zrangestore k f (1 3 byscore limit 1 5"], "[{c,3.0}]"),
        (&["zadd f 1 a 2 b 3 c", "zrangestore k f 3 1 byscore rev limit 0 1"], "[{c,3.0}]"),
        (&["zadd f 1 a 1 b 1 c", "zrangestore k f [b + bylex"], "[{b,1.0},{c,1.0}]"),
        (&["zadd k 1 a", "zrangestore k none 0 -1"], "[]"),
        (&["zadd a 1 x 2 y", "zadd b 3 y 4 z", "zunionstore k 2 a b"], "[{x,1.0},{z,4.0},{y,5.0}]"),
        (
            &["zadd a 1 x 2 y", "zadd b 3 y 4 z", "zunionstore k 2 a b weights 2 -1 aggregate min"],
            "[{z,-4.0},{y,-3.0},{x,2.0}]",
        ),
        (
            &["zadd a 1 x 2 y", "sadd b y z", "zunionstore k 3 a b none AGGREGATE MAX"],
            "[{x,1.0},{z,1.0},{y,2.0}]",
        ),
        (&["zadd a 1 x 2 y", "zadd b 3 y", "zinterstore k 2 a b weights 1 10"], "[{y,32.0}]"),
        (
            &["zadd a 1 x 2 y", "zadd b 3 y", "zinterstore k 2 a b aggregate count weights 5 6"],
            "[{y,11.0}]",
        ),
        (&["zadd a inf x", "zadd b -inf x", "zinterstore k 2 a b"], "[{x,0.0}]"),
        (&["zadd a inf x", "zunionstore k 1 a weights 0"], "[{x,0.0}]"),
        (&["zadd a 1 x 2 y", "sadd b y", "zdiffstore k 2 a b"], "[{x,1.0}]"),
        (&["zadd k 1 x", "zadd b 3 x", "zdiffstore k 2 k b"], "[]"),
        (
            &["geoadd k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"],
            "[{Palermo,3479099956230698.0},{Catania,3479447370796909.0}]",
        ),
        (&["geoadd k xx ch 13.361389 38.115556 Palermo"], "[]"),
    ] {
        let mut mirror = Mirror::new();
        commands.iter().for_each(|command| mirror.run(command));
        assert_eq!(mirror.all("k"), wanted, "{commands:?}");
    }
}

/// What no master sends, or what depends on how it stores a value: the key is then unknown.
#[test]
fn what_is_not_certain_is_refused() {
    for (commands, refused) in [
        (&["zadd k 1 c 2 a 3 b"][..], "zremrangebylex k [b [c"),
        (&["zadd f 1 c 2 a 3 b"], "zrangestore k f [b [c bylex"),
        (&["zadd f 1 a 2 b"], "zrangestore k f 1 2 byscore limit -1 1"),
        (&["zadd k inf a"], "zincrby k -inf a"),
        (&["zadd k 1 a"], "zadd k nan a"),
        (&["zadd k 1 a"], "zadd k 1 a 2"),
        (&[], "zrem k a"),
        (&[], "zpopmin k"),
        (&["set k value"], "zadd k 1 a"),
        (&["set f value"], "zunionstore k 1 f"),
        (
            &["geoadd f 10 20 a 10 20 b"],
            "geosearchstore k f fromlonlat 10 20 byradius 1 km count 1",
        ),
        (&["geoadd f 10 20 a"], "geosearchstore k f frommember x byradius 1 km"),
    ] {
        let mut mirror = Mirror::new();
        commands.iter().for_each(|command| mirror.run(command));
        assert!(mirror.try_run(refused).is_some(), "{refused}");
        assert_eq!(mirror.read("zcard", &[bytes("k")]), Err(ReadError::Unknown), "{refused}");
    }
    let mut mirror = Mirror::new();
    mirror.run("zadd k 1 a 2 b");
    mirror.run("zrangestore k k 3 4 byscore limit -1 1");
    assert_eq!(mirror.all("k"), "[]");
}

#[test]
fn members_are_read() {
    let mut mirror = Mirror::new();
    mirror.run("zadd k 1 a 2 b 3 c inf d -inf e");
    mirror.run("set s value");
    let (key, undefined) = (|| bytes("k"), "undefined");
    for (name, args, wanted) in [
        ("zcard", vec![key()], "5"),
        ("zcard", vec![bytes("none")], "0"),
        ("zscore", vec![key(), bytes("b")], "2.0"),
        ("zscore", vec![key(), bytes("d")], "inf"),
        ("zscore", vec![key(), bytes("x")], undefined),
        ("zmscore", vec![key(), list(&["e", "x", "a"])], "[-inf,undefined,1.0]"),
        ("zmscore", vec![bytes("none"), list(&["a"])], "[undefined]"),
        ("zrank", vec![key(), bytes("a")], "1"),
        ("zrevrank", vec![key(), bytes("a")], "3"),
        ("zrank_withscore", vec![key(), bytes("e")], "{0,-inf}"),
        ("zrevrank_withscore", vec![key(), bytes("b")], "{2,2.0}"),
        ("zrank", vec![key(), bytes("x")], undefined),
        ("zrank", vec![bytes("none"), bytes("x")], undefined),
        ("zcount", vec![key(), Arg::Int(1), exclusive(Arg::Float(3.0))], "2"),
        ("zcount", vec![key(), exclusive(Arg::Atom("-inf")), Arg::Atom("inf")], "4"),
        ("zcount", vec![key(), Arg::Int(3), Arg::Int(1)], "0"),
        ("zrandmember", vec![bytes("none")], undefined),
        ("zrandmember_count", vec![bytes("none"), Arg::Int(-3)], "[]"),
        ("zintercard", vec![list(&["k", "k"]), Arg::Int(0)], "5"),
        ("zintercard", vec![list(&["k", "k"]), Arg::Int(3)], "3"),
        ("zintercard", vec![list(&["k", "none"]), Arg::Int(0)], "0"),
    ] {
        assert_eq!(mirror.ask(name, &args), wanted, "{name} {args:?}");
    }
    for name in ["zcard", "zrandmember"] {
        assert_eq!(mirror.read(name, &[bytes("s")]), Err(ReadError::WrongType));
    }
    let union = [list(&["k", "s"]), Arg::Atom("none"), Arg::Atom("sum"), Arg::Atom("true")];
    assert_eq!(mirror.read("zunion", &union), Err(ReadError::WrongType));
}

#[test]
fn ranges_are_read() {
    let mut mirror = Mirror::new();
    mirror.run("zadd k 1 a 2 b 3 c 4 d");
    mirror.run("zadd l 0 a 0 b 0 c 0 d");
    let (index, score, lex) = (Arg::Atom("index"), Arg::Atom("score"), Arg::Atom("lex"));
    let (no, yes, none) = (Arg::Atom("false"), Arg::Atom("true"), Arg::Atom("none"));
    let limit = |offset, count| Arg::Tuple(vec![Arg::Int(offset), Arg::Int(count)]);
    for (key, start, stop, by, rev, limit, wanted) in [
        ("k", Arg::Int(1), Arg::Int(2), &index, &no, &none, "[{b,2.0},{c,3.0}]"),
        ("k", Arg::Int(0), Arg::Int(1), &index, &yes, &none, "[{d,4.0},{c,3.0}]"),
        ("k", Arg::Int(2), Arg::Float(3.5), &score, &no, &none, "[{b,2.0},{c,3.0}]"),
        ("k", Arg::Atom("inf"), exclusive(Arg::Int(2)), &score, &yes, &none, "[{d,4.0},{c,3.0}]"),
        ("k", Arg::Atom("inf"), Arg::Int(1), &score, &yes, &limit(1, 2), "[{c,3.0},{b,2.0}]"),
        ("l", exclusive(bytes("a")), Arg::Atom("+"), &lex, &no, &limit(0, 2), "[{b,0.0},{c,0.0}]"),
        ("l", inclusive(bytes("c")), Arg::Atom("-"), &lex, &yes, &limit(0, 2), "[{c,0.0},{b,0.0}]"),
        ("none", Arg::Int(0), Arg::Int(-1), &index, &no, &none, "[]"),
    ] {
        let options = [by.clone(), rev.clone(), limit.clone()];
        assert_eq!(mirror.zrange(key, start, stop, options), wanted);
    }
    let count = [bytes("l"), exclusive(bytes("a")), inclusive(bytes("c"))];
    assert_eq!(mirror.ask("zlexcount", &count), "2");
    let args = [bytes("k"), Arg::Int(0), Arg::Int(0), index, no.clone(), none, no];
    assert_eq!(mirror.ask("zrange", &args), "[a]");
}

/// Large sorted sets, and commands with enough members that a copy is changed.
#[test]
fn many_members_are_kept() {
    let mut mirror = Mirror::new();
    let members =
        |from: u32, to: u32| (from..to).map(|n| format!(" {} m{n}", n % 1000)).collect::<String>();
    let range = |start, stop| {
        let mut args = vec![bytes("k"), Arg::Int(start), Arg::Int(stop), Arg::Atom("index")];
        args.extend([Arg::Atom("false"), Arg::Atom("none"), Arg::Atom("false")]);
        args
    };
    let card = |mirror: &Mirror| mirror.ask("zcard", &[bytes("k")]);
    mirror.run(&format!("zadd k{}", members(0, 3000)));
    mirror.run("zadd k 5 one");
    mirror.run(&format!("zadd k{}", members(3000, 5000)));
    assert_eq!(card(&mirror), "5001");
    assert_eq!(mirror.ask("zrange", &range(0, 1)), "[m0,m1000]");
    assert_eq!(mirror.ask("zrange", &range(-1, -1)), "[m999]");
    let Answer::List(all) = mirror.read("zrange", &range(0, -1)).unwrap() else { panic!() };
    assert_eq!(all.len(), 5001);
    let short = Reader::new(&mirror.store, 0, 0, Patience::Short);
    let mut tree = Tree::default();
    let answer = Queries::default().answer(&short, "zrange", &range(0, -1), &mut tree);
    assert_eq!(answer, Err(ReadError::TakesLong));
    mirror.run("zremrangebyscore k 100 (900");
    assert_eq!(card(&mirror), "1001");
    mirror.run("zremrangebyrank k 10 -11");
    assert_eq!(card(&mirror), "20");
    mirror.run("zunionstore k 2 k k");
    assert_eq!(mirror.ask("zrange", &range(-1, -1)), "[m999]");
    mirror.run("zremrangebyrank k 0 -1");
    assert_eq!(card(&mirror), "0");
}

#[test]
fn sorted_sets_are_saved_and_loaded() {
    let mut mirror = Mirror::new();
    let members = |from: u32, to: u32| {
        (from..to).map(|n| format!(" {} m{n}", f64::from(n % 7) / 10.0)).collect::<String>()
    };
    mirror.run("zadd small inf a -inf b 0.1 c 0.1 1");
    mirror.run(&format!("zadd packed{}", members(0, 128)));
    mirror.run(&format!("zadd large{}", members(0, 500)));
    mirror.run(&format!("zadd long 1 a 2 {}", "x".repeat(100)));
    let mut loaded = mirror.saved();
    for key in ["small", "packed", "large", "long"] {
        assert_eq!(loaded.all(key), mirror.all(key));
    }
    loaded.run("zincrby large -5 m77");
    loaded.run("zincrby packed -5 m77");
    assert!(loaded.all("large").starts_with("[{m77,-5.0},"));
    assert!(loaded.all("packed").starts_with("[{m77,-5.0},"));
}

#[test]
fn random_members_are_members() {
    let mut mirror = Mirror::new();
    for members in [5usize, 300] {
        let all: String = (0..members).map(|n| format!(" {n} {n}")).collect();
        mirror.run(&format!("zadd k{all}"));
        for (count, wanted) in [(2, 2), (1000, members), (-7, 7), (-1000, 1000), (0, 0)] {
            let args = [bytes("k"), Arg::Int(count)];
            let Answer::List(mut found) = mirror.read("zrandmember_withscores", &args).unwrap()
            else {
                panic!()
            };
            assert_eq!(found.len(), wanted);
            for pair in &found {
                let Answer::Tuple(pair) = pair else { panic!() };
                assert_eq!(show(&pair[1]), show(&pair[0]) + ".0");
            }
            found.sort_by_key(show);
            found.dedup();
            if count >= 0 {
                assert_eq!(found.len(), wanted);
            }
        }
        let Answer::Bytes(_) = mirror.read("zrandmember", &[bytes("k")]).unwrap() else { panic!() };
    }
}

/// A scan finds what keeps its score.
#[test]
fn scans_find_what_stays() {
    for members in [100usize, 500] {
        let mut mirror = Mirror::new();
        let all: String = (0..members).map(|n| format!(" {} {n}", n % 7)).collect();
        mirror.run(&format!("zadd k{all}"));
        let (mut cursor, mut found) = (Answer::Int(0), Vec::new());
        loop {
            let at = match &cursor {
                Answer::Tuple(parts) => match parts.as_slice() {
                    [Answer::Float(score), Answer::Bytes(member)] => {
                        Arg::Tuple(vec![Arg::Float(*score), Arg::Bytes(member)])
                    }
                    _ => panic!(),
                },
                _ => Arg::Int(0),
            };
            let args = [bytes("k"), at, Arg::Atom("any"), Arg::Int(30)];
            let Answer::Tuple(mut answer) = mirror.read("zscan", &args).unwrap() else { panic!() };
            let Some(Answer::List(pairs)) = answer.pop() else { panic!() };
            let Some(next) = answer.pop() else { panic!() };
            assert!(pairs.len() <= 30);
            let last = pairs.last().unwrap();
            let Answer::Tuple(last) = last else { panic!() };
            mirror.run(&format!("zrem k {}", show(&last[0])));
            mirror.run("zadd k -1 new");
            found.extend(pairs.iter().map(show));
            cursor = next;
            if cursor == Answer::Int(0) {
                break;
            }
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), members);
    }
    let mut mirror = Mirror::new();
    mirror.run("zadd k 1 one 2 two 3 three");
    let args = [bytes("k"), Arg::Int(0), bytes("t*"), Arg::Int(10)];
    assert_eq!(mirror.ask("zscan", &args), "{0,[{two,2.0},{three,3.0}]}");
    let args = [bytes("none"), Arg::Int(0), Arg::Atom("any"), Arg::Int(10)];
    assert_eq!(mirror.ask("zscan", &args), "{0,[]}");
}

#[test]
fn combinations_are_read() {
    let mut mirror = Mirror::new();
    mirror.run("zadd a 1 x 2 y");
    mirror.run("zadd b 3 y 4 z");
    mirror.run("sadd s y w");
    let (none, sum, yes, no) =
        (Arg::Atom("none"), Arg::Atom("sum"), Arg::Atom("true"), Arg::Atom("false"));
    let keys = list(&["a", "b", "s", "missing"]);
    let args = [keys, none.clone(), sum.clone(), yes.clone()];
    assert_eq!(mirror.ask("zunion", &args), "[{w,1.0},{x,1.0},{z,4.0},{y,6.0}]");
    let weights = Arg::List(vec![Arg::Int(2), Arg::Float(0.5), Arg::Atom("inf")]);
    let args = [list(&["a", "b", "s"]), weights, Arg::Atom("max"), yes.clone()];
    assert_eq!(mirror.ask("zinter", &args), "[{y,inf}]");
    let args = [list(&["a", "b"]), none, sum, no.clone()];
    assert_eq!(mirror.ask("zinter", &args), "[y]");
    assert_eq!(mirror.ask("zdiff", &[list(&["a", "s"]), yes]), "[{x,1.0}]");
    assert_eq!(mirror.ask("zdiff", &[list(&["missing", "s"]), no]), "[]");
}

#[test]
fn positions_are_read_and_stored() {
    let mut mirror = Mirror::new();
    mirror.run("geoadd k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.5 41.9 Roma");
    mirror.run("zadd k inf far");
    let names = || list(&["Palermo", "far", "x"]);
    assert_eq!(
        mirror.ask("geopos", &[bytes("k"), names()]),
        "[{13.361389338970184,38.1155563954963},undefined,undefined]"
    );
    assert_eq!(mirror.ask("geohash", &[bytes("k"), names()]), "[sqc8b49rny0,undefined,undefined]");
    let dist = |one, other, unit| [bytes("k"), bytes(one), bytes(other), Arg::Atom(unit)];
    let km = mirror.ask("geodist", &dist("Palermo", "Catania", "km"));
    assert_eq!(&km[..12], "166.27415156");
    assert_eq!(mirror.ask("geodist", &dist("Palermo", "x", "m")), "undefined");

    let lonlat = || Arg::Tuple(vec![Arg::Atom("lonlat"), Arg::Int(15), Arg::Float(37.0)]);
    let member = |name| Arg::Tuple(vec![Arg::Atom("member"), bytes(name)]);
    let radius = || Arg::Tuple(vec![Arg::Atom("radius"), Arg::Int(200), Arg::Atom("km")]);
    let wide =
        || Arg::Tuple(vec![Arg::Atom("box"), Arg::Int(1200), Arg::Int(1200), Arg::Atom("km")]);
    let corner = |x, y| Arg::Tuple(vec![Arg::Int(x), Arg::Int(y)]);
    let polygon = || {
        let corners = vec![corner(12, 37), corner(16, 37), corner(14, 39)];
        Arg::Tuple(vec![Arg::Atom("polygon"), Arg::List(corners)])
    };
    let none = || Arg::Atom("none");
    let all = || Arg::Atom("infinity");
    let any = |count| Arg::Tuple(vec![Arg::Int(count), Arg::Atom("any")]);
    let with = |names: &[&'static str]| Arg::List(names.iter().map(|n| Arg::Atom(n)).collect());
    for (from, by, order, count, wanted) in [
        (lonlat(), radius(), "asc", all(), "[Catania,Palermo]"),
        (lonlat(), radius(), "desc", all(), "[Palermo,Catania]"),
        (lonlat(), radius(), "none", Arg::Int(1), "[Catania]"),
        (lonlat(), wide(), "asc", all(), "[Catania,Palermo,Roma]"),
        (lonlat(), wide(), "desc", Arg::Int(1), "[Roma]"),
        (member("Palermo"), radius(), "asc", all(), "[Palermo,Catania]"),
        (member("x"), radius(), "asc", all(), "{error,no_member}"),
        (member("far"), radius(), "asc", all(), "{error,no_member}"),
        (none(), polygon(), "asc", all(), "[Palermo,Catania]"),
    ] {
        let args = [bytes("k"), from, by, Arg::Atom(order), count, with(&[])];
        assert_eq!(mirror.ask("geosearch", &args), wanted, "{args:?}");
    }
    let args = [bytes("k"), lonlat(), radius(), none(), any(1), with(&[])];
    let Answer::List(one) = mirror.read("geosearch", &args).unwrap() else { panic!() };
    assert_eq!(one.len(), 1);
    let args =
        [bytes("k"), lonlat(), radius(), Arg::Atom("asc"), Arg::Int(1), with(&["dist", "hash"])];
    let found = mirror.ask("geosearch", &args);
    assert!(found.starts_with("[{Catania,#{dist=>56.4412"), "{found}");
    assert!(found.ends_with(",hash=>3479447370796909}}]"), "{found}");
    let args = [bytes("none"), lonlat(), radius(), none(), all(), with(&[])];
    assert_eq!(mirror.ask("geosearch", &args), "[]");

    for (command, wanted) in [
        (
            "geosearchstore t k fromlonlat 15 37 byradius 200 km asc count 1",
            "[{Catania,3479447370796909.0}]",
        ),
        (
            "georadius k 15 37 200 km store t",
            "[{Palermo,3479099956230698.0},{Catania,3479447370796909.0}]",
        ),
        ("georadius k 15 37 1 km store t", "[]"),
        ("georadius k 15 37 1 km withdist", "[]"),
        ("georadiusbymember k Palermo 1 km store t", "[{Palermo,3479099956230698.0}]"),
        ("geosearchstore t none fromlonlat 15 37 bybox 1 1 km", "[]"),
        (
            "geosearchstore t k bypolygon 3 12 37 16 37 14 39 count 1 any",
            "[{Palermo,3479099956230698.0}]",
        ),
    ] {
        mirror.run(command);
        assert_eq!(mirror.all("t"), wanted, "{command}");
    }
    mirror.run("geosearchstore t k frommember Palermo byradius 200 km storedist");
    assert!(mirror.all("t").starts_with("[{Palermo,0.0},{Catania,166.2741"), "{}", mirror.all("t"));
}
