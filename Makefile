# Longbox. `make help` lists the targets. Variants: make VARIANT=release|debug|asan|tsan

VARIANT ?= release
B       := build/$(VARIANT)
GEN     := build/gen
CC      ?= cc
PREFIX  ?= /usr/local
PKGS    := sqlite3 yaml-0.1 libevent libevent_pthreads expat zlib liblzma jansson
JOBS    := $(shell nproc 2>/dev/null || echo 2)

# LB_FAULTS: places where tests make a process die; only in the variants that tests run.
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS_debug   := -O1 -g -DLB_FAULTS
CFLAGS_asan    := -O1 -g -DLB_FAULTS -fsanitize=address,undefined -fno-omit-frame-pointer \
                  -fno-sanitize-recover=undefined
CFLAGS_tsan    := -O1 -g -DLB_FAULTS -fsanitize=thread
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla \
        -Wwrite-strings $(if $(STRICT),-Werror)

VERSION := $(shell sed -n 's/^\#\# \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -n 1)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CLI_LIBS   := $(shell pkg-config --libs libcurl 2>/dev/null)
UNPACK_LIBS := $(shell pkg-config --libs libarchive 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CPPFLAGS += -D_GNU_SOURCE -Ishared -I$(GEN) $(PKG_CFLAGS)
COMPILE = $(CC) -std=gnu11 $(CPPFLAGS) -MMD -MP $(WARN) $(CFLAGS_$(VARIANT)) $(CFLAGS) -c -o $@ $<
LINK    = $(CC) $(CFLAGS_$(VARIANT)) $(CFLAGS) $(LDFLAGS_$(VARIANT)) $(LDFLAGS) -o $@

# Commands are shown in short; V=1 shows them whole.
Q       := $(if $(V),,@)
say      = $(if $(V),,@echo '  $(1)';)

CLI_SRC  := $(wildcard server/cli*.c)
SHARED_O := $(patsubst %.c,$(B)/%.o,$(wildcard shared/*.c)) $(B)/gen/schema.o
WORKER_O := $(patsubst %.c,$(B)/%.o,$(filter-out workers/main.c,$(wildcard workers/*.c)))
MASTER_O := $(patsubst %.c,$(B)/%.o,$(filter-out server/main.c $(CLI_SRC),$(wildcard server/*.c)))
TESTLIB_O := $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/*.c))
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ     := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BINS     := $(addprefix $(B)/bin/,longbox longboxd longbox-worker longbox-unpack)
PAGE     := build/htdocs/index.html

all: $(BINS) ## build longbox, longboxd, longbox-worker and longbox-unpack into build/bin
	@[ $(B) != build/$(VARIANT) ] || ln -sfn $(VARIANT)/bin build/bin

$(GEN)/schema.c: shared/schema/embed.sh $(wildcard shared/schema/*/*.sql)
	@mkdir -p $(@D)
	$(Q)sh shared/schema/embed.sh shared/schema > $@.tmp && mv $@.tmp $@
$(B)/gen/schema.o: $(GEN)/schema.c
	@mkdir -p $(@D)
	$(call say,CC $@)$(COMPILE)
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC $@)$(COMPILE)
# The version comes from CHANGELOG.md; what shows it is built again when that changes.
VERSIONED := $(addprefix $(B)/,$(addsuffix .o,workers/api_settings workers/api_health workers/api_metrics workers/api_status server/cli_main server/main))
$(VERSIONED): CHANGELOG.md
$(VERSIONED): CPPFLAGS += -DLB_VERSION='"$(VERSION)"'
# Master and workers share the scoreboard only with programs that have the same idea of it.
BOARD_SRC := $(foreach name,board gate lock,shared/$(name).c shared/$(name).h)
$(B)/shared/board.o: $(BOARD_SRC)
BOARD_LAYOUT := -DLB_BOARD_LAYOUT=0x$(shell cat $(BOARD_SRC) | sha256sum | cut -c1-16)u
$(B)/shared/board.o: CPPFLAGS += $(BOARD_LAYOUT)
$(B)/tests/%.o: CPPFLAGS += -Iworkers -Iserver -Itests/lib

$(B)/liblongbox.a: $(SHARED_O)
$(B)/libworker.a: $(WORKER_O)
$(B)/libmaster.a: $(MASTER_O)
$(B)/libtest.a: $(TESTLIB_O)
$(B)/%.a:
	$(call say,AR $@)rm -f $@ && ar rcs $@ $^

$(B)/bin/longbox: $(patsubst %.c,$(B)/%.o,$(CLI_SRC)) $(B)/liblongbox.a
$(B)/bin/longboxd: $(B)/server/main.o $(B)/libmaster.a $(B)/liblongbox.a
$(B)/bin/longbox-worker: $(B)/workers/main.o $(B)/libworker.a $(B)/liblongbox.a
# Only the client speaks HTTP to others; a worker and the master need no such library.
$(B)/bin/longbox: LIBS := $(CLI_LIBS)
$(filter-out %/longbox-unpack,$(BINS)):
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK) $^ $(PKG_LIBS) $(LIBS) -lpthread -lm
# Parses hostile archives: holds nothing of ours but itself, and is the only one with libarchive.
$(B)/bin/longbox-unpack: $(patsubst %.c,$(B)/%.o,$(wildcard unpack/*.c))
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK) $^ $(UNPACK_LIBS)
$(B)/unit/%: $(B)/tests/unit/%.o $(B)/libtest.a $(B)/libworker.a $(B)/libmaster.a $(B)/liblongbox.a
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK) $^ $(PKG_LIBS) -lcmocka -lpthread -lm
# Whether blocks can be shared is not left to the file system that the tests happen to run on (tests/lib/clone_wrap.h).
$(addprefix $(B)/unit/,test_book_clone test_book_settle test_book_recover test_book_rows test_op_recover): LDFLAGS += -Wl,--wrap=ioctl
# The calls that tests/lib/disk_model.c writes down.
DISK_MODEL_WRAPS := pwrite copy_file_range ioctl ftruncate fsync fdatasync openat renameat renameat2 linkat unlinkat
$(B)/unit/test_book_replay: LDFLAGS += $(addprefix -Wl$(,)--wrap=,$(DISK_MODEL_WRAPS))
, := ,
# The kernel's limits of inotify are not to be reached for real: they are shared by all programs of a user.
$(B)/unit/test_watch: LDFLAGS += -Wl,--wrap=inotify_add_watch -Wl,--wrap=inotify_init1
# What makes the disk fail under the programs, for tests: preloaded, so never a part of them.
$(B)/shim/%.so: tests/shim/%.c
	@mkdir -p $(@D)
	$(call say,LD $@)$(CC) -std=gnu11 $(WARN) -O1 -g -fPIC -shared -o $@ $< -ldl
# The stress can switch the gate off, to show what it is for.
$(B)/load/wal_stress: LDFLAGS += -Wl,--wrap=gate_enter,--wrap=gate_leave
$(B)/load/%: $(B)/tests/load/%.o $(B)/liblongbox.a
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK) $^ $(PKG_LIBS) -lpthread -lm
# Programs that use the books without a server.
BOOK_TOOLS := $(patsubst tests/books/%.c,$(B)/books/%,$(wildcard tests/books/*.c))
$(B)/books/%: $(B)/tests/books/%.o $(B)/libworker.a $(B)/liblongbox.a
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK) $^ $(PKG_LIBS) -lpthread -lm
# Readers of zip archives that others wrote (tests/integration/readers.test.js).
READERS := $(B)/readers/libzip $(B)/readers/libzip_tags tests/readers/node_modules/.installed
$(B)/readers/%: tests/readers/%.c
	@mkdir -p $(@D)
	$(call say,LD $@)$(CC) -std=gnu11 $(WARN) -O1 -g -o $@ $< $(shell pkg-config --cflags --libs libzip 2>/dev/null) -lpthread
tests/readers/node_modules/.installed: tests/readers/package.json tests/readers/package-lock.json
	$(Q)cd tests/readers && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
# Preloaded into servers under test; never with a sanitizer of their own.
SHIMS := $(patsubst tests/crash/%.c,$(B)/crash/%.so,$(wildcard tests/crash/*_shim.c))
$(B)/crash/%.so: tests/crash/%.c
	@mkdir -p $(@D)
	$(call say,LD $@)$(CC) -std=gnu11 $(CPPFLAGS) $(WARN) -O1 -g -fPIC -shared -o $@ $<
.SECONDARY:

# ---- the page ----

ui: $(PAGE) ## bundle the page into build/htdocs
$(PAGE): $(wildcard htdocs/* htdocs/*/*) node_modules/.installed
	$(Q)node htdocs/build.mjs build/htdocs
node_modules/.installed: package.json package-lock.json
	$(Q)npm ci --no-audit --no-fund --loglevel=error
	@touch $@

screenshots: ## pictures of every view into docs/screenshots; look at them before you commit them
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release all ui
	@LB_BIN=build/release/bin node tests/tools/make-screenshots.mjs

# ---- running ----

DEMO := demo/library
run: ## install what is missing, build, serve: a demo library, or LIBRARY=/path/to/comics (LISTEN=addr:port, STATE=dir)
	@tests/tools/install-packages run
	@$(MAKE) --no-print-directory -j$(JOBS) all ui
	@[ -n "$(LIBRARY)" ] || [ -d $(DEMO) ] || tests/tools/make-demo $(DEMO)
	@exec build/bin/longbox serve --library "$(or $(LIBRARY),$(DEMO))" $(if $(LISTEN),--listen $(LISTEN)) \
	    $(if $(STATE),--state "$(STATE)",$(if $(LIBRARY),,--state demo/state))

install: all ui ## install into PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/longbox $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(BINS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 etc/h2o.conf.in etc/longbox.yaml etc/longbox.service $(DESTDIR)$(PREFIX)/share/longbox
	install -m 644 docs/longboxd.8 $(DESTDIR)$(PREFIX)/share/man/man8
	cp -R build/htdocs $(DESTDIR)$(PREFIX)/share/longbox

# ---- tests ----

check: ## install what is missing, build, run all tests; the last line is "N passed, N failed"
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=debug STRICT=1 check-build
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory VARIANT=debug check-run
STRESS_SECONDS ?= 15
check-build: all ui $(UNIT) $(BOOK_TOOLS) $(READERS) $(B)/load/wal_stress $(B)/shim/disk.so $(SHIMS)
	@node tests/lib/contract.js
check-run:
	@LB_BIN=$(B)/bin tests/run $(if $(MATCH),--match '$(MATCH)') $(if $(LIMIT),--limit $(LIMIT)) --alone '$(B)/load/wal_stress $(STRESS_SECONDS)' $(UNIT)

crash: ## the crash tests as make check has them (in make soak they go on until nothing is left to kill)
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=debug check-build
	@$(MAKE) --no-print-directory VARIANT=debug check-run MATCH=/crash/

unit: ## unit tests only, for the inner loop
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=debug check-build
	@$(MAKE) --no-print-directory VARIANT=debug check-run MATCH=/unit/

check-all: check ## check, and again with the address and thread sanitizers, and the soak
	@for v in asan tsan; do \
	    $(MAKE) --no-print-directory -j$(JOBS) VARIANT=$$v check-build && \
	    $(MAKE) --no-print-directory VARIANT=$$v LIMIT=1800 check-run || exit 1; done
	@$(MAKE) --no-print-directory soak

soak: ## the long tests: every kill at every point and 600 random ones, 20,000 losses of power under books, tabs hidden for six minutes, Firefox, WAL stress, fuzzers for ten minutes each
	@tests/tools/install-packages soak
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=debug check-build
	LB_CRASH=long LB_BIN=build/debug/bin tests/run --limit 28800 --match '^tests/crash/'
	LB_CRASH=long build/debug/unit/test_book_replay
	LB_CRASH=long LB_BIN=build/debug/bin tests/run --limit 3600 --match '/(readers|read_beside)'
	LB_TABS=long LB_BIN=build/debug/bin tests/run --limit 3600 --match '/(tabs|layers|browsers)'
	build/debug/load/wal_stress 600
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=600

bench: ## measure, side by side in one run; writes build/bench.json
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release all ui build/release/load/names
	@LB_BIN=build/release/bin node tests/load/bench.js
	@$(MAKE) --no-print-directory bench-page
	@$(MAKE) --no-print-directory bench-books

bench-page: ## measure from an item's commit to its number on the screen, and what a first visit loads; build/bench-page.json
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release all ui
	@LB_BIN=build/release/bin node tests/load/page_bench.js $(if $(QUICK),--quick)

bench-books: ## measure changes and reads of books beside cp, a rebuild and libzip; takes up to 25 GB of TMPDIR (QUICK=1: 300 MB); build/bench-books.json
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/books/bench build/release/readers/libzip_tags
	@LB_BIN=build/release/bin node tests/load/book_bench.js $(if $(QUICK),--quick)

bench-list: ## measure the list of 100,000 files, the server's last window and scrolling in Chromium; writes build/bench-list.json (QUICK=1: 20,000)
	@tests/tools/install-packages check
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release all ui
	@LB_BIN=build/release/bin node tests/load/list_bench.js $(if $(QUICK),--quick)

FUZZ_SECONDS ?= 60
fuzz: $(FUZZ) ## run every fuzz target for FUZZ_SECONDS (60)
	@set -e; for f in $(FUZZ); do found=build/fuzz/corpus/$${f##*/}; mkdir -p $$found; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=512 -artifact_prefix=build/fuzz/ $$found \
	        $$(ls -d tests/fuzz/corpus/$${f##*/fuzz_} 2>/dev/null || :); done
build/fuzz/%: tests/fuzz/%.c $(filter-out workers/main.c,$(wildcard workers/*.c)) $(wildcard shared/*.c) $(GEN)/schema.c
	@mkdir -p $(@D)
	$(call say,FUZZ $@)clang-14 -std=gnu11 $(CPPFLAGS) -Iworkers $(BOARD_LAYOUT) -DLB_VERSION='"fuzz"' -O1 -g \
	    -fsanitize=fuzzer,address,undefined -o $@ $^ $(PKG_LIBS) -lpthread -lm

# ---- the code itself ----

SOURCES := $(wildcard shared/*.[ch] unpack/*.[ch] workers/*.[ch] server/*.[ch] tests/unit/*.[ch] tests/lib/*.[ch] tests/load/*.c tests/fuzz/*.c tests/crash/*.c tests/books/*.[ch] tests/readers/*.c)
lint: ## layer rules, banned calls, packages without addresses
	@tests/tools/lint
format: ## clang-format over all C
	clang-format -i $(SOURCES)
analyze: ## gcc -fanalyzer and clang-tidy, one file a run
	@set -e; for f in $(filter-out tests/%,$(filter %.c,$(SOURCES))); do echo "$$f"; \
	    $(CC) -std=gnu11 $(CPPFLAGS) -Iworkers -Iserver $(BOARD_LAYOUT) -DLB_VERSION='"x"' -fanalyzer -Wno-analyzer-malloc-leak -fsyntax-only $$f; \
	    clang-tidy --quiet $$f -- -std=gnu11 $(CPPFLAGS) -Iworkers -Iserver $(BOARD_LAYOUT) -DLB_VERSION='"x"'; done

clean: ## remove everything built (the demo library and its state stay)
	rm -rf build node_modules

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: all ui screenshots run install check check-build check-run unit check-all soak bench bench-books bench-list bench-page crash fuzz lint format analyze clean help
-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
