// Rows of weft_peers: who has which address. Claims of one address are settled in this order: a node that declares it,
// a pod, a pod that is being deleted, a Workload, an interface of this node. Where two of one rank claim it, nobody's
// rights go with it until they agree.
#pragma once

#include <functional>
#include <vector>

#include "agent/compile/compiled.hpp"
#include "agent/compile/policy_classes.hpp"
#include "agent/compile/policy_networks.hpp"
#include "agent/compile/policy_tables.hpp"

namespace weft {

bool is_local(const PolicyMember& member, const NodeFacts& facts);

// The subject of a local member; 0: no policy selects it.
using FindSubject = std::function<std::uint32_t(const PolicyMember&)>;

std::vector<PeerRow> make_peer_rows(const PolicyClasses::Members& members, const NodeFacts& facts,
                                    const PolicyNetworks& networks, const FindSubject& subject_of);

// Of the Workloads of this node that say which processes they are, by name.
std::vector<ProcessSubject> make_process_subjects(const PolicyClasses::Members& members, const NodeFacts& facts,
                                                  const FindSubject& subject_of);

}  // namespace weft
