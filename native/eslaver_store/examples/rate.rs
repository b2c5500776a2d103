//! rate
use eslaver_core::commands::Learned;
use eslaver_store::*;
use std::sync::Arc;
use std::time::Instant;
struct Nul(usize);
impl Reply for Nul {
    fn atom(&mut self, _: &'static str) {}
    fn int(&mut self, _: i64) {}
    fn unsigned(&mut self, _: u64) {}
    fn float(&mut self, _: f64) {}
    fn bytes(&mut self, v: &[u8]) {
        self.0 += v.len()
    }
    fn pieces<'p>(&mut self, _: usize, _: &mut dyn Iterator<Item = &'p [u8]>) {}
    fn begin(&mut self) {}
    fn end_list(&mut self) {}
    fn end_tuple(&mut self) {}
    fn end_map(&mut self) {}
}
fn rss() -> usize {
    std::fs::read_to_string("/proc/self/statm")
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 4096
}
fn main() {
    for (n, len) in [(1_000_000usize, 20usize), (1_000_000, 100), (300_000, 1000)] {
        let base = rss();
        let store = Arc::new(Store::new());
        let mut w = Writer::new(store.clone(), Learned::default(), None);
        let keys: Vec<Vec<u8>> = (0..n).map(|i| format!("key:{i:012}").into_bytes()).collect();
        let base2 = rss();
        let v = vec![b'x'; len];
        for round in 0..2 {
            let t = Instant::now();
            for k in &keys {
                w.apply(&[Command { db: 0, name: b"set", args: &[k, &v] }], 0, |_, _| {});
            }
            println!(
                "{len} round {round}: {:.0} ns/set, {} B/key",
                t.elapsed().as_nanos() as f64 / n as f64,
                (rss() - base2) / n
            );
        }
        let q = Queries::default();
        let mut nul = Nul(0);
        let t = Instant::now();
        for k in &keys {
            let r = Reader::new(&store, 0, 0, Patience::Short);
            q.answer(&r, "get", &[Arg::Bytes(k)], &mut nul).unwrap();
        }
        println!("get {:.0} ns {} {base}", t.elapsed().as_nanos() as f64 / n as f64, nul.0);
    }
}
