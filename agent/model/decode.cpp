#include "agent/model/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/base/yaml.hpp"
#include "agent/model/decode_object.hpp"

namespace weft {
namespace {

struct KnownKind {
  std::string_view api_version;
  ObjectKind kind;
  NameRule rule;
  bool namespaced;
};

constexpr std::string_view kOwnApi = "mesh.weft.dev/v1alpha1";
constexpr std::array kKnown{
    KnownKind{"v1", ObjectKind::kNamespace, NameRule::kLabel, false},
    KnownKind{"v1", ObjectKind::kNode, NameRule::kSubdomain, false},
    KnownKind{"v1", ObjectKind::kPod, NameRule::kSubdomain, true},
    KnownKind{"v1", ObjectKind::kService, NameRule::kLabel, true},
    KnownKind{"discovery.k8s.io/v1", ObjectKind::kEndpointSlice, NameRule::kSubdomain, true},
    KnownKind{kOwnApi, ObjectKind::kWorkload, NameRule::kSubdomain, true},
    KnownKind{"networking.k8s.io/v1", ObjectKind::kNetworkPolicy, NameRule::kSubdomain, true},
    KnownKind{"policy.networking.k8s.io/v1alpha2", ObjectKind::kClusterNetworkPolicy, NameRule::kSubdomain, false},
    KnownKind{kOwnApi, ObjectKind::kDenyList, NameRule::kSubdomain, false},
};

// Kinds that weft knows the meaning of and does not enforce, by API group.
constexpr std::array<std::pair<std::string_view, std::string_view>, 32> kNotEnforced{{
    {"networking.k8s.io", "Ingress"},
    {"policy.networking.k8s.io", "AdminNetworkPolicy"},
    {"policy.networking.k8s.io", "BaselineAdminNetworkPolicy"},
    {"gateway.networking.k8s.io", "HTTPRoute"},
    {"gateway.networking.k8s.io", "GRPCRoute"},
    {"gateway.networking.k8s.io", "TLSRoute"},
    {"gateway.networking.k8s.io", "TCPRoute"},
    {"gateway.networking.k8s.io", "UDPRoute"},
    {"gateway.networking.k8s.io", "Gateway"},
    {"gateway.networking.k8s.io", "GatewayClass"},
    {"gateway.networking.k8s.io", "ReferenceGrant"},
    {"access.smi-spec.io", "TrafficTarget"},
    {"specs.smi-spec.io", "HTTPRouteGroup"},
    {"specs.smi-spec.io", "TCPRoute"},
    {"split.smi-spec.io", "TrafficSplit"},
    {"mesh.weft.dev", "AccessPolicy"},
    {"mesh.weft.dev", "TrafficPolicy"},
    {"apps", "ReplicaSet"},
    {"apps", "Deployment"},
    {"apps", "DaemonSet"},
    {"apps", "StatefulSet"},
    {"batch", "Job"},
    {"batch", "CronJob"},
    {"", "ConfigMap"},
    {"", "Secret"},
    {"", "ServiceAccount"},
    {"", "Endpoints"},
    {"", "PersistentVolumeClaim"},
    {"rbac.authorization.k8s.io", "Role"},
    {"rbac.authorization.k8s.io", "RoleBinding"},
    {"rbac.authorization.k8s.io", "ClusterRole"},
    {"rbac.authorization.k8s.io", "ClusterRoleBinding"},
}};

std::string_view group_of(std::string_view api_version) {
  auto slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

const KnownKind* find_known(std::string_view api_version, std::string_view kind) {
  auto it = std::ranges::find_if(
      kKnown, [&](const KnownKind& k) { return k.api_version == api_version && kind_name(k.kind) == kind; });
  return it == kKnown.end() ? nullptr : &*it;
}

Object decode_kind(ObjectKind kind, const JsonCursor& object, Metadata metadata) {
  switch (kind) {
    case ObjectKind::kNamespace:
      return std::make_shared<const Namespace>(decode_namespace(object, std::move(metadata)));
    case ObjectKind::kNode:
      return std::make_shared<const Node>(decode_node(object, std::move(metadata)));
    case ObjectKind::kPod:
      return std::make_shared<const Pod>(decode_pod(object, std::move(metadata)));
    case ObjectKind::kService:
      return std::make_shared<const Service>(decode_service(object, std::move(metadata)));
    case ObjectKind::kEndpointSlice:
      return std::make_shared<const EndpointSlice>(decode_slice(object, std::move(metadata)));
    case ObjectKind::kWorkload:
      return std::make_shared<const Workload>(decode_workload(object, std::move(metadata)));
    case ObjectKind::kNetworkPolicy:
      return std::make_shared<const NetworkPolicy>(decode_network_policy(object, std::move(metadata)));
    case ObjectKind::kClusterNetworkPolicy:
      return std::make_shared<const ClusterNetworkPolicy>(decode_cluster_policy(object, std::move(metadata)));
    case ObjectKind::kDenyList:
      return std::make_shared<const DenyList>(decode_deny_list(object, std::move(metadata)));
    case ObjectKind::kQuarantine:
      break;
  }
  WEFT_ASSERT(false);
  return {};
}

// Decodes the documents of one text, one after the other.
class Decoder {
 public:
  explicit Decoder(std::string_view path) : path_(path) {}

  void document(const nlohmann::json& value, const LineMap* places) {
    places_ = places;
    problems_.clear();
    JsonCursor root(value, problems_);
    if (!value.is_object())
      unidentified(root, {}, "a document must be a map with apiVersion and kind");
    else
      object_or_list(root);
  }
  void fail(const TextError& error) {
    out_.usable = false;
    auto line = error.at.line == 0 ? path_ : fmt::format("{}:{}", path_, error.at.line);
    auto column = error.at.column == 0 ? "" : fmt::format("column {}: ", error.at.column);
    out_.diagnostics.push_back(
        {Diagnostic::Severity::kError, finding_code(error.code), {}, {}, column + error.reason, std::move(line)});
  }
  Decoded take() { return std::move(out_); }

 private:
  void object_or_list(const JsonCursor& root) {
    auto kind = root.string("kind");
    if (!kind.ends_with("List") || !root.value().contains("items")) return object(root, {}, {});
    auto api_version = root.string("apiVersion");
    kind.resize(kind.size() - std::string_view("List").size());
    if (kind.empty()) api_version.clear();
    auto items = root.items("items");
    if (!problems_.empty()) return unidentified(root, "items", "must be a list");
    for (const auto& item : items) object(item, api_version, kind);
  }

  // Items of typed lists do not say what they are: then it is `list_api` and `list_kind`.
  void object(const JsonCursor& cursor, const std::string& list_api, const std::string& list_kind) {
    problems_.clear();
    if (!cursor.value().is_object()) return unidentified(cursor, {}, "must be a map with apiVersion and kind");
    auto kind = cursor.string("kind", list_kind);
    auto api_version = cursor.string("apiVersion", list_api);
    if (!problems_.empty() || kind.empty() || api_version.empty())
      return unidentified(cursor, kind.empty() ? "kind" : "apiVersion", "is required and must be text");
    const auto* known = find_known(api_version, kind);
    if (known == nullptr) return unknown_kind(cursor, api_version, kind);
    known_object(cursor, *known);
  }

  void known_object(const JsonCursor& cursor, const KnownKind& known) {
    auto metadata = decode_metadata(cursor, known.rule, known.namespaced);
    ObjectKey key{known.kind, metadata.space, metadata.name};
    bool named = !key.name.empty() && !names_namespace_badly();
    auto object = decode_kind(known.kind, cursor, std::move(metadata));
    if (named) refuse_second(cursor, key);
    bool good = std::ranges::all_of(problems_, [](const JsonProblem& p) { return p.warning; });
    auto origin = origin_of(cursor.pointer());
    if (good && known.kind == ObjectKind::kService) explain_external_name(cursor, object);
    auto closed = good || !named ? std::nullopt : broken_policy(cursor, object);
    report(named ? key : ObjectKey{known.kind, {}, {}});
    if (closed) out_.objects.push_back({origin, std::move(*closed)});
    if (good)
      out_.objects.push_back({std::move(origin), std::move(object)});
    else if (named)
      out_.refused.push_back(std::move(key));
    else
      out_.unidentified = true;
  }

  // A policy that cannot be read, as the policy that takes its place when there is no good version of it.
  std::optional<Object> broken_policy(const JsonCursor& cursor, const Object& object) {
    auto start = cursor.pointer();
    bool subject_known =
        cursor.has("spec") && std::ranges::none_of(problems_, [&](const JsonProblem& p) {
          return !p.warning && (p.pointer == start + "/spec" || p.pointer.starts_with(start + "/spec/subject") ||
                                p.pointer.starts_with(start + "/spec/tier"));
        });
    if (is_second(cursor)) return std::nullopt;
    if (const auto* policy = std::get_if<std::shared_ptr<const NetworkPolicy>>(&object))
      return break_policy_of(cursor, **policy, true, "is not valid: until it is, it isolates what it selects");
    if (const auto* policy = std::get_if<std::shared_ptr<const ClusterNetworkPolicy>>(&object))
      return break_policy_of(cursor, **policy, subject_known,
                             subject_known ? "is not valid: until it is, it denies what it selects"
                                           : "is not valid and does not say whom it is about: it does nothing");
    return std::nullopt;
  }

  template <class T>
  static Object break_policy_of(const JsonCursor& cursor, T policy, bool subject_known, std::string_view effect) {
    break_policy(policy, subject_known);
    cursor.problem(FindingCode::kBrokenPolicy, {}, fmt::format("{}; a version that was good stays in force", effect));
    return std::make_shared<const T>(std::move(policy));
  }

  // The object was refused because the text has it already.
  bool is_second(const JsonCursor& cursor) const {
    return std::ranges::any_of(problems_, [&](const JsonProblem& p) {
      return p.code == FindingCode::kContested && p.pointer == cursor.pointer();
    });
  }

  bool names_namespace_badly() const {
    return std::ranges::any_of(problems_,
                               [](const JsonProblem& p) { return p.pointer.ends_with("/metadata/namespace"); });
  }

  void refuse_second(const JsonCursor& cursor, const ObjectKey& key) {
    auto [it, first] = seen_.emplace(key, origin_of(cursor.pointer()));
    if (!first)
      cursor.problem(FindingCode::kContested, {},
                     fmt::format("{} is defined at {} already; remove one", key.text(), it->second));
  }

  void explain_external_name(const JsonCursor& cursor, const Object& object) {
    const auto& service = *std::get<std::shared_ptr<const Service>>(object);
    if (service.type != Service::Type::kExternalName) return;
    auto spec = cursor.object("spec");
    spec.problem(FindingCode::kExternalName, "type",
                 "is ExternalName, which has no address to balance; use an EndpointSlice, or call " +
                     in_quotes(service.external_name) + " directly");
  }

  void unknown_kind(const JsonCursor& cursor, const std::string& api_version, const std::string& kind) {
    auto metadata = cursor.object("metadata");
    auto what = fmt::format("{} {} {}", in_quotes(kind), in_quotes(api_version), in_quotes(metadata.string("name")));
    problems_.clear();
    bool skipped = std::ranges::find(kNotEnforced, std::pair<std::string_view, std::string_view>(
                                                       group_of(api_version), kind)) != kNotEnforced.end();
    if (skipped)
      cursor.warning(FindingCode::kNotEnforced, "kind", what + " is not enforced by this version");
    else
      cursor.warning(FindingCode::kUnknownKind, "kind",
                     what + " is of an unknown kind and ignored" + near_kind(api_version, kind));
    report({});
  }

  static std::string near_kind(std::string_view api_version, std::string_view kind) {
    for (const auto& known : kKnown)
      if (kind_name(known.kind) == kind) return fmt::format("; {} is read with apiVersion {}", kind, known.api_version);
    auto near = nearest_word(kind, {"Namespace", "Node", "Pod", "Service", "EndpointSlice", "Workload", "NetworkPolicy",
                                    "ClusterNetworkPolicy"});
    auto it = std::ranges::find_if(kKnown, [&](const KnownKind& k) { return kind_name(k.kind) == near; });
    bool same_api = it != kKnown.end() && it->api_version == api_version;
    return same_api ? fmt::format("; did you mean {}?", near) : std::string();
  }

  void unidentified(const JsonCursor& cursor, std::string_view key, std::string reason) {
    problems_.clear();
    cursor.problem(FindingCode::kNotAnObject, key, std::move(reason));
    report({});
    out_.unidentified = true;
  }

  void report(const ObjectKey& key) {
    for (auto& problem : problems_)
      out_.diagnostics.push_back({problem.warning ? Diagnostic::Severity::kWarning : Diagnostic::Severity::kError,
                                  finding_code(problem.code), key, std::move(problem.field), std::move(problem.reason),
                                  origin_of(problem.pointer)});
    problems_.clear();
  }

  std::string origin_of(std::string_view pointer) const {
    auto line = places_ == nullptr ? 0 : places_->find(pointer).line;
    return line == 0 ? path_ : fmt::format("{}:{}", path_, line);
  }

  std::string path_;
  const LineMap* places_ = nullptr;
  std::vector<JsonProblem> problems_;
  std::map<ObjectKey, std::string> seen_;
  Decoded out_;
};

TextDocuments read_manifest(std::string_view path, std::string_view text) {
  if (path.ends_with(".json")) return read_json(text);
  if (auto documents = read_json_stream(text)) return std::move(*documents);
  return read_yaml(text);
}

}  // namespace

Decoded decode_manifest(std::string_view path, std::string_view text) {
  Decoder decoder(path);
  auto documents = read_manifest(path, text);
  if (!documents)
    decoder.fail(documents.error());
  else
    for (const auto& document : *documents) decoder.document(*document.value, &document.places);
  return decoder.take();
}

Decoded decode_json(std::string_view origin, const nlohmann::json& value) {
  Decoder decoder(origin);
  decoder.document(value, nullptr);
  return decoder.take();
}

}  // namespace weft
