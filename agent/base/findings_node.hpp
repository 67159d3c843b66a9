// Findings about the node, the kernel and the running agent: WEFT3xxx. See findings.hpp.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_NODE_FINDINGS(X)
