// Which ipBlocks hold an address. Addresses in the same set of blocks share a network number; the prefixes of the
// blocks and of their exceptions become the rows of weft_networks.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/compile/number_source.hpp"
#include "agent/compile/policy_tables.hpp"
#include "agent/model/policy.hpp"

namespace weft {

std::string block_text(const NetworkBlock& block);  // "10.0.0.0/8 except 10.1.0.0/16,10.2.0.0/16"

class PolicyNetworks {
 public:
  using Blocks = std::map<std::string, const NetworkBlock*>;  // by their text

  explicit PolicyNetworks(std::uint32_t next) : numbers_(WEFT_NETWORK_FIRST, 0x7fffffff, next) {}

  // Returns whether anything changed: what other calls answered before is void then. Numbers that went stay for one
  // more update: until then addresses in the kernel may still name them, and rows must be there for them.
  bool update(const Blocks& blocks);
  bool is_settling() const { return !gone_.empty(); }
  std::uint32_t network_of(const IpAddress& address) const;                       // 0: in no block
  const std::vector<std::uint32_t>& networks_in(const std::string& block) const;  // sorted
  const std::vector<NetworkRow>& rows() const { return rows_; }

 private:
  struct Prefix;
  using Members = std::vector<std::string>;  // texts of blocks, sorted

  static std::map<std::pair<IpAddress, std::uint8_t>, Prefix> prefixes_of(const Blocks& blocks);
  std::uint32_t number_of(const Members& members);
  void build(const Blocks& blocks);
  void drop_gone();
  void index_blocks();
  void end_block(const Cidr& block, std::uint32_t outer);

  NumberSource numbers_;
  std::set<std::string> texts_;
  std::map<Members, std::uint32_t> known_;
  std::map<std::uint32_t, Members> contents_;
  std::map<std::uint32_t, Members> gone_;  // of the update before, that nothing has any more
  std::map<std::string, std::vector<std::uint32_t>> in_block_;
  std::vector<std::pair<IpAddress, std::uint32_t>> starts_;  // from here on addresses have this number
  std::vector<NetworkRow> rows_;
};

}  // namespace weft
