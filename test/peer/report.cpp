#include "test/peer/report.hpp"

#include <algorithm>
#include <cstdio>

#include "test/peer/net.hpp"

namespace weft::peer {

std::string Latencies::json() {
  std::sort(values_ns_.begin(), values_ns_.end());
  const auto at = [this](double share) {
    if (values_ns_.empty()) return std::string("null");
    const auto last = static_cast<double>(values_ns_.size() - 1);
    return std::to_string(static_cast<double>(values_ns_[static_cast<std::size_t>(last * share)]) / 1000);
  };
  return "{\"count\":" + std::to_string(values_ns_.size()) + ",\"p50\":" + at(0.5) + ",\"p90\":" + at(0.9) +
         ",\"p99\":" + at(0.99) + ",\"max\":" + at(1.0) + "}";
}

void Report::fail(const std::string& reason, std::uint64_t after_us) {
  ++failed[reason];
  slowest_failure_us = std::max(slowest_failure_us, after_us);
}

void Report::print(double seconds) {
  const auto per_second = [seconds](std::uint64_t count) {
    return std::to_string(seconds > 0 ? static_cast<double>(count) / seconds : 0.0);
  };
  const std::string text =
      "{\"ok\":" + std::to_string(ok) + ",\"connections\":" + std::to_string(connections) +
      ",\"failed\":" + json_counts(failed) + ",\"servers\":" + json_counts(servers) +
      ",\"clients\":" + json_set(clients) + ",\"peers\":" + json_set(peers) +
      ",\"reply_sources\":" + json_set(reply_sources) + ",\"sent_bytes\":" + std::to_string(sent_bytes) +
      ",\"received_bytes\":" + std::to_string(received_bytes) +
      ",\"slowest_failure_us\":" + std::to_string(slowest_failure_us) + ",\"connect_us\":" + connect.json() +
      ",\"request_us\":" + request.json() + ",\"seconds\":" + std::to_string(seconds) +
      ",\"requests_per_second\":" + per_second(ok) + ",\"connections_per_second\":" + per_second(connections) +
      ",\"cpu_seconds\":" + std::to_string(cpu_seconds()) + "}\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return quoted + "\"";
}

std::string json_counts(const std::map<std::string, std::uint64_t>& counts) {
  std::string text = "{";
  for (const auto& [name, count] : counts) {
    text += (text.size() > 1 ? "," : "") + json_string(name) + ":" + std::to_string(count);
  }
  return text + "}";
}

std::string json_set(const std::set<std::string>& values) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() > 1 ? "," : "") + json_string(value);
  return text + "]";
}

}  // namespace weft::peer
