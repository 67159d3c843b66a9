#include "agent/observe/edge_labels.hpp"

#include <fmt/format.h>

#include "agent/observe/flow.hpp"
#include "agent/observe/utf8.hpp"

namespace weft {
namespace {

// What is no object has one word for both labels.
std::string_view namespace_label(const NamespacedName& name) { return name.first.empty() ? name.second : name.first; }

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escape_label(value));
}

}  // namespace

std::string escape_label(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) {
    auto length = utf8_length(value);
    char c = value[0];
    if (length == 0)
      out += kReplacementCharacter;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\\' || c == '"')
      (out += '\\') += c;
    else
      out += value.substr(0, length);
    value.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

std::string pair_labels(const EdgeNames& names) {
  return "{" + label("source_namespace", namespace_label(*names.source)) + "," +
         label("source_workload", names.source->second) + "," +
         label("destination_namespace", namespace_label(*names.destination)) + "," +
         label("destination_workload", names.destination->second);
}

std::string edge_labels(const EdgeNames& names) {
  auto service = names.service ? name_text(*names.service) : std::string("none");
  return pair_labels(names) + "," + label("destination_service", service) + "," +
         label("destination_port", std::to_string(names.port)) + "," +
         label("protocol", transport_name(names.protocol)) + "," + label("reporter", reporter_name(names.reporter));
}

std::string other_pair_labels() {
  return fmt::format(
      R"({{source_namespace="{0}",source_workload="{0}",destination_namespace="{0}",destination_workload="{0}")",
      kOther);
}

std::string other_edge_labels() {
  return other_pair_labels() +
         fmt::format(R"(,destination_service="{0}",destination_port="{0}",protocol="{0}",reporter="{0}")", kOther);
}

}  // namespace weft
