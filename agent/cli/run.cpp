#include <csignal>
#include <map>

#include "agent/cli/command_line.hpp"
#include "agent/cli/commands.hpp"

namespace weft::cli {
namespace {

using Command = Outcome<ExitCode> (*)(Session&);

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> table = {{"check", run_check},
                                                       {"status", run_status},
                                                       {"get", run_get},
                                                       {"observe", run_observe},
                                                       {"explain", run_explain},
                                                       {"top", run_top},
                                                       {"analyze", run_analyze},
                                                       {"policy try", run_policy_try},
                                                       {"policy suggest", run_policy_suggest},
                                                       {"config show", run_config_show},
                                                       {"config schema", run_config_schema},
                                                       {"config path", run_config_path},
                                                       {"reload", run_reload},
                                                       {"deny add", run_deny_add},
                                                       {"deny remove", run_deny_remove},
                                                       {"deny list", run_deny_list},
                                                       {"quarantine", run_quarantine},
                                                       {"cleanup", run_cleanup},
                                                       {"bugreport", run_bugreport},
                                                       {"version", run_version},
                                                       {"doc", run_doc},
                                                       {"completion", run_completion},
                                                       {"__complete", run_complete},
                                                       {"man", run_man}};
  return table;
}

// "weft get" becomes "kubectl weft get" where the program was called through kubectl.
std::string renamed(std::string text, const std::string& program) {
  constexpr std::string_view kName = "weft ";
  if (program == "weft") return text;
  for (auto at = text.find(kName); at != std::string::npos; at = text.find(kName, at + program.size() + 1)) {
    bool is_command = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\n';
    if (is_command) text.replace(at, kName.size(), program + " ");
  }
  return text;
}

int finish(Session& session, const std::string& program, Outcome<ExitCode> outcome) {
  if (!session.console.flush() && (outcome || outcome.error().code == kOk))
    outcome = failure(kFailed, "cannot write to standard output");
  if (outcome) return *outcome;
  auto problem = outcome.error();
  problem.hint = renamed(problem.hint, program);
  session.console.report(program, problem);
  return problem.code;
}

}  // namespace

int run_weft(const std::string& program, const std::vector<std::string>& arguments) {
  // A reader that goes away ends the program quietly, also when the parent ignores the signal.
  std::signal(SIGPIPE, SIG_DFL);
  auto parsed = parse_command_line(arguments);
  Session session;
  if (!parsed) return finish(session, program, std::unexpected(parsed.error()));
  if (auto* help = std::get_if<HelpText>(&*parsed)) {
    session.console.out(renamed(help->text, program));
    return finish(session, program, kOk);
  }
  session.wanted = std::get<Invocation>(*parsed);
  session.wanted.program = program;
  session.console = Console::open(session.wanted.no_color);
  return finish(session, program, commands().at(session.wanted.command)(session));
}

}  // namespace weft::cli
