#include "agent/app/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>

namespace weft {
namespace {

// The journal reads priorities from the line's beginning (sd-daemon(3)); it adds time and name itself.
constexpr const char* kJournal = "%v";
constexpr const char* kText = "%Y-%m-%dT%H:%M:%S.%e %l %v";

// JSON by hand would need escaping; %v is escaped by the formatter below.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string text;
    for (char c : std::string_view(message.payload.data(), message.payload.size())) {
      if (c == '"' || c == '\\') text += '\\';
      if (static_cast<unsigned char>(c) < 0x20)
        text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      else
        text += c;
    }
    auto since = std::chrono::duration<double>(message.time.time_since_epoch()).count();
    auto level = spdlog::level::to_string_view(message.level);
    fmt::format_to(std::back_inserter(out), "{{\"time\":{:.3f},\"level\":\"{}\",\"message\":\"{}\"}}\n", since,
                   std::string_view(level.data(), level.size()), text);
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace

Result<> set_log_level(std::string_view level) {
  auto parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off && level != "off")
    return fail(EINVAL, "log level '" + std::string(level) + "' is none of trace, debug, info, warn, error, off");
  spdlog::set_level(parsed);
  return {};
}

Result<> start_log(std::string_view level, std::string_view format) {
  auto logger = std::make_shared<spdlog::logger>("weftd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  bool journal = std::getenv("JOURNAL_STREAM") != nullptr, terminal = ::isatty(STDERR_FILENO) == 1;
  if (format == "json" || (format == "auto" && !journal && !terminal))
    logger->set_formatter(std::make_unique<JsonFormatter>());
  else
    logger->set_pattern(journal ? kJournal : kText);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  return set_log_level(level);
}

}  // namespace weft
