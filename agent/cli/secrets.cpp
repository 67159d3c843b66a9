#include "agent/cli/secrets.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr const char* kMask = "(masked)";

bool speaks_of_secrets(std::string key) {
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto* word :
       {"password", "passwd", "token", "secret", "privatekey", "credential", "authorization", "cookie"})
    if (key.find(word) != std::string::npos) return true;
  return false;
}

// "https://user:password@host/" → "https://(masked)@host/".
void mask_user_information(std::string& text) {
  auto scheme = text.find("://");
  if (scheme == std::string::npos) return;
  auto begin = scheme + 3;
  auto end = std::min(text.find_first_of("/?# ", begin), text.size());
  auto at = text.rfind('@', end);
  if (at != std::string::npos && at >= begin && at < end) text.replace(begin, at - begin, kMask);
}

}  // namespace

void mask_secrets(json& value) {
  if (value.is_string()) return mask_user_information(value.get_ref<std::string&>());
  if (value.is_array())
    for (auto& item : value) mask_secrets(item);
  if (!value.is_object()) return;
  for (auto& [key, child] : value.items()) {
    if (!child.is_structured() && !child.is_null() && speaks_of_secrets(key))
      child = kMask;
    else
      mask_secrets(child);
  }
}

}  // namespace weft::cli
