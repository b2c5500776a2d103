//! A library is never unloaded while its threads run: the one that drops what is out of reach does
//! for good. macOS keeps a library with thread-local variables in any case.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if matches!(std::env::var("CARGO_CFG_TARGET_OS").as_deref(), Ok("linux" | "freebsd")) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
