// Who says what: for every object the claims of all origins on it. The first origin, by source and path, holds a
// contested object; the others get a diagnostic and take over when it goes. Part of fold.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "agent/model/event.hpp"

namespace weft {

// What became of one object: absent before, absent after, or replaced.
struct Effect {
  std::optional<Object> before;
  std::optional<Object> after;
};

class ObjectClaims {
 public:
  // Each gives the effect on the held objects; nothing when there is none.
  std::optional<Effect> claim(const SourceId& source, const std::string& origin, const Object& object);
  std::optional<Effect> release(const SourceId& source, const std::string& origin, const ObjectKey& key);
  void diagnose(const SourceId& source, const std::string& path, std::vector<Diagnostic> diagnostics);

  void reset(const SourceId& source);
  std::vector<Effect> sync(const SourceId& source);  // ends a reset: what was not said again goes

  // Origins whose diagnostics changed since the last call, with all they have now; empty: they are well.
  std::vector<std::pair<std::string, std::vector<Diagnostic>>> take_changed_diagnostics();
  std::uint64_t claimed(const SourceId& source) const;  // number of claims
  std::uint64_t count_diagnostics(const SourceId& source) const;
  std::optional<ObjectPlace> find_place(const ObjectKey& key) const;  // of the claim in force

 private:
  struct Origin {
    std::vector<Diagnostic> diagnostics;
    std::set<ObjectKey> lost;  // contested objects that another origin holds
    std::uint64_t claims = 0;
    std::uint64_t generation = 0;
  };
  using OriginKey = std::pair<SourceId, std::string>;  // source and path
  using OriginEntry = std::map<OriginKey, Origin>::value_type;
  struct Claim {
    Object object;
    OriginEntry* origin = nullptr;
    std::uint32_t line = 0;
    std::uint64_t generation = 0;
  };
  struct ClaimHash {
    using is_transparent = void;
    std::size_t operator()(const ObjectKey& key) const;
    std::size_t operator()(const Claim& claim) const;
  };
  struct ClaimEqual {
    using is_transparent = void;
    bool operator()(const Claim& a, const Claim& b) const;
    bool operator()(const ObjectKey& key, const Claim& claim) const;
    bool operator()(const Claim& claim, const ObjectKey& key) const { return (*this)(key, claim); }
  };
  struct SourceEntry {
    std::uint64_t generation = 0;
    std::uint64_t claims = 0;
  };
  using Holders = std::unordered_set<Claim, ClaimHash, ClaimEqual>;

  static std::string place(const Claim& claim);
  Claim* find_loser(const ObjectKey& key, const OriginEntry* origin);
  std::optional<Effect> contest(Holders::iterator holder, Claim next, const ObjectKey& key);
  std::optional<Effect> drop_holder(Holders::iterator holder, const ObjectKey& key);
  void drop_loser(const ObjectKey& key, const OriginEntry* origin);
  void touch_contest(const ObjectKey& key);
  void count(OriginEntry* origin, int change);
  void forget_if_empty(OriginEntry* origin);
  std::vector<Diagnostic> diagnostics_of(const OriginEntry& origin) const;
  OriginEntry* origin_entry(const SourceId& source, std::string path);

  std::map<OriginKey, Origin> origins_;
  std::map<SourceId, SourceEntry> sources_;
  Holders holders_;  // the claim in force, without a copy of its key
  std::map<ObjectKey, std::vector<Claim>> losers_;
  std::set<OriginKey> touched_;
};

}  // namespace weft
