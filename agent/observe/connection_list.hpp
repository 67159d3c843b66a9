// Which connections belong into the list of open ones, judged from the records of one read of the ring: most end before
// anybody could have looked, and those never enter it.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "weft/abi/flow.h"

namespace weft {

struct ConnectionChanges {
  std::vector<weft_flow_event> opened;  // still open when the ring was read
  std::vector<std::uint64_t>
      closed;  // socket cookies; opened in an earlier read, and too young for the kernel to take off
};

class ConnectionList {
 public:
  void take(const weft_flow_event& event);
  // What became of the records taken since the last call.
  ConnectionChanges changes();

 private:
  std::unordered_map<std::uint64_t, weft_flow_event> opened_;  // by socket cookie; emptied by each call of changes()
  std::vector<std::uint64_t> closed_;
};

}  // namespace weft
