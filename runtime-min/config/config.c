/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sys/fd.h"
#include "toml/toml.h"

#define MEMORY_MIN_MIB 128
#define MEMORY_MAX_MIB (1024 * 1024)
#define MEMORY_DEFAULT_MIB 512
#define VCPUS_MAX 64
#define BOOT_TIMEOUT_DEFAULT_MS 60000
#define BOOT_TIMEOUT_MAX_MS 3600000
#define HEALTH_TIMEOUT_DEFAULT_MS 30000
#define HEALTH_TIMEOUT_MAX_MS 3600000

/* ---- defaults ---- */

/* Where a file may be: "%" stands for the directory of the running program. The first one that exists is taken, the last one
 * otherwise. The source tree has programs in build/FLAVOUR and the guest in build/guest. */
static const char *const kernel_places[] = {"%/../share/tatami/vmlinux", "%/../guest/vmlinux", "/usr/share/tatami/vmlinux",
                                            NULL};
static const char *const initramfs_places[] = {"%/../share/tatami/initramfs.cpio", "%/../guest/initramfs.cpio",
                                               "/usr/share/tatami/initramfs.cpio", NULL};
static const char *const qemu_places[] = {"/usr/bin/qemu-system-x86_64", NULL};
static const char *const virtiofsd_places[] = {"/usr/lib/qemu/virtiofsd", NULL};
static const char *const vsock_places[] = {"%/tatami-vsock", "/usr/libexec/tatami/tatami-vsock", NULL};

static int program_directory(struct arena *a, const char **ret_directory, struct error *err)
{
    char path[PATH_MAX];

    ssize_t len = sys_readlinkat(AT_FDCWD, "/proc/self/exe", path, sizeof(path) - 1);
    if (len < 0)
        return error_set(err, (int)len, "find the running program");
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    *slash = '\0';
    *ret_directory = arena_strdup(a, path);
    return 0;
}

static const char *find(struct arena *a, const char *directory, const char *const *places)
{
    const char *path = NULL;

    for (; *places; places++) {
        path = **places == '%' ? arena_printf(a, "%s%s", directory, *places + 1) : *places;
        if (path && sys_faccessat(AT_FDCWD, path, F_OK, 0) == 0)
            break;
    }
    return path ?: "";
}

/* ---- keys ---- */

enum key_kind {
    KEY_PATH,
    KEY_TEXT,
    KEY_WORD,
    KEY_NUMBER,
    KEY_FLAG,
};

static const char *const machine_words[] = {"q35", "microvm", NULL};
static const char *const accel_words[] = {"auto", "kvm", "tcg", NULL};
static const char *const vsock_words[] = {"auto", "vhost", "vhost-user", NULL};

static const struct key {
    const char *name;
    enum key_kind kind;
    size_t offset;
    const char *const *places; /* of a path */
    const char *const *words;  /* the possible ones, the default first */
    const char *text;          /* default of a free text */
    unsigned int lowest, highest, number;
} keys[] = {
    {"kernel", KEY_PATH, offsetof(struct runtime_config, kernel), .places = kernel_places},
    {"initramfs", KEY_PATH, offsetof(struct runtime_config, initramfs), .places = initramfs_places},
    {"qemu", KEY_PATH, offsetof(struct runtime_config, qemu), .places = qemu_places},
    {"virtiofsd", KEY_PATH, offsetof(struct runtime_config, virtiofsd), .places = virtiofsd_places},
    {"vsock", KEY_PATH, offsetof(struct runtime_config, vsock), .places = vsock_places},
    {"machine", KEY_WORD, offsetof(struct runtime_config, machine), .words = machine_words},
    {"accel", KEY_WORD, offsetof(struct runtime_config, accel), .words = accel_words},
    {"vsock_device", KEY_WORD, offsetof(struct runtime_config, vsock_device), .words = vsock_words},
    {"kernel_params", KEY_TEXT, offsetof(struct runtime_config, kernel_params), .text = ""},
    {"memory_mib", KEY_NUMBER, offsetof(struct runtime_config, memory_mib), .lowest = MEMORY_MIN_MIB, .highest = MEMORY_MAX_MIB,
     .number = MEMORY_DEFAULT_MIB},
    {"vcpus", KEY_NUMBER, offsetof(struct runtime_config, vcpus), .lowest = 1, .highest = VCPUS_MAX, .number = 1},
    {"boot_timeout_ms", KEY_NUMBER, offsetof(struct runtime_config, boot_timeout_ms), .lowest = 1000,
     .highest = BOOT_TIMEOUT_MAX_MS, .number = BOOT_TIMEOUT_DEFAULT_MS},
    {"health_timeout_ms", KEY_NUMBER, offsetof(struct runtime_config, health_timeout_ms), .lowest = 0,
     .highest = HEALTH_TIMEOUT_MAX_MS, .number = HEALTH_TIMEOUT_DEFAULT_MS},
    {"debug", KEY_FLAG, offsetof(struct runtime_config, debug), .places = NULL},
};

static int check_word(const struct key *key, const char *text, struct error *err)
{
    char all[64] = "";

    for (const char *const *word = key->words; *word; word++) {
        if (strcmp(*word, text) == 0)
            return 0;
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", *all ? ", " : "", *word);
    }
    return error_status(err, STATUS_INVALID_ARGUMENT, "%s: '%s' is none of %s", key->name, text, all);
}

static int check_text(const struct key *key, const char *text, struct error *err)
{
    if (key->kind == KEY_PATH && *text != '/')
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s: '%s' is no absolute path", key->name, text);
    return key->kind == KEY_WORD ? check_word(key, text, err) : 0;
}

/* Reads one key, if it is there. */
static int read_key(const struct key *key, const struct toml_value *table, struct runtime_config *config, struct error *err)
{
    void *place = (char *)config + key->offset;
    int64_t number;
    int r;

    switch (key->kind) {
    case KEY_FLAG:
        return toml_get_bool(table, key->name, place, err);
    case KEY_NUMBER:
        r = toml_get_integer(table, key->name, &number, err);
        if (r <= 0)
            return r;
        if (number < key->lowest || number > key->highest)
            return error_status(err, STATUS_INVALID_ARGUMENT, "%s: %" PRId64 " is not within %u and %u", key->name, number,
                                key->lowest, key->highest);
        *(unsigned int *)place = (unsigned int)number;
        return 1;
    default:
        r = toml_get_string(table, key->name, place, err);
        return r <= 0 ? r : check_text(key, *(const char **)place, err);
    }
}

static int refuse_unknown(const struct toml_value *table, struct error *err)
{
    for (const struct toml_value *member = table->items.first; member; member = member->next) {
        bool known = false;
        FOR_ROWS (key, keys)
            known = known || strcmp(member->key, key->name) == 0;
        if (!known)
            return error_status(err, STATUS_INVALID_ARGUMENT, "line %u: unknown key '%s'", member->line, member->key);
    }
    return 0;
}

static void set_defaults(struct arena *a, const char *directory, struct runtime_config *config)
{
    FOR_ROWS (key, keys) {
        void *place = (char *)config + key->offset;
        if (key->kind == KEY_NUMBER)
            *(unsigned int *)place = key->number;
        else if (key->kind != KEY_FLAG)
            *(const char **)place = key->places ? find(a, directory, key->places) : key->words ? key->words[0] : key->text;
    }
}

static int parse(struct arena *a, const char *path, const struct buf *text, struct runtime_config *config, struct error *err)
{
    const struct toml_value *table;

    int r = toml_parse(a, text->data ?: "", text->len, &table, err);
    if (r == 0)
        r = refuse_unknown(table, err);
    for (size_t i = 0; i < ARRAY_SIZE(keys) && r >= 0; i++)
        r = read_key(&keys[i], table, config, err);
    return r < 0 ? error_wrap(err, "configuration %s", path) : 0;
}

int runtime_config_load(struct arena *a, const char *path, struct runtime_config *ret_config, struct error *err)
{
    struct runtime_config config = {.kernel = NULL};
    _buf_ struct buf text = BUF_INIT(TOML_TEXT_MAX);
    const char *directory;

    int r = program_directory(a, &directory, err);
    if (r < 0)
        return r;
    set_defaults(a, directory, &config);
    r = file_read_at(AT_FDCWD, path ?: RUNTIME_CONFIG_PATH, &text);
    if (r == 0)
        r = parse(a, path ?: RUNTIME_CONFIG_PATH, &text, &config, err);
    else if (r == -ENOENT && !path)
        r = 0;
    else
        r = error_set(err, r, "read the configuration %s", path ?: RUNTIME_CONFIG_PATH);
    if (r < 0)
        return r;
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "the configuration is too long");
    *ret_config = config;
    return 0;
}

bool runtime_config_needs_vsock(const struct runtime_config *config)
{
    return strcmp(config->vsock_device, "vhost") != 0;
}

int runtime_config_check(const struct runtime_config *config, struct error *err)
{
    static const char guest[] = "`make guest` builds it", qemu[] = "install qemu-system-x86 and qemu-system-common";
    const struct {
        const char *what, *path, *remedy;
        int mode;
    } files[] = {
        {"guest kernel", config->kernel, guest, R_OK},
        {"guest initramfs", config->initramfs, guest, R_OK},
        {"QEMU", config->qemu, qemu, X_OK},
        {"virtiofsd", config->virtiofsd, qemu, X_OK},
        {"vsock device", config->vsock, "`make` builds it", X_OK},
    };

    FOR_ROWS (file, files) {
        if (file->path == config->vsock && !runtime_config_needs_vsock(config))
            continue;
        int r = sys_faccessat(AT_FDCWD, file->path, file->mode, 0);
        if (r < 0)
            return error_status(err, STATUS_NOT_FOUND, "no %s at %s (%s): %s, or name it in %s", file->what, file->path,
                                errno_name(-r), file->remedy, RUNTIME_CONFIG_PATH);
    }
    return 0;
}
