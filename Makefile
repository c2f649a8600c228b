# SPDX-License-Identifier: Apache-2.0
# Tatami: one Makefile. Flavours build side by side in build/FLAVOUR; `make help` lists the commands.

FLAVOUR ?= debug
CC      ?= gcc
B       := build/$(FLAVOUR)
GEN     := build/gen

# ---- flags ----

CFLAGS_all      := -std=gnu17 -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror -Ulinux -D_GNU_SOURCE -g \
                   -ffunction-sections -fdata-sections -fno-common -MMD -MP
CFLAGS_debug    := -O1
CFLAGS_release  := -O2 -DNDEBUG
CFLAGS_asan     := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_release := -s
LDFLAGS_asan    := -fsanitize=address,undefined
STATIC_asan     :=
STATIC          := $(if $(filter asan,$(FLAVOUR)),,-static)

CPPFLAGS := -iquote lib -iquote . -iquote $(GEN) $(shell pkg-config --cflags json-c libprotobuf-c)
CFLAGS_B := $(CFLAGS_all) $(CFLAGS_$(FLAVOUR)) $(CFLAGS)
LIBS     := -ljson-c -lprotobuf-c -lseccomp
LDFLAGS_B := -Wl,--gc-sections $(LDFLAGS_$(FLAVOUR))

# ---- sources: every .c of a folder belongs to it ----

PROTO_SRC  := $(wildcard lib/proto/*.proto)
PROTO_GEN  := $(PROTO_SRC:lib/proto/%.proto=$(GEN)/proto/%.pb-c.c) $(GEN)/google/protobuf/empty.pb-c.c
LIB_SRC    := $(wildcard lib/*/*.c)
AGENT_SRC  := $(wildcard agent/*/*.c)
SUPPORT_SRC := $(wildcard agent/tests/support/*.c)
LIB_SRC    := $(filter-out lib/tests/%,$(LIB_SRC))
AGENT_SRC  := $(filter-out agent/tests/%,$(AGENT_SRC))
TESTS      := $(patsubst %.c,$(B)/%,$(wildcard lib/tests/*_test.c agent/tests/*_test.c runtime-min/tests/*_test.c))

objects = $(patsubst %.c,$(B)/%.o,$(1))
gen_objects = $(patsubst $(GEN)/%.c,$(B)/gen/%.o,$(1))

.PHONY: all clean
all: $(B)/tatami-agent

clean:
	rm -rf build

# ---- rules ----

$(GEN)/proto/%.pb-c.c: lib/proto/%.proto
	@mkdir -p $(GEN)/proto
	protoc-c -Ilib --c_out=$(GEN) $<

$(GEN)/google/protobuf/empty.pb-c.c: /usr/include/google/protobuf/empty.proto
	@mkdir -p $(@D)
	protoc-c -I/usr/include --c_out=$(GEN) $<

# Generated headers include each other: all are made before any object.
.SECONDARY: $(PROTO_GEN)

$(B)/gen/%.o: $(GEN)/%.c | $(PROTO_GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_B) -Wno-shadow -c -o $@ $<

$(B)/%.o: %.c | $(PROTO_GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_B) -c -o $@ $<

$(B)/libtatami.a: $(call objects,$(LIB_SRC)) $(call gen_objects,$(PROTO_GEN))
	@rm -f $@
	ar rcs $@ $^

$(B)/libagent.a: $(call objects,$(AGENT_SRC))
	@rm -f $@
	ar rcs $@ $^

$(B)/libsupport.a: $(call objects,$(SUPPORT_SRC))
	@rm -f $@
	ar rcs $@ $^

$(B)/tatami-agent: $(B)/agent/main.o $(B)/libagent.a $(B)/libtatami.a
	$(CC) $(STATIC) $(CFLAGS_B) $(LDFLAGS_B) -o $@ $^ $(LIBS)

$(B)/%_test: $(B)/%_test.o $(B)/libsupport.a $(B)/libagent.a $(B)/libtatami.a
	$(CC) $(CFLAGS_B) $(LDFLAGS_B) -o $@ $^ $(LIBS) -lcmocka

.PHONY: unit
unit: $(TESTS)

-include $(shell find build -name '*.d' 2>/dev/null)
