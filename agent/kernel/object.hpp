// The one BPF object: opened with the node's sizes, bound to the maps that earlier agents pinned, loaded unattached.
// Old layouts are copied into new maps before anything runs on them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"
#include "agent/kernel/migrate.hpp"
#include "agent/kernel/options.hpp"

struct weft_bpf;

namespace weft {

struct ProgramProbe {
  std::string name;  // of the hook, or of what the agent runs itself
  Feature feature = Feature::kBalancing;
  bool loads = false;
  std::uint32_t instructions = 0;           // in the object
  std::uint32_t verified_instructions = 0;  // that the verifier walked (Linux 5.16)
  std::string problem;                      // last line of the verifier when it does not load
};

// Loads every program by itself, attaches nothing and pins nothing.
std::vector<ProgramProbe> probe_programs(const DatapathOptions& options);

// Whether what is pinned under our layouts has our shape. Changes nothing; load refuses the same.
Result<> check_pinned_maps(const DatapathOptions& options);

class BpfObject {
 public:
  // `live_maps`: ids of the maps that attached programs use, so that the left-overs of an upgrade that was killed are
  // told from what is in use.
  static Result<BpfObject> load(const DatapathOptions& options, const std::set<std::uint32_t>& live_maps);
  BpfObject(BpfObject&&) noexcept;
  BpfObject& operator=(BpfObject&&) noexcept;
  ~BpfObject();

  int map_fd(std::string_view name) const;
  int program_fd(std::string_view symbol) const;  // negative: not loaded, its feature is off
  bool has(Feature feature) const;
  const std::map<std::string, std::string>& problems() const { return problems_; }  // program → why it did not load
  // Gives maps that are new a pin beside the old one: before links run this object.
  Result<> stage_pins() const;
  // Takes over what the old programs wrote since this object was loaded: when all links run it.
  void catch_up();
  // Moves them to their names and removes what other layouts and sizes left: when all links run this object.
  Result<> settle_pins() const;
  const std::vector<std::string>& copied() const {
    return copied_;
  }  // maps whose entries came from another layout or size

  // A map of another layout or size that programs write until links run this object.
  struct WrittenOn {
    const PinnedMap* map;
    Fd fd;
    RawEntries seen;
  };

 private:
  BpfObject();
  struct Destroy {
    void operator()(weft_bpf* skeleton) const;
  };
  std::unique_ptr<weft_bpf, Destroy> skeleton_;
  std::filesystem::path maps_dir_;
  std::map<std::string, std::string> problems_;
  std::vector<std::string> copied_;
  std::vector<WrittenOn> written_on_;
};

}  // namespace weft
