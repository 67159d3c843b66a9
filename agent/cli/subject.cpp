#include "agent/cli/subject.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/address.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/config/nearest.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;
using Kind = Subject::Kind;

bool has_pod(const json& workload, const NameWords& words) {
  auto pods = texts_at(workload, "pods");
  return std::ranges::find(pods, words.name) != pods.end() &&
         (words.space.empty() || text_at(workload, "namespace") == words.space);
}

std::pair<std::string, std::string> name_of(const json& item) {
  return {text_at(item, "namespace"), text_at(item, "name")};
}

// Equal addresses are written in more than one way; the agent writes the canonical one.
std::string canonical(const std::string& address) {
  auto parsed = IpAddress::parse(address);
  return parsed ? parsed->text() : address;
}

std::set<std::string> addresses_of(const json& item, std::initializer_list<const char*> fields) {
  std::set<std::string> addresses;
  for (const auto* field : fields)
    for (const auto& address : texts_at(item, field)) addresses.insert(canonical(address));
  return addresses;
}

std::set<std::string> service_addresses(const json& service) {
  auto addresses = addresses_of(service, {"clusterIPs", "externalIPs"});
  for (const auto& frontend : list_at(service, "frontends")) addresses.insert(canonical(text_at(frontend, "address")));
  addresses.erase("");
  return addresses;
}

Subject address_subject(const std::string& address, const json& workloads, const json& services) {
  Subject subject{Kind::kAddress, {}, {}, {address}};
  for (const auto& workload : workloads)
    if (addresses_of(workload, {"addresses"}).contains(address)) subject.workloads.insert(name_of(workload));
  for (const auto& service : services)
    if (service_addresses(service).contains(address)) subject.services.insert(name_of(service));
  return subject;
}

Subject workloads_subject(Kind kind, const std::vector<const json*>& found) {
  Subject subject{kind, {}, {}, {}};
  for (const auto* workload : found) {
    subject.workloads.insert(name_of(*workload));
    subject.addresses.merge(addresses_of(*workload, {"addresses"}));
  }
  return subject;
}

std::vector<const json*> select(const json& items, const auto& wanted) {
  std::vector<const json*> found;
  for (const auto& item : items)
    if (wanted(item)) found.push_back(&item);
  return found;
}

std::vector<std::string> known_names(const json& workloads, const json& services) {
  std::vector<std::string> names;
  for (const auto* items : {&workloads, &services})
    for (const auto& item : *items) names.push_back(full_name(text_at(item, "namespace"), text_at(item, "name")));
  return names;
}

bool touches(const json& item, const char* end, const Subject& subject) {
  auto prefix = std::string(end) + ".";
  return subject.workloads.contains({text_at(item, prefix + "namespace"), text_at(item, prefix + "workload")}) ||
         subject.addresses.contains(canonical(text_at(item, prefix + "address")));
}

bool connection_matches(const json& item, const Subject& subject) {
  auto service = text_at(item, "destination.service");
  for (const auto& [space, name] : subject.services)
    if (service == full_name(space, name)) return true;
  return subject.kind != Kind::kService && (touches(item, "source", subject) || touches(item, "destination", subject));
}

bool endpoint_matches(const json& item, const Subject& subject) {
  if (subject.services.contains({text_at(item, "namespace"), text_at(item, "service")})) return true;
  if (subject.kind == Kind::kAddress) return subject.addresses.contains(canonical(text_at(item, "address")));
  return subject.workloads.contains({text_at(item, "workload.namespace"), text_at(item, "workload.name")});
}

bool serves(const json& service, const Subject& subject) {
  for (const auto& frontend : list_at(service, "frontends"))
    for (const auto& endpoint : texts_at(frontend, "endpoints"))
      if (auto parsed = SocketAddress::parse(endpoint); parsed && subject.addresses.contains(parsed->address.text()))
        return true;
  return false;
}

bool item_matches(const std::string& kind, const json& item, const Subject& subject) {
  if (kind == "services") return subject.services.contains(name_of(item)) || serves(item, subject);
  if (kind == "endpoints") return endpoint_matches(item, subject);
  if (kind == "connections") return connection_matches(item, subject);
  if (subject.workloads.contains(name_of(item))) return true;
  for (const auto& address : addresses_of(item, {"addresses"}))
    if (subject.kind == Kind::kAddress && subject.addresses.contains(address)) return true;
  return false;
}

}  // namespace

NameWords split_name(const std::string& text, const std::string& space) {
  auto slash = text.find('/');
  if (slash == std::string::npos) return {space, text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

bool is_named(const json& item, const NameWords& words) {
  return text_at(item, "name") == words.name && (words.space.empty() || text_at(item, "namespace") == words.space);
}

Outcome<Subject> resolve_subject(const std::string& text, const std::string& space, const json& workloads,
                                 const json& services) {
  if (auto address = IpAddress::parse(text)) return address_subject(address->text(), workloads, services);
  auto words = split_name(text, space);
  auto pods = select(workloads, [&](const json& item) { return has_pod(item, words); });
  if (!pods.empty()) return workloads_subject(Kind::kPod, pods);
  auto owners = select(workloads, [&](const json& item) { return is_named(item, words); });
  if (!owners.empty()) return workloads_subject(Kind::kWorkload, owners);
  Subject subject{Kind::kService, {}, {}, {}};
  for (const auto* service : select(services, [&](const json& item) { return is_named(item, words); })) {
    subject.services.insert(name_of(*service));
    subject.addresses.merge(service_addresses(*service));
  }
  if (!subject.services.empty()) return subject;
  auto full = full_name(words.space, words.name);
  return failure(
      kFailed,
      "there is no pod, workload or service '" + full + "'" + did_you_mean(full, known_names(workloads, services)),
      "List the names with weft get workloads or weft get services.");
}

json matching_items(const std::string& kind, const json& items, const Subject& subject) {
  auto kept = json::array();
  for (const auto& item : items)
    if (item_matches(kind, item, subject)) kept.push_back(item);
  return kept;
}

}  // namespace weft::cli
