// Every file of test/bad-input says what is wrong with it, where, and does no harm to what was good before.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

const std::string kFolder = std::string(WEFT_SOURCE_DIR) + "/test/bad-input/";

struct Expected {
  std::string file, code, line, field, reason;
};

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Expected> expected() {
  std::vector<Expected> out;
  std::istringstream in(read(kFolder + "expected.tsv"));
  for (std::string row; std::getline(in, row);) {
    if (row.starts_with('#')) continue;
    std::istringstream cells(row);
    Expected e;
    for (auto* cell : {&e.file, &e.code, &e.line, &e.field, &e.reason}) std::getline(cells, *cell, '\t');
    out.push_back(e);
  }
  return out;
}

const Diagnostic* find(const std::vector<Diagnostic>& said, const Expected& e) {
  for (const auto& d : said)
    if (d.code == e.code && d.field == e.field && d.reason.find(e.reason) != std::string::npos) return &d;
  return nullptr;
}

std::string shown(const std::vector<Diagnostic>& said) {
  std::string out;
  for (const auto& d : said) out += d.origin + " " + d.code + " [" + d.field + "] " + d.reason + "\n";
  return out;
}

// Objects under all the names that the bad files use.
const std::string kGood = service("web", "{clusterIP: 10.96.0.1, ports: [{port: 8000}]}") +
                          service("other", "{clusterIP: 10.96.0.2, ports: [{port: 8001}]}") +
                          slice("web-1", "web", "[{addresses: [10.0.0.1]}]") +
                          workload("pay", "{app: pay}", "{addresses: [192.0.2.1]}");

bool is_warning(const std::string& code) {
  return code == "WEFT1101" || code == "WEFT1102" || code == "WEFT1116" || code == "WEFT1307";
}

}  // namespace

TEST_CASE("every bad input is explained with code, file, line, field and reason") {
  auto table = expected();
  CHECK(table.size() >= 80);
  for (const auto& e : table) {
    auto decoded = decode_manifest(e.file, read(kFolder + e.file));
    INFO(e.file << " wants " << e.code << " line " << e.line << " [" << e.field << "] " << e.reason << "\n"
                << shown(decoded.diagnostics));
    const auto* found = find(decoded.diagnostics, e);
    REQUIRE(found != nullptr);
    CHECK(found->origin.starts_with(e.file));
    if (e.line != "0") CHECK(found->origin == e.file + ":" + e.line);
    for (const auto& d : decoded.diagnostics)
      for (char c : d.reason + d.field + d.origin) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7F));
  }
}

TEST_CASE("every file of the folder is in the table") {
  std::set<std::string> listed{"expected.tsv"};
  for (const auto& e : expected()) CHECK(listed.insert(e.file).second);
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    INFO(entry.path());
    CHECK(listed.contains(entry.path().filename().string()));
  }
}

TEST_CASE("a bad input loses nothing of other files") {
  for (const auto& e : expected()) {
    INFO(e.file);
    Manifests m;
    m.put("a.yaml", kGood);
    auto before = m.now();
    m.put("b-" + e.file, read(kFolder + e.file));
    for (const auto& name : {"web", "other"})
      CHECK(*m.now().services.find({"shop", name}) == *before.services.find({"shop", name}));
    CHECK(*m.now().slices.find({"shop", "web-1"}) == *before.slices.find({"shop", "web-1"}));
    CHECK(*m.now().workloads.find({"shop", "pay"}) == *before.workloads.find({"shop", "pay"}));
    CHECK_FALSE(m.said_of("b-" + e.file).empty());
  }
}

TEST_CASE("a bad version of a file keeps the last good version of what is bad in it") {
  for (const auto& e : expected()) {
    // What is only warned of, or accepted as an object with an error, or not named like anything before, may change.
    auto text = read(kFolder + e.file);
    auto decoded = decode_manifest(e.file, text);
    bool judged = !decoded.usable || decoded.unidentified || !decoded.refused.empty();
    CHECK((judged || is_warning(e.code) || e.code == "WEFT1114"));
    if (!judged) continue;
    INFO(e.file);
    Manifests m;
    m.put(e.file, e.file.ends_with(".json") ? "" : kGood);
    m.put("z.yaml", e.file.ends_with(".json") ? kGood : "");
    auto before = m.now();
    m.put(e.file, text);
    for (const auto& key : decoded.refused) {
      if (key.kind == ObjectKind::kService && key.space == "shop") {
        const auto* kept = m.now().services.find({key.space, key.name});
        const auto* good = before.services.find({key.space, key.name});
        bool defined_well_too =
            std::ranges::any_of(decoded.objects, [&](const auto& o) { return object_key(o.object) == key; });
        if (!defined_well_too) CHECK((kept == nullptr ? good == nullptr : good != nullptr && *kept == *good));
      }
    }
    if (!decoded.usable || decoded.unidentified) {
      CHECK(m.now().services.size() == before.services.size());
      CHECK(m.now().slices.size() == before.slices.size());
      CHECK(m.now().workloads.size() == before.workloads.size());
    }
  }
}
