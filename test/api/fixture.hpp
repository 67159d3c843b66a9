// A fake agent behind a real socket, and a plain blocking client: what a person with a socket can do to the API.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <future>
#include <thread>

#include "agent/api/backend.hpp"
#include "agent/api/server.hpp"
#include "agent/base/fd.hpp"
#include "test/observe/fixture.hpp"

namespace weft::test {

inline Diagnostic sample_finding() {
  return {Diagnostic::Severity::kError, "WEFT1001",     {ObjectKind::kService, "shop", "web"},
          "spec.ports[0].port",         "0 is no port", "a.yaml:3"};
}

class FakeBackend final : public Backend {
 public:
  bool is_ready = true;
  std::size_t service_count = 2;
  std::size_t endpoints_per_service = 2;
  std::string log_level = "info";
  bool reload_refused = false;
  std::vector<std::move_only_function<void(ReloadView)>> pending_reloads;
  bool hold_reloads = false;
  FlowLog log;
  std::int64_t now = 0;
  std::shared_ptr<const MetricsPage> page = make_page();

  Readiness readiness() const override { return {is_ready, is_ready ? "" : "sources are not synced"}; }
  StatusView status() const override;
  std::vector<CheckView> checks() const override {
    return {{"WEFT3001", "kernel has BTF", CheckView::State::kOk, "/sys/kernel/btf/vmlinux", "", ""},
            {"WEFT3002", "no pressure", CheckView::State::kWarning, "weft_edges", "81 %", "raise it"},
            {"WEFT3003", "attached", CheckView::State::kError, "connect4", "missing", "weft reload"}};
  }
  Source<ServiceView> services(const ListQuery& query) const override;
  Source<EndpointView> endpoints(const ListQuery& query) const override;
  Source<WorkloadView> workloads(const ListQuery& query) const override;
  Source<IdentityView> identities(const ListQuery&) const override {
    return source_of<IdentityView>({{1, {"", "world"}, {}}, {256, {"shop", "cart"}, {IpAddress::v4(0x0a010005)}}});
  }
  Source<PolicyView> policies(const ListQuery& query) const override;
  Result<Source<Flow>> connections() override;
  Source<ExplainView> explain(std::vector<ExplainQuery> queries) override;
  bool busy = false;
  void try_policies(PolicyTryRequest request, PolicyTrialDone done) override;
  void suggest_policies(PolicySuggestRequest request, PolicySuggestionDone done) override;
  std::vector<EdgeSummary> edges() const override;
  std::int64_t wall_offset_ns() const override { return 1'700'000'000'000'000'000; }
  std::int64_t now_ns() const override { return now; }
  ConfigView config() const override { return {R"({"node":{"name":"a"}})", {{"/node/name", "weft.yaml:2"}}}; }
  FlowLog& flows() override { return log; }
  std::shared_ptr<const MetricsPage> metrics() const override { return page; }
  void reload(std::move_only_function<void(ReloadView)> done) override {
    if (hold_reloads) return pending_reloads.push_back(std::move(done));
    if (reload_refused) return done({false, 0, "1 object was refused", {sample_finding()}});
    done({true, 7, "", {sample_finding()}});
  }
  Result<DenyListView> deny_list() const override {
    return DenyListView{{{"203.0.113.0/24",
                          60'000'000'000,
                          true,
                          1'000'000'000,
                          1000,
                          77,
                          "a scan",
                          {"attackers"},
                          3,
                          180,
                          2'000'000'000}},
                        {{"uplink_xdp", "eth0", Attachment::State::kAttached, "driver mode"}},
                        "",
                        {{1'000'000'000, 1000, 77, "deny", "203.0.113.0/24", "for 1m: a scan"}}};
  }
  Result<> change_deny_list(const DenyRequest& request, const HttpPeer& by) override {
    denied = request;
    changed_by = by;
    if (deny_refusal) return std::unexpected(*deny_refusal);
    return {};
  }
  Result<QuarantineView> quarantine(const QuarantineRequest& request, const HttpPeer& by) override {
    changed_by = by;
    if (request.workload == "nobody") return fail(ENOENT, "there is no workload and no pod shop/nobody");
    return QuarantineView{request.space, request.workload, 1'000'000'000, by.uid, request.reason};
  }
  std::optional<DenyRequest> denied;
  std::optional<Error> deny_refusal;
  HttpPeer changed_by;
  Result<> set_log_level(std::string_view level) override {
    if (level != "debug") return fail("there is no log level " + std::string(level));
    log_level = level;
    return {};
  }

 private:
  static std::shared_ptr<const MetricsPage> make_page();
};

Flow sample_flow();

// The API server with its loop in a thread of its own.
class Running {
 public:
  explicit Running(HttpLimits limits = {}, std::string group = "");
  ~Running();
  FakeBackend backend;
  std::string path;
  std::unique_ptr<ApiServer> server;
  boost::asio::io_context loop;

  // Runs on the loop and waits for it.
  template <class F>
  auto on_loop(F&& work) {
    std::packaged_task<decltype(work())()> task(std::forward<F>(work));
    auto result = task.get_future();
    boost::asio::post(loop, [&task] { task(); });
    return result.get();
  }
  // CPU time of the longest turn of the loop so far.
  std::chrono::nanoseconds longest_turn() {
    return on_loop([this] { return longest_; });
  }

 private:
  void run();
  std::chrono::nanoseconds longest_{};
  std::string directory_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop.get_executor()};
  std::thread thread_;
};

struct Answer {
  int status = 0;  // 0: the connection ended without one
  std::string head;
  std::string body;
  std::string header(std::string_view name) const;
};

class Client {
 public:
  explicit Client(const std::string& unix_path);
  explicit Client(std::uint16_t tcp_port);
  bool send(std::string_view bytes);
  // Until `bytes` are there or nothing comes for five seconds or the peer ends.
  std::string read_until(std::string_view bytes);
  Answer answer(bool head_only = false);
  Answer get(std::string_view target) { return request("GET", target); }
  Answer request(std::string_view method, std::string_view target, std::string_view body = {});
  bool closed_by_peer();  // within five seconds
  int fd() const { return fd_.get(); }

 private:
  bool fill();
  std::string take(std::size_t bytes);
  std::string chunked();
  Fd fd_;
  std::string buffer_;
};

inline Answer get(const Running& running, std::string_view target) { return Client(running.path).get(target); }

}  // namespace weft::test
