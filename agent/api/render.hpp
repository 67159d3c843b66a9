// JSON of the API's values, weft/v1. The schemas are in docs/schema; a test holds both together.
#pragma once

#include <string>
#include <string_view>

#include "agent/api/views.hpp"
#include "agent/observe/json_writer.hpp"

namespace weft {

// Items of lists.
void append_json(std::string& out, const ServiceView& view);
void append_json(std::string& out, const EndpointView& view);
void append_json(std::string& out, const WorkloadView& view);
void append_json(std::string& out, const IdentityView& view);
void append_json(std::string& out, const PolicyView& view);
void append_json(std::string& out, const EdgeSummary& edge, std::int64_t wall_offset_ns);
void append_json(std::string& out, const CheckView& check);
void append_json(std::string& out, const Diagnostic& finding);

// Whole documents.
std::string status_json(const StatusView& view);
std::string config_json(const ConfigView& view);
std::string reload_json(const ReloadView& view);  // ReloadResult, or Error when something was refused
std::string log_level_json(std::string_view level);

// Lines of a stream of flows that are no flows.
std::string lost_json(std::uint64_t count);
std::string summary_json(std::uint64_t flows, std::uint64_t lost);

// Parts.
void write_rates(JsonWriter& json, const EdgeRates& rates);
void write_findings(JsonWriter& json, const std::vector<Diagnostic>& findings, std::size_t most);
void write_object_status(JsonWriter& json, const ObjectStatus& status);
void write_decided_by(JsonWriter& json, const RuleWords& rule);  // the member of an object that is open
void write_addresses(JsonWriter& json, std::string_view name, const std::vector<IpAddress>& addresses);

}  // namespace weft
