# Fuzzers: tests/fuzz/fuzz_ROOM.c, with their inputs in tests/fuzz/corpus/ROOM. The unit tests
# replay these; `make fuzz` looks for new ones with clang's libFuzzer, for FUZZ_SECONDS each.
FUZZ_SECONDS ?= 60
FUZZ_ROOMS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS = -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude $(APR_FLAGS) $(PG_FLAGS)

UNIT += $(FUZZ_ROOMS:%=$(B)/fuzz/replay_%)

$(B)/fuzz/replay_%: tests/fuzz/fuzz_%.c $(wildcard tests/fuzz/*.h) tests/fuzz/replay.c $(LIB_O)
	@mkdir -p $(@D)
	$(CC) $(FINQ_CFLAGS) $(CFLAGS) -DCORPUS='"tests/fuzz/corpus/$*"' -o $@ $< tests/fuzz/replay.c $(LIB_O) -lcmocka $(LIBS) $(APR_LIBS)

$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(wildcard tests/fuzz/*.h) $(ROOMS) $(wildcard src/*/*.h include/*/*.h)
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -o $@ $< $(ROOMS) $(LIBS) $(APR_LIBS)

# New inputs go to the build directory: what is worth keeping is copied into the corpus by hand. Leaks are looked for by
# the replays, at their end: between two inputs, what pools own would be taken for lost.
fuzz:
	@tests/install.sh build fuzz
	@$(MAKE) --no-print-directory B=$(B) $(FUZZ_ROOMS:%=$(B)/fuzz/fuzz_%)
	@for room in $(FUZZ_ROOMS); do echo "== $$room"; mkdir -p $(B)/fuzz/found/$$room; \
	  $(B)/fuzz/fuzz_$$room -max_total_time=$(FUZZ_SECONDS) -max_len=20000 -detect_leaks=0 -verbosity=0 -print_final_stats=1 \
	  -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/found/$$room tests/fuzz/corpus/$$room || exit 1; done

.PHONY: fuzz
.SECONDARY: $(FUZZ_ROOMS:%=$(B)/fuzz/replay_%) $(FUZZ_ROOMS:%=$(B)/fuzz/fuzz_%)
