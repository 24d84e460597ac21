# Everything a newcomer needs: `make run` and `make test`.
CARGO ?= cargo
SECONDS ?= 60

.PHONY: run test check deny bench fuzz tsan fmt tools

run: ## Build and start the server with config.json
	$(CARGO) run --release --bin chat-server

test: tools ## Run every test
	$(CARGO) test

check: ## Formatting, lints, documentation, dependency rules
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet
	.ci/no-async-runtime
	.ci/deny if-installed

deny: ## Licences, banned and duplicate crates, known vulnerabilities (cargo-deny)
	.ci/deny

bench: ## Measure connections, deliveries, the chat log and the store
	$(CARGO) bench --bench load
	$(CARGO) bench --bench chatlog
	$(CARGO) bench --bench store

fuzz: ## Fuzz every codec, each for SECONDS
	.ci/fuzz $(SECONDS)

tsan: ## Tests under ThreadSanitizer
	.ci/tsan

fmt: ## Format the sources
	$(CARGO) fmt

tools: ## Install the programs the tests talk to the server with
	.ci/install-tools
