/* SPDX-License-Identifier: Apache-2.0 */
/* What a process got, looked at from the guest: the files of /proc say what it is, whatever it would say of itself. */
#include <stdio.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/sim_agent.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define TEXT_MAX 65536
#define WANTED_MAX 24

/* ---- specs ---- */

static void leave(struct rig *rig UNUSED, struct oci_spec *spec UNUSED)
{
}

static void add_filter(struct rig *rig, struct oci_spec *spec)
{
    struct oci_seccomp *seccomp = spec->linux_->seccomp = arena_alloc(rig->arena, sizeof(*seccomp));

    seccomp->default_action = STRING("SCMP_ACT_ALLOW");
    seccomp->rules = arena_calloc(rig->arena, 1, sizeof(*seccomp->rules));
    seccomp->n_rules = 1;
    seccomp->rules[0].action = STRING("SCMP_ACT_ERRNO");
    assert_int_equal(strlist_add(rig->arena, &seccomp->rules[0].names, "reboot"), 0);
}

static void be_a_user(struct rig *rig, struct oci_spec *spec)
{
    static const uint32_t groups[] = {5, 7};
    struct oci_process *process = spec->process;

    process->user = (struct oci_user){.uid = 1000, .gid = 1001, .n_additional_gids = 2};
    process->user.additional_gids = arena_memdup(rig->arena, groups, sizeof(groups));
    process->oom_score_adj = (struct opt_i64){true, 500};
    process->rlimits = arena_calloc(rig->arena, 1, sizeof(*process->rlimits));
    process->n_rlimits = 1;
    process->rlimits[0] = (struct oci_rlimit){.type = STRING("RLIMIT_NOFILE"), .soft = 100, .hard = 200};
    add_filter(rig, spec);
}

static void keep_privileges(struct rig *rig, struct oci_spec *spec)
{
    struct oci_capabilities *caps = spec->process->capabilities;

    spec->process->user = (struct oci_user){.uid = 1000, .gid = 1000};
    spec->process->no_new_privileges = false;
    caps->bounding = caps->permitted = caps->effective = (struct strlist){.n = 0};
    assert_int_equal(strlist_add(rig->arena, &caps->bounding, "CAP_CHOWN"), 0);
    assert_int_equal(strlist_add(rig->arena, &caps->bounding, "CAP_KILL"), 0);
    assert_int_equal(strlist_add(rig->arena, &caps->permitted, "CAP_KILL"), 0);
    caps->effective = caps->inheritable = caps->ambient = caps->permitted;
    add_filter(rig, spec);
}

static void live_in_a_user_namespace(struct rig *rig, struct oci_spec *spec)
{
    static const struct oci_id_mapping mapping = {.container_id = 0, .host_id = 100000, .size = 65536};
    struct oci_linux *linux_ = spec->linux_;

    rig_add_namespace(rig, spec, OCI_NS_USER, NULL);
    linux_->uid_mappings = linux_->gid_mappings = arena_memdup(rig->arena, &mapping, sizeof(mapping));
    linux_->n_uid_mappings = linux_->n_gid_mappings = 1;
    spec->process->user = (struct oci_user){.uid = 1000, .gid = 1000};
}

/* ---- what is wanted ---- */

struct wanted {
    const char *file, *line; /* of /proc/PID */
};

static const struct row {
    const char *label;
    void (*change)(struct rig *rig, struct oci_spec *spec);
    struct wanted wanted[WANTED_MAX];
} rows[] = {
    {"usual",
     leave,
     {{"status", "Umask:\t0022"},
      {"status", "Uid:\t0\t0\t0\t0"},
      {"status", "Gid:\t0\t0\t0\t0"},
      {"status", "Groups:\t "},
      {"status", "SigBlk:\t0000000000000000"},
      {"status", "SigIgn:\t0000000000000000"},
      {"status", "CapInh:\t0000000000000000"},
      {"status", "CapPrm:\t00000000a80425fb"},
      {"status", "CapEff:\t00000000a80425fb"},
      {"status", "CapBnd:\t00000000a80425fb"},
      {"status", "CapAmb:\t0000000000000000"},
      {"status", "NoNewPrivs:\t1"},
      {"status", "Seccomp:\t0"},
      {"oom_score_adj", "0"}}},
    {"user with limits and a filter",
     be_a_user,
     {{"status", "Uid:\t1000\t1000\t1000\t1000"},
      {"status", "Gid:\t1001\t1001\t1001\t1001"},
      {"status", "Groups:\t5 7 "},
      {"status", "CapPrm:\t0000000000000000"},
      {"status", "CapEff:\t0000000000000000"},
      {"status", "CapBnd:\t00000000a80425fb"},
      {"status", "NoNewPrivs:\t1"},
      {"status", "Seccomp:\t2"},
      {"status", "Seccomp_filters:\t1"},
      {"limits", "Max open files            100                  200                  files     "},
      {"oom_score_adj", "500"}}},
    {"privileges that are kept, and a filter",
     keep_privileges,
     {{"status", "CapInh:\t0000000000000020"},
      {"status", "CapPrm:\t0000000000000020"},
      {"status", "CapEff:\t0000000000000020"},
      {"status", "CapBnd:\t0000000000000021"},
      {"status", "CapAmb:\t0000000000000020"},
      {"status", "NoNewPrivs:\t0"},
      {"status", "Seccomp:\t2"},
      {"status", "Seccomp_filters:\t1"}}},
    {"user namespace",
     live_in_a_user_namespace,
     {{"status", "Uid:\t101000\t101000\t101000\t101000"},
      {"status", "Gid:\t101000\t101000\t101000\t101000"},
      {"status", "NoNewPrivs:\t1"},
      {"uid_map", "         0     100000      65536"},
      {"gid_map", "         0     100000      65536"}}},
};

/* ---- looking ---- */

static void read_file(const struct sim_agent *guest, int pid, const char *file, struct buf *text)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    if (!world_read(guest->world, path, text))
        fail_msg("%s cannot be read", path);
}

static bool has_line(const struct buf *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = text->data; at && (at = strstr(at, line)); at++) {
        if ((at == text->data || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
            return true;
    }
    return false;
}

static void look_at(const struct sim_agent *guest, int pid, const struct row *row, const char *what)
{
    for (const struct wanted *wanted = row->wanted; wanted->file; wanted++) {
        _buf_ struct buf text = BUF_INIT(TEXT_MAX);
        read_file(guest, pid, wanted->file, &text);
        if (!has_line(&text, wanted->line))
            fail_msg("%s, %s: want '%s', got\n%s", row->label, what, wanted->line, text.data);
    }
}

/* The last one that was started and sleeps. */
static int sleeper(const struct sim_agent *guest)
{
    const struct task *found = NULL;

    for (const struct task *task = task_next(guest->world, NULL); task; task = task_next(guest->world, task)) {
        if (strcmp(task->name, "sleep") == 0)
            found = task;
    }
    if (!found)
        fail_msg("nobody sleeps");
    return found->pids[0];
}

static void processes_are_what_the_spec_says(struct rig *rig)
{
    const struct sim_agent *guest = sim_client_of(rig)->guest;

    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", NULL);
        row->change(rig, spec);
        expect_running(rig, "c1", spec);
        sim_pause(rig, NSEC_PER_MSEC);
        look_at(guest, sleeper(guest), row, "init");
        EXPECT_OK(rig_exec(rig, "c1", "e1", spec->process, &err));
        sim_pause(rig, NSEC_PER_MSEC);
        look_at(guest, sleeper(guest), row, "exec");
        EXPECT_OK(rig_remove(rig, "c1", &err));
    }
}

/* Before it is started, too: who can see it must not find it with more than it will have. */
static void process_that_waits_for_its_start_is_confined(struct rig *rig)
{
    static const struct row waiting = {.label = "created",
                                       .wanted = {{"status", "CapEff:\t00000000a80425fb"},
                                                  {"status", "CapBnd:\t00000000a80425fb"},
                                                  {"status", "Uid:\t1000\t1000\t1000\t1000"},
                                                  {"status", "NoNewPrivs:\t1"}}};
    const struct sim_agent *guest = sim_client_of(rig)->guest;
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    be_a_user(rig, spec);
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    const struct task *last = NULL;
    for (const struct task *task = task_next(guest->world, NULL); task; task = task_next(guest->world, task))
        last = task;
    look_at(guest, last->pids[0], &waiting, "init");
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static void user_of_a_user_namespace_can_open_its_streams_again(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "echo again > /proc/self/fd/1");

    live_in_a_user_namespace(rig, spec);
    expect_output(rig, "c1", spec, "again\n");
}

/* A manager in the container has handed controllers down: its group holds no processes any more. */
static void exec_finds_its_place_in_a_delegated_group(struct rig *rig)
{
    const struct sim_agent *guest = sim_client_of(rig)->guest;
    char path[192], pid[16];
    _buf_ struct buf text = BUF_INIT(TEXT_MAX);
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    expect_running(rig, "c1", spec);
    sim_pause(rig, NSEC_PER_MSEC);
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/c1/init", rig->cgroup);
    world_mkdir(guest->world, path, 0755);
    snprintf(pid, sizeof(pid), "%d", sleeper(guest));
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/c1/init/cgroup.procs", rig->cgroup);
    world_write(guest->world, path, pid);
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/c1/cgroup.subtree_control", rig->cgroup);
    world_write(guest->world, path, "+pids");
    EXPECT_OK(rig_exec(rig, "c1", "e1", spec->process, &err));
    sim_pause(rig, NSEC_PER_MSEC);
    read_file(guest, sleeper(guest), "cgroup", &text);
    snprintf(path, sizeof(path), "0::%s/c1/init", rig->cgroup);
    if (!has_line(&text, path))
        fail_msg("want %s, got %s", path, text.data);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

/* ---- tests ---- */

static const struct story {
    const char *name;
    void (*tell)(struct rig *rig);
    bool needs_v2;
} stories[] = {
    {"processes_are_what_the_spec_says", processes_are_what_the_spec_says, false},
    {"process_that_waits_for_its_start_is_confined", process_that_waits_for_its_start_is_confined, false},
    {"user_of_a_user_namespace_can_open_its_streams_again", user_of_a_user_namespace_can_open_its_streams_again, false},
    {"exec_finds_its_place_in_a_delegated_group", exec_finds_its_place_in_a_delegated_group, true},
};

static void story_is_true(void **state)
{
    const struct story *story = *state;

    for (int version = story->needs_v2 ? 2 : 1; version <= 2; version++) {
        struct sim_agent *guest = sim_agent_boot(
            &(struct sim_setup){.test = story->name, .seed = 1, .cgroups = version == 2 ? WORLD_CGROUP_V2 : WORLD_CGROUP_V1});
        sim_agent_tell(guest, story->tell);
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_SIZE(stories)];

    for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
        tests[i] = (struct CMUnitTest){
            .name = stories[i].name, .test_func = story_is_true, .initial_state = (void *)(uintptr_t)&stories[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
