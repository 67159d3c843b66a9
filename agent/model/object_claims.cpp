#include "agent/model/object_claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/base/findings.hpp"
#include "agent/model/deny_list.hpp"
#include "agent/model/policy.hpp"

namespace weft {
namespace {

const Metadata& metadata_of(const Object& object) {
  return std::visit([](const auto& value) -> const Metadata& { return value->metadata; }, object);
}

std::size_t hash_key(std::size_t kind, std::string_view space, std::string_view name) {
  auto hash = std::hash<std::string_view>{};
  auto mixed = hash(name) ^ (hash(space) * 0x9E3779B97F4A7C15ULL);
  return (mixed ^ (kind + 1)) * 0xBF58476D1CE4E5B9ULL;
}

// The kinds of the variant lie in the order of ObjectKind.
static_assert(std::variant_size_v<Object> == kObjectKinds);

bool same_content(const Object& a, const Object& b) {
  return a.index() == b.index() && std::visit(
                                       [&]<class T>(const std::shared_ptr<const T>& value) {
                                         const auto& other = std::get<std::shared_ptr<const T>>(b);
                                         return value == other || *value == *other;
                                       },
                                       a);
}

// Whether `object` is a policy that could not be read, where `held` is a version that could.
bool is_worse(const Object& object, const Object& held) {
  auto is_broken = [](const auto& value) {
    if constexpr (requires { value->broken; })
      return value->broken;
    else
      return false;
  };
  return std::visit(is_broken, object) && !std::visit(is_broken, held);
}

// "path:line" → path and line; line 0 when there is none.
std::pair<std::string, std::uint32_t> split_origin(const std::string& origin) {
  auto colon = origin.rfind(':');
  if (colon == std::string::npos) return {origin, 0};
  std::uint32_t line = 0;
  auto* end = origin.data() + origin.size();
  auto [at, problem] = std::from_chars(origin.data() + colon + 1, end, line);
  if (problem != std::errc() || at != end) return {origin, 0};
  return {origin.substr(0, colon), line};
}

}  // namespace

std::size_t ObjectClaims::ClaimHash::operator()(const ObjectKey& key) const {
  return hash_key(static_cast<std::size_t>(key.kind), key.space, key.name);
}

std::size_t ObjectClaims::ClaimHash::operator()(const Claim& claim) const {
  const auto& metadata = metadata_of(claim.object);
  return hash_key(claim.object.index(), metadata.space, metadata.name);
}

bool ObjectClaims::ClaimEqual::operator()(const Claim& a, const Claim& b) const {
  const auto &left = metadata_of(a.object), &right = metadata_of(b.object);
  return a.object.index() == b.object.index() && left.name == right.name && left.space == right.space;
}

bool ObjectClaims::ClaimEqual::operator()(const ObjectKey& key, const Claim& claim) const {
  const auto& metadata = metadata_of(claim.object);
  return static_cast<std::size_t>(key.kind) == claim.object.index() && key.name == metadata.name &&
         key.space == metadata.space;
}

std::string ObjectClaims::place(const Claim& claim) {
  const auto& path = claim.origin->first.second;
  return claim.line == 0 ? path : fmt::format("{}:{}", path, claim.line);
}

ObjectClaims::OriginEntry* ObjectClaims::origin_entry(const SourceId& source, std::string path) {
  return &*origins_.try_emplace({source, std::move(path)}).first;
}

void ObjectClaims::count(OriginEntry* origin, int change) {
  origin->second.claims += static_cast<std::uint64_t>(change);
  sources_[origin->first.first].claims += static_cast<std::uint64_t>(change);
}

void ObjectClaims::forget_if_empty(OriginEntry* origin) {
  const auto& state = origin->second;
  if (state.claims == 0 && state.diagnostics.empty() && state.lost.empty())
    origins_.erase(origins_.find(origin->first));
}

ObjectClaims::Claim* ObjectClaims::find_loser(const ObjectKey& key, const OriginEntry* origin) {
  auto it = losers_.find(key);
  if (it == losers_.end()) return nullptr;
  auto claim = std::ranges::find_if(it->second, [&](const Claim& c) { return c.origin == origin; });
  return claim == it->second.end() ? nullptr : &*claim;
}

// Everybody who contends for `key` gets new diagnostics.
void ObjectClaims::touch_contest(const ObjectKey& key) {
  auto losers = losers_.find(key);
  if (losers == losers_.end()) return;
  for (const auto& claim : losers->second) touched_.insert(claim.origin->first);
  if (auto holder = holders_.find(key); holder != holders_.end()) touched_.insert(holder->origin->first);
}

std::optional<Effect> ObjectClaims::claim(const SourceId& source, const std::string& where, const Object& object) {
  auto [path, line] = split_origin(where);
  auto* origin = origin_entry(source, std::move(path));
  auto key = object_key(object);
  Claim next{object, origin, line, sources_[source].generation};
  auto holder = holders_.find(key);
  if (holder == holders_.end()) {
    holders_.insert(std::move(next));
    count(origin, +1);
    return Effect{std::nullopt, object};
  }
  if (holder->origin != origin) return contest(holder, std::move(next), key);
  auto before = holder->object;
  // Of a policy that cannot be read any more the last good version stays.
  if (same_content(before, object) || is_worse(object, before)) next.object = before;
  bool moved = holder->line != line;
  auto node = holders_.extract(holder);
  node.value() = std::move(next);
  auto changed = node.value().object != before;
  holders_.insert(std::move(node));
  if (moved) touch_contest(key);
  return changed ? std::optional(Effect{std::move(before), object}) : std::nullopt;
}

std::optional<Effect> ObjectClaims::contest(Holders::iterator holder, Claim next, const ObjectKey& key) {
  auto* origin = next.origin;
  if (auto* loser = find_loser(key, origin)) {
    if (is_worse(next.object, loser->object)) next.object = loser->object;
    *loser = std::move(next);
    touch_contest(key);
    return std::nullopt;
  }
  count(origin, +1);
  std::optional<Effect> effect;
  if (origin->first < holder->origin->first) {
    auto node = holders_.extract(holder);
    std::swap(node.value(), next);
    if (!same_content(next.object, node.value().object)) effect = Effect{next.object, node.value().object};
    holders_.insert(std::move(node));
  }
  next.origin->second.lost.insert(key);
  losers_[key].push_back(std::move(next));
  touch_contest(key);
  return effect;
}

std::optional<Effect> ObjectClaims::release(const SourceId& source, const std::string& where, const ObjectKey& key) {
  auto entry = origins_.find({source, split_origin(where).first});
  if (entry == origins_.end()) return std::nullopt;
  auto holder = holders_.find(key);
  if (holder != holders_.end() && holder->origin == &*entry) return drop_holder(holder, key);
  if (find_loser(key, &*entry) != nullptr) drop_loser(key, &*entry);
  return std::nullopt;
}

std::optional<Effect> ObjectClaims::drop_holder(Holders::iterator holder, const ObjectKey& key) {
  touch_contest(key);
  auto gone = holders_.extract(holder);
  Effect effect{gone.value().object, std::nullopt};
  if (auto losers = losers_.find(key); losers != losers_.end()) {
    auto heir = std::ranges::min_element(
        losers->second, [](const Claim& a, const Claim& b) { return a.origin->first < b.origin->first; });
    heir->origin->second.lost.erase(key);
    effect.after = heir->object;
    holders_.insert(std::move(*heir));
    losers->second.erase(heir);
    if (losers->second.empty()) losers_.erase(losers);
  }
  auto* origin = gone.value().origin;
  gone = {};
  count(origin, -1);
  forget_if_empty(origin);
  bool changed = !effect.after || !same_content(*effect.before, *effect.after);
  return changed ? std::optional(std::move(effect)) : std::nullopt;
}

void ObjectClaims::drop_loser(const ObjectKey& key, const OriginEntry* origin) {
  touch_contest(key);
  auto losers = losers_.find(key);
  auto claim = std::ranges::find_if(losers->second, [&](const Claim& c) { return c.origin == origin; });
  auto* entry = claim->origin;
  losers->second.erase(claim);
  if (losers->second.empty()) losers_.erase(losers);
  entry->second.lost.erase(key);
  count(entry, -1);
  forget_if_empty(entry);
}

void ObjectClaims::diagnose(const SourceId& source, const std::string& path, std::vector<Diagnostic> diagnostics) {
  auto* origin = origin_entry(source, path);
  origin->second.generation = sources_[source].generation;
  if (origin->second.diagnostics != diagnostics) {
    origin->second.diagnostics = std::move(diagnostics);
    touched_.insert(origin->first);
  }
  forget_if_empty(origin);
}

void ObjectClaims::reset(const SourceId& source) { ++sources_[source].generation; }

std::vector<Effect> ObjectClaims::sync(const SourceId& source) {
  auto generation = sources_[source].generation;
  auto is_stale = [&](const Claim& c) { return c.origin->first.first == source && c.generation < generation; };
  std::vector<std::pair<OriginKey, ObjectKey>> stale;
  for (const auto& claim : holders_)
    if (is_stale(claim)) stale.emplace_back(claim.origin->first, object_key(claim.object));
  for (const auto& [key, claims] : losers_)
    for (const auto& claim : claims)
      if (is_stale(claim)) stale.emplace_back(claim.origin->first, key);
  std::vector<Effect> effects;
  std::vector<OriginKey> well;
  for (const auto& [key, origin] : origins_)
    if (key.first == source && origin.generation < generation && !origin.diagnostics.empty()) well.push_back(key);
  for (const auto& key : well) diagnose(key.first, key.second, {});
  for (const auto& [origin, key] : stale)
    if (auto effect = release(origin.first, origin.second, key)) effects.push_back(std::move(*effect));
  return effects;
}

std::vector<Diagnostic> ObjectClaims::diagnostics_of(const OriginEntry& origin) const {
  auto out = origin.second.diagnostics;
  for (const auto& key : origin.second.lost) {
    const auto& claims = losers_.at(key);
    auto own = std::ranges::find_if(claims, [&](const Claim& c) { return c.origin == &origin; });
    auto holder = place(*holders_.find(key));
    out.push_back({Diagnostic::Severity::kError,
                   finding_code(FindingCode::kContested),
                   key,
                   {},
                   fmt::format("{} is defined at {}, which keeps it; remove one of the two", key.text(), holder),
                   place(*own)});
  }
  return out;
}

std::vector<std::pair<std::string, std::vector<Diagnostic>>> ObjectClaims::take_changed_diagnostics() {
  std::vector<std::pair<std::string, std::vector<Diagnostic>>> out;
  for (const auto& key : touched_) {
    auto it = origins_.find(key);
    out.emplace_back(key.second, it == origins_.end() ? std::vector<Diagnostic>() : diagnostics_of(*it));
  }
  touched_.clear();
  return out;
}

std::uint64_t ObjectClaims::count_diagnostics(const SourceId& source) const {
  std::uint64_t count = 0;
  for (auto it = origins_.lower_bound({source, {}}); it != origins_.end() && it->first.first == source; ++it)
    count += it->second.diagnostics.size() + it->second.lost.size();
  return count;
}

std::optional<ObjectPlace> ObjectClaims::find_place(const ObjectKey& key) const {
  auto holder = holders_.find(key);
  if (holder == holders_.end()) return std::nullopt;
  return ObjectPlace{holder->origin->first.first, place(*holder)};
}

std::uint64_t ObjectClaims::claimed(const SourceId& source) const {
  auto it = sources_.find(source);
  return it == sources_.end() ? 0 : it->second.claims;
}

}  // namespace weft
