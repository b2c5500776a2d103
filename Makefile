.PHONY: help build demo dashboard shell test check rust ct soak bench fuzz miri asan tsan schedules lint fmt clean

# With jobs, it names a pipe that cargo would not find.
unexport MAKEFLAGS MFLAGS

# The workspace's own, and shared with the fuzz crate, which is none of its members.
export CARGO_TARGET_DIR ?= $(CURDIR)/target

build = $(or $(REBAR_BASE_DIR),_build)
lib = $(build)/default/lib

help:
	@echo 'make demo    a replica at work, with a throw-away master of its own'
	@echo 'make dashboard   a page, on PORT=8080, that shows a replica and a mirror at work; MASTER=6379'
	@echo '             names the port of their master, else they have one of their own'
	@echo 'make test    everything that is checked: format, lints, unit tests, real servers'
	@echo 'make ct      the tests with real servers; SUITES=test/suites/replica/eslaver_resume_SUITE,… chooses'
	@echo 'make elixir  the Elixir packages, where Mix is installed'
	@echo 'make soak    minutes of chance: writes, cuts, failovers, kills, moves of slots; SECONDS=600 and SEED=N choose'
	@echo 'make bench   how fast it is, beside real replicas; RUNS=5 and ONLY=w1-memory,mirror-reads choose;'
	@echo '             SHORT=1 tries the parts of the mirror out'
	@echo 'make fuzz    the decoders with any bytes at all; SECONDS=60 for each and TARGET=rdb choose'
	@echo 'make miri    the core crate and the heap in an interpreter that finds undefined behaviour'
	@echo 'make asan    real masters and a node whose NIF AddressSanitizer watches'
	@echo 'make tsan    the mirror'"'"'s keyspace under ThreadSanitizer'
	@echo 'make schedules   readers beside the writer; who runs next is chosen at each step of the locking'
	@echo 'make shell   an Erlang shell with eslaver in its path, not started; h(eslaver_mirror) explains'
	@echo 'make docs    the documentation as hexdocs shows it, in doc/; needs ex_doc, or hex.pm'
	@echo 'make lint    the checks of make test that run no code'
	@echo 'make check   the checks of make test that need no server'
	@echo 'make deny    licences and known vulnerabilities of the crates; it needs cargo-deny'
	@echo 'make prebuilt    the libraries of a release, for Linux with cargo-zigbuild; TARGETS chooses'
	@echo 'make fmt     formats the Rust and, with erlfmt from hex.pm, the Erlang sources'
	@echo 'make build, make clean'

build:
	@tools/prepare.sh
	@rebar3 compile

demo: build
	@ERL_LIBS=$(lib) escript examples/demo.escript

dashboard: build
	@ERL_LIBS=$(lib) escript examples/dashboard/dashboard.erl $(or $(PORT),8080) $(MASTER)

shell: build
	@tools/docs.sh
	@echo
	@echo 'No master yet? In another terminal:  tools/master.sh 6379'
	@echo 'Then, for example:                   eslaver:start(normal, []).'
	@erl -pa $(lib)/eslaver/ebin

.PHONY: docs
docs: build
	tools/docs.sh html

# The tests of the crates.
rust:
	cargo test --workspace --locked --no-fail-fast
	tools/instructions.sh
	cargo test --locked --manifest-path fuzz/Cargo.toml

# What needs no server. `make test CHECKED=yes' runs all others.
check: lint rust
	rebar3 eunit

test: $(if $(CHECKED),build,check)
	tools/ct.sh $(suites)
	tools/elixir.sh
	test/as_dependency.sh
	test/package.sh

ct: build
	tools/ct.sh $(suites)

suites = $(if $(SUITES),--suite $(SUITES))

.PHONY: elixir
elixir: build
	tools/elixir.sh

soaks = test/suites/replica/eslaver_soak_SUITE,test/suites/mirror/eslaver_mirror_moments_SUITE
soaks := $(soaks),test/suites/failover/eslaver_failover_SUITE
soaks := $(soaks),test/suites/cluster/eslaver_cluster_SUITE
soaks := $(soaks),test/suites/cluster/eslaver_cluster_mirror_SUITE

soak: build
	ESLAVER_SOAK=$(or $(SECONDS),300) $(if $(SEED),ESLAVER_SEED=$(SEED)) \
		rebar3 ct --suite $(soaks)

bench: build
	native/cargo.sh build --release --locked -p eslaver_nif -p eslaver_bench
	mkdir -p $(build)/bench
	erlc -o $(build)/bench bench/*.erl
	bench/run.py $(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY)) $(if $(SHORT),--short)

fuzz:
	tools/fuzz.sh $(or $(SECONDS),60) $(TARGET)

# Those tests that take minutes there, not hours. They leak the texts of their tables.
miri:
	MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks" PROPTEST_CASES=2 \
		cargo +nightly miri test --locked -p eslaver_core \
		$(addprefix --test ,lines position resp glob transfer filter commands) \
		--test handshake --test handshake_refusals \
		$(addprefix --test rdb_,dump limits tables containers random) \
		-- --skip huge --skip any_ --skip many_ --skip changed_ --skip listpacks
	MIRIFLAGS="-Zmiri-permissive-provenance" cargo +nightly miri test --locked -p eslaver_heap

asan: build
	tools/asan.sh

tsan:
	tools/tsan.sh

# It builds the store anew with other locks, so apart from all else.
schedules:
	RUSTFLAGS="--cfg shuttle" CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/schedules \
		cargo test --locked -p eslaver_store --test schedules

lint: build
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --all-targets --locked -- -D warnings
	tools/erlfmt.sh --check
	tools/circles.escript
	rebar3 xref
	rebar3 dialyzer

fmt:
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	tools/erlfmt.sh
	if command -v mix >/dev/null; then for d in elixir broadway; do (cd $$d && mix format); done; fi

.PHONY: deny prebuilt
deny:
	cargo deny --locked check
	cargo deny --locked --manifest-path fuzz/Cargo.toml --config deny.toml check

prebuilt:
	tools/prebuilt.sh prebuilt $(TARGETS)

clean:
	rm -rf _build target priv doc prebuilt elixir/_build broadway/_build
