// How a command ends: an exit code that scripts rely on, one clear line, and a hint what to do.
#pragma once

#include <expected>
#include <string>

#include "agent/base/result.hpp"  // WEFT_TRY

namespace weft::cli {

// interfaces.md, "weft".
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kProblemsFound = 2,
  kVerdictDeny = 3,
  kNotReachable = 4,
  kUsage = 64,
  kInvalidInput = 65,
  kNoPermission = 77,
  kTimeout = 124,
};

struct Failure {
  ExitCode code = kFailed;
  std::string message;  // one line, without a full stop at the end
  std::string hint;     // what to do; may be empty
};

template <class T = void>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> failure(ExitCode code, std::string message, std::string hint = "") {
  return std::unexpected(Failure{code, std::move(message), std::move(hint)});
}

}  // namespace weft::cli
