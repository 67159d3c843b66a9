#include "agent/compile/claims.hpp"

#include <algorithm>
#include <iterator>

namespace weft {
namespace {

Claims::Keys minus(const Claims::Keys& from, const Claims::Keys& what) {
  Claims::Keys rest;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::back_inserter(rest),
                      bytes_less<weft_service_key>);
  return rest;
}

void append_others(std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& claimants, std::uint32_t service) {
  std::copy_if(claimants.begin(), claimants.end(), std::back_inserter(to), [&](auto id) { return id != service; });
}

}  // namespace

void Claims::update(std::uint32_t service, const Keys& before, const Keys& after,
                    std::vector<std::uint32_t>& affected) {
  for (const auto& key : minus(before, after)) remove(service, key, affected);
  for (const auto& key : minus(after, before)) add(service, key, affected);
}

std::uint32_t Claims::winner(const weft_service_key& key) const {
  auto it = winners_.find(key);
  return it == winners_.end() ? 0 : it->second;
}

void Claims::add(std::uint32_t service, const weft_service_key& key, std::vector<std::uint32_t>& affected) {
  auto [winner, is_new] = winners_.try_emplace(key, service);
  if (is_new) return;
  auto& claimants = contested_[key];
  if (claimants.empty()) claimants.push_back(winner->second);
  auto by_name = [this](std::uint32_t a, std::uint32_t b) { return names_.service_name(a) < names_.service_name(b); };
  claimants.insert(std::lower_bound(claimants.begin(), claimants.end(), service, by_name), service);
  if (claimants.front() != service) return;
  winner->second = service;
  append_others(affected, claimants, service);
}

void Claims::remove(std::uint32_t service, const weft_service_key& key, std::vector<std::uint32_t>& affected) {
  auto contest = contested_.find(key);
  if (contest == contested_.end()) {
    winners_.erase(key);
    return;
  }
  auto& claimants = contest->second;
  bool won = claimants.front() == service;
  std::erase(claimants, service);
  if (won) {
    winners_[key] = claimants.front();
    append_others(affected, claimants, service);
  }
  if (claimants.size() == 1) contested_.erase(contest);
}

}  // namespace weft
