// SPDX-License-Identifier: MIT

// The Swift runtime's hook for jobs that no executor was named for.
#pragma once

#include <stdbool.h>

/// Is offered every job that goes to the global executor; answers whether it took it.
typedef bool (*millrace_job_taker)(void *job);

/// Offers the process's global jobs to `taker` from now on; NULL ends that. False if the runtime
/// has no such hook, or somebody else's is in it.
bool millrace_take_global_jobs(millrace_job_taker taker);
