# Two commands: `make run` builds and serves, `make test` tests. Each installs what it needs and says so.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/lakebed/target
CARGO_HOME ?= $(HOME)/.cargo

# Cargo links the RocksDB that build-rocksdb.sh compiles, which all profiles and all checkouts of this user share.
rocksdb = folder=$$(./build-rocksdb.sh) && export ROCKSDB_LIB_DIR=$$folder ROCKSDB_STATIC=1
cargo = $(rocksdb) && cargo

.PHONY: run install test test-loaded check fix lint env fresh

# Checkouts share the target folder for what they depend on. Cargo would take another checkout's build of these crates for this
# one's where the files here are older, so they are made newer when the checkout changes.
fresh:
	@mkdir -p $(CARGO_TARGET_DIR); if [ "$$(cat $(CARGO_TARGET_DIR)/checkout 2>/dev/null)" != "$(CURDIR)" ]; then \
	find . -name '*.rs' -not -path '*/target/*' -exec touch {} + && echo "$(CURDIR)" > $(CARGO_TARGET_DIR)/checkout; fi

# Serves on 127.0.0.1:8000 with its data under ./data. Settings: make run ARGS="--listen 127.0.0.1:9000"
run: install
	exec $(CARGO_HOME)/bin/lakebed run --data-dir ./data $(ARGS)

# Puts the `lakebed` command beside cargo, which is on the PATH where Rust is.
install: fresh
	./install-system-packages.sh
	$(cargo) build --locked --release --bin lakebed
	install -D -m 755 $(CARGO_TARGET_DIR)/release/lakebed $(CARGO_HOME)/bin/lakebed
	@echo "Installed lakebed to $(CARGO_HOME)/bin/lakebed"

# What tests with real clients and emulators need.
clients = clients=$$(tests/clients/install.sh) && export LAKEBED_TEST_CLIENTS=$$clients LAKEBED_TEST_REQUIRE=1 \
	LAKEBED_TEST_MOTO_SERVER=$$clients/moto/bin/moto_server LAKEBED_TEST_AZURITE=$$clients/js/node_modules/.bin/azurite-blob

# Formatting, lints, the fuzz targets' types, unused dependencies, licences and advisories, then all tests, those with real clients among them.
test: lint
	./install-system-packages.sh test
	$(clients) && $(cargo) test --locked --workspace --no-fail-fast $(ARGS)

# All tests, again and again, while other work keeps the processors busy: make test-loaded ROUNDS=10
ROUNDS ?= 10
test-loaded: fresh
	./install-system-packages.sh test-loaded
	$(cargo) test --locked --workspace --no-run
	$(clients) && $(rocksdb) && tests/loaded.sh $(ROUNDS) $(ARGS)

# Before a commit, in minutes: formatting, lints, and the tests that need no process and no client.
check: fresh
	./install-system-packages.sh
	cargo fmt --all --check
	$(cargo) clippy --locked --workspace --all-targets -- -D warnings
	$(cargo) test --locked --workspace --lib --no-fail-fast $(ARGS)

# Mends what the formatter and clippy can mend.
fix: fresh
	cargo fmt --all
	$(cargo) clippy --locked --workspace --all-targets --fix --allow-dirty --allow-staged

# For cargo by hand: eval "$$(make -s env)"
env: fresh
	@$(rocksdb) && echo "export CARGO_TARGET_DIR='$(CARGO_TARGET_DIR)' ROCKSDB_LIB_DIR='$$folder' ROCKSDB_STATIC=1"

lint: fresh
	./install-system-packages.sh
	cargo fmt --all --check
	$(cargo) clippy --locked --workspace --all-targets -- -D warnings
	cargo check --locked --manifest-path fuzz/Cargo.toml --no-default-features --bins
	./check-dependencies.sh
