#include "agent/base/result.hpp"

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace weft {

std::unexpected<Error> fail_errno(int code, std::string_view what) {
  return fail(code, std::string(what) + ": " + std::generic_category().message(code));
}

void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "weft: bug: %s is false at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace weft
