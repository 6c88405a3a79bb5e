# make demo | make test | make bench | make help
SHELL := /bin/bash
B ?= build
CC := gcc
APXS ?= $(shell command -v apxs2 || command -v apxs)
SANITIZE ?=
PREFIX ?= /usr/local
PORT ?=
WORKERS ?= 6
VERSION := $(shell sed -n 's/^.define FINQ_VERSION "\(.*\)"$$/\1/p' include/ground/version.h)
# Shows a file with the version in its place.
VERSIONED = sed 's/@VERSION@/$(VERSION)/g'
PYTHON = FINQ_BUILD=$(B) PYTHONDONTWRITEBYTECODE= /usr/bin/python3
# make V=1 shows the commands.
Q := $(if $(V),,@)

# Settled when first used, so that `make demo` can install the tools that answer.
APR_FLAGS = $(shell apr-1-config --includes --cppflags) $(shell apu-1-config --includes)
HTTPD_FLAGS = -I$(shell $(APXS) -q INCLUDEDIR)
PG_FLAGS = -I$(shell pg_config --includedir)
CFLAGS ?= -O2 -g
FINQ_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -fPIC -fvisibility=hidden \
  -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Iinclude $(APR_FLAGS) $(PG_FLAGS) $(SANITIZE)
LIBS = -ljansson -lpq -lcrypto -lpcre2-8 -lidn2 -lqrencode
APR_LIBS = $(shell apr-1-config --link-ld) $(shell apu-1-config --link-ld)

# The SQL that finqctl carries, and the newest migration's number, which is the schema that the module needs.
SQL ?= sql
SQL_B ?= $(B)
SQL_O = $(SQL_B)/obj/sql.o
MIGRATIONS := $(sort $(wildcard $(SQL)/migrations/[0-9][0-9][0-9]_*.sql))
SCHEMA := $(firstword $(subst _, ,$(notdir $(lastword $(MIGRATIONS)))))

# A folder of src is a room. They know no httpd, but src/httpd, the thin face over them; src/ctl is the operator's command.
ROOMS   := $(filter-out src/httpd/% src/ctl/%,$(wildcard src/*/*.c))
LIB_O   := $(patsubst %.c,$(B)/obj/%.o,$(ROOMS))
HTTPD_O := $(patsubst %.c,$(B)/obj/%.o,$(wildcard src/httpd/*.c src/httpd/*/*.c) mod_finq.c)
CTL_O   := $(patsubst %.c,$(B)/obj/%.o,$(filter-out src/ctl/sql.c,$(wildcard src/ctl/*.c))) $(SQL_O)
ASK_O   := $(B)/obj/tests/modules/mod_finq_ask.o
UNIT    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

all: $(B)/mod_finq.so $(B)/finqctl

help:
	@sed -n 's/^##  *//p' Makefile
## make                  builds mod_finq.so and finqctl into build/
## make deps             installs the Debian packages that are missing for a build and for an Apache with the module
## make deps-test        installs those, and the ones for everything below
## make demo             shows onboardings, account data, the life of a consent, payments and an erasure, on private servers that it stops again
## make up [PORT=8443]   leaves the demo's servers running; build/run/finq.env says how to reach them
## make down             stops them and removes their files, and what a demo, test or bench that was killed has left
## make psql [ROLE=name]  psql in the database of `make up`, as its owner or as another role
## make log              follows the error logs of its servers
## make test [T='-k x'] [WORKERS=6]  runs the unit and integration tests; T goes to pytest (-m long runs the long ones)
## make test-asan        the same, with the address and undefined-behaviour sanitizers
## make unit             runs the unit tests alone
## make fresh [RELEASE=bookworm] [CLONE='/a clone']  runs make demo and make test, each twice, on a Debian just installed
## make looks            writes tests/integration/looks anew, small pictures that the pages are compared with: look at them first
## make pictures         writes conf/pictures/*.png anew, the module's pages as README.md shows them
## make format           writes C as .clang-format has it
## make lint             fails where clang-tidy or cppcheck find a fault
## make fuzz [FUZZ_SECONDS=60]  looks for inputs that break a parser, so long for each
## make bench [BENCH='step token'] [CLIENTS='64 16']  measures speed and memory, under so many clients in turn; STRICT=1 fails where a target is missed
## make bench-scale [SCALE=1]  measures speed and room after a year of SCALE million sessions, and the janitor's run over it
## make schema           draws sql/schema.sql, the picture of the tables, from a database of its own
## make calls            writes src/db/calls.c and include/db/calls.h: the SQL functions of the server, for C
## make manual           writes conf/manual/finqctl*.md anew, from what finqctl says of its verbs
## make postman          writes conf/finq.postman_collection.json anew, from conf/openapi.yaml
## make install          installs the module, finqctl, SQL, skills, sample configuration, manuals and man pages (DESTDIR, PREFIX)
## make uninstall        removes that again, but for a finq.conf that was edited (DESTDIR, PREFIX)
## make clean            removes what was compiled

$(B)/obj/src/httpd/%.o $(B)/obj/mod_finq.o $(ASK_O): FINQ_CFLAGS += $(HTTPD_FLAGS)
$(B)/obj/src/httpd/pool/dbd.o: $(MIGRATIONS)
$(B)/obj/src/httpd/pool/dbd.o: FINQ_CFLAGS += -DFINQ_SCHEMA=$(shell expr $(SCHEMA) + 0)
$(B)/obj/src/page/files.o: $(wildcard conf/pages/*)
$(B)/obj/src/order/order.o: $(wildcard src/order/*.json)
$(B)/obj/%.o: %.c | check-deps
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$Q$(CC) $(FINQ_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/mod_finq.so: $(LIB_O) $(HTTPD_O)
	@echo "  LINK  $@"
	$Q$(CC) -shared $(CFLAGS) $(SANITIZE) -o $@ $^ -Wl,-z,relro,-z,now $(LIBS)

# The module with a second one beside it, through which tests reach what no endpoint shows.
$(B)/modules/mod_finq.so: $(LIB_O) $(HTTPD_O) $(ASK_O)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$Q$(CC) -shared $(CFLAGS) $(SANITIZE) -o $@ $^ -Wl,-z,relro,-z,now $(LIBS)

# The module carries the API's description in itself: written as YAML, served as JSON.
$(B)/obj/openapi.json: conf/openapi.yaml include/ground/version.h | check-deps
	@mkdir -p $(@D)
	@echo "  JSON  $<"
	$Q/usr/bin/python3 -c 'import json, sys, yaml; \
	  json.dump(yaml.safe_load(sys.stdin), sys.stdout, ensure_ascii=False, separators=(",", ":"))' \
	  < <($(VERSIONED) $<) > $@.new
	$Qmv $@.new $@
$(B)/obj/src/httpd/api/api_openapi.o: $(B)/obj/openapi.json
$(B)/obj/src/httpd/api/api_openapi.o: FINQ_CFLAGS += -DOPENAPI_JSON='"$(B)/obj/openapi.json"'

$(SQL_B)/finqctl: $(LIB_O) $(CTL_O)
	@echo "  LINK  $@"
	$Q$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LIBS) -lcurl $(APR_LIBS)

# finqctl carries the SQL in itself: sql/migrations/NNN_name.sql is migration NNN, named name; the functions stand in
# src/ctl/sql.c. SQL=FOLDER SQL_B=FOLDER makes one of another SQL, as the tests of upgrades do.
$(SQL_B)/obj/migrations.inc: $(SQL)/migrations $(MIGRATIONS)
	@mkdir -p $(@D)
	@printf '%s\n' $(MIGRATIONS:$(SQL)/migrations/%.sql=%) | sed 's/^0*\([0-9]*\)_\(.*\)/MIGRATION(\1, "\2", "&")/' > $@
$(SQL_O): src/ctl/sql.c src/ctl/ctl.h $(SQL_B)/obj/migrations.inc $(MIGRATIONS) $(wildcard $(SQL)/functions/*.sql) | check-deps
	@echo "  SQL   $(SQL)"
	$Q$(CC) $(FINQ_CFLAGS) $(CFLAGS) -I$(SQL_B)/obj -DSQL_DIR='"$(SQL)"' -DSQL_VERSION='"$(VERSION)"' -c $< -o $@

include tests/fuzz/fuzz.mk

# Unit tests: one cmocka program a room, run from the top of the tree.
$(B)/unit/%: tests/unit/%.c $(LIB_O)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$Q$(CC) $(FINQ_CFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(LIB_O) -lcmocka $(LIBS) $(APR_LIBS)

unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

# What is missing is said once, before the compiler says it at length.
check-deps:
	@tests/install.sh --check build

deps:
	@tests/install.sh build run

deps-test:
	@tests/install.sh build run demo test bench node fuzz fresh

# The recipes build in a second make: only there are the tools present that the flags are asked from.
demo up:
	@tests/install.sh build run demo
	@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(WORKERS)) --no-print-directory -s B=$(B) all
	@$(PYTHON) tests/$@.py $(if $(filter up,$@),$(PORT))

down log psql:
	@$(PYTHON) tests/$@.py $(if $(filter psql,$@),$(ROLE))

.PHONY: schema calls
schema calls:
	@tests/install.sh run
	@$(PYTHON) tests/$@.py

test:
	@tests/install.sh build run demo test
	@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(WORKERS)) --no-print-directory -s B=$(B) all $(B)/modules/mod_finq.so $(UNIT)
	@$(PYTHON) tests/run_all.py $(WORKERS) $(UNIT) -- $(T)

test-asan:
	@FINQ_ASAN=1 $(MAKE) --no-print-directory test B=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer -ftrivial-auto-var-init=pattern' \
	  SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

# What is given on make's command line reaches the script as environment.
fresh:
	@tests/fresh.sh

# The benchmark's load generator, and the handler that is its yardstick.
$(B)/bench/load: $(wildcard tests/bench/load*.c) tests/bench/load.h
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$Q$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(CFLAGS) \
	  -o $@ $(filter %.c,$^) -lssl -lcrypto
$(B)/bench/mod_finq_floor.so: tests/bench/mod_finq_floor.c
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$Q$(CC) -shared $(FINQ_CFLAGS) $(HTTPD_FLAGS) $(CFLAGS) -o $@ $< -ljansson -lpq -lcrypto

# What is written by hand: src/db/calls.c and its header are made.
C_FILES = mod_finq.c $(shell find src include tests -name '*.[ch]' ! -path '*/db/calls.[ch]')
# src/ctl/sql.c is made of other files.
LINTED = mod_finq.c $(shell find src -name '*.c' ! -path src/ctl/sql.c)
LINT_FLAGS = $(patsubst -I/%,-isystem /%,-std=gnu11 -DFINQ_SCHEMA=1 -DOPENAPI_JSON=__FILE__ -Iinclude -Isrc/ctl $(APR_FLAGS) $(PG_FLAGS) $(HTTPD_FLAGS))

format:
	@tests/install.sh lint
	@clang-format -i $(C_FILES)

# Each version of clang-format breaks lines its own way: one is obeyed. cppcheck takes a macro's inner `return error` for one of
# what the call was given (returnDanglingLifetime); what outlives its function is clang's analyzer to find.
lint:
	@tests/install.sh build run lint
	@case "$$(clang-format --version)" in *"version 14."*) clang-format --dry-run -Werror $(C_FILES);; \
	  *) echo "make lint: lines are checked by clang-format 14 alone";; esac
	@$(MAKE) --no-print-directory -s B=$(B) all
	@cppcheck -q -j$(WORKERS) --std=c11 --enable=warning,performance --error-exitcode=1 --suppress=returnDanglingLifetime \
	  --suppress='*:/usr/*' -Iinclude -Isrc/ctl $(APR_FLAGS) $(PG_FLAGS) $(HTTPD_FLAGS) $(LINTED)
	@printf '%s\n' $(LINTED) | xargs -P $(WORKERS) -n 8 sh -c 'clang-tidy --quiet "$$@" -- $(LINT_FLAGS) 2>/dev/null' lint

BENCH ?=
SCALE ?= 1
bench:
	@tests/install.sh build run demo bench
	@$(MAKE) --no-print-directory -s B=$(B) all $(B)/bench/load $(B)/bench/mod_finq_floor.so
	@tests/bench/rivals.sh $(B)/bench
	@for clients in $(or $(CLIENTS),64 16); do \
	  STRICT=$(STRICT) CLIENTS=$$clients $(PYTHON) tests/run_bench.py $(BENCH) || exit 1; done

bench-scale:
	@tests/install.sh build run demo bench
	@$(MAKE) --no-print-directory -s B=$(B) all $(B)/bench/load $(B)/bench/mod_finq_floor.so
	@STRICT=$(STRICT) SCALE=$(SCALE) $(PYTHON) tests/run_scale.py

# The verbs of the command's manual are what the command says of itself.
manual: $(B)/finqctl
	for f in finqctl.md finqctl-records.md; do \
	  conf/manual/make.py verbs $(B)/finqctl $$f > $(B)/$$f && mv $(B)/$$f conf/manual/$$f || exit 1; done

postman:
	conf/postman.py > conf/finq.postman_collection.json.new && mv conf/finq.postman_collection.json.new conf/finq.postman_collection.json

MAN := $(B)/man/finqctl.1 $(B)/man/mod_finq.7
$(B)/man/%.1 $(B)/man/%.7: README.md $(wildcard conf/manual/*.md) conf/manual/make.py include/ground/version.h
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$Qset -o pipefail; conf/manual/make.py man $* $(subst .,,$(suffix $@)) $(VERSION) | go-md2man > $@.new
	$Qmv $@.new $@

DATA = $(DESTDIR)$(PREFIX)/share/mod_finq
DOC = $(DESTDIR)$(PREFIX)/share/doc/mod_finq
APACHE = $(DESTDIR)/etc/apache2/mods-available
SITES = $(DESTDIR)/etc/apache2/sites-available
ENABLED = $(DESTDIR)/etc/apache2/mods-enabled/finq.load
BASH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_FUNCTIONS = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
UNIT_FILE = $(DESTDIR)/lib/systemd/system/finq-outbox.service
MODULE = $(DESTDIR)$(shell $(APXS) -q LIBEXECDIR)/mod_finq.so

install: all $(MAN)
	install -D -m 644 $(B)/mod_finq.so $(MODULE)
	install -D -m 755 $(B)/finqctl $(DESTDIR)$(PREFIX)/bin/finqctl
	install -d $(BASH_COMPLETIONS) $(ZSH_FUNCTIONS)
	$(B)/finqctl completion bash > $(BASH_COMPLETIONS)/finqctl
	$(B)/finqctl completion zsh > $(ZSH_FUNCTIONS)/_finqctl
	chmod 644 $(BASH_COMPLETIONS)/finqctl $(ZSH_FUNCTIONS)/_finqctl
	install -d $(DATA)/sql/migrations $(DATA)/sql/functions $(DATA)/skills $(DATA)/pages $(APACHE) $(SITES)
	install -m 644 sql/schema.sql sql/README.md $(DATA)/sql
	install -m 644 sql/migrations/*.sql $(DATA)/sql/migrations
	install -m 644 sql/functions/*.sql $(DATA)/sql/functions
	install -m 644 conf/skills/*.json $(DATA)/skills
	install -m 644 conf/pages/* $(DATA)/pages
	install -m 644 conf/connector-openapi.yaml conf/finq.postman_collection.json $(DATA)
	$(VERSIONED) conf/openapi.yaml > $(DATA)/openapi.yaml
	install -m 644 conf/finq.load $(APACHE)
	for f in README.md LICENSE conf/CHANGELOG.md conf/manual/*.md; do install -D -m 644 $$f $(DOC)/$$f; done
	for f in $(MAN); do install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$${f##*/}; done
	install -m 644 conf/finq-example.conf $(SITES)
	install -d $(dir $(UNIT_FILE))
	sed 's|/usr/local/bin|$(PREFIX)/bin|' conf/finq-outbox.service > $(UNIT_FILE)
	@# An operator's finq.conf may hold what was edited in: a new one goes beside it. It holds a password.
	f=$(APACHE)/finq.conf; [ ! -e $$f ] || cmp -s conf/finq.conf $$f || f=$$f.new; install -m 640 conf/finq.conf $$f

.PHONY: looks
looks:
	@FINQ_LOOKS=renew $(MAKE) --no-print-directory test T='tests/integration/test_page_looks.py -m "long or not long"'

.PHONY: pictures
pictures:
	@tests/install.sh build run demo test
	@$(MAKE) --no-print-directory -s B=$(B) all
	@$(PYTHON) tests/pictures.py

.PHONY: uninstall
uninstall:
	@[ ! -e $(ENABLED) ] || { echo "mod_finq is enabled: a2dismod finq, restart Apache, and run this again" >&2; exit 1; }
	rm -f $(MODULE) $(DESTDIR)$(PREFIX)/bin/finqctl $(APACHE)/finq.load $(APACHE)/finq.conf.new $(SITES)/finq-example.conf $(UNIT_FILE)
	rm -f $(BASH_COMPLETIONS)/finqctl $(ZSH_FUNCTIONS)/_finqctl
	for f in $(notdir $(MAN)); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$$f; done
	rm -rf $(DATA) $(DOC)
	@# What an operator has edited is the operator's.
	! cmp -s conf/finq.conf $(APACHE)/finq.conf || rm $(APACHE)/finq.conf

clean:
	rm -rf $(B)/obj $(B)/man $(B)/unit $(B)/fuzz $(B)/modules/mod_finq.so $(B)/mod_finq.so $(B)/finqctl

.PHONY: all help check-deps deps deps-test demo up down log psql test test-asan fresh unit format lint bench bench-scale manual postman install clean
-include $(shell find $(B)/obj $(B)/unit -name '*.d' 2>/dev/null)
