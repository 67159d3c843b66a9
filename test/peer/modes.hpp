// The modes of weft-peer. Each takes the arguments after its own name and returns the exit code.
#pragma once

namespace weft::peer {

class Options;

int serve(int argc, char** argv);
int connect(int argc, char** argv);
int stream(int argc, char** argv);

int exchange_datagrams(const Options& options);  // `connect --udp`

}  // namespace weft::peer
