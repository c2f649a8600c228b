/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/fields.h"

#include "proto/agent.pb-c.h"

/* STRUCT and WIRE name the two structs of the table that follows. */
#define FIELD(kind_, json_, member_, wire_)                                                                                    \
    {                                                                                                                          \
        .json = (json_), .kind = (kind_), .offset = offsetof(STRUCT, member_), .wire = offsetof(WIRE, wire_)                   \
    }
#define ALWAYS(kind_, json_, member_, wire_)                                                                                   \
    {                                                                                                                          \
        .json = (json_), .kind = (kind_), .rule = OCI_ALWAYS, .offset = offsetof(STRUCT, member_),                             \
        .wire = offsetof(WIRE, wire_)                                                                                          \
    }
#define MUST(kind_, json_, member_, wire_)                                                                                     \
    {                                                                                                                          \
        .json = (json_), .kind = (kind_), .rule = OCI_MUST, .offset = offsetof(STRUCT, member_), .wire = offsetof(WIRE, wire_) \
    }
#define STRINGS(json_, member_, wire_)                                                                                         \
    {                                                                                                                          \
        .json = (json_), .kind = OCI_STRINGS, .offset = offsetof(STRUCT, member_), .wire = offsetof(WIRE, wire_),              \
        .wire_extra = offsetof(WIRE, n_##wire_)                                                                                \
    }
#define OBJECT(json_, member_, wire_, type_)                                                                                   \
    {                                                                                                                          \
        .json = (json_), .kind = OCI_OBJECT, .offset = offsetof(STRUCT, member_), .wire = offsetof(WIRE, wire_),               \
        .type = &(type_)                                                                                                       \
    }
/* A list of structs, of ids or of pairs: kind, then the internal array and its count. */
#define MANY(kind_, json_, member_, count_, wire_, type_)                                                                      \
    {                                                                                                                          \
        .json = (json_), .kind = (kind_), .offset = offsetof(STRUCT, member_), .extra = offsetof(STRUCT, count_),              \
        .wire = offsetof(WIRE, wire_), .wire_extra = offsetof(WIRE, n_##wire_), .type = (type_)                                \
    }
#define TYPE(name_, wire_, fields_, ...)                                                                                       \
    const struct oci_type name_ = {                                                                                            \
        .size = sizeof(STRUCT), .wire = &(wire_), .fields = (fields_), .n_fields = ARRAY_SIZE(fields_), __VA_ARGS__}
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- process ---- */

#define STRUCT struct oci_user
#define WIRE Grpc__User
static const struct oci_field user_fields[] = {
    ALWAYS(OCI_ID, "uid", uid, uid),
    ALWAYS(OCI_ID, "gid", gid, gid),
    {.json = "umask", .kind = OCI_OPT_U32, .offset = offsetof(struct oci_user, umask)},
    MANY(OCI_IDS, "additionalGids", additional_gids, n_additional_gids, additionalgids, NULL),
    FIELD(OCI_STRING, "username", username, username),
};
static TYPE(user_type, grpc__user__descriptor, user_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_process
#define WIRE Grpc__Box
static const struct oci_field console_fields[] = {
    ALWAYS(OCI_U32, "height", console_height, height),
    ALWAYS(OCI_U32, "width", console_width, width),
};
static TYPE(console_type, grpc__box__descriptor, console_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_capabilities
#define WIRE Grpc__LinuxCapabilities
static const struct oci_field capabilities_fields[] = {
    STRINGS("bounding", bounding, bounding),
    STRINGS("effective", effective, effective),
    STRINGS("inheritable", inheritable, inheritable),
    STRINGS("permitted", permitted, permitted),
    STRINGS("ambient", ambient, ambient),
};
static TYPE(capabilities_type, grpc__linux_capabilities__descriptor, capabilities_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_rlimit
#define WIRE Grpc__POSIXRlimit
static const struct oci_field rlimit_fields[] = {
    ALWAYS(OCI_STRING, "type", type, type),
    ALWAYS(OCI_U64, "hard", hard, hard),
    ALWAYS(OCI_U64, "soft", soft, soft),
};
static TYPE(rlimit_type, grpc__posixrlimit__descriptor, rlimit_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_process
#define WIRE Grpc__Process
static const struct oci_field process_fields[] = {
    FIELD(OCI_BOOL, "terminal", terminal, terminal),
    {.json = "consoleSize",
     .kind = OCI_GROUP,
     .extra = offsetof(struct oci_process, has_console_size),
     .wire = offsetof(Grpc__Process, consolesize),
     .type = &console_type},
    {.json = "user",
     .kind = OCI_GROUP,
     .rule = OCI_ALWAYS,
     .offset = offsetof(struct oci_process, user),
     .wire = offsetof(Grpc__Process, user),
     .type = &user_type},
    STRINGS("args", args, args),
    STRINGS("env", env, env),
    ALWAYS(OCI_STRING, "cwd", cwd, cwd),
    OBJECT("capabilities", capabilities, capabilities, capabilities_type),
    MANY(OCI_LIST, "rlimits", rlimits, n_rlimits, rlimits, &rlimit_type),
    FIELD(OCI_BOOL, "noNewPrivileges", no_new_privileges, nonewprivileges),
    FIELD(OCI_STRING, "apparmorProfile", apparmor_profile, apparmorprofile),
    FIELD(OCI_OPT_I64, "oomScoreAdj", oom_score_adj, oomscoreadj),
    FIELD(OCI_STRING, "selinuxLabel", selinux_label, selinuxlabel),
};
TYPE(oci_process_type, grpc__process__descriptor, process_fields,
     .unapplied = NAMES("commandLine", "scheduler", "ioPriority", "execCPUAffinity"));
#undef STRUCT
#undef WIRE

/* ---- mounts, hooks, root ---- */

#define STRUCT struct oci_id_mapping
#define WIRE Grpc__LinuxIDMapping
static const struct oci_field id_mapping_fields[] = {
    ALWAYS(OCI_U32, "containerID", container_id, containerid),
    ALWAYS(OCI_U32, "hostID", host_id, hostid),
    ALWAYS(OCI_U32, "size", size, size),
};
static TYPE(id_mapping_type, grpc__linux_idmapping__descriptor, id_mapping_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_mount
#define WIRE Grpc__Mount
static const struct oci_field mount_fields[] = {
    ALWAYS(OCI_STRING, "destination", destination, destination),
    FIELD(OCI_STRING, "type", type, type),
    FIELD(OCI_STRING, "source", source, source),
    STRINGS("options", options, options),
    {.json = "uidMappings",
     .kind = OCI_LIST,
     .offset = offsetof(STRUCT, uid_mappings),
     .extra = offsetof(STRUCT, n_uid_mappings),
     .type = &id_mapping_type},
    {.json = "gidMappings",
     .kind = OCI_LIST,
     .offset = offsetof(STRUCT, gid_mappings),
     .extra = offsetof(STRUCT, n_gid_mappings),
     .type = &id_mapping_type},
};
static TYPE(mount_type, grpc__mount__descriptor, mount_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_hook
#define WIRE Grpc__Hook
static const struct oci_field hook_fields[] = {
    ALWAYS(OCI_STRING, "path", path, path),
    STRINGS("args", args, args),
    STRINGS("env", env, env),
    FIELD(OCI_OPT_I64, "timeout", timeout_s, timeout),
};
static TYPE(hook_type, grpc__hook__descriptor, hook_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_hooks
#define WIRE Grpc__Hooks
static const struct oci_field hooks_fields[] = {
    MANY(OCI_LIST, "prestart", prestart.items, prestart.n, prestart, &hook_type),
    MANY(OCI_LIST, "createRuntime", create_runtime.items, create_runtime.n, createruntime, &hook_type),
    MANY(OCI_LIST, "createContainer", create_container.items, create_container.n, createcontainer, &hook_type),
    MANY(OCI_LIST, "startContainer", start_container.items, start_container.n, startcontainer, &hook_type),
    MANY(OCI_LIST, "poststart", poststart.items, poststart.n, poststart, &hook_type),
    MANY(OCI_LIST, "poststop", poststop.items, poststop.n, poststop, &hook_type),
};
static TYPE(hooks_type, grpc__hooks__descriptor, hooks_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_root
#define WIRE Grpc__Root
static const struct oci_field root_fields[] = {
    ALWAYS(OCI_STRING, "path", path, path),
    FIELD(OCI_BOOL, "readonly", readonly, readonly),
};
static TYPE(root_type, grpc__root__descriptor, root_fields, );
#undef STRUCT
#undef WIRE

/* ---- resources ---- */

/* "All devices" carries no numbers; 0:0 is how a sender that cannot leave numbers out writes their absence. */
static void normalise_device_rule(void *object)
{
    struct oci_device_rule *rule = object;

    if (rule->type == '\0')
        rule->type = 'a';
    if (rule->type == 'a' && rule->major.value == 0 && rule->minor.value == 0)
        rule->major.set = rule->minor.set = false;
}

#define STRUCT struct oci_device_rule
#define WIRE Grpc__LinuxDeviceCgroup
static const struct oci_field device_rule_fields[] = {
    ALWAYS(OCI_BOOL, "allow", allow, allow),     FIELD(OCI_RULE_TYPE, "type", type, type),
    FIELD(OCI_NUMBER, "major", major, major),    FIELD(OCI_NUMBER, "minor", minor, minor),
    FIELD(OCI_STRING, "access", access, access),
};
static TYPE(device_rule_type, grpc__linux_device_cgroup__descriptor, device_rule_fields, .normalise = normalise_device_rule);
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_memory
#define WIRE Grpc__LinuxMemory
static const struct oci_field memory_fields[] = {
    FIELD(OCI_OPT_I64, "limit", limit, limit),
    FIELD(OCI_OPT_I64, "reservation", reservation, reservation),
    FIELD(OCI_OPT_I64, "swap", swap, swap),
    FIELD(OCI_OPT_I64, "kernel", kernel, kernel),
    FIELD(OCI_OPT_I64, "kernelTCP", kernel_tcp, kerneltcp),
    FIELD(OCI_OPT_U64, "swappiness", swappiness, swappiness),
    FIELD(OCI_BOOL, "disableOOMKiller", disable_oom_killer, disableoomkiller),
};
static TYPE(memory_type, grpc__linux_memory__descriptor, memory_fields,
            .unapplied = NAMES("useHierarchy", "checkBeforeUpdate"));
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_cpu
#define WIRE Grpc__LinuxCPU
static const struct oci_field cpu_fields[] = {
    FIELD(OCI_OPT_U64, "shares", shares, shares),
    FIELD(OCI_OPT_I64, "quota", quota, quota),
    FIELD(OCI_OPT_U64, "period", period, period),
    FIELD(OCI_OPT_I64, "realtimeRuntime", realtime_runtime, realtimeruntime),
    FIELD(OCI_OPT_U64, "realtimePeriod", realtime_period, realtimeperiod),
    FIELD(OCI_STRING, "cpus", cpus, cpus),
    FIELD(OCI_STRING, "mems", mems, mems),
};
static TYPE(cpu_type, grpc__linux_cpu__descriptor, cpu_fields, .unapplied = NAMES("burst", "idle"));
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_resources
#define WIRE Grpc__LinuxPids
static const struct oci_field pids_fields[] = {FIELD(OCI_LIMIT, "limit", pids_limit, limit)};
static TYPE(pids_type, grpc__linux_pids__descriptor, pids_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_weight_device
#define WIRE Grpc__LinuxWeightDevice
static const struct oci_field weight_device_fields[] = {
    ALWAYS(OCI_I64, "major", major, major),
    ALWAYS(OCI_I64, "minor", minor, minor),
    FIELD(OCI_U32, "weight", weight, weight),
    FIELD(OCI_U32, "leafWeight", leaf_weight, leafweight),
};
static TYPE(weight_device_type, grpc__linux_weight_device__descriptor, weight_device_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_throttle_device
#define WIRE Grpc__LinuxThrottleDevice
static const struct oci_field throttle_fields[] = {
    ALWAYS(OCI_I64, "major", major, major),
    ALWAYS(OCI_I64, "minor", minor, minor),
    ALWAYS(OCI_U64, "rate", rate, rate),
};
static TYPE(throttle_type, grpc__linux_throttle_device__descriptor, throttle_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_block_io
#define WIRE Grpc__LinuxBlockIO
static const struct oci_field block_io_fields[] = {
    FIELD(OCI_U32, "weight", weight, weight),
    FIELD(OCI_U32, "leafWeight", leaf_weight, leafweight),
    MANY(OCI_LIST, "weightDevice", weight_devices, n_weight_devices, weightdevice, &weight_device_type),
    MANY(OCI_LIST, "throttleReadBpsDevice", read_bps.items, read_bps.n, throttlereadbpsdevice, &throttle_type),
    MANY(OCI_LIST, "throttleWriteBpsDevice", write_bps.items, write_bps.n, throttlewritebpsdevice, &throttle_type),
    MANY(OCI_LIST, "throttleReadIOPSDevice", read_iops.items, read_iops.n, throttlereadiopsdevice, &throttle_type),
    MANY(OCI_LIST, "throttleWriteIOPSDevice", write_iops.items, write_iops.n, throttlewriteiopsdevice, &throttle_type),
};
static TYPE(block_io_type, grpc__linux_block_io__descriptor, block_io_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_hugepage_limit
#define WIRE Grpc__LinuxHugepageLimit
static const struct oci_field hugepage_fields[] = {
    ALWAYS(OCI_STRING, "pageSize", page_size, pagesize),
    ALWAYS(OCI_U64, "limit", limit, limit),
};
static TYPE(hugepage_type, grpc__linux_hugepage_limit__descriptor, hugepage_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_interface_priority
#define WIRE Grpc__LinuxInterfacePriority
static const struct oci_field priority_fields[] = {
    ALWAYS(OCI_STRING, "name", name, name),
    ALWAYS(OCI_U32, "priority", priority, priority),
};
static TYPE(priority_type, grpc__linux_interface_priority__descriptor, priority_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_network
#define WIRE Grpc__LinuxNetwork
static const struct oci_field network_fields[] = {
    FIELD(OCI_U32, "classID", class_id, classid),
    MANY(OCI_LIST, "priorities", priorities, n_priorities, priorities, &priority_type),
};
static TYPE(network_type, grpc__linux_network__descriptor, network_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_resources
#define WIRE Grpc__LinuxResources
static const struct oci_field resources_fields[] = {
    MANY(OCI_LIST, "devices", devices, n_devices, devices, &device_rule_type),
    OBJECT("memory", memory, memory, memory_type),
    OBJECT("cpu", cpu, cpu, cpu_type),
    {.json = "pids", .kind = OCI_GROUP, .wire = offsetof(Grpc__LinuxResources, pids), .type = &pids_type},
    OBJECT("blockIO", block_io, blockio, block_io_type),
    MANY(OCI_LIST, "hugepageLimits", hugepage_limits, n_hugepage_limits, hugepagelimits, &hugepage_type),
    OBJECT("network", network, network, network_type),
};
TYPE(oci_resources_type, grpc__linux_resources__descriptor, resources_fields, .unapplied = NAMES("rdma", "unified"));
#undef STRUCT
#undef WIRE

/* ---- seccomp ---- */

#define STRUCT struct oci_seccomp_arg
#define WIRE Grpc__LinuxSeccompArg
static const struct oci_field seccomp_arg_fields[] = {
    ALWAYS(OCI_U64, "index", index, index),
    ALWAYS(OCI_U64, "value", value, value),
    FIELD(OCI_U64, "valueTwo", value_two, valuetwo),
    ALWAYS(OCI_STRING, "op", op, op),
};
static TYPE(seccomp_arg_type, grpc__linux_seccomp_arg__descriptor, seccomp_arg_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_seccomp_rule
#define WIRE Grpc__LinuxSyscall
static const struct oci_field seccomp_rule_fields[] = {
    STRINGS("names", names, names),
    ALWAYS(OCI_STRING, "action", action, action),
    {.json = "errnoRet",
     .kind = OCI_ERRNO,
     .offset = offsetof(struct oci_seccomp_rule, errno_ret),
     .wire = offsetof(Grpc__LinuxSyscall, errnoret),
     .wire_extra = offsetof(Grpc__LinuxSyscall, _errnoret_case)},
    MANY(OCI_LIST, "args", args, n_args, args, &seccomp_arg_type),
};
static TYPE(seccomp_rule_type, grpc__linux_syscall__descriptor, seccomp_rule_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_seccomp
#define WIRE Grpc__LinuxSeccomp
static const struct oci_field seccomp_fields[] = {
    ALWAYS(OCI_STRING, "defaultAction", default_action, defaultaction),
    {.json = "defaultErrnoRet", .kind = OCI_OPT_U32, .offset = offsetof(struct oci_seccomp, default_errno)},
    {.json = "listenerPath", .kind = OCI_STRING, .offset = offsetof(struct oci_seccomp, listener_path)},
    STRINGS("architectures", architectures, architectures),
    STRINGS("flags", flags, flags),
    MANY(OCI_LIST, "syscalls", rules, n_rules, syscalls, &seccomp_rule_type),
};
static TYPE(seccomp_type, grpc__linux_seccomp__descriptor, seccomp_fields, .unapplied = NAMES("listenerMetadata"));
#undef STRUCT
#undef WIRE

/* ---- linux ---- */

#define STRUCT struct oci_namespace
#define WIRE Grpc__LinuxNamespace
static const struct oci_field namespace_fields[] = {
    MUST(OCI_NAMESPACE, "type", type, type),
    FIELD(OCI_STRING, "path", path, path),
};
static TYPE(namespace_type, grpc__linux_namespace__descriptor, namespace_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_device
#define WIRE Grpc__LinuxDevice
static const struct oci_field device_fields[] = {
    ALWAYS(OCI_STRING, "path", path, path),
    MUST(OCI_DEVICE_TYPE, "type", type, type),
    FIELD(OCI_I64, "major", major, major),
    FIELD(OCI_I64, "minor", minor, minor),
    FIELD(OCI_OPT_U32, "fileMode", file_mode, filemode),
    FIELD(OCI_ID, "uid", uid, uid),
    FIELD(OCI_ID, "gid", gid, gid),
};
static TYPE(device_type, grpc__linux_device__descriptor, device_fields, );
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_linux
#define WIRE Grpc__LinuxIntelRdt
static const struct oci_field intel_rdt_fields[] = {
    FIELD(OCI_STRING, "l3CacheSchema", intel_rdt_l3_schema, l3cacheschema),
};
static TYPE(intel_rdt_type, grpc__linux_intel_rdt__descriptor, intel_rdt_fields,
            .unapplied = NAMES("closID", "memBwSchema", "schemata", "enableCMT", "enableMBM", "enableMonitoring"));
#undef STRUCT
#undef WIRE

/* Map entries have no table of fields: both sides are a key and a value. */
static const struct oci_type annotation_type = {.size = sizeof(struct oci_pair),
                                                .wire = &grpc__spec__annotations_entry__descriptor};
static const struct oci_type sysctl_type = {.size = sizeof(struct oci_pair), .wire = &grpc__linux__sysctl_entry__descriptor};

#define STRUCT struct oci_linux
#define WIRE Grpc__Linux
static const struct oci_field linux_fields[] = {
    MANY(OCI_LIST, "uidMappings", uid_mappings, n_uid_mappings, uidmappings, &id_mapping_type),
    MANY(OCI_LIST, "gidMappings", gid_mappings, n_gid_mappings, gidmappings, &id_mapping_type),
    MANY(OCI_MAP, "sysctl", sysctl.items, sysctl.n, sysctl, &sysctl_type),
    OBJECT("resources", resources, resources, oci_resources_type),
    FIELD(OCI_STRING, "cgroupsPath", cgroups_path, cgroupspath),
    MANY(OCI_LIST, "namespaces", namespaces, n_namespaces, namespaces, &namespace_type),
    MANY(OCI_LIST, "devices", devices, n_devices, devices, &device_type),
    OBJECT("seccomp", seccomp, seccomp, seccomp_type),
    FIELD(OCI_STRING, "rootfsPropagation", rootfs_propagation, rootfspropagation),
    STRINGS("maskedPaths", masked_paths, maskedpaths),
    STRINGS("readonlyPaths", readonly_paths, readonlypaths),
    FIELD(OCI_STRING, "mountLabel", mount_label, mountlabel),
    {.json = "intelRdt", .kind = OCI_GROUP, .wire = offsetof(Grpc__Linux, intelrdt), .type = &intel_rdt_type},
};
static TYPE(linux_type, grpc__linux__descriptor, linux_fields,
            .unapplied = NAMES("timeOffsets", "netDevices", "memoryPolicy", "personality"));
#undef STRUCT
#undef WIRE

#define STRUCT struct oci_spec
#define WIRE Grpc__Spec
static const struct oci_field spec_fields[] = {
    ALWAYS(OCI_STRING, "ociVersion", version, version),
    OBJECT("process", process, process, oci_process_type),
    OBJECT("root", root, root, root_type),
    FIELD(OCI_STRING, "hostname", hostname, hostname),
    {.json = "domainname", .kind = OCI_STRING, .offset = offsetof(struct oci_spec, domainname)},
    MANY(OCI_LIST, "mounts", mounts, n_mounts, mounts, &mount_type),
    OBJECT("hooks", hooks, hooks, hooks_type),
    MANY(OCI_MAP, "annotations", annotations.items, annotations.n, annotations, &annotation_type),
    OBJECT("linux", linux_, linux, linux_type),
};
TYPE(oci_spec_type, grpc__spec__descriptor, spec_fields, .unapplied = NAMES("solaris", "windows", "vm", "zos", "freebsd"));
#undef STRUCT
#undef WIRE
