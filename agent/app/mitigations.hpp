// The deny list and the quarantines of this node, on the loop thread: what people commanded and what DenyList objects
// say, written into the kernel and the state directory. Quarantines are handed to the compiler of policies.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/app/backoff.hpp"
#include "agent/app/mitigation_state.hpp"
#include "agent/compile/denials.hpp"
#include "agent/kernel/deny_tables.hpp"
#include "agent/model/quarantine.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

// Both clocks at one moment: people mean the first, the kernel compares the second.
struct Moment {
  std::int64_t wall_ns = 0;  // since 1970
  std::int64_t boot_ns = 0;  // CLOCK_BOOTTIME
  static Moment now();
};

struct DenyOrder {
  std::vector<Cidr> cidrs;
  std::uint64_t ttl_s = 0;  // 0: for ever
  std::string reason;
  bool force = false;
};

// One block of the deny list with everything that is known of it.
struct DeniedBlock {
  Cidr cidr;
  std::int64_t until_ns = kForEver;  // since 1970
  const DeniedByCommand* command = nullptr;
  std::vector<std::string> lists;  // DenyList objects that name it
  weft_denial_hits hits{};
};

class Mitigations {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr const char* kFile = "mitigations.json";

  // `have`: the kernel's list as it is. Changes nothing there yet.
  static Result<std::unique_ptr<Mitigations>> open(const DenyTables& tables, const std::filesystem::path& state_dir);

  // Each is in the state directory and in force when it returns success; nothing changed when it fails.
  Result<> deny(const DenyOrder& order, const Caller& by, Moment now);
  Result<> allow(const std::vector<Cidr>& cidrs, const Caller& by, Moment now);
  Result<> quarantine(const NamespacedName& workload, const std::string& reason, const Caller& by, Moment now);
  Result<> release(const NamespacedName& workload, const Caller& by, Moment now);

  // Follows the objects; `own`: addresses of this node, which objects may not deny.
  void set_world(const std::shared_ptr<const Snapshot>& snapshot, const std::vector<IpAddress>& own, Moment now);
  // Takes out what has ended, and tries again what the kernel refused. Cheap when there is nothing to do.
  void tick(Moment now, Clock::time_point steady);
  // Dumps the maps and restores what differs; returns how many rows did.
  Result<std::size_t> repair(Moment now);

  Result<std::vector<DeniedBlock>> list() const;
  const MitigationState& state() const { return state_; }
  const std::shared_ptr<const Quarantines>& quarantines() const { return quarantines_; }
  const std::vector<Diagnostic>& findings() const { return findings_; }
  const std::string& failure() const { return failure_; }  // why the kernel does not hold the list; empty
  weft_deny_sizes used() const { return sizes_; }
  const weft_deny_sizes& max() const { return max_; }
  // When a list ends; nothing: never, or it is unknown.
  std::optional<std::int64_t> end_of(const DenyList& list) const;

 private:
  Mitigations(const DenyTables& tables, std::filesystem::path file) : tables_(tables), file_(std::move(file)) {}
  Result<> change(MitigationState next, Moment now);
  void see_lists(Moment now);
  void collect(Moment now);
  DenialRows wanted_rows(Moment now);
  void apply(Moment now);
  Result<> write(const DenialRows& wanted);
  void publish_quarantines();
  bool holds_own(const Cidr& cidr) const;

  const DenyTables& tables_;
  std::filesystem::path file_;
  MitigationState state_;
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<const Snapshot>();
  std::vector<IpAddress> own_;
  Denials denials_;
  std::map<Cidr, std::vector<std::string>> named_by_;  // lists
  DenialRows have_;                                    // as we know it to be in the kernel
  std::uint32_t next_entry_ = 1;
  weft_deny_sizes sizes_{}, max_{};
  std::int64_t next_end_ns_ = kForEver;
  std::shared_ptr<const Quarantines> quarantines_ = std::make_shared<const Quarantines>();
  std::vector<Diagnostic> findings_;
  std::string failure_;
  Backoff backoff_;
  std::optional<Clock::time_point> retry_at_;
};

}  // namespace weft
