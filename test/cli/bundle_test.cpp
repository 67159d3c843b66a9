#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/cli/bundle.hpp"
#include "agent/cli/flow_value.hpp"
#include "agent/cli/tar.hpp"
#include "agent/observe/filter.hpp"

using namespace weft::cli;
using nlohmann::json;

namespace {

std::string root(const std::string& name) { return std::string(kBundleRoot) + name; }

std::unique_ptr<Source> bundle_of(std::vector<ArchiveFile> files) {
  files.push_back({root("bundle.json"), "{}"});
  char path[] = "/tmp/weft-bundle-XXXXXX";
  ::close(::mkstemp(path));
  std::ofstream(path, std::ios::binary) << make_archive(files, 0);
  auto source = open_bundle(path);
  std::filesystem::remove(path);
  REQUIRE(source);
  return *std::move(source);
}

std::vector<std::string> lines_of(Source& source, const FlowQuery& query) {
  std::vector<std::string> lines;
  REQUIRE(source.flows(query, [&](std::string_view line) { return lines.emplace_back(line), true; }));
  return lines;
}

const char* kFlows =
    R"({"time":"2026-01-01T00:00:00.000001Z","kind":"open","source":{"namespace":"shop","workload":"frontend","address":"10.1.0.1","port":4000,"zone":"z1"},"destination":{"namespace":"shop","workload":"web","address":"10.1.0.2","port":8080,"service":"shop/web","serviceAddress":"10.96.0.1:80"},"protocol":"TCP","verdict":"allowed"}
{"kind":"lost","count":4}
{"time":"2026-01-01T00:00:01.000001Z","kind":"deny","source":{"namespace":"shop","workload":"batch","address":"10.1.0.3","port":4001},"destination":{"service":"shop/db"},"protocol":"UDP","verdict":"no-endpoint","reason":"no_endpoints","process":{"unit":"batch.service"}}
{"kind":"summary","flows":2,"lost":1}
)";

}  // namespace

TEST_CASE("an archive comes back as it was") {
  std::vector<ArchiveFile> files = {
      {"a/b.json", "{}"}, {"empty", ""}, {"large", std::string(100000, 'x')}, {"exact", std::string(512, 'y')}};
  auto archive = make_archive(files, 1700000000);
  auto read = read_archive(archive);
  REQUIRE(read);
  REQUIRE(read->size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    CHECK((*read)[i].name == files[i].name);
    CHECK((*read)[i].content == files[i].content);
  }
}

TEST_CASE("an archive is what tar reads") {
  char path[] = "/tmp/weft-tar-XXXXXX";
  ::close(::mkstemp(path));
  std::ofstream(path, std::ios::binary) << make_archive({{"d/hello", "world\n"}}, 1700000000);
  auto command = std::string("test \"$(tar -xzOf ") + path + " d/hello)\" = world && tar -tvzf " + path +
                 " | grep -q -- '-rw-------.*2023'";
  CHECK(std::system(command.c_str()) == 0);
  std::filesystem::remove(path);
}

TEST_CASE("damaged archives are refused, wherever the damage is") {
  auto archive = make_archive({{"a", std::string(3000, 'a')}, {"b", "c"}}, 0);
  CHECK_FALSE(read_archive(""));
  CHECK_FALSE(read_archive("hello"));
  for (std::size_t size = 0; size < archive.size(); ++size) {
    INFO(size);
    CHECK_FALSE(read_archive(std::string_view(archive).substr(0, size)));
  }
  for (std::size_t at = 10; at < archive.size(); ++at) {
    auto damaged = archive;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    auto read = read_archive(damaged);  // must not crash; the checksum of gzip catches it
    CHECK_FALSE(read);
  }
}

TEST_CASE("a bug report answers as the agent does") {
  auto source =
      bundle_of({{root("api/services.json"),
                  R"({"kind":"ServiceList","items":[{"namespace":"a","name":"x"},{"namespace":"b","name":"y"}]})"},
                 {root("metrics.txt"), "weft_up 1\n"}});
  CHECK(source->get("services")->at("items").size() == 2);
  CHECK(source->get("services", "b")->at("items").size() == 1);
  CHECK(*source->metrics() == "weft_up 1\n");
  auto missing = source->get("edges");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == kInvalidInput);
}

TEST_CASE("flows of a bug report are filtered and counted like live ones") {
  auto source = bundle_of({{root("api/flows.jsonl"), kFlows}});
  auto all = lines_of(*source, {"", 0, false});
  REQUIRE(all.size() == 3);
  CHECK(json::parse(all.back()) == json{{"kind", "summary"}, {"flows", 2}, {"lost", 5}});
}

TEST_CASE("filters work on flows of a bug report") {
  for (auto [filter, count] : {std::pair{"src=shop/frontend", 1},
                               {"proto=udp", 1},
                               {"verdict=no-endpoint", 1},
                               {"service=shop/web", 1},
                               {"dst=10.1.0.2", 1},
                               {"kind=deny or port=8080", 2},
                               {"zone=z1", 1},
                               {"unit=batch.service", 1},
                               {"reason=no_endpoints", 1},
                               {"src=shop/nobody", 0},
                               {"ns=shop", 2}}) {
    auto source = bundle_of({{root("api/flows.jsonl"), kFlows}});
    INFO(filter);
    CHECK(static_cast<int>(lines_of(*source, {filter, 0, false}).size()) - 1 == count);
  }
  auto source = bundle_of({{root("api/flows.jsonl"), kFlows}});
  CHECK(lines_of(*source, {"", 1, false}).size() == 2);
  auto bad = source->flows({"src=(", 0, false}, [](std::string_view) { return true; });
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == kUsage);
  CHECK_FALSE(source->flows({"", 0, true}, [](std::string_view) { return true; }));
}

TEST_CASE("a file that is no bug report is refused") {
  CHECK(open_bundle("/nonexistent").error().code == kInvalidInput);
  CHECK(open_bundle("/").error().code == kInvalidInput);
  char path[] = "/tmp/weft-bundle-XXXXXX";
  ::close(::mkstemp(path));
  std::ofstream(path, std::ios::binary) << make_archive({{"other", "x"}}, 0);
  CHECK(open_bundle(path).error().message.find("not a bug report") != std::string::npos);
  std::filesystem::remove(path);
}
