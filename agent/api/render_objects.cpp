#include "agent/api/render.hpp"

namespace weft {
namespace {

std::string_view type_name(Service::Type type) {
  switch (type) {
    case Service::Type::kClusterIp:
      return "ClusterIP";
    case Service::Type::kNodePort:
      return "NodePort";
    case Service::Type::kLoadBalancer:
      return "LoadBalancer";
    case Service::Type::kExternalName:
      return "ExternalName";
  }
  return "";
}

std::string_view state_name(ObjectStatus::State state) {
  switch (state) {
    case ObjectStatus::State::kProgrammed:
      return "Programmed";
    case ObjectStatus::State::kAccepted:
      return "Accepted";
    case ObjectStatus::State::kError:
      return "Error";
  }
  return "";
}

void write_port(JsonWriter& json, const ServicePort& port) {
  json.begin_object().field("name", port.name).field("port", port.port).field("protocol", protocol_name(port.protocol));
  if (port.node_port != 0) json.field("nodePort", port.node_port);
  if (port.target_port_name.empty())
    json.field("targetPort", port.target_port);
  else
    json.field("targetPort", port.target_port_name);
  json.end_object();
}

void write_frontend(JsonWriter& json, const FrontendView& frontend) {
  json.begin_object().field("address", frontend.address.text()).field("port", frontend.port);
  json.field("protocol", protocol_name(frontend.protocol)).key("endpoints").begin_array();
  for (const auto& endpoint : frontend.endpoints) json.value(endpoint.text());
  json.end_array().end_object();
}

void write_process(JsonWriter& json, const Workload::Process& process) {
  json.key("process").begin_object();
  json.text_field("systemdUnit", process.systemd_unit).text_field("cgroup", process.cgroup);
  if (process.uid) json.field("uid", *process.uid);
  json.end_object();
}

}  // namespace

void write_object_status(JsonWriter& json, const ObjectStatus& status) {
  json.key("status").begin_object().field("state", state_name(status.state)).field("reason", status.reason);
  write_findings(json, status.findings, status.findings.size());
  json.end_object();
}

void write_addresses(JsonWriter& json, std::string_view name, const std::vector<IpAddress>& addresses) {
  json.key(name).begin_array();
  for (const auto& address : addresses) json.value(address.text());
  json.end_array();
}

void append_json(std::string& out, const ServiceView& view) {
  const Service& service = *view.object;
  JsonWriter json(out);
  json.begin_object().field("namespace", service.metadata.space).field("name", service.metadata.name);
  json.field("type", type_name(service.type));
  write_addresses(json, "clusterIPs", service.cluster_ips);
  write_addresses(json, "externalIPs", service.external_ips);
  json.field("headless", service.headless).key("ports").begin_array();
  for (const auto& port : service.ports) write_port(json, port);
  json.end_array().key("frontends").begin_array();
  for (const auto& frontend : view.frontends) write_frontend(json, frontend);
  json.end_array().field("affinitySeconds", service.affinity_timeout_s);
  write_object_status(json, view.status);
  json.field("origin", view.origin).end_object();
}

void append_json(std::string& out, const EndpointView& view) {
  const auto& endpoint = view.endpoint;
  JsonWriter json(out);
  json.begin_object().field("namespace", view.service.first).field("service", view.service.second);
  json.field("portName", view.port_name).field("address", endpoint.address.text()).field("port", endpoint.port);
  json.field("protocol", protocol_name(view.protocol)).field("ready", endpoint.ready);
  json.field("serving", endpoint.serving).field("terminating", endpoint.terminating);
  json.field("node", endpoint.node).field("zone", endpoint.zone).key("workload").begin_object();
  json.field("namespace", endpoint.workload.first).field("name", endpoint.workload.second).end_object();
  json.field("programmed", view.programmed).end_object();
}

void append_json(std::string& out, const WorkloadView& view) {
  JsonWriter json(out);
  json.begin_object().field("namespace", view.name.first).field("name", view.name.second).field("kind", view.kind);
  json.key("pods").begin_array();
  for (const auto& pod : view.pods) json.value(pod);
  json.end_array().field("identity", view.identity).field("node", view.node).field("zone", view.zone);
  write_addresses(json, "addresses", view.addresses);
  json.key("ports").begin_array();
  for (const auto& port : view.ports) {
    json.begin_object().field("name", port.name).field("port", port.port);
    json.field("protocol", protocol_name(port.protocol)).end_object();
  }
  json.end_array().field("serviceAccount", view.service_account);
  if (view.process) write_process(json, *view.process);
  if (view.quarantine) {
    json.key("quarantine").begin_object();
    write_quarantine(json, *view.quarantine);
    json.end_object();
  }
  write_object_status(json, view.status);
  json.end_object();
}

void append_json(std::string& out, const IdentityView& view) {
  JsonWriter json(out);
  json.begin_object().field("id", view.id).field("namespace", view.name.first).field("name", view.name.second);
  write_addresses(json, "addresses", view.addresses);
  json.end_object();
}

}  // namespace weft
