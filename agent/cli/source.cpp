#include "agent/cli/source.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/cli/bundle.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/config/load.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kUsualDeadline{10000};

ExitCode exit_code_of(const HttpAnswer& answer, const json& error) {
  switch (static_cast<int>(number_at(error, "code"))) {
    case kUsage:
      return kUsage;
    case kInvalidInput:
      return kInvalidInput;
    case kNoPermission:
      return kNoPermission;
    case kTimeout:
      return kTimeout;
    default:
      break;
  }
  switch (answer.status) {
    case 400:
    case 422:
      return kInvalidInput;
    case 403:
      return kNoPermission;
    case 408:
      return kTimeout;
    default:
      return kFailed;
  }
}

class Agent final : public Source {
 public:
  Agent(std::string socket, std::optional<milliseconds> timeout)
      : socket_(std::move(socket)), timeout_(timeout), deadline_(timeout.value_or(kUsualDeadline)) {}

  Outcome<json> get(const std::string& what, const std::string& space) override {
    auto target = "/api/v1/" + what + (space.empty() ? "" : "?namespace=" + encode_query(space));
    auto answer = WEFT_TRY(http_call(socket_, "GET", target, deadline_));
    if (answer.status != 200) return std::unexpected(failure_of(answer, target));
    auto document = parse_json(answer.body, "the answer of the agent to " + target);
    if (!document)
      return failure(kFailed, document.error().message, "Are weft and weftd of the same version? See weft version.");
    return document;
  }

  Outcome<std::string> metrics() override {
    auto answer = WEFT_TRY(http_call(socket_, "GET", "/metrics", deadline_));
    if (answer.status != 200) return std::unexpected(failure_of(answer, "/metrics"));
    return answer.body;
  }

  Outcome<> flows(const FlowQuery& query, const LineHandler& on_line) override {
    std::string target = "/api/v1/flows?";
    if (query.follow) target += "follow=1&";
    if (query.last != 0) target += "last=" + std::to_string(query.last) + "&";
    if (!query.filter.empty()) target += "filter=" + encode_query(query.filter) + "&";
    target.pop_back();
    auto whole = query.follow ? timeout_.value_or(milliseconds(0)) : deadline_;
    auto answer = WEFT_TRY(http_stream(socket_, target, deadline_, whole, on_line));
    if (answer.status != 200 && answer.status != 0) return std::unexpected(failure_of(answer, target));
    return {};
  }

 private:
  std::string socket_;
  std::optional<milliseconds> timeout_;
  milliseconds deadline_;
};

}  // namespace

milliseconds deadline_of(const Invocation& invocation, milliseconds usual) {
  return invocation.timeout.value_or(usual);
}

Outcome<json> post(const Invocation& invocation, const std::string& target, const json& request,
                   milliseconds usual_limit) {
  auto answer = WEFT_TRY(http_call(find_socket(invocation), "POST", target, deadline_of(invocation, usual_limit),
                                   request.dump(-1, ' ', false, json::error_handler_t::replace)));
  if (answer.status != 200) return std::unexpected(failure_of(answer, target));
  return parse_json(answer.body, "the answer of the agent");
}

Failure failure_of(const HttpAnswer& answer, const std::string& target) {
  auto error = parse_json(answer.body, "").value_or(json::object());
  auto code = exit_code_of(answer, error);
  auto message = text_at(error, "message");
  if (message.empty()) message = "the agent answered " + std::to_string(answer.status) + " to " + target;
  std::string hint;
  if (answer.status == 404) hint = "Are weft and weftd of the same version? See weft version.";
  if (code == kNoPermission) hint = "Changes are for root and the agent's own user.";
  return {code, message, hint};
}

std::string find_socket(const Invocation& invocation) {
  if (!invocation.socket.empty()) return invocation.socket;
  if (const char* path = std::getenv("WEFT_API__SOCKET"); path != nullptr && *path != '\0') return path;
  // A configuration that this user may not read, or that is wrong, still leaves the default to try.
  return load_config({invocation.config_files, invocation.settings}).config.api.socket;
}

Outcome<std::unique_ptr<Source>> open_agent(const Invocation& invocation) {
  return std::make_unique<Agent>(find_socket(invocation), invocation.timeout);
}

Outcome<std::unique_ptr<Source>> open_source(const Invocation& invocation) {
  if (invocation.bundle.empty()) return open_agent(invocation);
  return open_bundle(invocation.bundle);
}

}  // namespace weft::cli
