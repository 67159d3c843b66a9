#include <unistd.h>

#include "agent/observe/flow_joiner.hpp"
#include "test/api/fixture.hpp"

namespace weft::test {
namespace {

std::shared_ptr<const Service> make_service(std::size_t number) {
  auto service = std::make_shared<Service>();
  service->metadata.space = number % 2 == 0 ? "shop" : "bank";
  service->metadata.name = "s" + std::to_string(number);
  service->type = Service::Type::kNodePort;
  service->cluster_ips = {IpAddress::v4(0x0a600001 + static_cast<std::uint32_t>(number))};
  service->external_ips = {IpAddress::v4(0xc0000201)};
  ServicePort named;
  named.name = "http";
  named.port = 80;
  named.node_port = 30080;
  named.target_port_name = "web";
  ServicePort plain;
  plain.port = 53;
  plain.protocol = Protocol::kUdp;
  plain.target_port = 5353;
  service->ports = {named, plain};
  return service;
}

ServiceView make_service_view(std::size_t number, std::size_t endpoints) {
  ServiceView view;
  view.object = make_service(number);
  FrontendView frontend{view.object->cluster_ips[0], 80, Protocol::kTcp, {}};
  for (std::size_t i = 0; i < endpoints; ++i)
    frontend.endpoints.push_back({IpAddress::v4(0x0a010000 + static_cast<std::uint32_t>(i)), 8080});
  view.frontends.push_back(std::move(frontend));
  view.status = {ObjectStatus::State::kError, "spec.ports[0].port: 0 is no port", {sample_finding()}};
  view.origin = "a.yaml:1";
  return view;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void limit_waits(int fd) {
  timeval wait{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

ExplainView make_explain_view(const ExplainQuery& query) {
  ExplainView view;
  view.steps = {{"service", "found", "Service shop/web", "", "", "10.96.0.10:80 is one of 10.1.0.2:8080"},
                {"ingress", "denied", "NetworkPolicy shop/web", "default", "default_deny", "because"}};
  if (query.port == 81) {
    view.verdict = ExplainView::Verdict::kNoEndpoint;
    view.steps.resize(1);
    return view;
  }
  view.verdict = ExplainView::Verdict::kDenied;
  view.decided_by = RuleWords{"NetworkPolicy", {"shop", "web"}, "default", "NetworkPolicy"};
  view.suggestion = "kind: NetworkPolicy\n";
  return view;
}

}  // namespace

// A file called bad.yaml is refused.
void FakeBackend::try_policies(PolicyTryRequest request, PolicyTrialDone done) {
  if (busy) return done(fail(EBUSY, "another trial is under way"));
  PolicyTrialView view;
  if (request.files.front().name == "bad.yaml") view.refused = {sample_finding()};
  view.seen = {1'700'000'000'000'000'000, 1'700'000'001'000'000'000, 5, 1};
  view.objects = request.files.size();
  view.newly_denied = {3, 2, {}};
  RuleWords words{"NetworkPolicy", {"shop", "web"}, "default", "NetworkPolicy"};
  view.newly_denied.items.push_back(
      {{"shop", "cart"}, {"shop", "web"}, 80, "TCP", 2, 1'700'000'000'500'000'000, "ingress", words, "denied: …"});
  view.newly_denied.items.push_back(
      {{"", "192.0.2.1"}, {"", "192.0.2.9"}, 80, "TCP", 1, 1'700'000'000'500'000'000, "ingress", {}, "denied: …"});
  view.newly_allowed = view.newly_denied;
  done(std::move(view));
}

void FakeBackend::suggest_policies(PolicySuggestRequest request, PolicySuggestionDone done) {
  PolicySuggestionView view;
  view.items.push_back({{"shop", "web"}, "kind: NetworkPolicy\n", "", 4, 1});
  view.items.push_back({{"shop", "bare"}, "", "no labels", 1, 0});
  if (!request.workload.second.empty())
    std::erase_if(view.items, [&](const auto& item) { return item.workload != request.workload; });
  done(std::move(view));
}

Source<ExplainView> FakeBackend::explain(std::vector<ExplainQuery> queries) {
  return [queries = std::move(queries), next = std::size_t{0}](ExplainView& view) mutable {
    if (next == queries.size()) return false;
    view = make_explain_view(queries[next++]);
    return true;
  };
}

StatusView FakeBackend::status() const {
  StatusView view;
  view.readiness = readiness();
  view.version = "0.1.0";
  view.node_name = "a";
  view.zone = "z1";
  view.region = "r1";
  view.started_ns = 1'700'000'000'000'000'000;
  view.revision_desired = 12;
  view.revision_applied = 11;
  view.features = {{"tcx", true, "6.6"}};
  view.sources = {{"files", true, 3, 1'700'000'000'000'000'000, 1}, {"new", false, 0, 0, 0}};
  view.attachments = {{"connect4", "/sys/fs/cgroup", Attachment::State::kForeign, "id 7"}};
  view.unenforced = {{{"shop", "web-0"}, {"shop", "web"}, "no interface"}};
  view.unenforced_total = 1;
  view.denied = 3;
  view.uplinks = 2;
  view.guarded = 1;
  view.deny_problem = "it acts on 1 of 2 uplinks";
  view.quarantined = {{"shop", "cart", 1'000'000'000, 0, "a scan"}};
  view.maps = {{"weft_edges", 1, 2}};
  view.findings.assign(150, sample_finding());
  view.findings_total = 150;
  return view;
}

Source<ServiceView> FakeBackend::services(const ListQuery& query) const {
  return [query, next = std::size_t{0}, count = service_count,
          endpoints = endpoints_per_service](ServiceView& view) mutable {
    for (; next < count; ++next) {
      auto candidate = make_service(next);
      if (!query.matches(candidate->metadata.space, candidate->metadata.name)) continue;
      view = make_service_view(next++, endpoints);
      return true;
    }
    return false;
  };
}

Source<EndpointView> FakeBackend::endpoints(const ListQuery&) const {
  EndpointView view;
  view.service = {"shop", "web"};
  view.port_name = "http";
  view.endpoint.address = IpAddress::v4(0x0a010002);
  view.endpoint.port = 8080;
  view.endpoint.ready = true;
  view.endpoint.workload = {"shop", "web"};
  view.programmed = true;
  return source_of<EndpointView>({view});
}

Source<PolicyView> FakeBackend::policies(const ListQuery&) const {
  auto network = std::make_shared<NetworkPolicy>();
  network->metadata.space = "shop";
  network->metadata.name = "web";
  network->ingress.applies = true;
  auto cluster = std::make_shared<ClusterNetworkPolicy>();
  cluster->metadata.name = "guard";
  cluster->tier = PolicyTier::kAdmin;
  cluster->priority = 5;
  cluster->audit = cluster->egress.applies = true;
  PolicyRuleView rule{true, 0, "readers", "Accept", {"pods app=cart"}, {"TCP/80"}};
  return source_of<PolicyView>(
      {{network, 3, 1, {rule}, {ObjectStatus::State::kAccepted, "not in the kernel yet", {}}, ""},
       {cluster, 9, 0, {}, {ObjectStatus::State::kError, "spec: bad", {sample_finding()}}, "a.yaml:3"}});
}

Source<WorkloadView> FakeBackend::workloads(const ListQuery&) const {
  WorkloadView view;
  view.name = {"shop", "web"};
  view.kind = "Workload";
  view.pods = {"web-1"};
  view.identity = 257;
  view.addresses = {IpAddress::v4(0x0a010002)};
  view.ports = {{"http", 8080, Protocol::kTcp, "http"}};
  view.service_account = "default";
  view.status.findings = {sample_finding()};
  auto by_unit = view, by_cgroup = view, by_uid = view, pod = view;
  by_unit.process = Workload::Process{"web.service", "", {}};
  by_cgroup.process = Workload::Process{"", "/web", {}};
  by_uid.process = Workload::Process{"", "", 1001};
  pod.kind = "Pod";
  pod.quarantine = QuarantineView{"shop", "web", 1'000'000'000, 0, "a scan"};
  return source_of<WorkloadView>({by_unit, by_cgroup, by_uid, pod});
}

Result<Source<Flow>> FakeBackend::connections() {
  auto open = sample_flow();
  open.kind = FlowKind::kOpen;
  return source_of<Flow>({open});
}

std::vector<EdgeSummary> FakeBackend::edges() const {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 3), edge_sample(edge_key(1, 258, 0, 9000, IPPROTO_UDP), 1)};
  samples[0].value.rtt = {.sum_us = 900, .bucket = {0, 3}};
  samples[0].value.connect = {.sum_us = 4500, .bucket = {0, 3}};
  book.update(samples, names, 1'000'000'000);
  return book.list();
}

std::shared_ptr<const MetricsPage> FakeBackend::make_page() {
  auto page = std::make_shared<MetricsPage>();
  page->agent = std::make_shared<const AgentMetrics>("0.1.0");
  return page;
}

Flow sample_flow() {
  FlowJoiner joiner(1'700'000'000'000'000'000, [](std::uint64_t) { return "/system.slice/shop.service"; });
  auto snapshot = std::make_shared<Snapshot>();
  for (const auto& [name, ip] : {std::pair("cart-1", "10.1.0.5"), std::pair("web-1", "10.1.0.2")}) {
    auto pod = std::make_shared<Pod>();
    pod->metadata = {"shop", name, "", {}, false};
    pod->addresses = {IpAddress::parse(ip).value()};
    pod->running = true;
    snapshot->pods.put({"shop", name}, std::shared_ptr<const Pod>(pod));
  }
  for (const auto* zone : {"z1", "z2"}) {
    auto node = std::make_shared<Node>();
    node->metadata.name = zone;
    node->zone = zone;
    node->region = "r1";
    snapshot->nodes.put({"", zone}, std::shared_ptr<const Node>(node));
  }
  joiner.update(snapshot, std::make_shared<FakeNames>());
  return joiner.join(closed_event());
}

Running::Running(HttpLimits limits, std::string group) {
  char pattern[] = "/tmp/weft-api-XXXXXX";
  directory_ = ::mkdtemp(pattern);
  ::chmod(directory_.c_str(), 0755);
  path = directory_ + "/weft.sock";
  auto started = ApiServer::start(loop, backend, {path, std::move(group), limits});
  INFO((started ? std::string() : started.error().what));
  REQUIRE(started);
  server = std::move(*started);
  thread_ = std::thread([this] { run(); });
}

void Running::run() {
  for (auto before = thread_cpu_time(); loop.run_one() > 0; before = thread_cpu_time())
    longest_ = std::max(longest_, thread_cpu_time() - before);
}

Running::~Running() {
  if (server) on_loop([this] { server.reset(); });
  work_.reset();
  thread_.join();
  std::filesystem::remove_all(directory_);
}

std::string Answer::header(std::string_view name) const {
  auto at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return {};
  at += name.size() + 4;
  return head.substr(at, head.find("\r\n", at) - at);
}

Client::Client(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = unix_address(unix_path);
  limit_waits(fd_.get());
  REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

Client::Client(std::uint16_t tcp_port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{AF_INET, htons(tcp_port), {htonl(INADDR_LOOPBACK)}, {}};
  limit_waits(fd_.get());
  REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Client::fill() {
  char bytes[65536];
  auto got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::string Client::take(std::size_t bytes) {
  while (buffer_.size() < bytes && fill()) {
  }
  auto out = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return out;
}

std::string Client::read_until(std::string_view bytes) {
  std::size_t found;
  while ((found = buffer_.find(bytes)) == std::string::npos)
    if (!fill()) return std::exchange(buffer_, {});
  return take(found + bytes.size());
}

std::string Client::chunked() {
  std::string body;
  while (true) {
    auto size = std::strtoul(read_until("\r\n").c_str(), nullptr, 16);
    auto data = take(size + 2);
    if (size == 0) return body;
    body += data.substr(0, size);
  }
}

Answer Client::answer(bool head_only) {
  Answer out;
  out.head = read_until("\r\n\r\n");
  if (!out.head.starts_with("HTTP/1.1 ")) return out;
  out.status = std::atoi(out.head.c_str() + 9);
  if (head_only) return out;
  if (out.header("Transfer-Encoding") == "chunked")
    out.body = chunked();
  else if (auto length = out.header("Content-Length"); !length.empty())
    out.body = take(std::stoul(length));
  else
    out.body = read_until("\xff no such bytes");
  return out;
}

Answer Client::request(std::string_view method, std::string_view target, std::string_view body) {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: weft\r\n";
  if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  if (!send(text + "\r\n" + std::string(body))) return {};
  return answer(method == "HEAD");
}

bool Client::closed_by_peer() {
  char byte;
  while (true) {
    auto got = ::recv(fd_.get(), &byte, 1, 0);
    if (got == 0) return true;
    if (got < 0) return errno == ECONNRESET;
  }
}

}  // namespace weft::test
