// Which interface is whose pod's, also when somebody who is root in a pod moves addresses about.
#include "agent/app/pod_binding.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <catch2/catch.hpp>

namespace weft::test {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

template <class T>
void append(std::vector<std::byte>& to, const T& what) {
  auto* first = reinterpret_cast<const std::byte*>(&what);
  to.insert(to.end(), first, first + sizeof what);
}

// Interfaces and addresses as the kernel would have told them.
class Host {
 public:
  void add_veth(std::uint32_t index, std::int32_t netns_id, std::uint32_t peer = 2) {
    struct {
      nlmsghdr header;
      ifinfomsg head;
      nlattr netns;
      std::int32_t netns_id;
      nlattr link;
      std::uint32_t peer;
      nlattr info, kind;
      char veth[8];
    } message{};
    message.header = {sizeof message, RTM_NEWLINK, 0, 0, 0};
    message.head.ifi_index = static_cast<int>(index);
    message.netns = {8, IFLA_LINK_NETNSID};
    message.netns_id = netns_id;
    message.link = {8, IFLA_LINK};
    message.peer = peer;
    message.info = {16, IFLA_LINKINFO};
    message.kind = {9, IFLA_INFO_KIND};
    std::memcpy(message.veth, "veth", 4);
    table_.apply(std::as_bytes(std::span(&message, 1)), kOwnNamespace);
  }
  void add_address(std::int32_t netns_id, const char* text, std::uint32_t interface = 2) {
    tell(RTM_NEWADDR, netns_id, text, interface);
  }
  void remove_address(std::int32_t netns_id, const char* text) { tell(RTM_DELADDR, netns_id, text, 2); }
  void add_pod(const char* name, const char* address, const char* uid = "") {
    auto pod = std::make_shared<Pod>();
    pod->metadata = {"shop", name, uid, {}, false};
    pod->node = "node-a";
    pod->owner = name;
    pod->running = true;
    pod->addresses = {ip(address)};
    auto next = snapshot_;
    next.pods.put({"shop", name}, pod);
    pods_.update(snapshot_, next, "node-a");
    snapshot_ = next;
  }
  void remove_pod(const char* name) {
    auto next = snapshot_;
    next.pods.erase({"shop", name});
    pods_.update(snapshot_, next, "node-a");
    snapshot_ = next;
  }
  // interface → pod
  std::map<std::uint32_t, std::string> bind(bool all_known = true) {
    bindings_ = bind_interfaces(bindings_, rows_, table_, pods_, all_known);
    std::map<std::uint32_t, std::string> names;
    for (const auto& [index, binding] : bindings_) names[index] = binding.pod.second;
    return names;
  }
  void restart_with(PodRows rows) {
    bindings_.clear();
    rows_ = std::move(rows);
  }

 private:
  void tell(std::uint16_t type, std::int32_t netns_id, const char* text, std::uint32_t interface) {
    struct {
      nlmsghdr header;
      ifaddrmsg head;
      nlattr attribute;
      std::uint32_t address;
    } message{};
    message.header = {sizeof message, type, 0, 0, 0};
    message.head.ifa_family = AF_INET;
    message.head.ifa_index = interface;
    message.attribute = {8, IFA_ADDRESS};
    std::memcpy(&message.address, ip(text).bytes.data() + 12, 4);
    table_.apply(std::as_bytes(std::span(&message, 1)), netns_id);
  }

  InterfaceTable table_;
  LocalPods pods_;
  Snapshot snapshot_;
  Bindings bindings_;
  PodRows rows_;
};

using Names = std::map<std::uint32_t, std::string>;

TEST_CASE("an interface belongs to the pod whose address is behind it, whatever comes first") {
  Host host;
  host.add_veth(7, 3);
  host.add_address(3, "10.0.0.7");
  CHECK(host.bind().empty());
  host.add_pod("web", "10.0.0.7");
  CHECK(host.bind() == Names{{7, "web"}});
  host.add_pod("cart", "10.0.0.8");
  host.add_veth(8, 4);
  CHECK(host.bind() == Names{{7, "web"}});
  host.add_address(4, "10.0.0.8");
  CHECK(host.bind() == Names{{7, "web"}, {8, "cart"}});
}

TEST_CASE("a pod that removes its address stays under policy") {
  Host host;
  host.add_veth(7, 3);
  host.add_address(3, "10.0.0.7");
  host.add_pod("web", "10.0.0.7");
  host.bind();
  host.remove_address(3, "10.0.0.7");
  CHECK(host.bind() == Names{{7, "web"}});
  PodRows rows;
  rows.interfaces[7] = 3;
  rows.sources.emplace(7, ip("10.0.0.7"));
  host.restart_with(rows);
  CHECK(host.bind() == Names{{7, "web"}});
}

TEST_CASE("a pod cannot take another's place by taking its address") {
  Host host;
  host.add_veth(7, 3);
  host.add_address(3, "10.0.0.7");
  host.add_pod("web", "10.0.0.7");
  host.bind();
  host.add_veth(5, 1);
  host.add_address(1, "10.0.0.7");
  CHECK(host.bind() == Names{{7, "web"}});
  host.add_address(1, "10.0.0.5");
  host.add_pod("cart", "10.0.0.5");
  CHECK(host.bind() == Names{{5, "cart"}, {7, "web"}});
}

TEST_CASE("every interface into a pod's namespace is under policy") {
  Host host;
  host.add_veth(7, 3);
  host.add_veth(8, 3);
  host.add_address(3, "10.0.0.7");
  host.add_pod("web", "10.0.0.7");
  CHECK(host.bind() == Names{{7, "web"}, {8, "web"}});
}

TEST_CASE("of several addresses of a namespace, the one at the other half tells whose interface it is") {
  Host host;
  host.add_veth(7, 3, 12);
  host.add_veth(8, 3, 13);
  host.add_address(3, "10.0.0.7", 12);
  host.add_address(3, "10.0.0.8", 13);
  host.add_pod("web", "10.0.0.7");
  host.add_pod("cart", "10.0.0.8");
  CHECK(host.bind() == Names{{7, "web"}, {8, "cart"}});
}

TEST_CASE("an interface is given up when its pod is known to be gone, and not before") {
  Host host;
  host.add_veth(7, 3);
  host.add_address(3, "10.0.0.7");
  host.add_pod("web", "10.0.0.7", "uid-1");
  host.bind();
  host.remove_pod("web");
  CHECK(host.bind(false) == Names{{7, "web"}});
  CHECK(host.bind(true).empty());
}

TEST_CASE("a new pod of the same name does not inherit the interface of the old one") {
  Host host;
  host.add_veth(7, 3);
  host.add_address(3, "10.0.0.7");
  host.add_pod("web-0", "10.0.0.7", "uid-1");
  host.bind();
  host.add_pod("web-0", "10.0.0.9", "uid-2");
  CHECK(host.bind().empty());
}

TEST_CASE("pods of other nodes, of the host's network, and those that ended have no interface here") {
  LocalPods pods;
  Snapshot before, now;
  auto add = [&](const char* name, auto change) {
    auto pod = std::make_shared<Pod>();
    pod->metadata = {"shop", name, "", {}, false};
    pod->node = "node-a";
    pod->running = true;
    pod->addresses = {ip("10.0.0.7")};
    change(*pod);
    now.pods.put({"shop", name}, pod);
  };
  add("elsewhere", [](Pod& pod) { pod.node = "node-b"; });
  add("host", [](Pod& pod) { pod.host_network = true; });
  add("ended", [](Pod& pod) { pod.running = false; });
  add("unborn", [](Pod& pod) { pod.addresses.clear(); });
  CHECK_FALSE(pods.update(before, now, "node-a"));
  CHECK(pods.all().empty());
}

}  // namespace
}  // namespace weft::test
