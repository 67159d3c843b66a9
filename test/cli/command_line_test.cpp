#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "agent/cli/command_line.hpp"
#include "agent/cli/complete.hpp"
#include "agent/cli/reference.hpp"

using namespace weft::cli;

namespace {

Invocation parse(const std::vector<std::string>& words) {
  auto parsed = parse_command_line(words);
  REQUIRE(parsed);
  REQUIRE(std::holds_alternative<Invocation>(*parsed));
  return std::get<Invocation>(*parsed);
}

Failure refused(const std::vector<std::string>& words) {
  auto parsed = parse_command_line(words);
  REQUIRE_FALSE(parsed);
  return parsed.error();
}

std::vector<std::string> completed(const std::vector<std::string>& words) {
  auto names = [](const std::string& kind) {
    return kind == "services" ? std::vector<std::string>{"shop/web", "shop/db"} : std::vector<std::string>{};
  };
  std::vector<std::string> found;
  for (const auto& candidate : complete_words(describe_commands(), words, names)) found.push_back(candidate.word);
  return found;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

TEST_CASE("global options may stand before and after the command") {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"-o", "json", "get", "services", "shop/web"},
                                             {"get", "services", "shop/web", "-o", "json"},
                                             {"get", "-ojson", "services", "--output=json", "shop/web"}}) {
    auto wanted = parse(words);
    CHECK(wanted.command == "get");
    CHECK(wanted.format() == Format::kJson);
    CHECK(wanted.kind == "services");
    CHECK(wanted.name == "shop/web");
  }
}

TEST_CASE("a repeated option does not swallow the words behind it") {
  auto wanted = parse({"--config", "a.yaml", "--config", "b.yaml", "config", "show", "--set", "a.b=c", "--origin"});
  CHECK(wanted.config_files == std::vector<std::string>{"a.yaml", "b.yaml"});
  CHECK(wanted.settings == std::vector<std::string>{"a.b=c"});
  CHECK(wanted.command == "config show");
  CHECK(wanted.origin);
}

TEST_CASE("filter words keep their order") {
  auto wanted = parse({"observe", "-f", "src=a", "or", "dst=b", "--last", "5", "not", "kind=open"});
  CHECK(wanted.words == std::vector<std::string>{"src=a", "or", "dst=b", "not", "kind=open"});
  CHECK(wanted.follow);
  CHECK(wanted.last == 5);
}

TEST_CASE("wrong command lines are usage errors with a suggestion") {
  CHECK(refused({}).code == kUsage);
  CHECK(refused({"obsrve"}).message == "there is no command 'obsrve'; did you mean 'observe'?");
  CHECK(refused({"config", "shw"}).message == "there is no command 'shw'; did you mean 'show'?");
  CHECK(refused({"status", "--sockt", "x"}).message == "there is no option '--sockt'; did you mean '--socket'?");
  CHECK(refused({"status", "now"}).message == "'now' is one word too many");
  CHECK(refused({"get"}).message == "KIND is required");
  for (const auto& words : std::vector<std::vector<std::string>>{{"status", "-o", "xml"},
                                                                 {"top", "--by", "x"},
                                                                 {"observe", "--last", "0"},
                                                                 {"observe", "--last", "x"},
                                                                 {"status", "--timeout", "soon"},
                                                                 {"status", "--socket"},
                                                                 {"config"},
                                                                 {"completion"},
                                                                 {"analyze"},
                                                                 {"top", "-n", "0"}}) {
    INFO(words.front());
    CHECK(refused(words).code == kUsage);
    CHECK(refused(words).hint.starts_with("See weft "));
  }
}

TEST_CASE("help is there for every command") {
  auto root = describe_commands();
  for (const auto& command : root.commands) {
    auto parsed = parse_command_line({command.name, "--help"});
    INFO(command.name);
    REQUIRE(parsed);
    REQUIRE(std::holds_alternative<HelpText>(*parsed));
    auto text = std::get<HelpText>(*parsed).text;
    CHECK(text.starts_with("Usage: weft " + command.name));
    CHECK(text.find("--socket") != std::string::npos);
  }
}

TEST_CASE("every visible command has a sentence, and all that has options explains them") {
  std::vector<CommandInfo> todo = {describe_commands()};
  while (!todo.empty()) {
    auto command = todo.back();
    todo.pop_back();
    INFO(command.name);
    CHECK_FALSE(command.summary.empty());
    for (const auto& option : command.options) CHECK_FALSE(option.help.empty());
    for (const auto& argument : command.arguments) CHECK_FALSE(argument.help.empty());
    todo.insert(todo.end(), command.commands.begin(), command.commands.end());
  }
}

TEST_CASE("commands, options, kinds, values and names are completed") {
  CHECK(completed({"obs"}) == std::vector<std::string>{"observe"});
  CHECK(completed({"config", ""}) == std::vector<std::string>{"show", "schema", "path"});
  CHECK(completed({"get", "serv"}) == std::vector<std::string>{"services"});
  CHECK(completed({"get", "services", "shop/w"}) == std::vector<std::string>{"shop/web"});
  CHECK(completed({"-o", "json", "get", "services", ""}) == std::vector<std::string>{"shop/web", "shop/db"});
  CHECK(completed({"status", "-o", "js"}) == std::vector<std::string>{"json", "jsonl"});
  CHECK(completed({"top", "--by", ""}) == std::vector<std::string>{"edge", "workload", "drop"});
  CHECK(has(completed({"get", "--"}), "--namespace"));
  CHECK(has(completed({"get", "--"}), "--socket"));
  CHECK(completed({"analyze", "x"}) == std::vector<std::string>{kFiles});
  CHECK(completed({"doc", "WEFT2003"}) == std::vector<std::string>{"WEFT2003"});
  CHECK_FALSE(has(completed({""}), "man"));
  CHECK(completed({"get", "services", "shop/web", ""}).empty());
}

TEST_CASE("the pages of docs/reference and the completion scripts are those of this command tree") {
  auto compare = [](const std::string& path, const std::string& text) {
    std::ifstream file(std::string(WEFT_SOURCE_DIR) + path);
    std::string stored((std::istreambuf_iterator<char>(file)), {});
    INFO(path << " is out of date: weft man --markdown docs/reference, weft completion SHELL");
    CHECK(stored == text);
  };
  for (const auto& page : reference_pages(describe_commands())) compare("/docs/reference/" + page.file, page.text);
  compare("/deploy/completion/weft.bash", completion_script("bash"));
  compare("/deploy/completion/_weft", completion_script("zsh"));
  compare("/deploy/completion/weft.fish", completion_script("fish"));
}
