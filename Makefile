# To begin with: `make run` and `make test`.
CARGO ?= cargo
# For `make serve`: the configuration, of this server or of an older one.
CONFIG ?= config.json
# For `make fuzz`.
SECONDS ?= 60
# For `make bench-peers`.
ROUNDS ?= 5
# For `make bench-page`.
MESSAGES ?= 10000
# For `make simulate` and `make soak`: the duration; SEED and STEPS choose one world instead.
MINUTES ?= 1
# For `make simulate`, instead of MINUTES: the number of steps in all, and of threads.
TOTAL ?=
THREADS ?=
SEED ?=
BUG ?=
# For `make soak`, instead of faults: the number of people at once.
CROWD ?=
STEPS ?= 50000

.PHONY: run build dist docs serve local checkin test check deny bench load bench-peers bench-page faults-report fuzz simulate soak tsan fmt tools

# The commit that chat-server --version and chat_build_info report.
run build serve dist load bench-peers bench-page: export CHAT_COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)

run: ## Build and start the server with config.json
	$(CARGO) run --release --bin chat-server

build: ## Build the server: target/release/chat-server
	$(CARGO) build --release --bin chat-server

dist: ## Package the server, with every feature: a .deb, the crate, checksums; in target/dist
	.ci/dist

docs: ## The documentation as a book, with search: target/book, which the server shows at /docs/book
	.ci/book

serve: ## Build and start the server with the file CONFIG
	$(CARGO) run --release --bin chat-server -- -c "$(CONFIG)" serve

local: ## As serve; with development.json, if there is one and CONFIG is not given
	$(MAKE) serve CONFIG="$(if $(filter file,$(origin CONFIG)),$(firstword $(wildcard development.json) $(CONFIG)),$(CONFIG))"

checkin: ## Before a change goes in: format, lint, run every test
	$(MAKE) fmt
	$(MAKE) check
	$(MAKE) test

# Some programs that tests start are in folders that only root's PATH has.
test: export PATH := $(PATH):/usr/sbin:/sbin
test: tools ## Run every test, with every feature; say what could not be tested here
	@.ci/not-tested forget
	.ci/test --features full,grpc-generate; \
		status=$$?; .ci/not-tested; exit $$status

check: tools ## Formatting, lints, documentation, dependency rules
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --features full,grpc-generate -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --features full --quiet
	.ci/no-async-runtime
	.ci/deny if-installed

deny: ## Licences, banned and duplicate crates, known vulnerabilities (cargo-deny)
	.ci/deny

bench: ## Measure the parts: codecs, hub, outbox, store, chat log, cluster; and what bystanders notice
	$(CARGO) bench --bench codec
	$(CARGO) bench --bench hub
	$(CARGO) bench --bench outbox
	$(CARGO) bench --bench store
	$(CARGO) bench --bench mended
	$(CARGO) bench --bench chatlog
	$(CARGO) bench --bench bystander
	$(CARGO) bench --bench allowance
	$(CARGO) bench --features cluster --bench cluster

load: ## Measure the whole server with `chat-server bench`, every scenario
	$(CARGO) build --release --bin chat-server
	for scenario in room "room --rate 20" pairs "--protocol api pairs" logins churn idle slow send-loop relay; do \
		target/release/chat-server bench $$scenario || exit; \
	done

bench-peers: ## Compare with other servers: ROUNDS=1 for a quick look; writes docs/benchmarks.md
	$(CARGO) build --release --bin chat-server
	python3 benches/peers/run.py --rounds $(ROUNDS)

bench-page: tools ## Measure the page in a room of MESSAGES, and in one with 200 a second: its longest tasks, its memory
	$(CARGO) build --release --bin chat-server
	target/python/bin/python -B benches/page.py $(MESSAGES)

soak: ## Mixed clients, faults and restarts for MINUTES, with a report; or CROWD=20000 people
	$(CARGO) bench --bench soak -- --minutes $(MINUTES) $(if $(CROWD),--crowd $(CROWD))

faults-report: ## How long a bystander's messages take under each fault
	.ci/faults-report

fuzz: ## Fuzz every codec, each for SECONDS
	.ci/fuzz $(SECONDS)

simulate: ## Look for mistakes in a simulated world: MINUTES=10, SEED=7 STEPS=1000, BUG=SkipsMember
	$(CARGO) bench --profile simulation --bench simulate -- \
		$(if $(TOTAL),--total $(TOTAL),--minutes $(MINUTES)) --steps $(STEPS) \
		$(if $(THREADS),--threads $(THREADS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(BUG),--bug $(BUG))

tsan: ## Tests under ThreadSanitizer
	.ci/tsan

fmt: ## Format the sources
	$(CARGO) fmt

tools: ## Install the programs the tests talk to the server with
	.ci/install-tools

# Targets of the older servers' Makefiles.
.PHONY: all format beautify optimize_imports lint vet audit race long_test certs doc install clean
all: build test
format beautify optimize_imports: fmt
audit: check
race: tsan
long_test: soak

lint vet:
	$(CARGO) clippy --all-targets --features full,grpc-generate -- -D warnings

certs:
	$(CARGO) run --release --bin chat-server -- make-cert

doc:
	$(CARGO) doc --no-deps --features full

install:
	$(CARGO) install --locked --path . --bin chat-server

clean:
	$(CARGO) clean
