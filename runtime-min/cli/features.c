/* SPDX-License-Identifier: Apache-2.0 */
/* features: what the runtime and its agent can do (runtime-spec features.md). Words are those that the agent knows. */
#include <json-c/json.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/version.h"

#define OUTPUT_MAX (64 * 1024)

/* clang-format off */
static const char *const hooks[] = {
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
};
static const char *const namespaces[] = {
    "cgroup", "ipc", "mount", "network", "pid", "user", "uts",
};
static const char *const mount_options[] = {
    "acl", "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "iversion", "lazytime", "loud",
    "mand", "noacl", "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime",
    "nostrictatime", "nosuid", "nosymfollow", "private", "rasync", "ratime", "rbind", "rdev", "rdiratime", "rdirsync",
    "relatime", "remount", "rexec", "rmand", "rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnomand", "rnorelatime",
    "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave",
    "rstrictatime", "rsuid", "rsymfollow", "rsync", "runbindable", "rw", "shared", "silent", "slave", "strictatime",
    "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
};
static const char *const capabilities[] = {
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};
static const char *const seccomp_actions[] = {
    "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE", "SCMP_ACT_LOG", "SCMP_ACT_ALLOW",
};
static const char *const seccomp_operators[] = {
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
};
static const char *const seccomp_flags[] = {
    "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
};
static const char *const unsafe_annotations[] = {
    "io.tatami.",
};
/* clang-format on */

static json_object *list_of(const char *const *words, size_t n)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < n; i++)
        json_object_array_add(list, json_object_new_string(words[i]));
    return list;
}

#define ADD_WORDS(json, key, words) json_object_object_add((json), (key), list_of((words), ARRAY_SIZE(words)))

static void add_flag(json_object *json, const char *key, bool value)
{
    json_object_object_add(json, key, json_object_new_boolean(value));
}

static json_object *disabled(void)
{
    json_object *json = json_object_new_object();

    add_flag(json, "enabled", false);
    return json;
}

static json_object *describe_cgroup(void)
{
    json_object *json = json_object_new_object();

    add_flag(json, "v1", true);
    add_flag(json, "v2", true);
    add_flag(json, "systemd", false);
    add_flag(json, "systemdUser", false);
    add_flag(json, "rdma", false);
    return json;
}

static json_object *describe_seccomp(void)
{
    json_object *json = json_object_new_object();

    add_flag(json, "enabled", true);
    ADD_WORDS(json, "actions", seccomp_actions);
    ADD_WORDS(json, "operators", seccomp_operators);
    ADD_WORDS(json, "knownFlags", seccomp_flags);
    ADD_WORDS(json, "supportedFlags", seccomp_flags);
    return json;
}

static json_object *describe_linux(void)
{
    static const char *const absent[] = {"apparmor", "selinux", "intelRdt", "netDevices", "memoryPolicy"};
    json_object *json = json_object_new_object(), *extensions = json_object_new_object();
    json_object *idmap = json_object_new_object();

    add_flag(idmap, "enabled", true);
    ADD_WORDS(json, "namespaces", namespaces);
    ADD_WORDS(json, "capabilities", capabilities);
    json_object_object_add(json, "cgroup", describe_cgroup());
    json_object_object_add(json, "seccomp", describe_seccomp());
    FOR_ROWS (key, absent)
        json_object_object_add(json, *key, disabled());
    json_object_object_add(extensions, "idmap", idmap);
    json_object_object_add(json, "mountExtensions", extensions);
    return json;
}

static json_object *describe_runtime(const char *commit)
{
    json_object *json = json_object_new_object(), *annotations = json_object_new_object();

    json_object_object_add(annotations, "io.tatami.version", json_object_new_string(VERSION));
    json_object_object_add(annotations, "io.tatami.commit", json_object_new_string(commit));
    json_object_object_add(json, "ociVersionMin", json_object_new_string(OCI_VERSION_MIN));
    json_object_object_add(json, "ociVersionMax", json_object_new_string(OCI_VERSION_MAX));
    ADD_WORDS(json, "hooks", hooks);
    ADD_WORDS(json, "mountOptions", mount_options);
    json_object_object_add(json, "linux", describe_linux());
    json_object_object_add(json, "annotations", annotations);
    ADD_WORDS(json, "potentiallyUnsafeConfigAnnotations", unsafe_annotations);
    return json;
}

static int run_features(struct cli *cli)
{
    _buf_ struct buf text = BUF_INIT(OUTPUT_MAX);
    json_object *json = describe_runtime(cli->commit);

    int r = buf_printf(&text, "%s\n", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
    json_object_put(json);
    return r < 0 ? error_set(&cli->err, r, "format the features") : cli_print(cli, &text);
}

const struct command command_features = {
    .name = "features",
    .arguments = "",
    .help = "print what the runtime supports as JSON",
    .failure_code = 1,
    .run = run_features,
};
