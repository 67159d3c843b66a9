// weft-peer: servers and clients that say exactly what they sent, received and saw.
#include "test/peer/modes.hpp"

#include <string>

#include "test/peer/options.hpp"

namespace {

constexpr const char* kUsage =
    "usage: weft-peer serve|connect|stream OPTIONS\n"
    "  serve   --listen ADDR:PORT[,…] [--udp] [--name N] [--banner] [--drain S] [--close-after-answer] [--reset]\n"
    "          answers HTTP and `weft OUT IN` requests; prints its totals when it ends\n"
    "  connect --to ADDR:PORT[,…] [--count N] [--concurrency C] [--requests N] [--bytes-out A] [--bytes-in B] [--udp]\n"
    "          [--connected] [--one-socket] [--v4-mapped] [--mptcp] [--fastopen] [--source ADDR:PORT] [--hold S]\n"
    "          [--rate R] [--duration S] [--keep-alive] [--http] [--close fin|rst|half] [--timeout S] [--silent]\n"
    "  stream  --to ADDR:PORT [--streams N] [--duration S] [--interval-ms MS] [--bytes N]";

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "serve") return weft::peer::serve(argc - 2, argv + 2);
  if (mode == "connect") return weft::peer::connect(argc - 2, argv + 2);
  if (mode == "stream") return weft::peer::stream(argc - 2, argv + 2);
  weft::peer::usage_error(kUsage);
}
