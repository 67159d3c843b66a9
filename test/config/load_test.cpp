#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/config/keys.hpp"
#include "agent/config/load.hpp"

using namespace weft;

namespace {

LoadedConfig load(std::vector<ConfigText> files, std::vector<std::pair<std::string, std::string>> environment = {},
                  std::vector<std::string> settings = {}) {
  return make_config({std::move(files), std::move(environment), std::move(settings), "host-1"});
}

LoadedConfig load_text(const std::string& text) { return load({{"weft.yaml", text}}); }

std::string all_texts(const LoadedConfig& loaded) {
  std::string texts;
  for (const auto& finding : loaded.findings) texts += finding.text() + "\n";
  return texts;
}

}  // namespace

TEST_CASE("without files the defaults are in force and say so") {
  auto loaded = load({});
  CHECK(loaded.usable());
  CHECK(loaded.findings.empty());
  CHECK(loaded.config.node.name == "host-1");
  CHECK(loaded.config.api.socket == "/run/weft/weft.sock");
  CHECK(loaded.config.metrics.listen->text() == "127.0.0.1:9690");
  for (const auto& key : config_keys()) CHECK(loaded.origins.at(config_pointer(key.path)) == "default");
}

TEST_CASE("every key can be set, and its origin is its line") {
  auto loaded = load_text(R"(apiVersion: weft/v1
node: {name: node-a, zone: z1, region: r1}
mesh: {trustDomain: example.org, cluster: east}
datapath:
  bpffs: /sys/fs/bpf/weft-a
  cgroup: /sys/fs/cgroup/a
  uplinks: [eth0, "en*"]
  pods: none
  failsafe: {inbound: [22/tcp], outbound: [53/udp, 9/sctp]}
  maps:
    endpoints: 131072
    connections: 262144
    udpFlows: 5
    events: 8MiB
discovery:
  files: {paths: [/etc/a, /etc/b]}
  kubernetes: {kubeconfig: /root/.kube/config}
proxy: {mode: managed, binary: /opt/envoy, dir: /var/p, concurrency: 4}
metrics: {listen: "[::1]:9999", maxSeries: 500, histograms: false}
api: {socket: /run/a.sock, group: ops}
state: {dir: /var/lib/a}
log: {level: debug, format: json}
)");
  CHECK(loaded.usable());
  const auto& config = loaded.config;
  CHECK(config.node.zone == "z1");
  CHECK(config.datapath.uplinks == std::vector<std::string>{"eth0", "en*"});
  CHECK(config.datapath.failsafe_outbound == std::vector<PortProtocol>{{53, 17}, {9, 132}});
  CHECK(config.datapath.maps.endpoints == 131072);
  CHECK(config.datapath.maps.udp_flows == 5);
  CHECK(config.datapath.maps.events == 8 << 20);
  CHECK(config.discovery.file_paths == std::vector<std::string>{"/etc/a", "/etc/b"});
  CHECK(config.metrics.listen->text() == "[::1]:9999");
  CHECK_FALSE(config.metrics.histograms);
  CHECK(config.log.level == "debug");
  CHECK(loaded.origins.at("/datapath/maps/endpoints") == "weft.yaml:11");
  CHECK(loaded.origins.at("/node/zone") == "weft.yaml:2");
  CHECK(loaded.origins.at("/datapath/maps/slots") == "default");
}

TEST_CASE("maps merge and lists replace, later files win") {
  auto loaded =
      load({{"a.yaml", "datapath: {maps: {slots: 10, services: 20}}\ndiscovery: {files: {paths: [/a, /b]}}\n"},
            {"b.yaml", "datapath: {maps: {slots: 30}}\n"},
            {"c.yaml", "discovery: {files: {paths: [/c]}}\n"}});
  CHECK(loaded.usable());
  CHECK(loaded.config.datapath.maps.slots == 30);
  CHECK(loaded.config.datapath.maps.services == 20);
  CHECK(loaded.config.discovery.file_paths == std::vector<std::string>{"/c"});
  CHECK(loaded.origins.at("/datapath/maps/slots") == "b.yaml:1");
  CHECK(loaded.origins.at("/datapath/maps/services") == "a.yaml:1");
}

TEST_CASE("the environment wins over files, flags win over the environment") {
  auto loaded =
      load({{"a.yaml", "log: {level: info}\nmetrics: {maxSeries: 100}\n"}},
           {{"WEFT_LOG__LEVEL", "warn"}, {"WEFT_METRICS__MAXSERIES", "200"}, {"WEFT_METRICS__HISTOGRAMS", "false"}},
           {"log.level=error"});
  INFO(all_texts(loaded));
  CHECK(loaded.usable());
  CHECK(loaded.config.log.level == "error");
  CHECK(loaded.config.metrics.max_series == 200);
  CHECK_FALSE(loaded.config.metrics.histograms);
  CHECK(loaded.origins.at("/log/level") == "flag --set log.level");
  CHECK(loaded.origins.at("/metrics/maxSeries") == "env WEFT_METRICS__MAXSERIES");
}

TEST_CASE("lists come from the environment with commas or as YAML") {
  for (const auto* text : {"/a, /b", "/a,/b", "[/a, \"/b\"]"}) {
    auto loaded = load({}, {{"WEFT_DISCOVERY__FILES__PATHS", text}});
    INFO(text << ": " << all_texts(loaded));
    CHECK(loaded.config.discovery.file_paths == std::vector<std::string>{"/a", "/b"});
  }
  CHECK(load({}, {{"WEFT_DISCOVERY__FILES__PATHS", ""}}).config.discovery.file_paths.empty());
  CHECK(load({}, {{"WEFT_DATAPATH__MAPS__UDP_FLOWS", "7"}}).config.datapath.maps.udp_flows == 7);
  CHECK(load({}, {{"WEFT_NODE__ZONE", "010"}}).config.node.zone == "010");
}

TEST_CASE("variables that are not settings of ours are left alone") {
  CHECK(load({}, {{"WEFT_BIN", "x"}, {"WEFT_", ""}, {"PATH", "/a__b"}}).findings.empty());
}

TEST_CASE("a section whose keys are commented out is fine, an empty file too") {
  CHECK(load_text("metrics:\n  # listen: off\n").usable());
  CHECK(load_text("").usable());
  CHECK(load_text("# nothing\n---\n").usable());
}

TEST_CASE("all errors of all files are reported, and what is right still counts") {
  auto loaded = load(
      {{"a.yaml", "node: {nme: x}\nmetrics: {listen: 70000}\n"}, {"b.yaml", "log: {level: loud, format: json}\n"}});
  CHECK_FALSE(loaded.usable());
  CHECK(loaded.findings.size() == 3);
  CHECK(loaded.config.log.format == "json");
  CHECK(loaded.config.log.level == "info");
}

TEST_CASE("a setting that this version does not use is a warning") {
  auto loaded = load_text("discovery:\n  kubernetes:\n    kubeconfig: /root/.kube/config\n");
  CHECK(loaded.usable());
  REQUIRE(loaded.findings.size() == 1);
  CHECK(loaded.findings[0].code == FindingCode::kConfigNotUsed);
  CHECK(loaded.findings[0].origin == "weft.yaml:3");
  CHECK(load_text("proxy: {mode: off}\n").findings.empty());
}

TEST_CASE("a host name that is no node name is told unless the node has a name") {
  auto without = make_config({{}, {}, {}, "Bad_Host"});
  REQUIRE(without.findings.size() == 1);
  CHECK(without.findings[0].code == FindingCode::kConfigHostName);
  CHECK(make_config({{{"a.yaml", "node: {name: a}"}}, {}, {}, "Bad_Host"}).usable());
}

namespace {

struct BadCase {
  const char* text;
  const char* place;   // where the finding points
  const char* saying;  // a part of its text
};

// One mistake each, as people make them.
const BadCase kBadCases[] = {
    {"node: {nam: a}", "1:8", "did you mean 'name'?"},
    {"nodes: {name: a}", "1:1", "did you mean 'node'?"},
    {"maxSeries: 5", "1:1", "did you mean 'metrics.maxSeries'?"},
    {"datapath:\n  maps:\n    endpoint: 5", "3:5", "did you mean 'endpoints'?"},
    {"datapath:\n  failsafe:\n    in: []", "3:5", "there are inbound, outbound"},
    {"metrics: {\"a/b~c\": 1}", "1:11", "WEFT2003"},
    {"node: {name: Node_A}", "1:8", "host name"},
    {"node: {name: -a}", "1:8", "WEFT2005"},
    {"node: {name: \"\"}", "1:8", "WEFT2005"},
    {"node: {name: 5}", "1:8", "write it in quotes"},
    {"node: {name: }", "1:8", "the value is empty"},
    {"node: {name: [a]}", "1:8", "a list cannot stand here"},
    {"node: {zone: \"a b\"}", "1:8", "label value"},
    {"node: a", "1:1", "a section is wanted here"},
    {"mesh: {trustDomain: Example.org}", "1:8", "trust domain"},
    {"datapath: {bpffs: sys/fs/bpf}", "1:12", "absolute path"},
    {"datapath: {bpffs: /sys/../etc}", "1:12", "without '..'"},
    {"datapath: {bpffs: /}", "1:12", "absolute path"},
    {"datapath: {bpffs: \"/a\\nb\"}", "1:12", "absolute path"},
    {"datapath: {uplinks: eth0}", "1:12", "write [eth0]"},
    {"datapath: {uplinks: [eth0, eth0/1]}", "1:28", "name of an interface"},
    {"datapath: {uplinks: [aninterfacenametoolong]}", "1:22", "at most 15"},
    {"datapath: {pods: yes}", "1:12", "one of auto, none"},
    {"datapath: {failsafe: {inbound: [22]}}", "1:33", "22/tcp"},
    {"datapath: {failsafe: {inbound: [22/icmp]}}", "1:33", "22/tcp"},
    {"datapath: {failsafe: {inbound: [0/tcp]}}", "1:33", "22/tcp"},
    {"datapath: {failsafe: {inbound: [65536/tcp]}}", "1:33", "22/tcp"},
    {"datapath: {maps: {slots: -1}}", "1:19", "from 0 to"},
    {"datapath: {maps: {slots: 1.5}}", "1:19", "from 0 to"},
    {"datapath: {maps: {slots: 4294967296}}", "1:19", "from 0 to"},
    {"datapath: {maps: {slots: 99999999999999999999}}", "1:19", "from 0 to"},
    {"datapath: {maps: {slots: \"10\"}}", "1:19", "the text '10'"},
    {"datapath: {maps: {slots: 010}}", "1:19", "the text '010'"},
    {"datapath: {maps: {events: 3MiB}}", "1:19", "power of two"},
    {"datapath: {maps: {events: 1024}}", "1:19", "power of two"},
    {"datapath: {maps: {events: 8MB}}", "1:19", "power of two"},
    {"discovery: {files: {paths: [relative]}}", "1:29", "absolute path"},
    {"discovery: {files: [/a]}", "1:13", "a section is wanted here"},
    {"proxy: {mode: on}", "1:9", "one of managed, external, off"},
    {"proxy: {concurrency: 0}", "1:9", "from 1 to 256"},
    {"metrics: {listen: 9690}", "1:11", "write it in quotes"},
    {"metrics: {listen: \"127.0.0.1\"}", "1:11", "127.0.0.1:9690"},
    {"metrics: {listen: \"localhost:9690\"}", "1:11", "an address with a port"},
    {"metrics: {listen: \"127.0.0.1:0\"}", "1:11", "an address with a port"},
    {"metrics: {listen: \"127.0.0.1:70000\"}", "1:11", "an address with a port"},
    {"metrics: {listen: \"::1:9690\"}", "1:11", "[::1]:9690"},
    {"metrics: {maxSeries: 1}", "1:11", "from 100 to"},
    {"metrics: {histograms: yes}", "1:11", "true or false"},
    {"api: {socket: weft.sock}", "1:7", "absolute path"},
    {"api: {socket: "
     "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "a}",
     "1:7", "at most 107"},
    {"api: {group: \"a:b\"}", "1:7", "name of a group"},
    {"state: {dir: \"\"}", "1:9", "absolute path"},
    {"log: {level: warning}", "1:7", "one of trace, debug"},
    {"log: {format: xml}", "1:7", "one of auto, text, json"},
    {"apiVersion: weft/v2", "1:1", "write weft/v1"},
    {"apiVersion: 1", "1:1", "write weft/v1"},
    {"- a", "1:1", "the file is not a map"},
    {"just text", "1:1", "the file is not a map"},
    {"node: {name: a}\n---\nlog: {level: info}", ":3", "a second document"},
    {"node: {name: a\n", "weft.yaml", "WEFT2002"},
    {"node:\n\tname: a", "2:1", "indent with spaces"},
    {"node: &x {name: a}\nmesh: *x", "2:7", "aliases"},
    {"log: {level: info, level: info}", "1:20", "twice"},
    {"log: {level: \xff}", "1:", "UTF-8"},
};

}  // namespace

TEST_CASE("every bad configuration gives one error with its place and what to write") {
  STATIC_REQUIRE(std::size(kBadCases) >= 30);
  for (const auto& bad : kBadCases) {
    auto loaded = load_text(bad.text);
    INFO(bad.text << "\n" << all_texts(loaded));
    CHECK_FALSE(loaded.usable());
    std::size_t errors = 0;
    for (const auto& finding : loaded.findings) errors += finding.severity == ConfigFinding::Severity::kError ? 1 : 0;
    CHECK(errors == 1);
    auto text = loaded.findings.empty() ? "" : loaded.findings.front().text();
    CHECK(loaded.findings.front().origin.find(bad.place) != std::string::npos);
    CHECK(text.find(bad.saying) != std::string::npos);
    CHECK(text.find("weft.yaml") == 0);
    CHECK(text.size() < 500);
  }
}

TEST_CASE("bad variables and flags name themselves") {
  auto variable = load({}, {{"WEFT_METRICS__MAXSERIE", "5"}});
  CHECK(all_texts(variable).find("env WEFT_METRICS__MAXSERIE: error WEFT2010") == 0);
  CHECK(all_texts(variable).find("did you mean 'WEFT_METRICS__MAXSERIES'?") != std::string::npos);
  auto value = load({}, {{"WEFT_METRICS__MAXSERIES", "many"}});
  CHECK(all_texts(value).find("env WEFT_METRICS__MAXSERIES: error WEFT2004: metrics.maxSeries") == 0);
  CHECK(all_texts(load({}, {}, {"log.level"})).find("write --set section.key=value") != std::string::npos);
  CHECK(all_texts(load({}, {}, {"log.lvel=info"})).find("did you mean 'log.level'?") != std::string::npos);
  CHECK(all_texts(load({}, {}, {"datapath.uplinks=[eth0"})).find("WEFT2004") != std::string::npos);
}

TEST_CASE("variables and flags that are not text are refused like files that are not") {
  for (const auto* value : {"/a\xff", "/a\x1b", "/\xc0\xaf"}) {
    auto loaded = load({}, {{"WEFT_STATE__DIR", value}, {"WEFT_DISCOVERY__FILES__PATHS", value}},
                       {"api.socket=" + std::string(value)});
    CHECK(loaded.findings.size() == 3);
    CHECK_NOTHROW(config_values(loaded.config).dump());
  }
}

TEST_CASE("a setting with an equals sign in its value keeps it") {
  CHECK(load({}, {}, {"state.dir=/a=b"}).config.state.dir == "/a=b");
}
