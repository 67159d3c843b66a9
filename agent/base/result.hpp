// Result<T> is the one way errors travel in weft: a value, or an Error that gains context at each level that knows
// more. WEFT_TRY unwraps or returns; WEFT_ASSERT is for our own bugs and is always on.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

struct Error {
  int code = 0;      // errno value, 0 when none applies
  std::string what;  // a sentence for a person: what failed, where, and how to fix it

  Error in(std::string_view context) && { return Error{code, std::string(context) + ": " + std::move(what)}; }
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(int code, std::string what) { return std::unexpected(Error{code, std::move(what)}); }
inline std::unexpected<Error> fail(std::string what) { return fail(0, std::move(what)); }

// "what: strerror(code)", for failed system calls. `code` is an errno value.
std::unexpected<Error> fail_errno(int code, std::string_view what);

[[noreturn]] void assert_failed(const char* expression, const char* file, int line);

}  // namespace weft

// Unwraps a Result or returns its error from the enclosing function. Works for Result<> too (yields void).
#define WEFT_TRY(expression)                                                    \
  __extension__({                                                               \
    auto weft_result_ = (expression);                                           \
    if (!weft_result_) return std::unexpected(std::move(weft_result_).error()); \
    *std::move(weft_result_);                                                   \
  })

// As WEFT_TRY, with a context put in front of the error.
#define WEFT_TRY_AS(context, expression)                                                    \
  __extension__({                                                                           \
    auto weft_result_ = (expression);                                                       \
    if (!weft_result_) return std::unexpected(std::move(weft_result_).error().in(context)); \
    *std::move(weft_result_);                                                               \
  })

#define WEFT_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::weft::assert_failed(#expression, __FILE__, __LINE__))
