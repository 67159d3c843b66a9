#include "agent/compile/policy_networks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft {
namespace {

// IPv4 inside of the 16-byte space: what holds it from outside is IPv6, and does not count for it.
constexpr std::uint8_t kMappedBits = 96;

std::optional<IpAddress> behind(const Cidr& block) {
  auto next = block.address;
  if (block.bits == 0) return std::nullopt;
  for (unsigned bit = block.bits; bit-- > 0;) {
    auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    auto& byte = next.bytes[bit / 8];
    byte = static_cast<std::uint8_t>(byte ^ mask);
    if (byte & mask) return next;
  }
  return std::nullopt;
}

bool covers(const Cidr& outer, const IpAddress& address) {
  for (unsigned bit = 0; bit < outer.bits; ++bit) {
    auto mask = 0x80U >> (bit % 8);
    if ((outer.address.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

struct PolicyNetworks::Prefix {
  Members begins;  // blocks whose cidr it is
  Members ends;    // blocks whose exception it is
};

std::string block_text(const NetworkBlock& block) {
  auto out = block.cidr.text();
  std::vector<std::string> excepts;
  for (const auto& except : block.except) excepts.push_back(except.text());
  std::ranges::sort(excepts);
  return excepts.empty() ? out : fmt::format("{} except {}", out, fmt::join(excepts, ","));
}

std::map<std::pair<IpAddress, std::uint8_t>, PolicyNetworks::Prefix> PolicyNetworks::prefixes_of(const Blocks& blocks) {
  std::map<std::pair<IpAddress, std::uint8_t>, Prefix> out;
  for (const auto& [text, block] : blocks) {
    out[{block->cidr.address, block->cidr.bits}].begins.push_back(text);
    for (const auto& except : block->except) out[{except.address, except.bits}].ends.push_back(text);
  }
  if (!blocks.empty()) out[{IpAddress::v4(0), kMappedBits}];
  return out;
}

std::uint32_t PolicyNetworks::number_of(const Members& members) {
  if (members.empty()) return 0;
  auto [it, added] = known_.try_emplace(members, 0);
  if (added) it->second = numbers_.take();
  contents_.emplace(it->second, members);
  return it->second;
}

void PolicyNetworks::end_block(const Cidr& block, std::uint32_t outer) {
  auto next = behind(block);
  if (!next) return;
  if (!starts_.empty() && starts_.back().first == *next)
    starts_.back().second = outer;
  else
    starts_.emplace_back(*next, outer);
}

void PolicyNetworks::build(const Blocks& blocks) {
  struct Open {
    Cidr block;
    Members members;
    std::uint32_t number;
  };
  std::vector<Open> open;
  auto close = [&] {
    auto block = open.back().block;
    open.pop_back();
    end_block(block, open.empty() ? 0 : open.back().number);
  };
  for (const auto& [key, prefix] : prefixes_of(blocks)) {
    Cidr block{key.first, key.second};
    while (!open.empty() && !covers(open.back().block, block.address)) close();
    bool barrier = block.address == IpAddress::v4(0) && block.bits == kMappedBits;
    Members members = open.empty() || barrier ? Members() : open.back().members;
    members.insert(members.end(), prefix.begins.begin(), prefix.begins.end());
    std::ranges::sort(members);
    for (const auto& text : prefix.ends) std::erase(members, text);
    auto number = number_of(members);
    auto outer = open.empty() ? 0 : open.back().number;
    if (number != outer) rows_.push_back({{block.bits, to_abi(block.address)}, {number, 0}});
    if (!starts_.empty() && starts_.back().first == block.address)
      starts_.back().second = number;
    else
      starts_.emplace_back(block.address, number);
    open.push_back({block, std::move(members), number});
  }
  while (!open.empty()) close();
}

void PolicyNetworks::drop_gone() {
  for (const auto& [number, members] : gone_) {
    numbers_.give_back(number);
    known_.erase(members);
  }
  gone_.clear();
}

void PolicyNetworks::index_blocks() {
  in_block_.clear();
  for (const auto* contents : {&contents_, &gone_})
    for (const auto& [number, members] : *contents)
      for (const auto& text : members) in_block_[text].push_back(number);
  for (auto& [text, numbers] : in_block_) std::ranges::sort(numbers);
}

bool PolicyNetworks::update(const Blocks& blocks) {
  std::set<std::string> texts;
  for (const auto& [text, block] : blocks) texts.insert(text);
  bool same = texts == texts_;
  if (same && gone_.empty()) return false;
  drop_gone();
  if (!same) {
    texts_ = std::move(texts);
    auto before = std::exchange(contents_, {});
    starts_.clear();
    rows_.clear();
    build(blocks);
    for (auto& [number, members] : before)
      if (!contents_.contains(number)) gone_.emplace(number, std::move(members));
    std::ranges::sort(rows_, [](const auto& a, const auto& b) { return bytes_less(a.first, b.first); });
  }
  index_blocks();
  return true;
}

std::uint32_t PolicyNetworks::network_of(const IpAddress& address) const {
  auto it = std::ranges::upper_bound(starts_, address, {}, &std::pair<IpAddress, std::uint32_t>::first);
  return it == starts_.begin() ? 0 : std::prev(it)->second;
}

const std::vector<std::uint32_t>& PolicyNetworks::networks_in(const std::string& block) const {
  static const std::vector<std::uint32_t> none;
  auto it = in_block_.find(block);
  return it == in_block_.end() ? none : it->second;
}

}  // namespace weft
