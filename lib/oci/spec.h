/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime specification as the program uses it: config.json and the wire message both convert to it and back.
 *
 * A spec and all it points to live in one arena. Absent objects are NULL pointers, absent lists have n == 0, absent strings are
 * NULL; numbers whose absence means something are struct opt_*. Names and meanings: runtime-spec config.md, config-linux.md.
 * Holds every field that the wire message knows and the few of config.json that Tatami applies beside it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/strlist.h"

struct opt_i64 {
    bool set;
    int64_t value;
};

struct opt_u64 {
    bool set;
    uint64_t value;
};

struct oci_pair {
    char *key;
    char *value;
};

/* Order of the source is kept. */
struct oci_map {
    struct oci_pair *items;
    size_t n;
};

/* ---- process ---- */

struct oci_user {
    uint32_t uid;
    uint32_t gid;
    struct opt_u64 umask;
    uint32_t *additional_gids;
    size_t n_additional_gids;
    char *username;
};

struct oci_capabilities {
    struct strlist bounding;
    struct strlist effective;
    struct strlist inheritable;
    struct strlist permitted;
    struct strlist ambient;
};

struct oci_rlimit {
    char *type; /* "RLIMIT_NOFILE" */
    uint64_t hard;
    uint64_t soft;
};

struct oci_process {
    bool terminal;
    bool has_console_size;
    uint32_t console_height;
    uint32_t console_width;
    struct oci_user user;
    struct strlist args;
    struct strlist env;
    char *cwd;
    struct oci_capabilities *capabilities;
    struct oci_rlimit *rlimits;
    size_t n_rlimits;
    bool no_new_privileges;
    char *apparmor_profile;
    struct opt_i64 oom_score_adj;
    char *selinux_label;
};

/* ---- mounts, hooks ---- */

struct oci_id_mapping {
    uint32_t container_id;
    uint32_t host_id;
    uint32_t size;
};

struct oci_mount {
    char *destination;
    char *source;
    char *type;
    struct strlist options;
    struct oci_id_mapping *uid_mappings; /* not on the wire, as gid_mappings */
    size_t n_uid_mappings;
    struct oci_id_mapping *gid_mappings;
    size_t n_gid_mappings;
};

struct oci_hook {
    char *path;
    struct strlist args;
    struct strlist env;
    struct opt_i64 timeout_s;
};

struct oci_hook_list {
    struct oci_hook *items;
    size_t n;
};

struct oci_hooks {
    struct oci_hook_list prestart;
    struct oci_hook_list create_runtime;
    struct oci_hook_list create_container;
    struct oci_hook_list start_container;
    struct oci_hook_list poststart;
    struct oci_hook_list poststop;
};

/* ---- linux ---- */

enum oci_namespace_type {
    OCI_NS_PID,
    OCI_NS_NETWORK,
    OCI_NS_MOUNT,
    OCI_NS_IPC,
    OCI_NS_UTS,
    OCI_NS_USER,
    OCI_NS_CGROUP,
    OCI_NS_TIME,
    OCI_NS_MAX,
};

struct oci_namespace {
    enum oci_namespace_type type;
    char *path; /* NULL: a new one */
};

struct oci_device {
    char *path;
    char type; /* 'c', 'b', 'u' or 'p' */
    int64_t major;
    int64_t minor;
    struct opt_u64 file_mode;
    uint32_t uid;
    uint32_t gid;
};

struct oci_device_rule {
    bool allow;
    char type;            /* 'a', 'c' or 'b' */
    struct opt_i64 major; /* absent: any */
    struct opt_i64 minor;
    char *access; /* of "rwm" */
};

struct oci_memory {
    struct opt_i64 limit;
    struct opt_i64 reservation;
    struct opt_i64 swap; /* memory + swap */
    struct opt_i64 kernel;
    struct opt_i64 kernel_tcp;
    struct opt_u64 swappiness;
    bool disable_oom_killer;
};

struct oci_cpu {
    struct opt_u64 shares;
    struct opt_i64 quota;
    struct opt_u64 period;
    struct opt_i64 realtime_runtime;
    struct opt_u64 realtime_period;
    char *cpus;
    char *mems;
};

struct oci_weight_device {
    int64_t major;
    int64_t minor;
    uint32_t weight;      /* 0: absent */
    uint32_t leaf_weight; /* 0: absent */
};

struct oci_throttle_device {
    int64_t major;
    int64_t minor;
    uint64_t rate;
};

struct oci_throttle_list {
    struct oci_throttle_device *items;
    size_t n;
};

struct oci_block_io {
    uint32_t weight;      /* 0: absent */
    uint32_t leaf_weight; /* 0: absent */
    struct oci_weight_device *weight_devices;
    size_t n_weight_devices;
    struct oci_throttle_list read_bps;
    struct oci_throttle_list write_bps;
    struct oci_throttle_list read_iops;
    struct oci_throttle_list write_iops;
};

struct oci_hugepage_limit {
    char *page_size; /* "2MB" */
    uint64_t limit;
};

struct oci_interface_priority {
    char *name;
    uint32_t priority;
};

struct oci_network {
    uint32_t class_id; /* 0: absent */
    struct oci_interface_priority *priorities;
    size_t n_priorities;
};

struct oci_resources {
    struct oci_device_rule *devices;
    size_t n_devices;
    struct oci_memory *memory;
    struct oci_cpu *cpu;
    struct opt_i64 pids_limit;
    struct oci_block_io *block_io;
    struct oci_hugepage_limit *hugepage_limits;
    size_t n_hugepage_limits;
    struct oci_network *network;
};

struct oci_seccomp_arg {
    uint64_t index;
    uint64_t value;
    uint64_t value_two;
    char *op; /* "SCMP_CMP_EQ" */
};

struct oci_seccomp_rule {
    struct strlist names;
    char *action; /* "SCMP_ACT_ERRNO" */
    struct opt_u64 errno_ret;
    struct oci_seccomp_arg *args;
    size_t n_args;
};

/* The name of a rule for all calls that no other rule names. The protocol carries default_errno as the errno of such a rule;
 * who does not know it skips it, as every name of no system call. */
#define OCI_SECCOMP_OTHERS "*"

struct oci_seccomp {
    char *default_action;
    struct opt_u64 default_errno; /* not on the wire, as listener_path */
    char *listener_path;
    struct strlist architectures;
    struct strlist flags;
    struct oci_seccomp_rule *rules;
    size_t n_rules;
};

struct oci_linux {
    struct oci_id_mapping *uid_mappings;
    size_t n_uid_mappings;
    struct oci_id_mapping *gid_mappings;
    size_t n_gid_mappings;
    struct oci_map sysctl;
    struct oci_resources *resources;
    char *cgroups_path;
    struct oci_namespace *namespaces;
    size_t n_namespaces;
    struct oci_device *devices;
    size_t n_devices;
    struct oci_seccomp *seccomp;
    char *rootfs_propagation;
    struct strlist masked_paths;
    struct strlist readonly_paths;
    char *mount_label;
    char *intel_rdt_l3_schema;
};

struct oci_root {
    char *path;
    bool readonly;
};

struct oci_spec {
    char *version; /* "ociVersion" */
    struct oci_process *process;
    struct oci_root *root;
    char *hostname;
    char *domainname; /* not on the wire */
    struct oci_mount *mounts;
    size_t n_mounts;
    struct oci_hooks *hooks;
    struct oci_map annotations;
    struct oci_linux *linux_;
};

/* Type of a namespace by its specification name ("mount", "network") or its /proc name ("mnt", "net"); -EINVAL if unknown. */
int oci_namespace_parse(const char *name);
/* Specification name ("network"), /proc/PID/ns name ("net") and CLONE_NEW* flag of a type. */
const char *oci_namespace_name(enum oci_namespace_type type);
const char *oci_namespace_proc_name(enum oci_namespace_type type);
uint64_t oci_namespace_flag(enum oci_namespace_type type);
/* First entry of that type, or NULL. */
const struct oci_namespace *oci_namespace_find(const struct oci_linux *linux_, enum oci_namespace_type type);
/* By its options, or the type "bind". */
bool oci_mount_is_bind(const struct oci_mount *mount);
/* Value of an annotation, or NULL. */
const char *oci_annotation(const struct oci_spec *spec, const char *key);
