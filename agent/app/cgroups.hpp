// The cgroup v2 tree below the served directory: which cgroup ids belong to a systemd unit or path, and which path an
// id has. A cgroup's id is the inode of its directory (kernel: Documentation/admin-guide/cgroup-v2.rst).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/compile/compiled.hpp"
#include "agent/reconcile/tables.hpp"

namespace weft {

class CgroupTree {
 public:
  explicit CgroupTree(std::filesystem::path root) : root_(std::move(root)) {}

  // Reads the tree anew. Bounded: at most kMaxCgroups directories are known.
  void scan();
  // Path below the root with a leading '/', empty when unknown.
  std::string find_path(std::uint64_t id) const;
  // Rows for the processes of Workloads: every cgroup of a unit or path with all below it, and users.
  Table<weft_process_key, std::uint32_t> owners(const std::vector<ProcessOwner>& processes) const;

 private:
  static constexpr std::size_t kMaxCgroups = 65536;  // more than systemd makes on the largest nodes

  std::filesystem::path root_;
  std::unordered_map<std::uint64_t, std::string> paths_;
};

}  // namespace weft
