#include "agent/app/state_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "agent/base/fd.hpp"

namespace weft {
namespace {

Result<> write_file(const std::filesystem::path& path, const std::string& text) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file) return fail_errno(errno, "state.dir: " + path.string());
  for (std::size_t at = 0; at < text.size();) {
    auto written = ::write(file.get(), text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) return fail_errno(errno, "state.dir: write " + path.string());
    if (written > 0) at += static_cast<std::size_t>(written);
  }
  if (::fdatasync(file.get()) != 0) return fail_errno(errno, "state.dir: write " + path.string());
  return {};
}

}  // namespace

Result<> replace_file(const std::filesystem::path& path, const std::string& text) {
  auto staged = path.string() + ".next";
  WEFT_TRY(write_file(staged, text));
  if (::rename(staged.c_str(), path.c_str()) != 0) return fail_errno(errno, "state.dir: " + path.string());
  return {};
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::unexpected<Error> put_aside(const std::filesystem::path& path, Error why) {
  auto aside = path.string() + ".damaged";
  ::rename(path.c_str(), aside.c_str());
  return std::unexpected(std::move(why).in(path.string() + " (kept as " + aside + ")"));
}

}  // namespace weft
