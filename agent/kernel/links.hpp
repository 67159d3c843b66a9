// Attachments: pinned bpf_links of the served cgroup. A new agent takes over by updating the link in place (compare and
// swap of the program), so that no connection ever meets an empty hook.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"

namespace weft {

class BpfObject;

struct AttachmentState {
  std::string hook;
  std::string target;  // the cgroup's path
  std::string state;   // attached | missing | foreign
  std::string detail;  // for foreign: the program's id and, where it may be read, its name
};

class Links {
 public:
  // Opens what earlier agents pinned; attaches nothing.
  static Result<Links> adopt(const std::filesystem::path& bpffs, const std::filesystem::path& cgroup_path, Fd cgroup);

  // Maps used by the programs that are attached now.
  std::set<std::uint32_t> live_maps() const;

  // Every hook of the object's features runs the object's program; hooks of features that it lacks are detached. Hooks
  // that a link of ours held already are swapped in place.
  Result<> attach(const BpfObject& object);

  // What is on our hooks now: ours attached or missing, and programs of others.
  std::vector<AttachmentState> audit() const;

  // Re-attaches what somebody removed. Returns the names of the hooks repaired.
  Result<std::vector<std::string>> repair(const BpfObject& object);

 private:
  struct Link {
    const Hook* hook = nullptr;
    Fd fd;
  };
  Links() = default;
  Result<> attach_hook(Link& link, int program);
  Result<> swap_program(Link& link, int program, std::uint32_t attached_program);
  bool is_ours(const Link& link) const;
  std::set<std::uint32_t> own_programs() const;

  std::filesystem::path bpffs_, cgroup_path_;
  Fd cgroup_;
  std::uint64_t cgroup_id_ = 0;
  std::vector<Link> links_;
};

}  // namespace weft
