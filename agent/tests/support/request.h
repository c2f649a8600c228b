/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of any method, for tables of methods. */
#pragma once
#include "agent/tests/support/rig.h"

/* An empty request of the method whose fields container_id and exec_id, where it has them, are set; NULL leaves one unset. */
ProtobufCMessage *request_for(struct rig *rig, const char *method, const char *container_id, const char *exec_id);
