#include "agent/kernel/log_capture.hpp"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <sstream>
#include <system_error>

namespace weft {
namespace {

constexpr std::size_t kKept = 65536;  // the end of a verifier log holds its reason

std::string* current = nullptr;

int capture(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || current == nullptr) return 0;
  char line[8192];
  int length = std::vsnprintf(line, sizeof line, format, arguments);
  current->append(line);
  if (current->size() > kKept) current->erase(0, current->size() - kKept);
  return length;
}

bool names_cause(const std::string& line) {
  return !line.empty() && line.rfind("processed ", 0) != 0 && line.rfind("-- ", 0) != 0 &&
         line.rfind("libbpf: ", 0) != 0 && line.rfind("mark_precise", 0) != 0 &&
         line.rfind("verification time", 0) != 0 && line.rfind("stack depth", 0) != 0;
}

}  // namespace

LogCapture::LogCapture() : previous_(current) {
  current = &text_;
  ::libbpf_set_print(capture);
}

LogCapture::~LogCapture() { current = previous_; }

std::string LogCapture::last_problem(int code) const {
  std::istringstream lines(text_);
  std::string line, cause, last;
  while (std::getline(lines, line)) {
    if (names_cause(line)) cause = line;
    if (!line.empty() && line.rfind("libbpf: ", 0) == 0) last = line;
  }
  auto meaning = std::generic_category().message(code);
  if (!cause.empty()) return cause + " (" + meaning + ")";
  return last.empty() ? meaning : last + " (" + meaning + ")";
}

}  // namespace weft
