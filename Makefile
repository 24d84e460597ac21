# Everything a newcomer needs: `make run` and `make test`.
CARGO ?= cargo
SECONDS ?= 60
MINUTES ?= 5

.PHONY: run test check bench soak fuzz fmt tools

run: ## Build and start the server with config.json
	$(CARGO) run --release --bin chat-server

test: tools ## Run every test
	$(CARGO) test

check: ## Formatting, lints, documentation, dependency rules
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet
	.ci/no-async-runtime

bench: ## Measure connections, deliveries, the chat log and the store
	$(CARGO) bench --bench load
	$(CARGO) bench --bench chatlog
	$(CARGO) bench --bench store

soak: ## Mixed clients, faults and restarts for MINUTES, with a report
	$(CARGO) bench --bench soak -- --minutes $(MINUTES)

fuzz: ## Fuzz every codec, each for SECONDS
	.ci/fuzz $(SECONDS)

fmt: ## Format the sources
	$(CARGO) fmt

tools: ## Install the programs the tests talk to the server with
	.ci/install-tools
