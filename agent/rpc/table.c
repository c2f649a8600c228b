/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/rpc/rpc.h"

#define AGENT(name_, request_, reply_, handler_)                                                                               \
    {                                                                                                                          \
        .service = "grpc.AgentService", .name = name_, .request = &grpc__##request_##__descriptor,                             \
        .reply = &reply_##__descriptor, .handler = handler_,                                                                   \
    }
#define HEALTH(name_, reply_, handler_)                                                                                        \
    {                                                                                                                          \
        .service = "grpc.Health", .name = name_, .request = &grpc__check_request__descriptor, .reply = &reply_##__descriptor,  \
        .handler = handler_,                                                                                                   \
    }

/* Sorted; a method without a handler answers UNIMPLEMENTED with its name. */
static const struct ttrpc_method methods[] = {
    AGENT("AddARPNeighbors", add_arpneighbors_request, google__protobuf__empty, NULL),
    AGENT("AddSwap", add_swap_request, google__protobuf__empty, NULL),
    AGENT("AddSwapPath", add_swap_path_request, google__protobuf__empty, NULL),
    AGENT("CloseStdin", close_stdin_request, google__protobuf__empty, rpc_close_stdin),
    AGENT("CopyFile", copy_file_request, google__protobuf__empty, NULL),
    AGENT("CreateContainer", create_container_request, google__protobuf__empty, rpc_create_container),
    AGENT("CreateSandbox", create_sandbox_request, google__protobuf__empty, rpc_create_sandbox),
    AGENT("DestroySandbox", destroy_sandbox_request, google__protobuf__empty, rpc_destroy_sandbox),
    AGENT("ExecProcess", exec_process_request, google__protobuf__empty, rpc_exec_process),
    AGENT("GetDiagnosticData", get_diagnostic_data_request, grpc__get_diagnostic_data_response, NULL),
    AGENT("GetGuestDetails", guest_details_request, grpc__guest_details_response, rpc_get_guest_details),
    AGENT("GetIPTables", get_iptables_request, grpc__get_iptables_response, NULL),
    AGENT("GetMetrics", get_metrics_request, grpc__metrics, NULL),
    AGENT("GetOOMEvent", get_oomevent_request, grpc__oomevent, rpc_get_oom_event),
    AGENT("GetVolumeStats", volume_stats_request, grpc__volume_stats_response, NULL),
    AGENT("ListInterfaces", list_interfaces_request, grpc__interfaces, NULL),
    AGENT("ListRoutes", list_routes_request, grpc__routes, NULL),
    AGENT("MemAgentCompactSet", mem_agent_compact_config, google__protobuf__empty, NULL),
    AGENT("MemAgentMemcgSet", mem_agent_memcg_config, google__protobuf__empty, NULL),
    AGENT("MemHotplugByProbe", mem_hotplug_by_probe_request, google__protobuf__empty, NULL),
    AGENT("OnlineCPUMem", online_cpumem_request, google__protobuf__empty, NULL),
    AGENT("PauseContainer", pause_container_request, google__protobuf__empty, rpc_pause_container),
    AGENT("ReadStderr", read_stream_request, grpc__read_stream_response, rpc_read_stderr),
    AGENT("ReadStdout", read_stream_request, grpc__read_stream_response, rpc_read_stdout),
    AGENT("RemoveContainer", remove_container_request, google__protobuf__empty, rpc_remove_container),
    AGENT("RemoveStaleVirtiofsShareMounts", remove_stale_virtiofs_share_mounts_request, google__protobuf__empty,
          rpc_remove_stale_shares),
    AGENT("ReseedRandomDev", reseed_random_dev_request, google__protobuf__empty, NULL),
    AGENT("ResizeVolume", resize_volume_request, google__protobuf__empty, NULL),
    AGENT("ResumeContainer", resume_container_request, google__protobuf__empty, rpc_resume_container),
    AGENT("SetGuestDateTime", set_guest_date_time_request, google__protobuf__empty, NULL),
    AGENT("SetIPTables", set_iptables_request, grpc__set_iptables_response, NULL),
    AGENT("SetPolicy", set_policy_request, google__protobuf__empty, NULL),
    AGENT("SignalProcess", signal_process_request, google__protobuf__empty, rpc_signal_process),
    AGENT("StartContainer", start_container_request, google__protobuf__empty, rpc_start_container),
    AGENT("StatsContainer", stats_container_request, grpc__stats_container_response, rpc_stats_container),
    AGENT("TtyWinResize", tty_win_resize_request, google__protobuf__empty, rpc_tty_win_resize),
    AGENT("UpdateContainer", update_container_request, google__protobuf__empty, rpc_update_container),
    AGENT("UpdateEphemeralMounts", update_ephemeral_mounts_request, google__protobuf__empty, NULL),
    AGENT("UpdateInterface", update_interface_request, types__interface, NULL),
    AGENT("UpdateRoutes", update_routes_request, grpc__routes, NULL),
    AGENT("WaitProcess", wait_process_request, grpc__wait_process_response, rpc_wait_process),
    AGENT("WriteStdin", write_stream_request, grpc__write_stream_response, rpc_write_stdin),
    HEALTH("Check", grpc__health_check_response, rpc_check),
    HEALTH("Version", grpc__version_check_response, rpc_version),
};

const struct ttrpc_method *rpc_methods(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(methods);
    return methods;
}
