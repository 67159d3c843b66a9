// Findings about network policies: WEFT13xx.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_POLICY_FINDINGS(X)                                                                                        \
  X(1301, kBadBlock, "A value is not a block of addresses",                                                            \
    "The value is not ADDRESS/BITS, or an exception is not a part of the block it is in.",                             \
    "Write a block like 10.0.0.0/8 or fd00::/8.",                                                                      \
    "Bits behind the prefix are cleared: 10.1.2.3/8 is 10.0.0.0/8. IPv6 blocks never hold IPv4 addresses.")            \
  X(1302, kBrokenPolicy, "A policy is not valid and denies",                                                           \
    "Some field of the policy cannot be read, and there is no good version of it to keep.",                            \
    "Correct the fields that the other messages name.",                                                                \
    "A policy that is not understood must not open what its author meant to close. A NetworkPolicy isolates the pods " \
    "that it selects, in the directions that it names; what cannot be read of its podSelector is left out, so that "   \
    "it "                                                                                                              \
    "may select more. A ClusterNetworkPolicy denies all traffic of its subject at its priority; when its subject or "  \
    "its tier cannot be read it does nothing, because it could cut off the whole cluster.")                            \
  X(1303, kPolicySelectsNothing, "A policy selects nothing", "No pod and no workload is selected by the policy.",      \
    "Compare the labels of the selector with those of the workloads and namespaces.",                                  \
    "Pods in the host's network are not selected by policies.")                                                        \
  X(1304, kPeerMatchesNothing, "A peer of a policy matches nothing",                                                   \
    "No pod, workload or node is selected by a peer of a rule.",                                                       \
    "Compare the labels of the selector with those of the workloads and namespaces.",                                  \
    "Without a namespaceSelector, a NetworkPolicy's podSelector looks in the policy's own namespace only.")            \
  X(1305, kPolicyPortUnknown, "A policy names a port that nobody has",                                                 \
    "No workload that the rule is about has a port with this name and protocol.",                                      \
    "Name the port in the workload, or use its number.", "Each workload is looked at by itself.")                      \
  X(1306, kPolicyPortUnserved, "A policy opens a port that nobody serves",                                             \
    "All workloads that the rule is about declare their ports, and this one is not among them.",                       \
    "Correct the port, or declare it in the workload.",                                                                \
    "Declaring ports is optional, so this is a hint only. A Service's port differs from its workloads' port: "         \
    "policies "                                                                                                        \
    "see the workloads' port.")                                                                                        \
  X(1307, kShadowedRule, "A rule can never decide",                                                                    \
    "A rule that comes first matches everything that this rule matches.", "Remove the rule, or put it first.",         \
    "Rules of a tier are looked at by priority, then in the order of their policy.")                                   \
  X(1308, kEqualPriority, "Two policies have one priority",                                                            \
    "Two policies of a tier that can apply to the same workloads have the same priority.",                             \
    "Give one of them another priority.",                                                                              \
    "The API leaves open which of them decides. weft puts denials first where the order within each policy allows "    \
    "it.")
