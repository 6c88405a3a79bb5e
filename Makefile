# make demo | make test | make help
SHELL := /bin/bash
B ?= build
CC := gcc
APXS ?= $(shell command -v apxs2 || command -v apxs)
SANITIZE ?=

# Settled when first used, so that `make demo` can install the tools that answer.
APR_FLAGS = $(shell apr-1-config --includes --cppflags) $(shell apu-1-config --includes)
HTTPD_FLAGS = -I$(shell $(APXS) -q INCLUDEDIR)
PG_FLAGS = -I$(shell pg_config --includedir)
CFLAGS ?= -O2 -g
FINQ_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -fPIC -fvisibility=hidden \
  -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Iinclude $(APR_FLAGS) $(PG_FLAGS) $(SANITIZE)
LIBS = -ljansson -lpq -lcrypto -lpcre2-8
APR_LIBS = $(shell apr-1-config --link-ld) $(shell apu-1-config --link-ld)

# src/*.c know no httpd; src/httpd is the thin face over them; src/ctl is the operator's command.
LIB_O   := $(patsubst %.c,$(B)/obj/%.o,$(wildcard src/*.c))
HTTPD_O := $(patsubst %.c,$(B)/obj/%.o,$(wildcard src/httpd/*.c) mod_finq.c)
CTL_O   := $(patsubst %.c,$(B)/obj/%.o,$(wildcard src/ctl/*.c))
UNIT    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

all: $(B)/mod_finq.so $(B)/finqctl

$(B)/obj/src/httpd/%.o $(B)/obj/mod_finq.o: FINQ_CFLAGS += $(HTTPD_FLAGS)
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FINQ_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/mod_finq.so: $(LIB_O) $(HTTPD_O)
	$(CC) -shared $(CFLAGS) $(SANITIZE) -o $@ $^ -Wl,-z,relro,-z,now $(LIBS)

$(B)/finqctl: $(LIB_O) $(CTL_O)
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LIBS) $(APR_LIBS)

# Unit tests: one cmocka program a room, run from the top of the tree.
$(B)/unit/%: tests/unit/%.c $(LIB_O)
	@mkdir -p $(@D)
	$(CC) $(FINQ_CFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(LIB_O) -lcmocka $(LIBS) $(APR_LIBS)

unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

clean:
	rm -rf $(B)/obj $(B)/unit $(B)/mod_finq.so $(B)/finqctl

.PHONY: all unit clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
