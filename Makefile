# Each target is one line; `make help` lists them.
GO      ?= go
GOFUMPT  = $(GO) run mvdan.cc/gofumpt@v0.12.0
STATIC   = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: packages test-packages help build demo test race fuzz mutation e2e crash bench bench-archive bench-convert bench-scrub bench-elasticsearch bench-sqlite test-elasticsearch lint clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

build: ## bin/out_agent_audit.so (the plugin) and bin/agent-audit (companion and exporters)
	@test/scripts/build.sh

demo: build ## sample logs of three formats through the plugin into both stores, the five queries, verification
	@test/scripts/demo.sh

test: build ## all tests, the long suites in their short form
	@test/scripts/need.sh
	$(GO) test -timeout 25m ./...

race: build ## the same under the race detector
	$(GO) test -race -timeout 30m ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	@test/scripts/fuzz.sh $(FUZZTIME)

e2e: build ## end to end through the plugin's C ABI, and through fluent-bit when it is on PATH
	$(GO) test -count=1 -v -timeout 20m ./test/e2e/...

crash: build ## the long crash suite: 100 kills during 50,000 records
	AGENT_AUDIT_LONG=1 $(GO) test -count=1 -v -timeout 60m -run 'TestKill' ./test/e2e/...

mutation: ## every log of testdata cut at each of its bytes, among other damage (90 s of one core)
	AGENT_AUDIT_LONG=1 $(GO) test -count=1 -timeout 60m -run TestMutation ./schema/convert

bench: ## benchmarks beside the code
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-archive: ## write, verify and retrieve an archive of AGENT_AUDIT_RECORDS (400,000) records; S3 exporter to MinIO
	$(GO) test -run '^$$' -bench 'BenchmarkArchive' -benchtime 1x ./internal/query && $(GO) test -run '^$$' -bench . -benchtime 5x ./exporters/s3

bench-scrub: ## speed of scrubbing, also on adversarial text and against gitleaks' detector, and what each of the two finds
	@cd test/gitleaks && $(GO) run . && $(GO) test -count=1 -v .

bench-convert: ## how much log of each format one core converts: MB/core-s of long lines, short ones and real logs
	@test/scripts/bench-convert.sh

bench-elasticsearch: ## the exporter against go-elasticsearch's BulkIndexer, and queries on a million records
	$(GO) test -tags bench -run '^$$' -bench Bulk -benchtime 1x -timeout 60m ./exporters/elasticsearch && $(GO) test -tags bench -run '^$$' -bench BenchmarkElasticsearch -benchtime 100x -timeout 60m ./internal/query

bench-sqlite: ## fill one SQLite file with AGENT_AUDIT_RECORDS (1,000,000) records and ask it first pages, at a tenth and at all
	$(GO) test -tags bench -run '^$$' -bench BenchmarkSQLite -benchtime 1x -timeout 120m ./internal/query

test-elasticsearch: ## the long form of Elasticsearch's tests: outages of two minutes, 100,000 rows
	AGENT_AUDIT_LONG=1 $(GO) test -count=1 -timeout 60m ./exporters/elasticsearch ./internal/query ./internal/doctor

packages: ## deb and rpm of this machine's architecture in bin/packages; VERSION, GOARCH and CC may be set
	@test/scripts/packages.sh

test-packages: ## the Debian package installed into a fresh root, run, upgraded, removed; two builds compared
	@test/scripts/test-packages.sh

lint: ## vet, staticcheck, gofumpt
	@$(GO) vet ./... && $(STATIC) ./... && out=$$($(GOFUMPT) -l .) && if [ -n "$$out" ]; then echo "not gofumpt-formatted: $$out"; exit 1; fi

clean: ## remove what build and demo made
	rm -rf bin demo
