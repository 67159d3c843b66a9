// Every command: reads what it needs, prints, and says how it ended.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/console.hpp"
#include "agent/cli/invocation.hpp"
#include "agent/cli/outcome.hpp"

namespace weft::cli {

struct Session {
  Invocation wanted;
  Console console;
};

Outcome<ExitCode> run_check(Session& session);
Outcome<ExitCode> run_status(Session& session);
Outcome<ExitCode> run_get(Session& session);
Outcome<ExitCode> run_observe(Session& session);
Outcome<ExitCode> run_explain(Session& session);
Outcome<ExitCode> run_top(Session& session);
Outcome<ExitCode> run_analyze(Session& session);
Outcome<ExitCode> run_policy_try(Session& session);
Outcome<ExitCode> run_policy_suggest(Session& session);
Outcome<ExitCode> run_config_show(Session& session);
Outcome<ExitCode> run_config_schema(Session& session);
Outcome<ExitCode> run_config_path(Session& session);
Outcome<ExitCode> run_reload(Session& session);
Outcome<ExitCode> run_deny_add(Session& session);
Outcome<ExitCode> run_deny_remove(Session& session);
Outcome<ExitCode> run_deny_list(Session& session);
Outcome<ExitCode> run_quarantine(Session& session);
Outcome<ExitCode> run_cleanup(Session& session);
Outcome<ExitCode> run_bugreport(Session& session);
Outcome<ExitCode> run_version(Session& session);
Outcome<ExitCode> run_doc(Session& session);
Outcome<ExitCode> run_completion(Session& session);
Outcome<ExitCode> run_complete(Session& session);
Outcome<ExitCode> run_man(Session& session);

// The whole program; `arguments` without its name.
int run_weft(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace weft::cli
