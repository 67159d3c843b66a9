#include "agent/cli/rates.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/cli/json_value.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 4> kRates = {"openedPerSecond", "failedPerSecond", "sentBytesPerSecond",
                                               "receivedBytesPerSecond"};

std::string end_name(const json& edge, const std::string& end) {
  return full_name(text_at(edge, end + ".namespace"), text_at(edge, end + ".workload"));
}

json edge_row(const json& edge) {
  json row = {{"source", end_name(edge, "source")},
              {"destination", end_name(edge, "destination")},
              {"service", text_at(edge, "destination.service")},
              {"port", number_at(edge, "destination.port")},
              {"protocol", text_at(edge, "protocol")},
              {"active", number_at(edge, "active")},
              {"rttMs", number_at(edge, "rttMsAverage")}};
  for (const auto* rate : kRates) row[rate] = number_at(edge, std::string("rates.") + rate);
  return row;
}

json edge_rows(const json& edges) {
  auto rows = json::array();
  for (const auto& edge : list_at(edges, "items")) rows.push_back(edge_row(edge));
  return rows;
}

void add_to(json& row, const char* field, double more) { row[field] = number_at(row, field) + more; }

// A workload's traffic is what it dialled and what it served; sent and received are as it sees them.
void add_end(std::map<std::string, json>& rows, const json& edge, const char* end) {
  bool is_source = std::string_view(end) == "source";
  auto& row = rows[end_name(edge, end)];
  row["workload"] = end_name(edge, end);
  auto sent = number_at(edge, "rates.sentBytesPerSecond");
  auto received = number_at(edge, "rates.receivedBytesPerSecond");
  add_to(row, "openedPerSecond", is_source ? number_at(edge, "rates.openedPerSecond") : 0);
  add_to(row, "servedPerSecond", is_source ? 0 : number_at(edge, "rates.openedPerSecond"));
  add_to(row, "failedPerSecond", number_at(edge, "rates.failedPerSecond"));
  add_to(row, "sentBytesPerSecond", is_source ? sent : received);
  add_to(row, "receivedBytesPerSecond", is_source ? received : sent);
  add_to(row, "active", number_at(edge, "active"));
}

json workload_rows(const json& edges) {
  std::map<std::string, json> by_name;
  for (const auto& edge : list_at(edges, "items")) {
    add_end(by_name, edge, "source");
    add_end(by_name, edge, "destination");
  }
  auto rows = json::array();
  for (auto& [name, row] : by_name) rows.push_back(std::move(row));
  return rows;
}

json drop_rows(const json& edges) {
  auto rows = json::array();
  for (const auto& edge : list_at(edges, "items")) {
    const auto* failed = find_at(edge, "failed");
    if (failed == nullptr || !failed->is_object()) continue;
    for (const auto& [reason, count] : failed->items()) {
      if (!count.is_number() || count.get<double>() <= 0) continue;
      auto row = edge_row(edge);
      row["reason"] = reason;
      row["total"] = count;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

double weight(const json& row, bool is_drop) {
  if (is_drop) return number_at(row, "total");
  // Bytes first; connections count where nothing flows.
  return number_at(row, "sentBytesPerSecond") + number_at(row, "receivedBytesPerSecond") +
         number_at(row, "openedPerSecond") + number_at(row, "failedPerSecond");
}

Column word(std::string title, std::string field) {
  return {std::move(title), [field = std::move(field)](const json& row) { return Cell{text_at(row, field)}; }};
}

Column amount(std::string title, std::string field, std::string (*make)(double)) {
  return {std::move(title),
          [field = std::move(field), make](const json& row) { return Cell{make(number_at(row, field))}; }, true};
}

std::string whole(double number) { return std::to_string(static_cast<std::int64_t>(number)); }
std::string milliseconds(double number) { return number > 0 ? microseconds_text(number * 1000) : ""; }

Column destination() {
  return {"DESTINATION",
          [](const json& row) { return Cell{text_at(row, "destination") + ":" + whole(number_at(row, "port"))}; }};
}

std::string edge_name(const json& row) { return text_at(row, "source") + " " + text_at(row, "destination"); }

std::vector<Column> traffic() {
  return {amount("OPENED", "openedPerSecond", rate_text), amount("FAILED", "failedPerSecond", rate_text),
          amount("SENT", "sentBytesPerSecond", byte_rate_text),
          amount("RECEIVED", "receivedBytesPerSecond", byte_rate_text), amount("ACTIVE", "active", whole)};
}

ListView edge_view() {
  ListView view{{word("SOURCE", "source"), destination(), word("SERVICE", "service"), word("PROTOCOL", "protocol")},
                edge_name};
  for (auto& column : traffic()) view.columns.push_back(std::move(column));
  view.columns.push_back(amount("RTT", "rttMs", milliseconds));
  return view;
}

ListView workload_view() {
  ListView view{{word("WORKLOAD", "workload"), amount("SERVED", "servedPerSecond", rate_text)},
                [](const json& row) { return text_at(row, "workload"); }};
  for (auto& column : traffic()) view.columns.push_back(std::move(column));
  return view;
}

ListView drop_view() {
  return {{word("SOURCE", "source"), destination(), word("SERVICE", "service"), word("PROTOCOL", "protocol"),
           word("REASON", "reason"), amount("TOTAL", "total", whole), amount("NOW", "failedPerSecond", rate_text)},
          edge_name};
}

}  // namespace

json rank_rates(const json& edges, const std::string& by) {
  bool is_drop = by == "drop";
  auto rows = is_drop ? drop_rows(edges) : by == "workload" ? workload_rows(edges) : edge_rows(edges);
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const json& a, const json& b) { return weight(a, is_drop) > weight(b, is_drop); });
  return rows;
}

const ListView& rate_view(const std::string& by) {
  static const std::map<std::string, ListView> views = {
      {"edge", edge_view()}, {"workload", workload_view()}, {"drop", drop_view()}};
  return views.at(by);
}

}  // namespace weft::cli
