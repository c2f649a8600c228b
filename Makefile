# SPDX-License-Identifier: Apache-2.0
# Tatami: one Makefile. Flavours build side by side in build/FLAVOUR; `make help` lists the commands.

FLAVOUR ?= debug
JOBS    ?= $(shell nproc)
TIME    ?= 60
B       := build/$(FLAVOUR)
GEN     := build/gen

ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(FLAVOUR)),clang-19,gcc)
endif
CLANG ?= clang-19

# One short line per step; V=1 shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@echo '  $(1)	$@')

# ---- flags ----

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror
CPPFLAGS := -iquote lib -iquote . -iquote $(GEN) -D_GNU_SOURCE -Ulinux $(shell pkg-config --cflags json-c libprotobuf-c 2>/dev/null)
CFLAGS_all := -std=gnu17 $(WARNINGS) -g -ffunction-sections -fdata-sections -fno-common

CFLAGS_debug     := -O1
CFLAGS_release   := -Os -DNDEBUG -fno-asynchronous-unwind-tables
CFLAGS_coverage  := -O0
CFLAGS_asan      := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz      := -O2 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
                    -fsanitize-address-use-after-return=never
LDFLAGS_release  := -s
LDFLAGS_coverage := --coverage -Wl,-T,coverage/counters.ld
LDFLAGS_asan     := -fsanitize=address,undefined
LDFLAGS_fuzz     := -fsanitize=fuzzer,address,undefined

# The mock kernel is to be fast, not small; a fuzzer looks for new ways through the product, not through the mock. gcc would turn
# zalloc() back into calloc() (mocks/kernel/memory.h).
FAST_release  := -O2 -fno-builtin-malloc
FAST_coverage := -O2 -fno-builtin-malloc
FAST_fuzz     := -fno-sanitize=fuzzer-no-link,undefined
# What a comparison saw helps the fuzzer through the code that reads input; elsewhere it costs a fifth of the time.
READERS    := $(addsuffix /%,lib/json lib/oci lib/proto lib/toml lib/ttrpc agent/guest runtime-min/vmm runtime-min/vsock)
BLIND_fuzz := -fno-sanitize-coverage=trace-cmp

# Only the product is measured; instrumented tests would also lose the shared counters (gcc resets them in fork()).
COUNT_coverage := --coverage -fprofile-update=atomic
# The sanitizers need a dynamic libc; everything else gives programs that run in any root file system.
STATIC := $(if $(filter asan fuzz,$(FLAVOUR)),,-static)

CFLAGS_B  := $(CFLAGS_all) $(CFLAGS_$(FLAVOUR)) $(CFLAGS)
LDFLAGS_B := -Wl,--gc-sections $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)
LIBS      := -ljson-c -lprotobuf-c -lseccomp

# ---- sources: every .c of a folder belongs to it ----

PROTO_SRC   := $(wildcard lib/proto/*.proto)
PROTO_GEN   := $(PROTO_SRC:lib/proto/%.proto=$(GEN)/proto/%.pb-c.c) $(GEN)/google/protobuf/empty.pb-c.c
LIB_SRC     := $(filter-out lib/tests/%,$(wildcard lib/*/*.c lib/*/*.S))
AGENT_SRC   := $(filter-out agent/tests/%,$(wildcard agent/agent.c agent/*/*.c))
RUNTIME_SRC := $(filter-out runtime-min/tests/% %/main.c,$(wildcard runtime-min/*/*.c))
SUPPORT_SRC := $(wildcard agent/tests/support/*.c)

MOCK_SRC    := $(wildcard mocks/kernel/*.c mocks/vsock/*.c)
CONFORM_SRC := $(wildcard mocks/tests/kernel_*_test.c)
RANDOM_SRC  := $(wildcard mocks/tests/random_*.c)
HARNESS_SRC := $(wildcard mocks/harness/*.c)
SIM_TEST_SRC := $(wildcard mocks/tests/sim_*_test.c)
# Tests of the process tier whose text runs in the simulation, too; single ones that cannot: mocks/harness/rig_sim.c. The others
# ask the tools of a real busybox what a container sees (identity, jail, namespaces), or attack the real kernel (attack).
SHARED_TESTS := cgroup guest_hook hook lifecycle refusal rpc sandbox stdio tty

PROCESS_TEST_SRC := $(wildcard agent/tests/process_*_test.c)
UNIT_TEST_SRC    := $(filter-out $(PROCESS_TEST_SRC),$(wildcard lib/tests/*_test.c agent/tests/*_test.c runtime-min/tests/*_test.c))
FUZZ_SRC         := $(filter-out fuzz/replay_main.c,$(wildcard fuzz/*.c))
BENCH_SRC        := $(wildcard ci/bench/*.c)

comma      := ,
objects     = $(addprefix $(B)/,$(addsuffix .o,$(basename $(1))))
gen_objects = $(patsubst $(GEN)/%.c,$(B)/gen/%.o,$(1))
programs    = $(addprefix $(B)/,$(basename $(1)))

AGENT := $(B)/tatami-agent
CTL   := $(if $(wildcard runtime-min/ctl/main.c),$(B)/tatami-ctl)
VSOCK := $(B)/tatami-vsock
TATAMI := $(if $(wildcard runtime-min/cli/main.c),$(B)/tatami)
PROGRAMS      := $(if $(wildcard agent/main.c),$(AGENT)) $(CTL) $(VSOCK) $(TATAMI)
UNIT_TESTS    := $(call programs,$(UNIT_TEST_SRC))
PROCESS_TESTS := $(call programs,$(PROCESS_TEST_SRC))
REPLAYS       := $(if $(wildcard fuzz/replay_main.c),$(addsuffix _replay,$(call programs,$(FUZZ_SRC))))
FUZZERS       := $(addsuffix _fuzz,$(addprefix build/fuzz/,$(basename $(FUZZ_SRC))))
SHARED_SIM    := $(SHARED_TESTS:%=$(B)/mocks/tests/sim_process_%_test)
SIM_TESTS     := $(call programs,$(SIM_TEST_SRC)) $(SHARED_SIM)
CONFORM_MOCK  := $(call programs,$(CONFORM_SRC))
CONFORM_REAL  := $(CONFORM_MOCK:_test=_real)
RANDOM_PAIRS  := $(foreach program,$(call programs,$(RANDOM_SRC)),$(program)_test $(program)_real)
BENCHES       := $(call programs,$(BENCH_SRC))
COUNTERS      := $(if $(filter coverage,$(FLAVOUR)),$(B)/coverage/dump.o coverage/counters.ld)

UNIT_BATS    := $(wildcard ci/tests/*.bats)
PROCESS_BATS := $(wildcard runtime-min/tests/*.bats)
INTEGRATION_BATS := $(wildcard ci/integration/*.bats)
HOST_RUNTIME := $(B)/runtime-min/tests/tatami-host

PRODUCT_OBJECTS := $(call objects,$(LIB_SRC) $(AGENT_SRC) $(wildcard agent/main.c) $(RUNTIME_SRC) $(wildcard runtime-min/*/main.c))
C_SRC  := $(filter %.c,$(LIB_SRC)) $(AGENT_SRC) $(RUNTIME_SRC) $(SUPPORT_SRC) $(UNIT_TEST_SRC) $(PROCESS_TEST_SRC) $(BENCH_SRC) \
          $(wildcard runtime-min/tests/support/*.c) \
          $(MOCK_SRC) $(HARNESS_SRC) $(SIM_TEST_SRC) $(CONFORM_SRC) $(RANDOM_SRC) $(wildcard mocks/tests/support/*.c) \
          $(wildcard agent/main.c runtime-min/*/main.c fuzz/*.c coverage/*.c ci/guest/*.c)
ALL_C  := $(C_SRC) $(wildcard lib/*/*.h agent/*/*.h agent/tests/support/*.h runtime-min/*/*.h mocks/*/*.h coverage/*.h ci/bench/*.h)

.PHONY: all clean help
all: $(PROGRAMS)

help:
	@sed -n 's/^## //p' Makefile

clean:
	rm -rf build

include ci/guest/guest.mk

# ---- commands; each one that needs another flavour starts make again with it ----
## Commands (FLAVOUR=debug|release|coverage|asan builds in build/FLAVOUR; JOBS=n):
##   make                        tatami-agent and tatami-ctl into build/debug
##   make test                   checks, unit tests, tests of the programs on the real kernel (those need root)
##   make coverage               the same, measured: tables, build/coverage/index.html, thresholds
##   make check                  the checks of the source alone: seam, globals, includes, sizes, format, clang
##   make unit / make process    one tier alone; ONLY=word runs the tests with word in their name
##   make asan                   the tests under AddressSanitizer and UBSan
##   make sim SEEDS=n SEED=first random histories in the simulation; a seed that fails can be repeated
##   make traces                 write the golden traces of fixtures/traces anew
##   make run / make shell       a container of busybox in a VM: prints hello and the time of each step, or gives a shell (root)
##   make conformance SEEDS=n    the mock kernel against the real one: the same cases, and random sequences of calls, on both (root)
##   make conformance-vm         the same in a VM, whose kernel has what this one may lack; ONLY=word SEEDS=n
##   make nested                 a container in a VM in a VM, at the kernel's vsock device; MACHINE=microvm
##   make integration            containers in real machines under emulation, then conformance-vm; ONLY=word (root)
##   make chaos SEED=n ROUNDS=n  parts of real machines are killed, ended and stopped at random moments (root)
##   make mutate                 changes the product in one place at a time: which tests notice? FILES=words SAMPLE=n SEED=n
##   make valgrind               the unit tests of pure code and the simulation under valgrind
##   make bench                  speed and size, beside crun and a bare-syscall floor
##   make guest DEBUG=1          kernel and initramfs of the VMs into build/guest; DEBUG=1: one with busybox for the debug console, too
##   make fuzz TARGET=t TIME=s   libFuzzer on fuzz/t.c; make fuzz-smoke: one minute each
##   make clang                  compile everything with clang-19, warnings are errors
##   make format                 clang-format in place
##   make clean

RUN  = ci/run-tests --build $(B) $(if $(ONLY),--only $(ONLY))
AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: run shell
run shell: guest
	@$(AGAIN) FLAVOUR=release $(PROGRAMS:$(B)/%=build/release/%) >/dev/null
	@ci/try $@ build/release

.PHONY: conformance test test-built unit process coverage asan valgrind bench setup
setup:
	@ci/setup

test: setup
	@$(AGAIN) FLAVOUR=$(FLAVOUR) test-built

test-built: $(PROGRAMS) $(UNIT_TESTS) $(SIM_TESTS) $(CONFORM_MOCK) $(CONFORM_REAL) $(PROCESS_TESTS) $(HOST_RUNTIME) $(REPLAYS) $(B)/checks.list
	@$(RUN) --checks $(B)/checks.list --unit $(UNIT_TESTS) $(SIM_TESTS) $(CONFORM_MOCK) $(UNIT_BATS) $(REPLAYS) \
	    --process $(PROCESS_TESTS) $(CONFORM_REAL) $(PROCESS_BATS)

unit: $(UNIT_TESTS) $(REPLAYS)
	@$(RUN) --unit $(UNIT_TESTS) $(REPLAYS) $(UNIT_BATS)

process: $(PROGRAMS) $(PROCESS_TESTS) $(HOST_RUNTIME)
	@$(RUN) --process $(PROCESS_TESTS) $(PROCESS_BATS)

coverage: setup
	@$(AGAIN) FLAVOUR=coverage coverage-built

.PHONY: coverage-built
coverage-built: $(PROGRAMS) $(UNIT_TESTS) $(SIM_TESTS) $(PROCESS_TESTS) $(HOST_RUNTIME) $(REPLAYS) $(if $(VM_BATS),$(VM_TREE))
	@VM_TESTS='$(if $(VM_BATS),$(VM_COVERAGE))' coverage/run $(B) $(RUN) --unit $(UNIT_TESTS) $(SIM_TESTS) $(REPLAYS) --process $(PROCESS_TESTS) $(PROCESS_BATS)

asan: setup
	@$(AGAIN) FLAVOUR=asan asan-built

.PHONY: asan-built
asan-built: $(PROGRAMS) $(UNIT_TESTS) $(SIM_TESTS) $(CONFORM_MOCK) $(PROCESS_TESTS) $(HOST_RUNTIME) $(REPLAYS)
	@$(RUN) --unit $(UNIT_TESTS) $(SIM_TESTS) $(CONFORM_MOCK) $(REPLAYS) --process $(PROCESS_TESTS) $(PROCESS_BATS)

# valgrind 3.19 does not know epoll_pwait2, clone3, openat2 and others: only code that stays away from the seam, not the test that
# writes lines of every length; and the simulation, which makes none of these calls, but for the sweeps: they run the same paths
# thousands of times. Nor the test that copies whole stacks, live or not.
PURE_TESTS := $(filter-out %base_log_test,$(foreach area,base oci proto toml,$(filter $(B)/lib/tests/$(area)_%,$(UNIT_TESTS))))
VALGRIND_TESTS := $(PURE_TESTS) $(filter-out %fault_test %sim_race_test %sim_rewind_test,$(SIM_TESTS))
valgrind: $(VALGRIND_TESTS)
	@SEEDS=$(or $(SEEDS),20) $(RUN) --valgrind --unit $(VALGRIND_TESTS)

# The same cases on both kernels; the real one needs root.
.PHONY: sim traces
sim: $(SIM_TESTS)
	@SEEDS=$(SEEDS) SEED=$(SEED) $(B)/mocks/tests/sim_history_test

traces: $(B)/mocks/tests/sim_trace_test
	@mkdir -p fixtures/traces
	@TATAMI_UPDATE_TRACES=1 $<

# Real machines; the totals of the cases come last. A host that cannot have a machine says why, and what needs one is skipped.
.PHONY: integration
integration:
	@$(MAKE) --no-print-directory guest || echo "there is no guest, see above: what needs one is skipped"
	@$(AGAIN) FLAVOUR=release $(PROGRAMS:$(B)/%=build/release/%)
	@conformance=0; \
	if [ -e build/guest/vmlinux ]; then $(MAKE) --no-print-directory conformance-vm || conformance=1; fi; \
	ci/run-tests --build build/release $(if $(ONLY),--only $(ONLY)) --process $(INTEGRATION_BATS) && [ $$conformance = 0 ]

.PHONY: chaos
chaos: guest
	@$(AGAIN) FLAVOUR=release $(PROGRAMS:$(B)/%=build/release/%)
	@ci/chaos --build build/release --seed $(or $(SEED),1) --first $(or $(FIRST),0) --rounds $(or $(ROUNDS),10)

conformance: $(CONFORM_MOCK) $(CONFORM_REAL) $(RANDOM_PAIRS)
	@failed=0; for test in $(CONFORM_MOCK) $(CONFORM_REAL); do \
	    echo "$$(basename $$test)"; timeout 300 $$test $(ONLY) || failed=1; done; \
	ci/compare-kernels $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--first $(SEED)) $(RANDOM_PAIRS) || failed=1; exit $$failed

# TIERS: which tests are asked. Nothing that needs the programs: a mutant is linked into tests alone.
.PHONY: mutate mutate-reach mutate-built
TIERS ?= unit sim
MUTATE_UNIT := $(filter-out $(B)/runtime-min/%,$(UNIT_TESTS))
MUTATE_SIM = $(call programs,$(SIM_TEST_SRC)) $(foreach test,$(SHARED_TESTS),$(B)/mocks/tests/sim_process_$(test)_test=$(B)/agent/tests/process_$(test)_test.o)
MUTATE_TESTS = $(if $(filter unit,$(TIERS)),$(MUTATE_UNIT)) $(if $(filter sim,$(TIERS)),$(SIM_TESTS))
mutate: setup
	@$(AGAIN) FLAVOUR=coverage mutate-reach
	@$(AGAIN) FLAVOUR=debug mutate-built

mutate-reach: $(MUTATE_TESTS)

mutate-built: $(MUTATE_TESTS)
	@ci/mutate --reach build/debug build/coverage --jobs $(JOBS) --compile '$(CC) $(CPPFLAGS) $(CFLAGS_B)' --link '$(CFLAGS_B) $(LDFLAGS_B) ### $(LIBS) -lcmocka' \
	    $(if $(filter unit,$(TIERS)),--group '$(MUTATE_UNIT)' '$(B)/libsupport.a $(B)/libagent.a $(B)/libtatami.a') \
	    $(if $(filter sim,$(TIERS)),--group '$(MUTATE_SIM)' '$(SIM) $(B)/libagent.a $(B)/libtatami-mock.a') \
	    $(if $(SLOWEST),--slowest $(SLOWEST)) $(if $(FILES),--files '$(FILES)') $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) \
	    $(filter %.c,$(AGENT_SRC) $(LIB_SRC))

bench: setup
	@$(AGAIN) FLAVOUR=release bench-built

.PHONY: bench-built
bench-built: $(PROGRAMS) $(BENCHES) $(if $(wildcard build/guest/vmlinux),build/guest/initramfs.cpio build/guest/initramfs-idle.cpio $(B)/ci/guest/stream)
	@ci/bench/run $(B)

# ---- checks of the source ----

CHECKS := seam globals includes sizes format clang

.PHONY: check check-seam check-globals check-includes check-sizes check-format clang format
check: $(B)/checks.list
	@$(RUN) --checks $<

# One line per check: its name, then the command that ci/run-tests runs.
$(B)/checks.list: Makefile $(PRODUCT_OBJECTS)
	@for check in $(CHECKS); do echo "$$check make --no-print-directory -s -j$(JOBS) FLAVOUR=$(FLAVOUR) check-$$check"; done >$@

check-seam: $(PRODUCT_OBJECTS)
	@ci/check-seam $(B) $(PRODUCT_OBJECTS)

check-globals: $(PRODUCT_OBJECTS)
	@ci/check-globals $(PRODUCT_OBJECTS)

check-includes:
	@ci/check-includes .

check-sizes:
	@ci/check-sizes $(ALL_C)

check-format:
	@echo $(ALL_C) | xargs -n 1 -P $(JOBS) sh -c 'clang-format $$0 | cmp -s - $$0 || { echo "$$0: make format would change it"; exit 1; }'

format:
	@clang-format -i $(ALL_C)

.PHONY: check-clang
check-clang clang: $(addprefix build/clang/,$(C_SRC:.c=.ok))

build/clang/%.ok: %.c build/clang/.flags | $(PROTO_GEN)
	@mkdir -p $(@D)
	@$(CLANG) $(CPPFLAGS) $(CFLAGS_all) -fsyntax-only -MMD -MP -MF $(@:.ok=.d) -MT $@ $<
	@touch $@

# ---- fuzzing ----

.PHONY: fuzz fuzz-built fuzz-smoke
fuzz: setup
	@test -f "fuzz/$(TARGET).c" || { echo "make fuzz TARGET=t: t is one of: $(notdir $(basename $(FUZZ_SRC)))"; exit 1; }
	@$(AGAIN) FLAVOUR=fuzz build/fuzz/fuzz/$(TARGET)_fuzz
	@fuzz/run $(TARGET) $(TIME)

fuzz-smoke: setup
	@$(AGAIN) FLAVOUR=fuzz $(FUZZERS)
	@for target in $(notdir $(basename $(FUZZ_SRC))); do fuzz/run $$target $(TIME) || exit 1; done

# ---- rules ----

# A file that changes when its content has to: objects depend on the flags they were built with, archives on their list of objects.
define remember
@mkdir -p $(@D)
@echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@
endef

.PHONY: FORCE
FORCE:

$(B)/.flags: FORCE
	$(call remember,$(CC) $(CPPFLAGS) $(CFLAGS_B) $(COUNT_$(FLAVOUR)))
$(B)/.link: FORCE
	$(call remember,$(CC) $(STATIC) $(LDFLAGS_B) $(LIBS))
$(B)/.objects: FORCE
	$(call remember,$(LIB_SRC) $(PROTO_GEN) $(AGENT_SRC) $(RUNTIME_SRC) $(SUPPORT_SRC) $(MOCK_SRC))
build/clang/.flags: FORCE
	$(call remember,$(CLANG) $(CPPFLAGS) $(CFLAGS_all))

$(GEN)/proto/%.pb-c.c $(GEN)/proto/%.pb-c.h: lib/proto/%.proto $(PROTO_SRC)
	@mkdir -p $(GEN)/proto
	$(call say,PROTO)
	$(Q)protoc-c -Ilib -I/usr/include --c_out=$(GEN) $<

$(GEN)/google/protobuf/empty.pb-c.c: /usr/include/google/protobuf/empty.proto
	@mkdir -p $(@D)
	$(call say,PROTO)
	$(Q)protoc-c -I/usr/include --c_out=$(GEN) $<

$(B)/gen/%.o: $(GEN)/%.c $(B)/.flags | $(PROTO_GEN)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_B) -Wno-shadow -MMD -MP -c -o $@ $<

$(B)/%.o: %.c $(B)/.flags | $(PROTO_GEN)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_B) $(if $(filter mocks/%,$<),$(FAST_$(FLAVOUR)),$(if $(filter $(READERS),$<),,$(BLIND_$(FLAVOUR)))) $(if $(findstring /tests/,$<)$(filter coverage/% fuzz/% ci/% mocks/%,$<),,$(COUNT_$(FLAVOUR))) -MMD -MP -c -o $@ $<

$(B)/%.o: %.S $(B)/.flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_B) -MMD -MP -c -o $@ $<

define archive
$(call say,AR)
@rm -f $@
$(Q)ar rcs $@ $(filter %.o,$^)
endef

$(B)/libtatami.a: $(call objects,$(LIB_SRC)) $(call gen_objects,$(PROTO_GEN)) $(B)/.objects
	$(archive)
$(B)/libagent.a: $(call objects,$(AGENT_SRC)) $(B)/.objects
	$(archive)
$(B)/libruntime.a: $(call objects,$(RUNTIME_SRC)) $(B)/.objects
	$(archive)
$(B)/libsupport.a: $(call objects,$(SUPPORT_SRC)) $(B)/.objects
	$(archive)

# The library without the real kernel behind its seam.
$(B)/libtatami-mock.a: $(call objects,$(filter-out lib/sys/sys_linux.c lib/sys/sys_spawn.c,$(LIB_SRC))) \
    $(call gen_objects,$(PROTO_GEN)) $(B)/.objects
	$(archive)

link = $(CC) $(1) $(CFLAGS_B) $(LDFLAGS_B) -o $@ $(filter %.o %.a,$^) $(LIBS)

# The source the program was built from, for --version.
COMMIT := $(or $(shell git rev-parse --short HEAD 2>/dev/null),unknown)
$(B)/agent/main.o build/clang/agent/main.ok: private CPPFLAGS += -DTATAMI_COMMIT='"$(COMMIT)"'
$(B)/runtime-min/cli/main.o build/clang/runtime-min/cli/main.ok: private CPPFLAGS += -DTATAMI_COMMIT='"$(COMMIT)"'
$(B)/agent/main.o $(B)/runtime-min/cli/main.o: $(B)/.commit
$(B)/.commit: FORCE
	$(call remember,$(COMMIT))

# Counters are written and leaks are looked for by calls that the filter does not know.
$(B)/runtime-min/vsock/confine.o $(B)/runtime-min/tests/vsock_confine_test.o $(B)/runtime-min/container/handle_rights.o \
$(B)/runtime-min/sandbox/rights.o $(B)/runtime-min/tests/sandbox_rights_test.o: private CPPFLAGS += \
    $(if $(filter asan coverage,$(FLAVOUR)),-DLOCKDOWN_OTHER_CALLS=SCMP_ACT_LOG)

$(AGENT): $(B)/agent/main.o $(B)/libagent.a $(B)/libtatami.a $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

$(B)/tatami-ctl $(VSOCK): $(B)/tatami-%: $(B)/runtime-min/%/main.o $(B)/libruntime.a $(B)/libtatami.a $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

$(B)/tatami: $(B)/runtime-min/cli/main.o $(B)/libruntime.a $(B)/libtatami.a $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

# The runtime with an agent of this host in the place of a machine: the tests of a container's life without a VM.
$(HOST_RUNTIME): $(B)/runtime-min/cli/main.o $(B)/runtime-min/tests/support/machine_host.o $(B)/libruntime.a $(B)/libtatami.a \
    $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

$(B)/runtime-min/tests/%_test: $(B)/runtime-min/tests/%_test.o $(B)/libruntime.a $(B)/libtatami.a $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

# Those that need two machines, or a device that hardly a host has: on the mock kernel.
$(addprefix $(B)/runtime-min/tests/,container_guest_dial_test vmm_vhost_vsock_test): %: %.o $(call objects,$(MOCK_SRC)) $(B)/libruntime.a \
    $(B)/libtatami-mock.a $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

# The targets that run the agent on the mock kernel.
FUZZ_ON_MOCK := create_container exec_process update_container history

# The agent on the mock kernel: the tests of the simulation, and those of the process tier with the same text.
SIM_SUPPORT := $(addprefix agent/tests/support/,rig_calls.c rig_spec.c expect.c raw_call.c request.c)
# Of the runtime, what the mock kernel is faithful enough for: the control groups of a host.
SIM_RUNTIME := $(wildcard runtime-min/container/hostgroup*.c)
SIM := $(call objects,$(HARNESS_SRC) $(MOCK_SRC) $(SIM_SUPPORT) $(SIM_RUNTIME))
# What mocks/harness/rewind.h asks for.
REWIND := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc free strdup strndup mmap munmap)
$(B)/mocks/tests/sim_rewind_test $(FUZZ_ON_MOCK:%=$(B)/fuzz/%_fuzz): private LDFLAGS_B += $(REWIND)
SIM_LIBS := $(B)/libagent.a $(B)/libtatami-mock.a $(B)/.link
$(call programs,$(SIM_TEST_SRC)): %: %.o
$(SHARED_SIM): $(B)/mocks/tests/sim_%: $(B)/agent/tests/%.o
$(SIM_TESTS): $(SIM) $(SIM_LIBS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

CONFORM := $(B)/mocks/tests/support/conform
MOCK_KERNEL := $(CONFORM).o $(CONFORM)_mock.o $(call objects,$(MOCK_SRC)) $(B)/libtatami-mock.a
REAL_KERNEL := $(CONFORM).o $(CONFORM)_real.o $(CONFORM)_differences.o $(B)/libtatami.a
$(CONFORM_MOCK): $(B)/mocks/tests/kernel_%_test: $(B)/mocks/tests/kernel_%_test.o $(MOCK_KERNEL) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link)

# Static: they run in a VM without libraries as well.
$(B)/mocks/tests/random_%_test: $(B)/mocks/tests/random_%.o $(MOCK_KERNEL) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

$(B)/mocks/tests/random_%_real: $(B)/mocks/tests/random_%.o $(REAL_KERNEL) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

$(CONFORM_REAL): $(B)/mocks/tests/kernel_%_real: $(B)/mocks/tests/kernel_%_test.o $(REAL_KERNEL) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

$(B)/%_test: $(B)/%_test.o $(B)/libsupport.a $(B)/libagent.a $(B)/libtatami.a $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

$(FUZZ_ON_MOCK:%=$(B)/fuzz/%_replay): $(B)/fuzz/%_replay: $(B)/fuzz/%.o $(B)/fuzz/replay_main.o $(SIM) $(B)/libagent.a \
    $(B)/libtatami-mock.a $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

$(FUZZ_ON_MOCK:%=$(B)/fuzz/%_fuzz): $(B)/fuzz/%_fuzz: $(B)/fuzz/%.o $(SIM) $(B)/libagent.a $(B)/libtatami-mock.a $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

$(B)/fuzz/%_replay: $(B)/fuzz/%.o $(B)/fuzz/replay_main.o $(B)/libsupport.a $(B)/libagent.a $(B)/libruntime.a $(B)/libtatami.a \
    $(COUNTERS) $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

$(B)/fuzz/%_fuzz: $(B)/fuzz/%.o $(B)/libsupport.a $(B)/libagent.a $(B)/libruntime.a $(B)/libtatami.a $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

$(B)/ci/bench/sim_bench: $(B)/ci/bench/sim_bench.o $(SIM) $(B)/libagent.a $(B)/libtatami-mock.a $(B)/.link
	$(call say,LINK)
	$(Q)$(call link) -lcmocka

$(B)/ci/bench/%: $(B)/ci/bench/%.o $(B)/libtatami.a $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(B) build/clang -name '*.d' 2>/dev/null)
