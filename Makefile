# Porthole's commands. `make` alone lists them.
#
# Missing Debian packages are installed by scripts/need.sh, which says what it installs and why.
# What else is downloaded lies in ~/.cache/porthole-test and can be removed at any time.

GO   ?= go
ARGS ?=

# A Go that was unpacked as go.dev says, but is not on the PATH of this shell.
export PATH := $(PATH):/usr/local/go/bin

# The C++ runtime goes into the binary: only libc is left to be found where it is copied to.
LDFLAGS := -extldflags "-static-libstdc++ -static-libgcc"

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

BENCHARGS ?=
BENCH     ?= .
BENCHTIME ?= 1s
COUNT     ?= 6
FUZZTIME  ?= 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## list these commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: need-build ## compile ./bin/porthole
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/porthole ./cmd/porthole

.PHONY: run
run: build ## compile and start it; flags in ARGS, as in: make run ARGS="--source webcam=pattern:"
	./bin/porthole $(ARGS)

# With CI set, a test that misses a program fails in the place of skipping.
.PHONY: test
test: export CI = 1
test: need-clients test-quick test-pages test-e2e ## everything but test-camera: race detector, real browsers, FFmpeg; about 15 minutes

.PHONY: test-quick
test-quick: need-build vet ## the tests that need only Go and g++, with the race detector
	$(GO) test -race ./...
	$(GO) test -count 1 -run 'Cheap' ./internal/negotiate ./internal/peer # times, which the race detector would make long

.PHONY: test-pages
test-pages: ## the unit tests of the pages' JavaScript
	scripts/test-pages.sh

# The server under test is built with the race detector, by the tests themselves. The clients are
# not: twenty viewers decrypting at a tenth of the speed would say little about the server's delay.
# -v, because the delays that the tests measure are for reading.
.PHONY: test-e2e
test-e2e: need-build need-clients ## the real binary with real clients: pion, Chromium, Firefox, FFmpeg
	E2E_FFMPEG="$$(scripts/ffmpeg-whip.sh)" E2E_LIBDATACHANNEL="$$(scripts/node-datachannel.sh)" E2E_PUPPETEER="$$(scripts/puppeteer.sh)" E2E_AXE="$$(scripts/axe.sh)" $(GO) test -v -tags e2e -count 1 -timeout 20m ./internal/e2e

# The same test runs for a minute in test-e2e. CHAOS_SEED repeats a schedule; CHAOS=30m is longer.
.PHONY: chaos
chaos: need-build need-clients ## break everything at random for CHAOS=10m around a viewer who must not notice (CHAOS_SEED)
	CHAOS="$${CHAOS:-10m}" $(GO) test -v -tags e2e -count 1 -timeout 90m -run TestChaos ./internal/e2e

.PHONY: test-camera
test-camera: need-build ## capture from a virtual camera (V4L2) in a virtual machine
	test/camera/run.sh

.PHONY: bench
bench: need-build ## what a viewer costs against the raw limit and plain pion (BENCHARGS), then benchmarks (BENCH=regexp COUNT=n BENCHTIME=t)
	$(GO) run ./internal/bench $(BENCHARGS)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) \
		$(shell git grep -l 'b \*testing.B' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's,^,./,')

.PHONY: bench-network
bench-network: need-build need-browser need-ffmpeg need-network ## what a viewer sees over bad networks, as root (BENCHARGS)
	$(GO) run ./internal/bench/network $(BENCHARGS)

.PHONY: bench-page
bench-page: build need-browser ## how soon a watch page shows its first picture, and what it loads (BENCHARGS="--old BINARY" compares)
	$(GO) run ./internal/bench/page $(BENCHARGS)

.PHONY: fuzz
fuzz: need-build ## every fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: vet
vet: need-build
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not as gofmt writes it: $$unformatted" >&2; exit 1; fi
	$(GO) vet -tags e2e,camera ./...
	$(GO) vet -tags faults ./capture/... ./cmd/porthole

.PHONY: lint
lint: vet need-node need-curl ## gofmt, go vet, golangci-lint, go.mod, JavaScript syntax and types
	$(GO) mod tidy -diff
	CGO_ENABLED=0 $(GO) build -o /dev/null ./...
	$(GO) run $(GOLANGCI) run --build-tags e2e,camera ./...
	scripts/lint-js.sh

.PHONY: docs
docs: need-build ## write the tables of docs/SETTINGS.md anew, after a change of a setting
	$(GO) generate ./cmd/porthole

.PHONY: cover
cover: need-build ## coverage of the quick tests, in bin/coverage.html
	@mkdir -p bin
	$(GO) test -coverpkg ./... -coverprofile bin/coverage.out ./...
	$(GO) tool cover -html bin/coverage.out -o bin/coverage.html
	@$(GO) tool cover -func bin/coverage.out | tail -n 1

.PHONY: clean
clean: ## remove what was built (what was downloaded stays in the cache)
	rm -rf bin

.PHONY: need-build
need-build:
	@command -v $(GO) >/dev/null || { echo "Porthole needs Go 1.26 or newer: https://go.dev/dl" >&2; exit 1; }
	@scripts/need.sh g++ g++ "compiles the H.264 and Opus encoders (openh264, libopus)"

.PHONY: need-node
need-node:
	@scripts/need.sh nodejs node "checks the pages' JavaScript"

.PHONY: need-curl
need-curl:
	@scripts/need.sh curl curl "downloads the TypeScript compiler that checks the pages"

.PHONY: need-clients
need-clients: need-browser need-ffmpeg need-network
	@scripts/need.sh firefox-esr firefox-esr "plays and publishes like Chromium, with other codecs and another ICE"
	@scripts/need.sh nodejs node "runs libdatachannel, the WebRTC library inside OBS"
	@scripts/need.sh curl curl "downloads axe-core, which looks for barriers in the pages"
	@scripts/need.sh npm npm "downloads libdatachannel, and puppeteer to drive Firefox"
	@scripts/need.sh zsh zsh "parses the completions for it"
	@scripts/need.sh fish fish "likewise"
	@scripts/need.sh coturn turnserver "is the TURN server outside in the end-to-end tests"

.PHONY: need-browser
need-browser:
	@scripts/need.sh chromium chromium "plays and publishes streams in the end-to-end tests"

.PHONY: need-ffmpeg
need-ffmpeg:
	@scripts/need.sh ffmpeg ffmpeg "encodes test video and decodes what viewers receive"

.PHONY: need-network
need-network:
	@scripts/need.sh iproute2 ip "makes the networks of the end-to-end tests"
	@scripts/need.sh iproute2 tc "holds packets up in them"
	@scripts/need.sh nftables nft "loses packets in them"
