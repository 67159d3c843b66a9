// The paragraphs and examples of every command; one line of the string is one paragraph.
#include <algorithm>
#include <iterator>

#include "agent/cli/command_info.hpp"

namespace weft::cli {

const std::vector<std::string>& object_kinds() {
  static const std::vector<std::string> kinds = {"services", "endpoints", "workloads", "identities",
                                                 "policies", "routes",    "certs",     "connections"};
  return kinds;
}

const std::vector<ExitText>& exit_texts() {
  static const std::vector<ExitText> texts = {
      {0, "success"},
      {1, "failed"},
      {2, "a check or an analysis found problems"},
      {3, "the verdict is deny"},
      {4, "the agent is not reachable"},
      {64, "the command line or a filter is wrong"},
      {65, "an input is invalid: a file, an object"},
      {77, "no permission"},
      {124, "it took too long"},
  };
  return texts;
}

namespace {

// Commands that look at the mesh.
std::vector<CommandText> reading_texts() {
  return {
      {"",
       "weft asks the agent of this node, weftd, over its unix socket; with --from it asks a bug report instead. Data "
       "goes "
       "to standard output, hints go to standard error. JSON is stable: it says apiVersion and kind.",
       {{"weft status", "the state of the agent"},
        {"weft observe -f", "every connection, as it happens"},
        {"weft get services -o json", "all services for a program to read"}}},
      {"check",
       "Prints one line for each check with its state, its code and what to do; weft doc CODE says more. Ends with 2 "
       "when a check is in error, or when a kernel map is nearly full; other warnings ask for nothing.\n"
       "With --pre it looks at the node only: kernel features, mounts, capabilities. It then runs weftd --probe and "
       "needs "
       "no agent.",
       {{"weft check --pre", "may weft run on this machine?"}}},
      {"status",
       "Shows version, readiness, traffic, sources of objects, attached programs, fill of the kernel maps, lost events "
       "and "
       "findings.",
       {{"weft status -o json", "the same for a program to read"}}},
      {"get",
       "Without NAME it lists everything of the kind. NAME is namespace/name, or a name alone. It means a pod, a "
       "workload "
       "or a service, in this order, and shows what belongs to it; an address works too.\n"
       "-o wide adds columns. -o name prints namespace/name lines.",
       {{"weft get services", "what is balanced"},
        {"weft get endpoints shop/web", "who serves it"},
        {"weft get connections 10.1.0.7", "open connections of an address"}}},
      {"observe",
       "Prints one line for each opened, closed, refused and denied connection. Without -f it prints recent ones and "
       "ends. It "
       "says "
       "at the end how many flows it printed and how many were lost on the way.\n"
       "FILTER is made of key=value terms with src, dst, ns, pod, service, port, proto, kind, verdict, reason, policy, "
       "rule, direction, zone, unit; "
       "values are globs, addresses or CIDRs. Words are joined by and; or, not and parentheses work too. A plain word "
       "matches any name or address.",
       {{"weft observe -f 'src=shop/*' kind=close", "closed connections of the namespace shop"},
        {"weft observe --verdict denied policy=shop/web", "what a policy denied, with the rule that did"},
        {"weft observe --last 20 'not proto=UDP'", "the last 20 that are not UDP"},
        {"weft observe verdict=no-endpoint -o jsonl", "refused for want of an endpoint, for a program to read"}}},
  };
}

// Commands that judge it.
std::vector<CommandText> judging_texts() {
  return {
      {"explain",
       "Asks the programs that the agent has loaded what they decide about a connection, and prints each step: the "
       "look-up "
       "of the service, who both ends are, what policy says where the connection leaves a pod of this node (egress) "
       "and "
       "where it enters one (ingress), with the object and the rule that decided. For a denial it prints the smallest "
       "rule that would change it. A side on another node is judged there: ask that node.\n"
       "SOURCE and DESTINATION mean a pod, a workload or a service, in this order; an address works too. ICMP takes no "
       "port.\n"
       "Ends with 0 when the connection is allowed, with 3 when it is denied, and with 1 when nobody serves it or when "
       "it "
       "cannot be told.",
       {{"weft explain shop/cart shop/web:80", "may cart call web?"},
        {"weft explain 10.1.0.7 shop/dns:53 --proto udp", "from an address, by UDP"},
        {"weft explain shop/cart 'shop/web:80' -o json", "for a program to read"}}},
      {"top",
       "Ranks by traffic and refreshes every second on a terminal; control-C ends it. Elsewhere it prints plain blocks "
       "of "
       "text. --by drop shows what failed and why.",
       {{"weft top --once --by workload", "one picture"}, {"weft top -n 3", "three, a second apart"}}},
      {"policy", "", {}},
      {"policy try",
       "Decides the connections that the agent recorded in the last hour by the policies in force and by these with "
       "the "
       "files' policies and Namespaces put in or, with --delete, taken away, and prints what comes out otherwise, with "
       "the "
       "rule that decides. Both sides of a connection are judged, who is gone as who it was, and a policy in audit "
       "mode "
       "as if it were enforced. Nothing changes.\n"
       "Ends with 3 when something would newly be denied, with 65 when a file is wrong, else with 0.",
       {{"weft policy try policies/", "before they are applied"},
        {"weft policy try old.yaml --delete", "may it go?"},
        {"weft policy try web.yaml --last 15m -o json", "for a program to read"}}},
      {"policy suggest",
       "Prints a NetworkPolicy for each workload, both directions, that allows what was seen of it and nothing else. "
       "Peers are named by the labels that all their pods had, without those of controllers, and by blocks where they "
       "are no workload. Connections that were denied are left out. What did not happen meanwhile is not in it: let a "
       "whole cycle of work pass first.",
       {{"weft policy suggest -n shop > seen.yaml", "draft"}, {"weft policy try seen.yaml", "and check"}}},
      {"analyze",
       "Reads files and directories of objects as the agent would and prints every finding with its file and line. "
       "Ends with "
       "2 when there is an error; with --strict also when there is a warning.",
       {{"weft analyze /etc/weft/manifests.d", "what the agent would complain about"}}},
  };
}

// Commands against an attack under way.
std::vector<CommandText> mitigation_texts() {
  return {
      {"deny",
       "Packets from denied addresses are dropped where they enter the node: on the interfaces of datapath.uplinks, by "
       "XDP. What the command denies survives restarts and upgrades, and ends by itself, also without an agent. "
       "Objects of the kind DenyList say the same in files.",
       {}},
      {"deny add",
       "In force when the command returns. Addresses of this node, of the loopback, and blocks that hold every address "
       "are refused unless --force is given. Who denied what is logged and kept: weft deny list -o json shows it.",
       {{"weft deny add 203.0.113.0/24 --ttl 10m", "for ten minutes"},
        {"weft deny add 203.0.113.7 2001:db8::7 --reason 'scan of 12 May'", "until it is removed"}}},
      {"deny remove",
       "Takes back what deny add denied. A block that a DenyList object names is denied until that object changes.",
       {{"weft deny remove 203.0.113.0/24", "let it in again"}}},
      {"deny list",
       "Shows each block with its end, its hits, and who denied it. -o json adds the interfaces where the list acts "
       "and "
       "the last thousand changes.",
       {{"weft deny list", "what is denied now"}}},
      {"quarantine",
       "Cuts all connections of the workload's pods and Workload processes on this node, and refuses new ones, both "
       "ways, whatever policies say; the processes go on. The node itself still reaches them, for who investigates. It "
       "survives restarts, and weft explain, flows and metrics name it.",
       {{"weft quarantine shop/cart --reason 'talks to 203.0.113.7'", "cut it off"},
        {"weft quarantine --undo shop/cart", "take it back"}}},
  };
}

// Commands for whoever looks after the agent.
std::vector<CommandText> caring_texts() {
  return {
      {"config", "", {}},
      {"config show",
       "Shows the configuration of the running agent. With --config or --set, or when no agent answers, it shows what "
       "weftd "
       "would use: files in order, then WEFT_SECTION__KEY from the environment, then flags.",
       {{"weft config show --origin", "where each value comes from"},
        {"weft config show --config weft.yaml", "check a file before it is used"}}},
      {"config schema", "For editors and checks in pipelines.", {{"weft config schema > weft.schema.json", "save it"}}},
      {"config path", "Prints the files that weftd reads, one a line, in the order in which later ones win.", {}},
      {"reload",
       "Ends with 0 when all is applied. Prints what was refused, and why, and ends with 65; the last good version of "
       "it "
       "stays in force. Waits 60s unless --timeout says otherwise.",
       {{"weft reload", "after a change of files"}}},
      {"cleanup",
       "Runs weftd --cleanup, which works without an agent: removes pinned programs, links and maps, directories and "
       "files "
       "of weft, and says what it leaves. Open connections are not cut. Asks before it removes anything; where it "
       "cannot "
       "ask, --yes is needed.",
       {{"weft cleanup --dry-run", "only look"}, {"weft cleanup --yes", "in a script"}}},
      {"bugreport",
       "Writes status, checks, lists, configuration, metrics, recent flows and facts about the system into one .tar.gz "
       "that "
       "only its owner can read. Secrets are masked. The read commands work on it with --from. Works without an agent "
       "too, "
       "with less in it.",
       {{"weft bugreport /tmp/report.tar.gz", "write it"},
        {"weft --from /tmp/report.tar.gz get services", "look into it later, anywhere"}}},
      {"version", "", {}},
      {"doc", "Prints cause, fix and background of a finding.", {{"weft doc WEFT1001", "explain it"}}},
      {"completion",
       "Commands, options, kinds and, from a running agent, names are completed.",
       {{"source <(weft completion bash)", "in this shell"},
        {"weft completion fish > ~/.config/fish/completions/weft.fish", "for good"}}},
  };
}

}  // namespace

const std::vector<CommandText>& command_texts() {
  static const std::vector<CommandText> texts = [] {
    auto all = reading_texts();
    std::ranges::move(judging_texts(), std::back_inserter(all));
    std::ranges::move(mitigation_texts(), std::back_inserter(all));
    std::ranges::move(caring_texts(), std::back_inserter(all));
    return all;
  }();
  return texts;
}

}  // namespace weft::cli
