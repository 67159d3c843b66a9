// Keeps the interfaces of this node's pods under the datapath's programs, on the loop thread. First the addresses that
// a pod may send from, then the row of its interface, then the programs; the other way round when it goes. Everything
// is the difference between what should be and what is, so a restart, an overrun and a repair are the same path.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/app/pod_binding.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/kernel/pod_interfaces.hpp"

namespace weft {

// A pod of this node whose packets are not judged, or may pass unjudged.
struct UnenforcedPod {
  NamespacedName pod;
  std::string workload;
  std::string reason;
};

class PodGuard {
 public:
  using Clock = std::chrono::steady_clock;

  // `enabled`: datapath.pods is auto; otherwise what an earlier agent attached is detached.
  static Result<std::unique_ptr<PodGuard>> start(Datapath& datapath, std::string node, bool enabled);

  int fd() const { return interfaces_ ? interfaces_->fd() : -1; }
  // Takes what the kernel announced; true: more waits.
  Result<bool> on_readable();
  void set_snapshot(const std::shared_ptr<const Snapshot>& snapshot);

  bool binds(std::uint32_t interface) const { return bindings_.contains(interface); }

  // Attaches to one interface that waits, which may take the kernel 30 ms; true when more wait.
  bool attach_next();
  bool settled() const { return waiting_.empty(); }

  // Whether addresses have to be asked for again because nobody announces them; and asks.
  bool should_look_again(Clock::time_point now) const;
  Result<> look_again();

  // Looks at the links; what is not as it should be waits for attach_next().
  void audit();
  // Reads interfaces and rows anew and repairs what differs.
  Result<> compare();

  // What a proof found; empty: nothing wrong. Returns whether that is news.
  bool note_proof(std::uint32_t index, std::string problem);
  const Bindings& bindings() const { return bindings_; }
  const LocalPods& pods() const { return pods_; }
  bool is_attached(std::uint32_t index) const { return hooks_.has(index); }

  // Rows and links repaired since the last call.
  std::size_t take_repaired() { return std::exchange(repaired_, 0); }
  const std::vector<AttachmentState>& attachments();
  const std::vector<UnenforcedPod>& unenforced();
  std::size_t unenforced_workloads();

 private:
  PodGuard(Datapath& datapath, std::string node, bool enabled);
  void refresh();
  void mark_stale() { attachments_stale_ = unenforced_stale_ = true; }
  Result<> settle_rows(std::uint32_t index, const Binding& binding);
  void release_others();
  bool may_release(std::uint32_t index) const;
  void release(std::uint32_t index);
  std::set<IpAddress> sources_of(std::uint32_t index) const;
  std::string problem_of(std::uint32_t index) const;

  Datapath& datapath_;
  PodHooks& hooks_;
  const PodTables& tables_;
  std::string node_;
  bool enabled_;
  bool available_;
  std::unique_ptr<PodInterfaces> interfaces_;
  std::shared_ptr<const Snapshot> snapshot_;
  LocalPods pods_;
  Bindings bindings_;
  PodRows rows_;                     // as we know them to be in the kernel
  std::set<std::uint32_t> waiting_;  // interfaces to attach to
  std::set<std::uint32_t> drifted_;  // of these: what had been attached
  std::map<std::uint32_t, std::string> failures_;
  std::map<std::uint32_t, std::string> bypasses_;  // programs of others before ours
  std::map<std::uint32_t, std::string> unproven_;
  std::vector<AttachmentState> attachments_;
  std::vector<UnenforcedPod> unenforced_;
  bool attachments_stale_ = true;
  bool unenforced_stale_ = true;
  std::size_t repaired_ = 0;
  Clock::time_point last_event_{};
};

}  // namespace weft
