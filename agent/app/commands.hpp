// What weftd does besides running: each prints JSON for `weft` or lines for people and returns an exit code.
#pragma once

#include "agent/config/load.hpp"

namespace weft {

int run_check(const LoadedConfig& config);                  // --check: validates configuration and manifests
int run_probe(const LoadedConfig& config);                  // --probe: a CheckList of this machine, nothing attached
int run_cleanup(const LoadedConfig& config, bool dry_run);  // --cleanup: a CleanupResult

}  // namespace weft
