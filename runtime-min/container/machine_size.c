/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/machine_size.h"

#include <stdlib.h>
#include <string.h>

#define MIB_SHIFT 20
#define MEMORY_MAX_MIB (64 * 1024)
#define VCPUS_MAX 32

/* A pod's limits are told to its sandbox container in annotations. 0: none. */
static int64_t annotated(const struct oci_spec *spec, const char *key)
{
    const char *text = oci_annotation(spec, key);
    size_t digits = text ? strspn(text, "0123456789") : 0;

    return digits > 0 && digits < 18 && text[digits] == '\0' ? strtoll(text, NULL, 10) : 0;
}

unsigned int machine_memory_mib(const struct oci_spec *spec, unsigned int base_mib)
{
    const struct oci_resources *resources = spec->linux_ ? spec->linux_->resources : NULL;
    int64_t limit = annotated(spec, "io.kubernetes.cri.sandbox-memory");

    if (limit == 0 && resources && resources->memory && resources->memory->limit.set)
        limit = resources->memory->limit.value;
    if (limit <= 0)
        return base_mib;
    int64_t mib = base_mib + (limit >> MIB_SHIFT);
    return mib < MEMORY_MAX_MIB ? (unsigned int)mib : MEMORY_MAX_MIB;
}

unsigned int machine_vcpus(const struct oci_spec *spec, unsigned int base)
{
    const struct oci_resources *resources = spec->linux_ ? spec->linux_->resources : NULL;
    const struct oci_cpu *cpu = resources ? resources->cpu : NULL;
    int64_t quota = annotated(spec, "io.kubernetes.cri.sandbox-cpu-quota");
    int64_t period = annotated(spec, "io.kubernetes.cri.sandbox-cpu-period");

    if (quota == 0 && cpu && cpu->quota.set && cpu->period.set && cpu->period.value <= INT32_MAX) {
        quota = cpu->quota.value;
        period = (int64_t)cpu->period.value;
    }
    if (quota <= 0 || period <= 0)
        return base;
    int64_t n = quota / period + (quota % period != 0);
    return n < VCPUS_MAX ? (unsigned int)n : VCPUS_MAX;
}
