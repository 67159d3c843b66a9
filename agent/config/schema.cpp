#include <nlohmann/json.hpp>

#include "agent/config/keys.hpp"
#include "agent/config/rules.hpp"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

std::string pattern_of(ConfigRule rule) {
  switch (rule) {
    case ConfigRule::kNodeName:
      return "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";
    case ConfigRule::kTopologyName:
      return "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$";
    case ConfigRule::kTrustDomain:
      return "^[-a-z0-9_.]{1,255}$";
    case ConfigRule::kPath:
    case ConfigRule::kSocketPath:
      return "^/.";
    case ConfigRule::kPathOrEmpty:
      return "^(/.+)?$";
    case ConfigRule::kInterface:
      return "^[-A-Za-z0-9_.@*?\\[\\]]{1,15}$";
    case ConfigRule::kGroup:
      return "^([A-Za-z0-9_.][-A-Za-z0-9_.]{0,31})?$";
    case ConfigRule::kListen:
      return "^(off|.+:[0-9]{1,5})$";
    case ConfigRule::kPortProtocol:
      return "^[0-9]{1,5}/(tcp|udp|sctp)$";
    case ConfigRule::kBytes:
      return "^[0-9]+(KiB|MiB|GiB)?$";
    case ConfigRule::kChoice:
    case ConfigRule::kBool:
    case ConfigRule::kCount:
      return "";
  }
  return "";
}

Json text_schema(const ConfigKey& key) {
  if (key.rule == ConfigRule::kChoice) return {{"enum", key.choices}};
  return {{"type", "string"}, {"pattern", pattern_of(key.rule)}};
}

struct SlotSchema {
  const ConfigKey& key;
  Json operator()(std::string& (*)(Config&)) const { return text_schema(key); }
  Json operator()(std::optional<SocketAddress>& (*)(Config&)) const { return text_schema(key); }
  Json operator()(bool& (*)(Config&)) const { return {{"type", "boolean"}}; }
  Json operator()(std::uint32_t& (*)(Config&)) const {
    if (key.rule != ConfigRule::kBytes) return {{"type", "integer"}, {"minimum", key.min}, {"maximum", key.max}};
    return {{"type", {"integer", "string"}}, {"minimum", 0}, {"maximum", key.max}, {"pattern", pattern_of(key.rule)}};
  }
  Json operator()(std::vector<std::string>& (*)(Config&)) const { return list(); }
  Json operator()(std::vector<PortProtocol>& (*)(Config&)) const { return list(); }
  Json list() const { return {{"type", "array"}, {"items", text_schema(key)}}; }
};

Json key_schema(const ConfigKey& key) {
  Json schema = std::visit(SlotSchema{key}, key.slot);
  schema["description"] = key.doc;
  const Config defaults;
  if (key.path != "node.name") schema["default"] = Json(config_value(key, defaults));
  return schema;
}

Json section_schema(const std::string& section) {
  Json schema = {{"type", {"object", "null"}}, {"additionalProperties", false}, {"properties", Json::object()}};
  for (const auto& name : config_children(section)) {
    auto path = section.empty() ? name : section + "." + name;
    const auto* key = find_config_key(path);
    schema["properties"][name] = key != nullptr ? key_schema(*key) : section_schema(path);
  }
  return schema;
}

}  // namespace

std::string config_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Configuration of weftd"}};
  schema.update(section_schema(""));
  schema["properties"]["apiVersion"] = {{"const", "weft/v1"}, {"description", "Version of the configuration."}};
  return schema.dump(2) + "\n";
}

}  // namespace weft
