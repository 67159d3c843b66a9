// Short ways to write objects in tests: as YAML, decoded and folded by the product's own code.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "agent/model/decode.hpp"
#include "agent/model/fold.hpp"
#include "agent/model/manifest.hpp"

namespace weft::test {

inline std::string service(const std::string& name, const std::string& spec) {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: shop}\nspec: " + spec + "\n";
}

inline std::string pod(const std::string& name, const std::string& labels, const std::string& status,
                       const std::string& spec = "{nodeName: n1}") {
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: shop, labels: " + labels +
         "}\nspec: " + spec + "\nstatus: " + status + "\n";
}

inline std::string ready(const std::string& address) {
  return "{phase: Running, podIP: " + address + ", conditions: [{type: Ready, status: 'True'}]}";
}

inline std::string slice(const std::string& name, const std::string& service, const std::string& endpoints,
                         const std::string& ports = "[{name: http, port: 8080}]") {
  return "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {name: " + name +
         ", namespace: shop, labels: {kubernetes.io/service-name: " + service + "}}\nports: " + ports +
         "\nendpoints: " + endpoints + "\n";
}

inline std::string node(const std::string& name, const std::string& address, const std::string& zone) {
  return "---\napiVersion: v1\nkind: Node\nmetadata: {name: " + name +
         ", labels: {topology.kubernetes.io/zone: " + zone + ", topology.kubernetes.io/region: r1}}\n" +
         "status: {addresses: [{type: InternalIP, address: " + address + "}, {type: Hostname, address: " + name +
         "}]}\n";
}

inline std::string workload(const std::string& name, const std::string& labels, const std::string& spec) {
  return "---\napiVersion: mesh.weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: " + name +
         ", namespace: shop, labels: " + labels + "}\nspec: " + spec + "\n";
}

// A folder of manifests: put and remove files, and see what the fold makes of it.
class Manifests {
 public:
  Folded put(const std::string& path, const std::string& text) {
    return fold_.apply(manifest_events({"files", path}, decode_manifest(path, text), claimed_[path]));
  }
  Folded remove(const std::string& path) { return fold_.apply(manifest_gone_events({"files", path}, claimed_[path])); }
  const Snapshot& now() const { return *fold_.snapshot(); }
  Fold& fold() { return fold_; }
  std::vector<Diagnostic> said_of(const std::string& path) const {
    const auto* found = now().diagnostics.find({"", path});
    return found == nullptr ? std::vector<Diagnostic>() : *found;
  }

 private:
  Fold fold_;
  std::map<std::string, std::vector<ObjectKey>> claimed_;
};

inline const Service& get_service(const Snapshot& snapshot, const std::string& name) {
  const auto* found = snapshot.services.find({"shop", name});
  REQUIRE(found != nullptr);
  return **found;
}

}  // namespace weft::test
