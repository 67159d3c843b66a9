// What the user asked for, after the command line was taken apart.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft::cli {

enum class Format { kTable, kWide, kJson, kJsonl, kYaml, kName };

struct Invocation {
  std::string program = "weft";  // or "kubectl weft"
  std::string command;           // "get", "config show"

  // Global options.
  std::string socket;
  std::string bundle;
  std::vector<std::string> config_files;
  std::vector<std::string> settings;
  std::string output = "table";
  bool no_color = false;
  std::optional<std::chrono::milliseconds> timeout;

  // Options and arguments of single commands.
  std::string space;  // namespace
  bool all_spaces = false;
  std::string kind;
  std::string name;
  std::vector<std::string> words;
  std::string verdict;  // empty: any
  std::string destination;
  std::string protocol = "TCP";
  std::string method;
  std::string path;
  std::string by = "edge";
  std::uint32_t last = 0;
  std::optional<std::chrono::milliseconds> period;  // of --last, where it is a time
  bool remove = false;
  std::uint32_t rounds = 0;
  bool follow = false;
  bool once = false;
  bool pre = false;
  bool strict = false;
  bool origin = false;
  bool yes = false;
  bool dry_run = false;
  bool markdown = false;
  std::string ttl;
  std::string reason;
  bool force = false;
  bool undo = false;

  Format format() const;
};

}  // namespace weft::cli
