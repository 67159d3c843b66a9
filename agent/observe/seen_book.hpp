// Which connections there were in the last hour, added up by what policies see of both ends. Ends keep the labels of
// their moment: a pod that is gone or has other labels now does not change what was seen. Bounded in entries, nothing
// is kept of single connections. One thread only.
#pragma once

#include <array>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "agent/model/seen.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/observe/flow.hpp"

namespace weft {

class SeenBook {
 public:
  static constexpr std::size_t kMostEntries = 8192;  // about 3 MiB when full
  static constexpr std::int64_t kBucketNs = 300LL * 1'000'000'000;
  static constexpr std::size_t kBuckets = 13;  // the last hour and what of a bucket is not over yet
  static constexpr std::int64_t kReachNs = (kBuckets - 1) * kBucketNs;

  explicit SeenBook(std::size_t most_entries = kMostEntries) : most_entries_(most_entries) {}

  // Opens and denials count; `snapshot` has the Workload objects behind names.
  void take(const Flow& flow, const Snapshot& snapshot);
  // What was seen from `since_ns` on, to the precision of a bucket.
  std::vector<SeenConnections> since(std::int64_t since_ns) const;

  std::size_t entries() const { return entries_.size(); }
  // Connections that had no room.
  std::uint64_t overflow() const { return overflow_; }

 private:
  struct Bucket {
    std::int64_t number = -1;  // of kBucketNs since 1970
    std::uint32_t allowed = 0;
    std::uint32_t denied = 0;
  };
  struct Entry {
    std::array<Bucket, kBuckets> buckets;
    std::int64_t last_ns = 0;
  };
  struct Key {
    SharedSeenEnd client, server;
    std::uint16_t port;
    std::uint8_t protocol;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  using KnownKey = std::tuple<const void*, bool>;  // object and whether the address is IPv4
  struct KnownHash {
    std::size_t operator()(const KnownKey& key) const noexcept;
  };
  struct Known {
    std::shared_ptr<const void> object;  // keeps its address from being given to another
    SharedSeenEnd end;
  };

  SharedSeenEnd end_of(const FlowEnd& end, const Snapshot& snapshot);
  SharedSeenEnd remember(const std::shared_ptr<const void>& object, SeenEnd end);
  SharedSeenEnd intern(SeenEnd end);
  void make_room(std::int64_t now_ns);

  std::size_t most_entries_;
  std::unordered_map<Key, Entry, KeyHash> entries_;
  std::unordered_map<std::string, std::weak_ptr<const SeenEnd>> ends_;  // by what policies see of them
  std::unordered_map<KnownKey, Known, KnownHash> known_;
  std::int64_t swept_ns_ = 0;
  std::uint64_t overflow_ = 0;
};

}  // namespace weft
