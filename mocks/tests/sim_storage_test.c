/* SPDX-License-Identifier: Apache-2.0 */
/* Storages of the sandbox: the directory that the host shares over virtio-fs. */
#include "mocks/harness/sim_agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/tests/support/expect.h"

#define STRING(text) ((char *)(uintptr_t)(text))
#define SHARE "/run/kata-containers/shared/containers/"
#define TAG "kataShared"

static const struct sim_setup as_init = {.test = "storages", .seed = 1, .as_init = true};

struct storage_row {
    const char *label;
    const char *driver, *source, *fstype, *mount_point;
    const char *options[4]; /* NULL-terminated */
    enum status_code status;
    const char *answer; /* part of the error's text, or of the mount's line in /proc/mounts */
};

static const struct storage_row rows[] = {
    {"as Kata asks for it", "virtio-fs", TAG, "virtiofs", SHARE, {NULL}, STATUS_OK, "virtiofs rw"},
    {"read-only", "virtio-fs", TAG, "virtiofs", SHARE, {"nodev", "ro"}, STATUS_OK, "virtiofs ro,nodev"},
    {"words take back", "virtio-fs", TAG, "virtiofs", SHARE, {"ro", "defaults", "rw"}, STATUS_OK, "virtiofs rw,relatime"},
    {"a deep new directory", "virtio-fs", TAG, "virtiofs", "/run/a/b/c", {NULL}, STATUS_OK, "virtiofs rw"},
    {"other driver", "tape", TAG, "virtiofs", SHARE, {NULL}, STATUS_INTERNAL, "Failed to find the storage handler tape"},
    {"other tag",
     "virtio-fs",
     "other",
     "virtiofs",
     "/run/a/b/c",
     {NULL},
     STATUS_INTERNAL,
     "failed to mount other to /run/a/b/c, with error: EINVAL: Invalid argument"},
    {"other type", "virtio-fs", TAG, "9p", SHARE, {NULL}, STATUS_INTERNAL, "with error: ENODEV: No such device"},
    {"an option that virtiofs does not know",
     "virtio-fs",
     TAG,
     "virtiofs",
     SHARE,
     {"colour=red", "ro"},
     STATUS_INTERNAL,
     "with error: EINVAL: Invalid argument"},
    {"loop", "virtio-fs", TAG, "virtiofs", SHARE, {"loop"}, STATUS_INTERNAL, "Invalid mount option: loop"},
    {"no source", "virtio-fs", "", "virtiofs", SHARE, {NULL}, STATUS_INTERNAL, "need mount source"},
    {"no destination", "virtio-fs", TAG, "virtiofs", "", {NULL}, STATUS_INTERNAL, "need mount destination"},
    {"no type", "virtio-fs", TAG, "", SHARE, {NULL}, STATUS_INTERNAL, "need mount FS type"},
    {"relative destination",
     "virtio-fs",
     TAG,
     "virtiofs",
     "run",
     {NULL},
     STATUS_INTERNAL,
     "mount point 'run' is not an absolute path"},
    {"destination below a file",
     "virtio-fs",
     TAG,
     "virtiofs",
     "/etc/modules/x",
     {NULL},
     STATUS_INTERNAL,
     "Could not create mountpoint: '/etc/modules/x': ENOTDIR: Not a directory"},
};

static Grpc__Storage share_on(const char *mount_point)
{
    Grpc__Storage storage = GRPC__STORAGE__INIT;

    storage.driver = STRING("virtio-fs");
    storage.source = STRING(TAG);
    storage.fstype = STRING("virtiofs");
    storage.mount_point = STRING(mount_point);
    return storage;
}

static void ask_for(struct rig *rig, Grpc__Storage **storages, size_t n, const char *error)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    request.hostname = STRING("guest");
    request.storages = storages;
    request.n_storages = n;
    if (error)
        rig_refused(rig, "CreateSandbox", &request.base, STATUS_INTERNAL, error);
    else
        rig_ok(rig, "CreateSandbox", &request.base, NULL);
}

static void ask_for_the_first_alone(struct rig *rig)
{
    Grpc__Storage first = share_on("/run/first"), *storages[] = {&first};

    ask_for(rig, storages, 1, NULL);
}

/* The one that is there was asked for before, and twice in this request. */
static void ask_for_more_of_what_is_there_and_fail(struct rig *rig)
{
    Grpc__Storage first = share_on("/run/first"), second = share_on("/run/second"), bad = share_on("/run/bad");
    Grpc__Storage *storages[] = {&first, &second, &first, &bad};

    bad.source = STRING("nothing");
    ask_for(rig, storages, 4, "failed to mount nothing to /run/bad");
}

/* The first storage is one that works. */
static void ask(struct rig *rig)
{
    const struct storage_row *row = sim_client_of(rig)->guest->context;
    Grpc__Storage first = share_on("/run/first"), second = GRPC__STORAGE__INIT;
    Grpc__Storage *storages[] = {&first, &second};
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    second.driver = (char *)row->driver;
    second.source = (char *)row->source;
    second.fstype = (char *)row->fstype;
    second.mount_point = (char *)row->mount_point;
    second.options = (char **)row->options;
    while (row->options[second.n_options])
        second.n_options++;
    request.hostname = STRING("guest");
    request.storages = storages;
    request.n_storages = 2;
    if (row->status != STATUS_OK)
        rig_refused(rig, "CreateSandbox", &request.base, row->status, row->answer);
    else
        rig_ok(rig, "CreateSandbox", &request.base, NULL);
}

/* The line of a mount point in the guest's /proc/mounts, "" when there is none. */
static const char *mount_line(struct sim_agent *guest, const char *point, char line[512])
{
    struct buf text = BUF_INIT(1 << 20);
    char wanted[256];

    snprintf(wanted, sizeof(wanted), " %.*s ", (int)(strlen(point) - (point[strlen(point) - 1] == '/')), point);
    assert_true(world_read(guest->world, "/proc/1/mounts", &text));
    const char *found = strstr(text.data, wanted);
    snprintf(line, 512, "%.*s", found ? (int)strcspn(found, "\n") : 0, found ?: "");
    buf_done(&text);
    return line;
}

static int count_mounts(struct sim_agent *guest, const char *point)
{
    struct buf text = BUF_INIT(1 << 20);
    int n = 0;

    assert_true(world_read(guest->world, "/proc/1/mounts", &text));
    for (const char *at = text.data; (at = strstr(at, point)); at++)
        n++;
    buf_done(&text);
    return n;
}

static void expect_mounted(struct sim_agent *guest, const char *point, bool is)
{
    char line[512];

    if ((mount_line(guest, point, line)[0] != '\0') != is)
        fail_msg("%s is%s mounted", point, is ? " not" : "");
}

static void check_row(struct sim_agent *guest, const struct storage_row *row)
{
    char line[512];

    mount_line(guest, row->mount_point[0] ? row->mount_point : "/none", line);
    if (row->status == STATUS_OK && !strstr(line, row->answer))
        fail_msg("%s: mounted as '%s'", row->label, line);
    if (row->status != STATUS_OK && line[0])
        fail_msg("%s: is mounted: '%s'", row->label, line);
    if (row->status != STATUS_OK && mount_line(guest, "/run/first", line)[0])
        fail_msg("%s: the storage before stays mounted", row->label);
    if (row->status != STATUS_OK && world_exists(guest->world, "/run/a"))
        fail_msg("%s: a directory is left", row->label);
}

static void storage_is_mounted_or_refused_and_nothing_is_left(void **state UNUSED)
{
    FOR_ROWS (row, rows) {
        struct sim_agent *guest = sim_agent_boot(&as_init);
        world_share(guest->world, TAG);
        guest->context = (void *)row;
        sim_agent_tell(guest, ask);
        check_row(guest, row);
        sim_agent_tell(guest, ask_for_the_first_alone);
        expect_mounted(guest, "/run/first", true);
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
    }
}

static void run_from_the_share(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "echo from the host");
    char *out;

    spec->root->path = STRING(SHARE "c1/rootfs");
    assert_int_equal(rig_run_container(rig, "c1", spec, &out, NULL), 0);
    assert_string_equal(out, "from the host\n");
}

static void failed_request_takes_back_only_what_it_added(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&as_init);

    world_share(guest->world, TAG);
    sim_agent_tell(guest, ask_for_the_first_alone);
    sim_agent_tell(guest, ask_for_more_of_what_is_there_and_fail);
    expect_mounted(guest, "/run/first", true);
    expect_mounted(guest, "/run/second", false);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

static void requests_at_once_mount_a_storage_once(void **state UNUSED)
{
    void (*const stories[])(struct rig * rig) = {ask_for_the_first_alone, ask_for_the_first_alone,
                                                 ask_for_more_of_what_is_there_and_fail, ask_for_the_first_alone};

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_setup setup = as_init;
        setup.seed = seed;
        struct sim_agent *guest = sim_agent_boot(&setup);
        world_share(guest->world, TAG);
        sim_agent_tell_all(guest, stories, ARRAY_SIZE(stories));
        expect_mounted(guest, "/run/first", true);
        expect_mounted(guest, "/run/second", false);
        if (count_mounts(guest, "/run/first") != 1)
            fail_msg("seed %d: /run/first is mounted %d times", (int)seed, count_mounts(guest, "/run/first"));
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
    }
}

static void container_runs_from_the_share(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&as_init);

    world_share(guest->world, TAG);
    world_remove(guest->world, "/etc/modules.later"); /* its module is loaded when it is needed */
    guest->context = (void *)&rows[0];
    sim_agent_tell(guest, ask);
    sim_make_rootfs(guest->world, SHARE "c1/rootfs");
    sim_agent_tell(guest, run_from_the_share);
    sim_agent_tell(guest, ask); /* again: counted, not mounted a second time */
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

/* Mounts below the share, as its server announces them, and one elsewhere. */
static void ask_for_nested_shares(struct rig *rig)
{
    Grpc__Storage one = share_on(SHARE "a"), two = share_on(SHARE "b/c"), other = share_on("/run/other");
    Grpc__Storage *storages[] = {&one, &two, &other};

    ask_for(rig, storages, ARRAY_SIZE(storages), NULL);
}

static void ask_about_stale_shares(struct rig *rig)
{
    Grpc__RemoveStaleVirtiofsShareMountsRequest request = GRPC__REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS_REQUEST__INIT;

    rig_ok(rig, "RemoveStaleVirtiofsShareMounts", &request.base, NULL);
}

/* The look is all: it makes the host's server notice. */
static void stale_mounts_of_the_share_are_looked_at(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&as_init);
    _buf_ struct buf calls = BUF_INIT(1024 * 1024);

    world_share(guest->world, TAG);
    sim_agent_tell(guest, ask_for_nested_shares);
    sim_set_trace(guest->sim, &calls);
    sim_agent_tell(guest, ask_about_stale_shares);
    sim_set_trace(guest->sim, NULL);
    assert_non_null(strstr(calls.data, "fstatat(-100, \"" SHARE "a\""));
    assert_non_null(strstr(calls.data, "fstatat(-100, \"" SHARE "b/c\""));
    assert_null(strstr(calls.data, "/run/other"));
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage_is_mounted_or_refused_and_nothing_is_left),
        cmocka_unit_test(failed_request_takes_back_only_what_it_added),
        cmocka_unit_test(requests_at_once_mount_a_storage_once),
        cmocka_unit_test(container_runs_from_the_share),
        cmocka_unit_test(stale_mounts_of_the_share_are_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
