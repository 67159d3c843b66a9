#include "agent/api/request.hpp"

#include <nlohmann/json.hpp>

namespace weft {

Result<> read_request(std::string_view body, std::size_t depth, const std::function<void(const JsonCursor&)>& read,
                      std::string_view expected) {
  auto documents = read_json(body, {.depth = depth});
  if (!documents) return fail(EINVAL, documents.error().error("the request").what);
  if (documents->size() != 1 || !documents->front().value->is_object()) return fail(EINVAL, std::string(expected));
  std::vector<JsonProblem> problems;
  read(JsonCursor(*documents->front().value, problems));
  if (problems.empty()) return {};
  const auto& first = problems.front();
  return fail(EINVAL, (first.field.empty() ? "" : first.field + ": ") + first.reason);
}

}  // namespace weft
