#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/command_line.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/complete.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{500};  // a shell waits for this

constexpr const char* kBash = R"(# bash completion for weft: source <(weft completion bash)
_weft() {
    local current="${COMP_WORDS[COMP_CWORD]}" line
    COMPREPLY=()
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    while IFS=$'\t' read -r line _; do
        if [ "$line" = "<files>" ]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "$current"))
        else
            COMPREPLY+=("$line")
        fi
    done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
    [[ "${#COMPREPLY[@]}" -eq 1 && "${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _weft weft kubectl-weft
)";

constexpr const char* kZsh = R"(#compdef weft kubectl-weft
# zsh completion for weft: put it as _weft into a directory of $fpath, or source <(weft completion zsh)
_weft() {
    local -a found
    local word meaning
    while IFS=$'\t' read -r word meaning; do
        if [[ "$word" == "<files>" ]]; then
            _files
        else
            found+=("${word//:/\\:}${meaning:+:$meaning}")
        fi
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( ${#found} )) && _describe 'weft' found
}
if [ "$funcstack[1]" = "_weft" ]; then
    _weft "$@"
else
    compdef _weft weft kubectl-weft
fi
)";

constexpr const char* kFish = R"(# fish completion for weft: weft completion fish > ~/.config/fish/completions/weft.fish
function __weft_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = "<files>"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c weft -f -a '(__weft_complete)'
complete -c kubectl-weft -f -a '(__weft_complete)'
)";

std::vector<std::string> names_of(Source& source, const std::string& kind) {
  auto document = source.get(kind == "namespaces" ? "workloads" : kind);
  std::set<std::string> names;
  if (!document) return {};
  for (const auto& item : list_at(*document, "items"))
    names.insert(kind == "namespaces" ? text_at(item, "namespace") : list_view(kind).name(item));
  names.erase("");
  return {names.begin(), names.end()};
}

std::vector<std::string> look_up(const Invocation& wanted, const std::string& kind) {
  bool is_kind = kind == "namespaces" || std::ranges::find(object_kinds(), kind) != object_kinds().end();
  auto source = open_source(wanted);
  if (!is_kind || !source) return {};
  if (kind != "endpoints" && kind != "connections") return names_of(**source, kind);
  auto names = names_of(**source, "workloads");
  for (auto& name : names_of(**source, "services")) names.push_back(std::move(name));
  return names;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  return shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish;
}

Outcome<ExitCode> run_completion(Session& session) {
  session.console.out(completion_script(session.wanted.name));
  return kOk;
}

Outcome<ExitCode> run_complete(Session& session) {
  auto words = session.wanted.words;
  if (!words.empty() && words.front() == "--") words.erase(words.begin());
  Invocation asking;
  asking.timeout = kPatience;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--socket") asking.socket = words[i + 1];
    if (words[i] == "--from") asking.bundle = words[i + 1];
  }
  auto names = [&](const std::string& kind) { return look_up(asking, kind); };
  for (const auto& candidate : complete_words(describe_commands(), words, names)) {
    auto meaning = candidate.meaning.empty() ? "" : "\t" + candidate.meaning;
    session.console.out(escaped(candidate.word) + meaning + "\n");
  }
  return kOk;
}

}  // namespace weft::cli
