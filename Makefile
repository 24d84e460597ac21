# Everything a newcomer needs: `make run` and `make test`.
CARGO ?= cargo
# For `make fuzz`.
SECONDS ?= 60
# For `make simulate` and `make soak`: how long; or which world and how many steps of it.
MINUTES ?= 1
# Instead of MINUTES, for `make simulate`: how many steps in all, and in how many threads.
TOTAL ?=
THREADS ?=
SEED ?=
BUG ?=
STEPS ?= 50000

.PHONY: run test check deny bench fuzz simulate soak tsan fmt tools

run: ## Build and start the server with config.json
	$(CARGO) run --release --bin chat-server

test: tools ## Run every test, with every feature
	$(CARGO) test --features full,grpc-generate

check: ## Formatting, lints, documentation, dependency rules
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --features full,grpc-generate -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --features full --quiet
	.ci/no-async-runtime
	.ci/deny if-installed

deny: ## Licences, banned and duplicate crates, known vulnerabilities (cargo-deny)
	.ci/deny

bench: ## Measure connections, deliveries, the chat log and the store
	$(CARGO) bench --bench load
	$(CARGO) bench --bench chatlog
	$(CARGO) bench --bench store

soak: ## Mixed clients, faults and restarts for MINUTES, with a report
	$(CARGO) bench --bench soak -- --minutes $(MINUTES)

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
