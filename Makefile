# The commands of this repository, each a line or two. They do their whole set-up.
.PHONY: run test test-docs test-examples test-specs test-deploy cluster check bench bench-data bench-export bench-listeners bench-store bench-views soak demo nats

# How the program comes about that is tested from outside; `BUILD=true` takes the one that is there.
BUILD ?= cargo build

run: nats
	cargo build --release
	cargo run --release --quiet -- serve

test: nats
	cargo test --workspace

test-docs: nats
	$(BUILD)
	.ci/docs

test-examples: nats
	$(BUILD)
	.ci/examples

test-specs: nats
	$(BUILD)
	.ci/specifications

test-deploy: nats
	$(BUILD)
	.ci/deploy

# The whole deployment on this machine: three servers, two API nodes, two workers of each kind.
cluster: nats
	cargo build --release
	JETSOURCE=$${CARGO_TARGET_DIR:-target}/release/jetsource python3 deploy/cluster/up.py

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	.ci/dependencies

bench: nats
	cargo bench --package jetsource --bench commands
	cargo bench --package jetsource --bench checkouts

bench-listeners: nats
	cargo bench --package jetsource --bench listeners

# LOG=FOLDER names a data folder that holds a log; bench-data makes one of a million events.
bench-export: nats
	cargo build --release
	docs/benchmarks/export-import.sh $(LOG)

# Over a log of a million events, which bench-data makes when it is not there; PARTS=build,pages chooses some of it.
bench-views: nats
	FSYNC=on .ci/postgres cargo bench --package jetsource --bench read_models

bench-data: nats
	cargo bench --package jetsource --bench read_models -- --data

# Beside UmaDB and postgres-es, whose client and servers it sets up first; PostgreSQL 15 must be there.
bench-store: nats
	docs/benchmarks/peers/setup.sh
	cargo bench --package event-store --bench store

# Ten minutes on three servers, of which one is killed a hundred times; a hundred power cuts with each staging; workers,
# rebuilds and switches of read models killed two hundred times each; a long storm of network faults. SEED=… draws the first again.
soak: export SOAK_SECONDS ?= 600
soak: export SOAK_KILLS ?= 100
soak: nats
	cargo test --package event-store --test soak -- --nocapture
	JETSOURCE_POWER_CUTS=100 cargo test --package event-store --test store power -- --nocapture
	CHECKOUTS=20000 CHECKOUT_KILLS=100 cargo test --package jetsource --test checkouts -- --nocapture
	VIEW_KILLS=200 cargo test --package jetsource --test projections crashes -- --nocapture
	VIEW_KILLS=200 .ci/postgres cargo test --package jetsource --test projections crashes -- --nocapture --test-threads 3
	JETSOURCE_STORM_COMMANDS=100000 cargo test --package event-store --test store storm -- --nocapture

demo:
	cargo build --release
	python3 deploy/demo/online_retail.py >target/online-retail.ndjson
	cargo run --release --quiet -- import target/online-retail.ndjson

nats:
	sh deploy/get-nats-server.sh
