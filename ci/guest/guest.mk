# SPDX-License-Identifier: Apache-2.0
# The guest: build/guest/vmlinux and build/guest/initramfs.cpio; DEBUG=1 makes build/guest/initramfs-debug.cpio as well, with busybox
# for the debug console. The kernel is fetched once and kept in build/guest/kernel until `make clean`.

GUEST        := build/guest
GUEST_KERNEL := $(GUEST)/kernel/version
GUEST_AGENT  := build/release/tatami-agent
GUEST_MODULES := ci/guest/modules.txt
INITRAMFS_TOOL := ci/guest/make-initramfs ci/guest/guest.mk

.PHONY: guest guest-built
guest:
	@ci/setup
	@ci/setup vm
	@$(AGAIN) FLAVOUR=release $(GUEST_AGENT)
	@$(AGAIN) guest-built

guest-built: $(GUEST)/vmlinux $(GUEST)/initramfs.cpio $(if $(DEBUG),$(GUEST)/initramfs-debug.cpio)
	@:

$(GUEST_KERNEL): ci/guest/fetch-kernel
	@mkdir -p $(@D)
	$(call say,FETCH)
	$(Q)ci/guest/fetch-kernel $(@D)

$(GUEST)/vmlinux: $(GUEST_KERNEL) ci/guest/extract-vmlinux
	$(call say,GUEST)
	$(Q)ci/guest/extract-vmlinux $(GUEST)/kernel/vmlinuz $@

initramfs = ci/guest/make-initramfs --init $(GUEST_AGENT) --kernel $(GUEST)/kernel --modules $(GUEST_MODULES)
$(GUEST)/initramfs.cpio $(GUEST)/initramfs-debug.cpio: $(GUEST_AGENT) $(GUEST_KERNEL) $(GUEST_MODULES) $(INITRAMFS_TOOL)

$(GUEST)/initramfs.cpio:
	$(call say,GUEST)
	$(Q)$(initramfs) $@

$(GUEST)/initramfs-debug.cpio: $(GUEST)/busybox.tools
	$(call say,GUEST)
	$(Q)$(initramfs) --busybox /bin/busybox --tools $< $@

$(GUEST)/busybox.tools: /bin/busybox
	@mkdir -p $(@D)
	@/bin/busybox --list >$@

# The agent that counts what it executes: see coverage/collect.
$(GUEST)/initramfs-coverage.cpio: build/coverage/tatami-agent $(GUEST_KERNEL) $(GUEST_MODULES) $(INITRAMFS_TOOL)
	$(call say,GUEST)
	$(Q)ci/guest/make-initramfs --init $< --kernel $(GUEST)/kernel --modules $(GUEST_MODULES) $@

# The tests in VMs join `make coverage` where QEMU and a guest are. The programs find the guest that counts beside them.
VM_BATS := $(if $(and $(wildcard $(GUEST)/vmlinux),$(shell command -v qemu-system-x86_64)),$(INTEGRATION_BATS))
VM_TREE  = $(B)/vm/share/tatami/initramfs.cpio
VM_COVERAGE = coverage/collect $(B) "/tmp/tatami-*/root/.sandboxes/*/vsock.sock" ci/run-tests --build $(B)/vm/bin --process $(VM_BATS)

$(B)/vm/share/tatami/initramfs.cpio: $(GUEST)/initramfs-coverage.cpio $(GUEST)/vmlinux $(PROGRAMS)
	@mkdir -p $(@D) $(B)/vm/bin
	@ln -f $(PROGRAMS) $(B)/vm/bin
	@ln -f $(GUEST)/vmlinux $(@D)
	@ln -f $< $@

# ---- an init that does nothing, for `make bench` ----

# As large as the agent's image: the kernel unpacks both.
$(GUEST)/initramfs-idle.cpio: $(B)/ci/guest/idle_init $(GUEST_AGENT) $(GUEST_KERNEL) $(GUEST_MODULES) $(INITRAMFS_TOOL)
	$(call say,GUEST)
	$(Q)truncate -s $$(($$(stat -c %s $(GUEST_AGENT)) - $$(stat -c %s $<))) $(GUEST)/padding
	$(Q)ci/guest/make-initramfs --init $< --kernel $(GUEST)/kernel --modules $(GUEST_MODULES) --add padding=$(GUEST)/padding $@

# ---- a machine in a machine, at the kernel's vsock device ----

.PHONY: nested
nested: guest
	@$(AGAIN) FLAVOUR=release $(PROGRAMS:$(B)/%=build/release/%) $(GUEST)/nested.cpio
	@ci/guest/run-nested $(GUEST)/nested.cpio build/release $(MACHINE)

$(GUEST)/nested.cpio: ci/guest/nested-init ci/guest/modules-nested.txt $(GUEST_KERNEL) $(GUEST)/busybox.tools $(INITRAMFS_TOOL)
	$(call say,GUEST)
	$(Q)ci/guest/make-initramfs --init $< --kernel $(GUEST)/kernel --modules ci/guest/modules-nested.txt \
	    --busybox /bin/busybox --tools $(GUEST)/busybox.tools $@

# ---- the conformance suite in a VM ----

GUEST_TESTS := $(patsubst %,$(GUEST)/tests/%,$(notdir $(CONFORM_REAL)))
# Mounts are left out: the VM's kernel is older than 6.15, before which detached trees could neither be copied nor mounted in.
VM_PAIRS := $(filter-out %/random_mounts_test %/random_mounts_real,$(RANDOM_PAIRS))
GUEST_RANDOM := $(patsubst %,$(GUEST)/tests/%,$(notdir $(VM_PAIRS)))
VM_SEEDS = $(or $(SEEDS),10)

.PHONY: conformance-vm
conformance-vm: guest
	@$(AGAIN) $(GUEST)/conformance.cpio
	@failed=0; rm -f $(GUEST)/said; \
	ci/guest/run-conformance $(GUEST)/conformance.cpio $(GUEST)/said $(VM_SEEDS) $(ONLY) || failed=1; \
	ci/compare-kernels --said $(GUEST)/said --seeds $(VM_SEEDS) $(VM_PAIRS) || failed=1; exit $$failed

$(GUEST)/tests/%: $(B)/mocks/tests/%
	@mkdir -p $(@D)
	$(Q)strip -o $@ $<

$(B)/ci/guest/%: $(B)/ci/guest/%.o $(B)/libagent.a $(B)/libtatami.a $(B)/.link
	$(call say,LINK)
	$(Q)$(call link,$(STATIC))

CONFORM_MODULES := ci/guest/modules-conformance.txt
$(GUEST)/conformance.cpio: $(B)/ci/guest/conform_init $(GUEST_TESTS) $(GUEST_RANDOM) ci/guest/random-sequences $(GUEST_KERNEL) $(GUEST_MODULES) $(CONFORM_MODULES) $(GUEST)/busybox.tools $(INITRAMFS_TOOL)
	$(call say,GUEST)
	$(Q)ci/guest/make-initramfs --init $< --kernel $(GUEST)/kernel --modules $(GUEST_MODULES) --modules $(CONFORM_MODULES) \
	    --busybox /bin/busybox --tools $(GUEST)/busybox.tools \
	    $(foreach test,$(GUEST_TESTS),--add tests/$(notdir $(test))=$(test)) --add tests/random-sequences=ci/guest/random-sequences \
	    $(foreach test,$(GUEST_RANDOM),--add random/$(notdir $(test))=$(test)) $@
