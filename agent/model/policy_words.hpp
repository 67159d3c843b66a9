// Parts of policies in a few words, for tables and messages.
#pragma once

#include <string>

#include "agent/model/policy.hpp"

namespace weft {

std::string words_of(const LabelSelector& selector);  // "app=web,tier in (a,b),!old"; "all" when it is empty
std::string words_of(const PodSelection& selection);  // "pods app=web of namespaces team=shop"
std::string words_of(const PolicyPeer& peer);         // also "10.0.0.0/8 except 10.1.0.0/16", "nodes role=x"
std::string words_of(const PolicyPort& port);         // "TCP/80", "TCP/8000-8010", "UDP", "http"

}  // namespace weft
