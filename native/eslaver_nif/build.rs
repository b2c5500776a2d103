//! Linker flags of the NIF library. They are here, not in `.cargo/config.toml`, because that
//! file is not read when cargo runs from another directory, nor when `RUSTFLAGS` is set.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let arg = match os.as_str() {
        // `enif_*` is found when the Erlang VM loads the library.
        "macos" => "-Wl,-undefined,dynamic_lookup",
        // A purged module must not take away the code its threads still run.
        "linux" | "freebsd" => "-Wl,-z,nodelete",
        _ => return,
    };
    println!("cargo::rustc-cdylib-link-arg={arg}");
}
