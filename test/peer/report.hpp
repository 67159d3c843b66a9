// What a client saw, as one JSON document on stdout.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft::peer {

class Latencies {
 public:
  void add_ns(std::uint64_t ns) { values_ns_.push_back(ns); }
  void add_us(std::uint64_t us) { values_ns_.push_back(us * 1000); }
  std::string json();  // {"count","p50","p90","p99","max"} in microseconds

 private:
  std::vector<std::uint64_t> values_ns_;
};

struct Report {
  std::uint64_t ok = 0;                          // answered requests
  std::uint64_t connections = 0;                 // that were established
  std::map<std::string, std::uint64_t> failed;   // by errno, "EOF" or "TIMEOUT"
  std::map<std::string, std::uint64_t> servers;  // answers by server name
  std::set<std::string> clients;                 // our addresses as the servers saw them
  std::set<std::string> peers;                   // what getpeername() said
  std::set<std::string> reply_sources;           // where datagrams came from
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t slowest_failure_us = 0;
  Latencies connect;
  Latencies request;

  void fail(const std::string& reason, std::uint64_t after_us);
  void print(double seconds);
  int exit_code() const { return failed.empty() ? 0 : 1; }
};

std::string json_string(const std::string& text);
std::string json_counts(const std::map<std::string, std::uint64_t>& counts);
std::string json_set(const std::set<std::string>& values);

}  // namespace weft::peer
