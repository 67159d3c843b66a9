// Findings about the configuration of weftd: WEFT2xxx. See findings.hpp.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_CONFIG_FINDINGS(X)
