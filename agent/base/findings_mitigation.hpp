// Findings about deny lists and quarantines: WEFT14xx.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_MITIGATION_FINDINGS(X)                                                                               \
  X(1401, kDeniesItself, "A deny list would cut this node off",                                                   \
    "A block of the list holds an address of the node, of the loopback, or every address there is.",              \
    "Name smaller blocks; `weft deny add --force` denies what only you can judge.",                               \
    "Packets of the node's own addresses never come over an uplink unless somebody forges them, and a list that " \
    "holds everything takes the way to undo it along. The other blocks of the list are denied.")
