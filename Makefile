# Poshta: two commands are enough to begin with, `make run` and `make test`.

.PHONY: run build test browser-test soak soak-browser soak-sync soak-crash soak-power-cut soak-disk-faults soak-encrypted soak-space soak-folder soak-mail-files fuzz bench packages tour-packages fmt lint help

# What building needs: a C compiler for ring, certificates for cargo.
BUILD_PACKAGES = gcc libc6-dev ca-certificates
# What the demo's table and the tour of the README type.
TOUR_PACKAGES = curl poppler-utils python3
# What the tests need besides: a mail program, strace for power cuts and failing disks, the C++ compiler that builds
# libFuzzer, openssl, whose time stamps are not ours, and node, which runs what the pages have for browsers.
TEST_PACKAGES = $(BUILD_PACKAGES) $(TOUR_PACKAGES) isync strace g++ openssl nodejs
# A browser is large: only for those who ask for it.
BROWSER_PACKAGES = $(TEST_PACKAGES) chromium-headless-shell

FUZZ_TARGETS = age eds mime_scanner header_edit mbox passkeys registers smtp_session imap_session
FUZZ_SECONDS ?= 15
# Built quickly, for a few seconds; long fuzzing is worth a build with all optimisations, checks included.
FUZZ_BUILD = --dev

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: tour-packages build ## install what is missing, build, and start the demo
	@target/release/poshta demo

# Before the build, so that nobody is asked for a password after it.
tour-packages:
	@.ci/packages $(BUILD_PACKAGES) $(TOUR_PACKAGES)

build: ## leave the binary at target/release/poshta
	@.ci/packages $(BUILD_PACKAGES)
	cargo build --release --locked

packages: ## install what the tests need
	@.ci/packages $(TEST_PACKAGES)

test: packages ## every test, and each fuzz target for $(FUZZ_SECONDS) s
	cargo test --locked
	$(MAKE) --no-print-directory fuzz

fuzz: ## each fuzz target for FUZZ_SECONDS (15)
	@command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --version 0.13.2 --locked --debug --quiet
	cargo fuzz build $(FUZZ_BUILD) -s none
	@echo "fuzzing $(FUZZ_TARGETS) for $(FUZZ_SECONDS) s each"
	@echo $(FUZZ_TARGETS) | tr ' ' '\n' | xargs -P 2 -I TARGET \
	  cargo fuzz run $(FUZZ_BUILD) -s none TARGET -- -dict=fuzz/dictionaries/TARGET.dict \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -verbosity=0

# The pages in a real browser. POSHTA_PICTURES names a directory for screenshots.
browser-test: ## the pages in a headless Chromium
	@.ci/packages $(BROWSER_PACKAGES)
	POSHTA_NEED_BROWSER=1 cargo test --locked --test stories -- verify_page:: browser sign_in::

bench: ## how long a client waits for a folder of 10,000 messages
	cargo bench --locked --bench folder

# Hours, not minutes: not for CI. Finished steps are remembered in target/soak, so that `make soak` goes on where
# it was stopped; `rm -r target/soak` begins anew.
SOAK_ROUNDS ?= 50
SOAK_MESSAGES ?= 100000
SOAK_FUZZ_SECONDS ?= 600
SOAK_POWER_CUTS ?= 3000
SOAK_SPACE_BYTES ?= 5000000000
SOAK_STEPS = browser sync crash power-cut disk-faults encrypted space folder mail-files $(addprefix fuzz-,$(FUZZ_TARGETS))

soak: packages $(addprefix target/soak/,$(SOAK_STEPS)) ## SOAK_ROUNDS crashes, SOAK_MESSAGES messages, long fuzzing
	@echo "soaked: $(SOAK_STEPS)"

target/soak/%:
	@mkdir -p target/soak
	@echo "soaking: $*"
	@$(MAKE) --no-print-directory soak-$*
	@date > $@

soak-browser: browser-test

# With POSHTA_NEED_STRACE nothing is left out where strace, or a file system of its own, is not permitted.
soak-sync:
	POSHTA_NEED_STRACE=1 cargo test --locked --test stories -- --nocapture sync_order

soak-crash:
	POSHTA_CRASH_ROUNDS=$(SOAK_ROUNDS) cargo test --locked --test stories -- survives_kill_9

soak-power-cut:
	POSHTA_NEED_STRACE=1 POSHTA_POWER_CUTS=$(SOAK_POWER_CUTS) POSHTA_SEED=$$(date +%s) cargo test --locked --test stories -- power_cut

soak-disk-faults:
	POSHTA_NEED_STRACE=1 POSHTA_ALL_FAULTS=1 cargo test --locked --test stories -- disk_faults

# Every test of a store, of a door and of a service once more, with encryption on.
soak-encrypted:
	POSHTA_TEST_ENCRYPTED=1 cargo test --locked --lib

# Unoptimised it would take an hour. The directory is in TMPDIR.
soak-space:
	POSHTA_SPACE_BYTES=$(SOAK_SPACE_BYTES) cargo test --release --locked --test stories -- --nocapture --test-threads 1 space::

soak-folder:
	FOLDER_MESSAGES=$(SOAK_MESSAGES) cargo bench --locked --bench folder

soak-mail-files:
	POSHTA_MAIL_FILES=$(SOAK_MESSAGES) cargo test --locked --test stories -- --nocapture many_messages_go_in_and_out

soak-fuzz-%:
	@$(MAKE) --no-print-directory fuzz FUZZ_TARGETS=$* FUZZ_SECONDS=$(SOAK_FUZZ_SECONDS) FUZZ_BUILD="--release --debug-assertions"

fmt: ## format the code
	cargo fmt --all

# cargo-deny takes long to build, so it is not installed for this: `cargo install cargo-deny --version 0.20.2 --locked`.
lint: ## formatting, lints; with cargo-deny on the machine also licences
	cargo fmt --all --check
	cargo clippy --all-targets --locked -- -D warnings
	@if command -v cargo-deny >/dev/null; then \
	  cargo deny --locked check licenses bans sources; \
	else \
	  echo "cargo-deny is not here: licences and sources are not checked"; \
	fi
