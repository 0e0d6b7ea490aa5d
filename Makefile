# The commands of this repository, each a line or two. They do their whole set-up.
.PHONY: run test test-docs check bench demo nats

run: nats
	cargo build --release
	cargo run --release --quiet -- serve

test: nats
	cargo test --workspace

test-docs: nats
	cargo build
	.ci/docs

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	.ci/dependencies

bench: nats
	cargo bench --package jetsource

demo:
	cargo build --release
	python3 deploy/demo/online_retail.py >target/online-retail.ndjson
	cargo run --release --quiet -- import target/online-retail.ndjson

nats:
	sh deploy/get-nats-server.sh
