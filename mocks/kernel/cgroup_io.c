/* SPDX-License-Identifier: Apache-2.0 */
/* Limits for block devices and huge pages (cgroup-v2.rst "IO", "HugeTLB"; blkio-controller.rst): kept and shown, nothing is
 * counted. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

/* ---- lists with a line per device ---- */

/* Disks that every machine of the mock has: the first loop device and the disk of the guest. */
static bool device_exists(unsigned int major, unsigned int minor)
{
    return (major == 7 && minor == 0) || (major == 254 && minor == 0);
}

/* "MAJ:MIN REST" */
static int device_parse(char *text, char **ret_rest)
{
    unsigned int major, minor;
    int n = 0;

    if (sscanf(text, "%u:%u%n", &major, &minor, &n) < 2 || (text[n] != ' ' && text[n] != '\t'))
        return -EINVAL;
    if (!device_exists(major, minor))
        return -ENODEV;
    text[n] = '\0';
    *ret_rest = text + n + 1 + strspn(text + n + 1, " \t");
    return 0;
}

/* Line of the device in the list, or NULL. */
static const char *line_find(const char *list, const char *device)
{
    size_t len = strlen(device);

    for (const char *line = list; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, device, len) == 0 && line[len] == ' ')
            return line;
    }
    return NULL;
}

/* Replaces the line of a device; rest NULL removes it. */
static void line_set(struct control *control, const char *device, const char *rest)
{
    struct buf list = BUF_INIT(4096);
    const char *old = value_get(control->group, control->file->name);
    const char *line = line_find(old, device);

    if (rest)
        buf_printf(&list, "%s %s\n", device, rest);
    if (line) {
        const char *end = strchrnul(line, '\n');
        buf_append(&list, old, (size_t)(line - old));
        buf_append_str(&list, *end ? end + 1 : end);
    } else {
        buf_append_str(&list, old);
    }
    size_t len = list.len;
    if (len > 0 && list.data[len - 1] == '\n')
        list.data[len - 1] = '\0';
    value_set(control, list.data);
    buf_done(&list);
}

static int store_rate(struct control *control, char *text)
{
    char *rest, shown[32];
    uint64_t rate;

    int r = device_parse(text, &rest);
    if (r < 0)
        return r;
    if (sscanf(rest, "%" SCNu64, &rate) != 1)
        return -EINVAL;
    snprintf(shown, sizeof(shown), "%" PRIu64, rate);
    line_set(control, text, rate ? shown : NULL);
    return 0;
}

static const char *const rate_keys[] = {"rbps", "wbps", "riops", "wiops"};

static int apply_rate(char *word, uint64_t rates[4])
{
    char *value = strchr(word, '=');

    if (!value)
        return -EINVAL;
    *value++ = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(rate_keys); i++) {
        if (strcmp(word, rate_keys[i]) != 0)
            continue;
        if (strcmp(value, "max") == 0) {
            rates[i] = UINT64_MAX;
            return 0;
        }
        if (sscanf(value, "%" SCNu64, &rates[i]) != 1)
            return -EINVAL;
        return rates[i] == 0 ? -ERANGE : 0;
    }
    return -EINVAL;
}

static void rates_read(const char *line, uint64_t rates[4])
{
    for (size_t i = 0; i < ARRAY_SIZE(rate_keys); i++) {
        char key[16];
        snprintf(key, sizeof(key), " %s=", rate_keys[i]);
        const char *at = line ? strstr(line, key) : NULL;
        rates[i] = UINT64_MAX;
        if (at && strncmp(at + strlen(key), "max", 3) != 0)
            rates[i] = strtoull(at + strlen(key), NULL, 10);
    }
}

static int store_io_max(struct control *control, char *text)
{
    struct buf shown = BUF_INIT(256);
    uint64_t rates[4];
    char *rest, *word;
    bool limited = false;

    int r = device_parse(text, &rest);
    if (r < 0)
        return r;
    rates_read(line_find(value_get(control->group, control->file->name), text), rates);
    while (r == 0 && (word = strsep(&rest, " "))) {
        if (*word)
            r = apply_rate(word, rates);
    }
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rate_keys); i++) {
        limited |= rates[i] != UINT64_MAX;
        if (rates[i] == UINT64_MAX)
            buf_printf(&shown, "%s%s=max", i ? " " : "", rate_keys[i]);
        else
            buf_printf(&shown, "%s%s=%" PRIu64, i ? " " : "", rate_keys[i], rates[i]);
    }
    if (r == 0)
        line_set(control, text, limited ? shown.data : NULL);
    buf_done(&shown);
    return r;
}

/* "WEIGHT", "default WEIGHT" or "MAJ:MIN WEIGHT"; only the first two are kept. */
static int store_weight(struct control *control, char *text)
{
    char shown[32];
    uint64_t weight;

    if (strncmp(text, "default ", strlen("default ")) == 0)
        text += strlen("default ");
    if (strchr(text, ':')) {
        char *rest;
        int r = device_parse(text, &rest);
        if (r == 0)
            unsupported("a weight per device in %s", control->file->name);
        return r;
    }
    int r = parse_u64(text, &weight);
    if (r < 0)
        return r;
    if (weight < control->file->low || weight > control->file->high)
        return -ERANGE;
    snprintf(shown, sizeof(shown), "%s%" PRIu64, strncmp(control->file->initial, "default", 7) == 0 ? "default " : "", weight);
    value_set(control, shown);
    return 0;
}

static int show_total(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "Total 0\n");
}

#define V2 (CONTROL_V2 | CONTROL_NO_ROOT)

static const struct control_file v2_files[] = {
    {"io.stat", CONTROL_V2, show_nothing, NULL, NULL, 0, 0, 0},
    {"io.max", V2, show_value, store_io_max, "", 0, 0, 0},
    {"io.bfq.weight", V2, show_value, store_weight, "default 100", 1, 1000, 0},
};
const struct control_table cgroup_io_v2_table = {CG_IO, "io.", v2_files, ARRAY_SIZE(v2_files)};

static const struct control_file v1_files[] = {
    {"blkio.bfq.weight", CONTROL_V1 | CONTROL_NO_ROOT, show_value, store_weight, "100", 1, 1000, 0},
    {"blkio.bfq.weight_device", CONTROL_V1 | CONTROL_NO_ROOT, show_value, store_weight, "default 100", 1, 1000, 0},
    {"blkio.bfq.io_service_bytes", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.bfq.io_serviced", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.bfq.io_service_bytes_recursive", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.bfq.io_serviced_recursive", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.throttle.read_bps_device", CONTROL_V1, show_value, store_rate, "", 0, 0, 0},
    {"blkio.throttle.write_bps_device", CONTROL_V1, show_value, store_rate, "", 0, 0, 0},
    {"blkio.throttle.read_iops_device", CONTROL_V1, show_value, store_rate, "", 0, 0, 0},
    {"blkio.throttle.write_iops_device", CONTROL_V1, show_value, store_rate, "", 0, 0, 0},
    {"blkio.throttle.io_service_bytes", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.throttle.io_service_bytes_recursive", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.throttle.io_serviced", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.throttle.io_serviced_recursive", CONTROL_V1, show_total, NULL, NULL, 0, 0, 0},
    {"blkio.reset_stats", CONTROL_V1, NULL, store_ignored, NULL, 0, 0, 0},
};
const struct control_table cgroup_io_v1_table = {CG_IO, "blkio.", v1_files, ARRAY_SIZE(v1_files)};

/* ---- huge pages ---- */

static uint64_t huge_page(const struct control *control)
{
    return strstr(control->file->name, "1GB") ? 1ULL << 30 : 2ULL << 20;
}

/* Rounded down to pages of that size. */
static int store_hugetlb(struct control *control, char *text)
{
    bool is_v1 = control->group->hierarchy->version == 1;
    char shown[32];
    uint64_t bytes;

    if (!control->group->parent)
        return -EINVAL;
    int r = parse_bytes(text, is_v1 ? "-1" : "max", &bytes);
    if (r < 0)
        return r;
    if (bytes == BYTES_UNLIMITED && !is_v1) {
        value_set(control, "max");
        return 0;
    }
    if (bytes != BYTES_UNLIMITED)
        bytes = bytes / huge_page(control) * huge_page(control);
    snprintf(shown, sizeof(shown), "%" PRIu64, bytes);
    value_set(control, shown);
    return 0;
}

static int show_max_event(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "max 0\n");
}

#define HUGETLB(size)                                                                                                          \
    {"hugetlb." size ".current", V2, show_zero, NULL, NULL, 0, 0, 0},                                                          \
        {"hugetlb." size ".max", V2, show_value, store_hugetlb, UNLIMITED_TEXT, 0, 0, 0},                                      \
        {"hugetlb." size ".events", V2, show_max_event, NULL, NULL, 0, 0, 0},                                                  \
        {"hugetlb." size ".events.local", V2, show_max_event, NULL, NULL, 0, 0, 0},                                            \
        {"hugetlb." size ".rsvd.current", V2, show_zero, NULL, NULL, 0, 0, 0},                                                 \
        {"hugetlb." size ".rsvd.max", V2, show_value, store_hugetlb, UNLIMITED_TEXT, 0, 0, 0},                                 \
        {"hugetlb." size ".limit_in_bytes", CONTROL_V1, show_value, store_hugetlb, UNLIMITED_TEXT, 0, 0, 0},                   \
        {"hugetlb." size ".usage_in_bytes", CONTROL_V1, show_zero, NULL, NULL, 0, 0, 0},                                       \
        {"hugetlb." size ".max_usage_in_bytes", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},                          \
        {"hugetlb." size ".failcnt", CONTROL_V1, show_zero, store_ignored, NULL, 0, 0, 0},                                     \
        {"hugetlb." size ".rsvd.limit_in_bytes", CONTROL_V1, show_value, store_hugetlb, UNLIMITED_TEXT, 0, 0, 0},              \
    {                                                                                                                          \
        "hugetlb." size ".rsvd.usage_in_bytes", CONTROL_V1, show_zero, NULL, NULL, 0, 0, 0                                     \
    }
#define UNLIMITED_TEXT "9223372036854771712"

static const struct control_file hugetlb_files[] = {HUGETLB("2MB"), HUGETLB("1GB")};
const struct control_table cgroup_hugetlb_table = {CG_HUGETLB, "hugetlb.", hugetlb_files, ARRAY_SIZE(hugetlb_files)};
