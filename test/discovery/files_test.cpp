#include "agent/discovery/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/model/fold.hpp"

using namespace weft;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

std::string service(const std::string& name, int port = 80) {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: {ports: [{port: " + std::to_string(port) + "}]}\n";
}

// A directory, the source that watches it and what the fold makes of it. Time is what the test says.
class Watched {
 public:
  explicit Watched(FilesOptions options = {}) {
    char name[] = "/tmp/weft-files-XXXXXX";
    root_ = ::mkdtemp(name);
    dir_ = root_ + "/manifests.d";
    fs::create_directory(dir_);
    if (options.paths.empty()) options.paths = {dir_};
    fold_.expect_source("files");
    auto source = FilesSource::open(std::move(options));
    REQUIRE(source.has_value());
    source_.emplace(std::move(*source));
  }
  ~Watched() { fs::remove_all(root_); }

  const std::string& dir() const { return dir_; }
  const std::string& root() const { return root_; }
  std::string path(const std::string& name) const { return dir_ + "/" + name; }
  FilesSource& source() { return *source_; }
  Fold& fold() { return fold_; }
  FilesSource::Time now{1000s};

  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
  }
  void replace(const std::string& name, const std::string& text) {
    write(".new", text);
    fs::rename(path(".new"), path(name));
  }
  std::size_t take(const std::vector<Event>& events) {
    fold_.apply(events);
    return events.size();
  }
  std::size_t scan() { return take(source_->scan_all(now)); }
  bool readable() const {
    pollfd poll{source_->fd(), POLLIN, 0};
    return ::poll(&poll, 1, 0) == 1;
  }
  // What happened by inotify, then what becomes due within `wait`.
  std::size_t settle(std::chrono::milliseconds wait = 200ms) {
    std::size_t events = 0;
    while (readable()) events += take(source_->on_readable(now));
    auto end = now + wait;
    for (auto due = source_->recheck_after(now); due && now + *due <= end; due = source_->recheck_after(now)) {
      now += *due;
      events += take(source_->recheck(now));
    }
    now = end;
    return events;
  }
  std::string services() const {
    std::map<std::string, int> found;
    fold_.snapshot()->services.for_each(
        [&](const auto& name, const auto& s) { found[name.second] = s->ports.at(0).port; });
    std::string out;
    for (const auto& [name, port] : found) out += (out.empty() ? "" : " ") + name + ":" + std::to_string(port);
    return out;
  }
  std::string said(const std::string& origin) const {
    const auto* found = fold_.snapshot()->diagnostics.find({"", origin});
    return found == nullptr ? "" : found->front().code + " " + found->front().reason;
  }
  bool synced() const { return fold_.snapshot()->all_synced(); }

 private:
  std::string root_, dir_;
  Fold fold_;
  std::optional<FilesSource> source_;
};

}  // namespace

TEST_CASE("everything is read at the start, at any depth, and the source is synced") {
  Watched w;
  w.write("a.yaml", service("a"));
  w.write("sub/deep/b.yml", service("b"));
  w.write(
      "c.json",
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"c","namespace":"shop"},"spec":{"ports":[{"port":1}]}})");
  w.write("notes.txt", "no");
  w.write(".hidden.yaml", service("hidden"));
  w.write("a.yaml~", service("backup"));
  w.scan();
  CHECK(w.services() == "a:80 b:80 c:1");
  CHECK(w.synced());
  CHECK_FALSE(w.source().recheck_after(w.now).has_value());
}

TEST_CASE("scanning again says nothing new") {
  Watched w;
  w.write("a.yaml", service("a"));
  w.write("bad.yaml", "}{");
  w.scan();
  CHECK(w.source().scan_all(w.now).size() <= 1);
  CHECK(w.services() == "a:80");
}

TEST_CASE("an atomic rename over a file changes it at once") {
  Watched w;
  w.write("a.yaml", service("a", 80));
  w.scan();
  w.replace("a.yaml", service("a", 81));
  CHECK(w.readable());
  w.take(w.source().on_readable(w.now));
  CHECK(w.services() == "a:81");
}

TEST_CASE("a file is read when its writer closes it and not before") {
  Watched w;
  w.write("a.yaml", service("a", 80) + service("b", 80));
  w.scan();
  {
    std::ofstream out(w.path("a.yaml"), std::ios::binary);
    out << service("a", 81) << std::flush;
    w.settle();
    CHECK(w.services() == "a:80 b:80");
    std::ofstream fresh(w.path("new.yaml"));
    fresh << service("c") << std::flush;
    ::chmod(w.path("new.yaml").c_str(), 0600);
    w.settle();
    CHECK(w.services() == "a:80 b:80");
    out << service("b", 81);
  }
  w.settle();
  CHECK(w.services() == "a:81 b:81 c:80");
}

TEST_CASE("a deleted file loses its objects after a short settling") {
  Watched w;
  w.write("a.yaml", service("a"));
  w.write("b.yaml", service("b"));
  w.scan();
  fs::remove(w.path("a.yaml"));
  w.settle(0ms);
  CHECK(w.services() == "a:80 b:80");
  w.settle(150ms);
  CHECK(w.services() == "b:80");
  CHECK(w.source().file_count() == 1);
}

TEST_CASE("a file that an editor moves away and writes anew never loses its objects") {
  Watched w;
  w.write("a.yaml", service("a", 80));
  w.scan();
  fs::rename(w.path("a.yaml"), w.path("a.yaml~"));
  w.settle(10ms);
  CHECK(w.services() == "a:80");
  w.write("a.yaml", service("a", 81));
  w.settle();
  CHECK(w.services() == "a:81");
}

TEST_CASE("a renamed file keeps its objects all the time") {
  Watched w;
  w.write("a.yaml", service("a"));
  w.scan();
  fs::rename(w.path("a.yaml"), w.path("z.yaml"));
  w.settle(0ms);
  CHECK(w.services() == "a:80");
  w.settle();
  CHECK(w.services() == "a:80");
  CHECK(w.said(w.path("z.yaml")).empty());
  fs::remove(w.path("z.yaml"));
  w.settle();
  CHECK(w.services().empty());
}

TEST_CASE("a file moved in and one moved out of the directory are noticed") {
  Watched w;
  w.scan();
  std::ofstream(w.root() + "/x.yaml") << service("x");
  fs::rename(w.root() + "/x.yaml", w.path("x.yaml"));
  w.settle();
  CHECK(w.services() == "x:80");
  fs::rename(w.path("x.yaml"), w.root() + "/x.yaml");
  w.settle();
  CHECK(w.services().empty());
}

TEST_CASE("the switch of a ConfigMap volume is followed") {
  Watched w;
  fs::create_directory(w.path("..1"));
  std::ofstream(w.path("..1/a.yaml")) << service("a", 80);
  fs::create_directory_symlink("..1", w.path("..data"));
  fs::create_symlink("..data/a.yaml", w.path("a.yaml"));
  w.scan();
  CHECK(w.services() == "a:80");
  fs::create_directory(w.path("..2"));
  std::ofstream(w.path("..2/a.yaml")) << service("a", 81);
  std::ofstream(w.path("..2/b.yaml")) << service("b", 81);
  fs::create_directory_symlink("..2", w.path("..data_tmp"));
  fs::rename(w.path("..data_tmp"), w.path("..data"));
  fs::create_symlink("..data/b.yaml", w.path("b.yaml"));
  fs::remove_all(w.path("..1"));
  w.settle();
  CHECK(w.services() == "a:81 b:81");
  fs::create_directory(w.path("..3"));
  std::ofstream(w.path("..3/b.yaml")) << service("b", 82);
  fs::create_directory_symlink("..3", w.path("..data_tmp"));
  fs::rename(w.path("..data_tmp"), w.path("..data"));
  fs::remove(w.path("a.yaml"));
  w.settle();
  CHECK(w.services() == "b:82");
}

TEST_CASE("a linked file is followed to where it really lies") {
  Watched w;
  std::ofstream(w.root() + "/real.yaml") << service("a", 80);
  fs::create_symlink(w.root() + "/real.yaml", w.path("a.yaml"));
  w.scan();
  std::ofstream(w.root() + "/real.yaml") << service("a", 81);
  w.settle();
  CHECK(w.services() == "a:81");
  std::ofstream(w.root() + "/.n") << service("a", 82);
  fs::rename(w.root() + "/.n", w.root() + "/real.yaml");
  w.settle();
  CHECK(w.services() == "a:82");
  std::ofstream(w.root() + "/real.yaml") << service("a", 83);
  w.settle();
  CHECK(w.services() == "a:83");
}

TEST_CASE("directories made, moved and removed later are followed at any depth") {
  Watched w;
  w.scan();
  w.write("x/y/a.yaml", service("a"));
  w.settle();
  CHECK(w.services() == "a:80");
  w.write("x/y/a.yaml", service("a", 81));
  w.settle();
  CHECK(w.services() == "a:81");
  fs::rename(w.path("x"), w.path("z"));
  w.settle();
  CHECK(w.services() == "a:81");
  w.write("z/y/a.yaml", service("a", 82));
  w.settle();
  CHECK(w.services() == "a:82");
  fs::remove_all(w.path("z"));
  w.settle();
  CHECK(w.services().empty());
}

TEST_CASE("a directory replaced by another of its name is read anew") {
  Watched w;
  w.write("x/a.yaml", service("a", 80));
  w.write("new/a.yaml", service("b", 81));
  w.scan();
  fs::remove_all(w.path("x"));
  fs::rename(w.path("new"), w.path("x"));
  w.settle();
  CHECK(w.services() == "b:81");
  w.write("x/a.yaml", service("b", 82));
  w.settle();
  CHECK(w.services() == "b:82");
}

TEST_CASE("links that lead in circles end, and links to directories are read") {
  Watched w;
  w.write("x/a.yaml", service("a"));
  fs::create_directory_symlink("..", w.path("x/loop"));
  fs::create_directory_symlink(".", w.path("self"));
  fs::create_directory(w.root() + "/other");
  std::ofstream(w.root() + "/other/o.yaml") << service("o");
  fs::create_directory_symlink(w.root() + "/other", w.path("linked"));
  w.scan();
  CHECK(w.services() == "a:80 o:80");
  CHECK(w.source().file_count() == 2);
  fs::create_directory_symlink("..", w.path("x/late"));
  w.settle();
  CHECK(w.source().file_count() == 2);
  std::ofstream(w.root() + "/other/o.yaml") << service("o", 81);
  w.settle();
  CHECK(w.services() == "a:80 o:81");
}

TEST_CASE("a link to a directory switched over by rename is followed") {
  Watched w;
  for (auto* name : {"v1", "v2"}) {
    fs::create_directory(w.root() + "/" + name);
    std::ofstream(w.root() + "/" + name + "/a.yaml") << service("a", name[1] - '0');
  }
  fs::create_directory_symlink(w.root() + "/v1", w.path("current"));
  w.scan();
  CHECK(w.services() == "a:1");
  fs::create_directory_symlink(w.root() + "/v2", w.path("next"));
  w.settle();
  fs::rename(w.path("next"), w.path("current"));
  w.settle();
  CHECK(w.services() == "a:2");
  std::ofstream(w.root() + "/v2/a.yaml") << service("a", 3);
  w.settle();
  CHECK(w.services() == "a:3");
}

TEST_CASE("what is no regular file neither blocks nor harms") {
  Watched w;
  w.write("good.yaml", service("good"));
  REQUIRE(::mkfifo(w.path("fifo.yaml").c_str(), 0600) == 0);
  fs::create_symlink("nowhere", w.path("dangling.yaml"));
  fs::create_symlink("/dev/zero", w.path("zero.yaml"));
  fs::create_symlink("circle.yaml", w.path("circle.yaml"));
  w.write("huge.yaml", "");
  fs::resize_file(w.path("huge.yaml"), 1ULL << 33);
  w.write("large.yaml", service("x") + std::string(1 << 20, '#'));
  w.scan();
  CHECK(w.services() == "good:80");
  CHECK(w.said(w.path("fifo.yaml")) == "WEFT1001 is a FIFO, not a regular file");
  CHECK(w.said(w.path("zero.yaml")) == "WEFT1001 is a device, not a regular file");
  CHECK(w.said(w.path("huge.yaml")).starts_with("WEFT1003"));
  CHECK(w.said(w.path("large.yaml")).starts_with("WEFT1003"));
  CHECK(w.said(w.path("circle.yaml")).starts_with("WEFT1001"));
  fs::remove(w.path("fifo.yaml"));
  w.settle();
  CHECK(w.said(w.path("fifo.yaml")).empty());
}

TEST_CASE("a file that turns bad keeps its last good version until it is well") {
  Watched w;
  w.write("a.yaml", service("a", 80));
  w.scan();
  w.replace("a.yaml", "a: [");
  w.settle();
  CHECK(w.services() == "a:80");
  CHECK(w.said(w.path("a.yaml")).starts_with("WEFT1002"));
  w.replace("a.yaml", service("a", 81));
  w.settle();
  CHECK(w.services() == "a:81");
  CHECK(w.said(w.path("a.yaml")).empty());
  fs::remove(w.path("a.yaml"));
  fs::create_directory(w.path("a.yaml"));
  w.settle();
  CHECK(w.services().empty());
}

TEST_CASE("a file that may not be read keeps its last good version") {
  if (::geteuid() == 0) {
    // root may read everything; act as somebody else
    REQUIRE(::seteuid(65534) == 0);
  }
  auto restore = [] { [[maybe_unused]] int done = ::seteuid(::getuid()); };
  {
    Watched w;
    w.write("a.yaml", service("a", 80));
    w.scan();
    ::chmod(w.path("a.yaml").c_str(), 0);
    w.settle();
    CHECK(w.services() == "a:80");
    CHECK(w.said(w.path("a.yaml")) == "WEFT1001 cannot be read: Permission denied");
    ::chmod(w.path("a.yaml").c_str(), 0600);
    w.settle();
    CHECK(w.said(w.path("a.yaml")).empty());

    ::chmod(w.dir().c_str(), 0);
    w.settle(10s);
    w.scan();
    w.settle(10s);
    CHECK(w.services() == "a:80");
    CHECK(w.said(w.dir()) == "WEFT1001 cannot be read: Permission denied");
    ::chmod(w.dir().c_str(), 0700);
    w.settle();
    CHECK(w.said(w.dir()).empty());
    w.write("b.yaml", service("b"));
    w.settle();
    CHECK(w.services() == "a:80 b:80");
  }
  restore();
}

TEST_CASE("a directory that is missing at the start is read when it appears") {
  char name[] = "/tmp/weft-late-XXXXXX";
  std::string root = ::mkdtemp(name);
  {
    Watched w({.paths = {root + "/x/y"}});
    w.scan();
    CHECK_FALSE(w.synced());
    CHECK(w.said(root + "/x/y").starts_with("WEFT1001"));
    w.settle(1s);
    CHECK_FALSE(w.synced());
    w.settle(2s);
    CHECK(w.synced());
    fs::create_directories(root + "/x/y");
    w.settle();
    std::ofstream(root + "/x/y/a.yaml") << service("a");
    w.settle();
    CHECK(w.services() == "a:80");
    CHECK(w.said(root + "/x/y").empty());
  }
  fs::remove_all(root);
}

TEST_CASE("a directory that loses most of its objects at once gets a second look") {
  Watched w;
  for (int i = 0; i < 12; ++i) w.write("s" + std::to_string(i) + ".yaml", service("s" + std::to_string(i)));
  w.scan();
  auto all = w.services();
  fs::rename(w.dir(), w.root() + "/aside");
  w.settle(500ms);
  CHECK(w.services() == all);
  CHECK(w.said("files").starts_with("WEFT1117 12 of 12 objects"));
  REQUIRE(w.source().recheck_after(w.now).has_value());
  CHECK(*w.source().recheck_after(w.now) <= 2s);
  fs::rename(w.root() + "/aside", w.dir());
  w.settle(5s);
  CHECK(w.services() == all);
  CHECK(w.said("files").empty());

  for (int i = 0; i < 12; ++i) fs::remove(w.path("s" + std::to_string(i) + ".yaml"));
  w.settle(1500ms);
  CHECK(w.services() == all);
  w.settle(1s);
  CHECK(w.services().empty());
  CHECK(w.said("files").empty());
}

TEST_CASE("when the kernel loses events everything is compared again") {
  Watched w;
  w.write("a.yaml", service("a"));
  w.scan();
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  int most = 0;
  limit >> most;
  REQUIRE(most > 0);
  for (int i = 0; i < most / 2 + 10; ++i) {
    ::unlink(w.path("junk").c_str());
    ::close(::open(w.path("junk").c_str(), O_CREAT | O_WRONLY, 0600));
  }
  w.replace("b.yaml", service("b", 81));
  fs::remove(w.path("a.yaml"));
  w.settle(2s);
  CHECK(w.services() == "b:81");
}

TEST_CASE("one changed file of many costs one read") {
  Watched w;
  for (int i = 0; i < 300; ++i) w.write("s" + std::to_string(i) + ".yaml", service("s" + std::to_string(i)));
  w.scan();
  w.replace("s7.yaml", service("s7", 81));
  auto events = w.source().on_readable(w.now);
  CHECK(events.size() == 2);
  CHECK(std::get<ObjectChanged>(events.at(0).what).origin == w.path("s7.yaml") + ":2");
}

TEST_CASE("single files can be paths too") {
  char name[] = "/tmp/weft-single-XXXXXX";
  std::string root = ::mkdtemp(name);
  std::ofstream(root + "/one.yaml") << service("one", 80);
  {
    Watched w({.paths = {root + "/one.yaml"}});
    w.scan();
    CHECK(w.services() == "one:80");
    std::ofstream(root + "/.tmp") << service("one", 81);
    fs::rename(root + "/.tmp", root + "/one.yaml");
    std::ofstream(root + "/other.yaml") << service("other");
    w.settle();
    CHECK(w.services() == "one:81");
    fs::remove(root + "/one.yaml");
    w.settle();
    CHECK(w.services().empty());
    std::ofstream(root + "/one.yaml") << service("one", 82);
    w.settle();
    CHECK(w.services() == "one:82");
  }
  fs::remove_all(root);
}

TEST_CASE("events carry the time of their discovery") {
  Watched w;
  w.write("a.yaml", service("a"));
  for (const auto& event : w.source().scan_all(w.now)) CHECK(event.received == w.now);
}
