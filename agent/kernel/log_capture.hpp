// What libbpf says while this object lives, kept for error messages instead of printed. One at a time, loop thread
// only.
#pragma once

#include <string>

namespace weft {

class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // The line that names the cause: the verifier's last word, else libbpf's, else the text of `code` (errno).
  std::string last_problem(int code) const;

 private:
  std::string* previous_;
  std::string text_;
};

}  // namespace weft
