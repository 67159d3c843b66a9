// The interfaces of pods as the host sees them, without entering their namespaces: rtnetlink tells the other half's
// namespace (IFLA_LINK_NETNSID), and answers for that one too (IFA_TARGET_NETNSID). Needs CAP_NET_ADMIN.
#pragma once

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/interface_table.hpp"
#include "agent/kernel/netlink_socket.hpp"

namespace weft {

class PodInterfaces {
 public:
  // Listens, then reads everything.
  static Result<PodInterfaces> open();

  // Readable when the kernel announced something; edge-triggered watchers must call on_readable() until it returns
  // false.
  int fd() const { return watcher_.get(); }

  // Takes what was announced; true when more waits. After an overrun of the socket everything is read anew.
  Result<bool> on_readable();
  // Everything anew.
  Result<> read_all();
  // The addresses of one namespace anew: without hears_namespaces() their changes are not announced.
  Result<> read_addresses(std::int32_t netns_id);

  // Whether addresses of other namespaces are announced to us (NETLINK_LISTEN_ALL_NSID, needs CAP_NET_BROADCAST).
  bool hears_namespaces() const { return hears_namespaces_; }
  std::uint64_t overruns() const { return overruns_; }
  const InterfaceTable& table() const { return table_; }

 private:
  explicit PodInterfaces(RouteAsker asker) : asker_(std::move(asker)) {}
  Result<> read_link(std::uint32_t index);
  Result<> read_what_is_unknown();

  Fd watcher_;
  RouteAsker asker_;
  bool hears_namespaces_ = false;
  std::uint64_t overruns_ = 0;
  InterfaceTable table_;
};

}  // namespace weft
