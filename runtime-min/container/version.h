/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that the runtime tells. */
#pragma once

#define VERSION "0.1.0"
#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.2.0"
