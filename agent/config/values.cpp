// JSON to a key's place in Config, and back.
#include <bit>
#include <nlohmann/json.hpp>

#include "agent/config/keys.hpp"
#include "agent/config/rules.hpp"

namespace weft {
namespace {

using Problems = std::vector<ConfigProblem>;
using enum ConfigProblem::Kind;

std::string kind_of(const nlohmann::json& value) {
  if (value.is_null()) return "empty";
  if (value.is_object()) return "a map";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "the text '" + value.get_ref<const std::string&>() + "'";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return "the number " + value.dump();
}

std::string not_wanted(const ConfigKey& key, const nlohmann::json& value) {
  auto shown = value.is_string() ? "'" + value.get_ref<const std::string&>() + "'" : kind_of(value);
  return shown + " is not " + wanted_by_rule(key);
}

ConfigProblem wrong_type(const ConfigKey& key, const nlohmann::json& value) {
  if (value.is_null()) return {kType, "the value is empty; write " + wanted_by_rule(key) + ", or remove the key"};
  if (value.is_object() || value.is_array())
    return {kType, kind_of(value) + " cannot stand here; write " + wanted_by_rule(key)};
  if (!value.is_string()) return {kType, kind_of(value) + " is not a text; write it in quotes"};
  return {kType, kind_of(value) + " is not " + wanted_by_rule(key)};
}

Problems set(const ConfigKey& key, const nlohmann::json& value, std::string& place) {
  if (!value.is_string()) return {wrong_type(key, value)};
  const auto& text = value.get_ref<const std::string&>();
  if (!keeps_rule(key, text)) return {{kValue, not_wanted(key, value)}};
  place = text;
  return {};
}

Problems set(const ConfigKey& key, const nlohmann::json& value, bool& place) {
  if (!value.is_boolean()) return {{kType, kind_of(value) + " is not " + wanted_by_rule(key)}};
  place = value.get<bool>();
  return {};
}

bool in_range(const ConfigKey& key, std::uint64_t number) {
  if (key.rule == ConfigRule::kBytes && number == 0) return true;
  return number >= key.min && number <= key.max && (key.rule != ConfigRule::kBytes || std::has_single_bit(number));
}

Problems set(const ConfigKey& key, const nlohmann::json& value, std::uint32_t& place) {
  std::uint64_t number = 0;
  if (value.is_number_unsigned()) {
    number = value.get<std::uint64_t>();
  } else if (value.is_string() && key.rule == ConfigRule::kBytes) {
    auto size = parse_byte_size(value.get_ref<const std::string&>());
    if (!size) return {{kValue, not_wanted(key, value)}};
    number = *size;
  } else {
    return {{value.is_number() ? kRange : kType, kind_of(value) + " is not " + wanted_by_rule(key)}};
  }
  if (!in_range(key, number)) return {{kRange, value.dump() + " is not " + wanted_by_rule(key)}};
  place = static_cast<std::uint32_t>(number);
  return {};
}

Problems set(const ConfigKey& key, const nlohmann::json& value, std::optional<SocketAddress>& place) {
  if (!value.is_string()) return {wrong_type(key, value)};
  auto listen = parse_listen(value.get_ref<const std::string&>());
  if (!listen) return {{kValue, not_wanted(key, value)}};
  place = *listen;
  return {};
}

std::optional<std::string> read_item(const std::string& text, std::string*) { return text; }
std::optional<PortProtocol> read_item(const std::string& text, PortProtocol*) { return parse_port_protocol(text); }

template <class Item>
Problems set(const ConfigKey& key, const nlohmann::json& value, std::vector<Item>& place) {
  if (!value.is_array())
    return {{kType,
             kind_of(value) + " is not a list; write [" + (value.is_string() ? value.get<std::string>() : "") + "]"}};
  Problems problems;
  std::vector<Item> items;
  for (int index = 0; const auto& item : value) {
    bool fits = item.is_string() && keeps_rule(key, item.get_ref<const std::string&>());
    if (fits)
      items.push_back(*read_item(item.get_ref<const std::string&>(), static_cast<Item*>(nullptr)));
    else
      problems.push_back({item.is_string() ? kValue : kType, not_wanted(key, item), index});
    ++index;
  }
  if (problems.empty()) place = std::move(items);
  return problems;
}

nlohmann::json shown(const std::string& value) { return value; }
nlohmann::json shown(bool value) { return value; }
nlohmann::json shown(std::uint32_t value) { return value; }
nlohmann::json shown(const std::vector<std::string>& value) { return value; }
nlohmann::json shown(const std::optional<SocketAddress>& value) { return value ? value->text() : "off"; }
nlohmann::json shown(const std::vector<PortProtocol>& value) {
  auto list = nlohmann::json::array();
  for (const auto& item : value) list.push_back(port_protocol_text(item));
  return list;
}

}  // namespace

nlohmann::json config_value(const ConfigKey& key, const Config& config) {
  // The slots hand out mutable places; this only looks.
  auto& place = const_cast<Config&>(config);
  return std::visit([&](auto slot) { return shown(slot(place)); }, key.slot);
}

Problems set_config_value(const ConfigKey& key, const nlohmann::json& value, Config& config) {
  return std::visit([&](auto slot) { return set(key, value, slot(config)); }, key.slot);
}

std::string config_wanted(const ConfigKey& key) {
  bool list = std::holds_alternative<std::vector<std::string>& (*)(Config&)>(key.slot) ||
              std::holds_alternative<std::vector<PortProtocol>& (*)(Config&)>(key.slot);
  return list ? "a list; each item " + wanted_by_rule(key) : wanted_by_rule(key);
}

}  // namespace weft
