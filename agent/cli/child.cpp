#include "agent/cli/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "agent/base/fd.hpp"

extern char** environ;

namespace weft::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kLargestOutput = 16 << 20;

std::string own_directory() {
  char path[PATH_MAX];
  auto length = ::readlink("/proc/self/exe", path, sizeof path);
  std::string text(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return text.substr(0, text.rfind('/'));
}

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

Outcome<pid_t> spawn(const std::string& program, const std::vector<std::string>& arguments, int output) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = 0;
  int problem = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) return failure(kFailed, "cannot run " + program + ": " + std::strerror(problem));
  return pid;
}

// False when the time is up or there is too much of it.
bool read_all(int fd, Clock::time_point deadline, std::string& output) {
  char buffer[16384];
  while (output.size() <= kLargestOutput) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wait{fd, POLLIN, 0};
    int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    auto count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    output.append(buffer, static_cast<std::size_t>(count));
  }
  return false;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Outcome<std::string> find_weftd() {
  auto beside = own_directory() + "/weftd";
  if (is_program(beside)) return beside;
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/sbin:/usr/bin";
  while (!rest.empty()) {
    auto end = std::min(rest.find(':'), rest.size());
    auto candidate = std::string(rest.substr(0, end)) + "/weftd";
    if (end > 0 && is_program(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return failure(kFailed, "there is no weftd beside this program or on PATH",
                 "Install the weft package, or add weftd's directory to PATH.");
}

Outcome<ChildResult> run_child(const std::string& program, const std::vector<std::string>& arguments,
                               std::chrono::milliseconds limit) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return failure(kFailed, std::string("cannot make a pipe: ") + std::strerror(errno));
  Fd reading(ends[0]), writing(ends[1]);
  auto pid = WEFT_TRY(spawn(program, arguments, writing.get()));
  writing = Fd();
  ChildResult result;
  bool whole = read_all(reading.get(), Clock::now() + limit, result.output);
  if (!whole) ::kill(pid, SIGKILL);
  result.exit_code = wait_for(pid);
  if (!whole) return failure(kTimeout, program + " did not end in time", "Wait longer with --timeout 60s.");
  return result;
}

}  // namespace weft::cli
