// The rows of one subject: from the policies that select it to what each class of peers may do.
#pragma once

#include <memory>
#include <vector>

#include "agent/compile/policy_networks.hpp"
#include "agent/compile/policy_rules.hpp"
#include "agent/compile/policy_tables.hpp"

namespace weft {

// What a subject is made of. Two workloads with equal parts are one subject.
struct SubjectParts {
  std::vector<const CompiledPolicy*> policies;  // by tier, namespace and name
  std::vector<NamedPort> ports;                 // of the workload, those that its ingress rules name
  std::uint32_t audit = 0;

  std::string content() const;
};

// Only names that ingress rules of `policies` use.
std::vector<NamedPort> used_ports(const std::vector<const CompiledPolicy*>& policies,
                                  const std::vector<NamedPort>& ports);

std::shared_ptr<const SubjectTable> make_subject(std::uint32_t id, const SubjectParts& parts,
                                                 const PolicyNetworks& networks);

// Changes when the rows of the subject may have changed: by classes that came or went, or by other networks.
std::uint64_t subject_version(const SubjectParts& parts, std::uint64_t networks_version);

}  // namespace weft
