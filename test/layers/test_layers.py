"""The layer check finds wrong arrows, and the tree has none."""

import pathlib

import check
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE = "weft_layer(base LINK fmt::fmt)\nweft_layer(model USES base)\nweft_layer(kernel USES base abi LINK bpf)\n" \
    "weft_layer(compile USES base model abi)\nweft_layer(observe USES base)\n"


def faults_of(tmp_path, name, text):
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    for folder in ("agent/base", "agent/model", "agent/kernel", "agent/compile", "agent/observe", "bpf", "include/weft/abi", "test/compile"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / name).write_text(text)
    return check.find_faults(tmp_path)


@pytest.mark.parametrize("name, text", [
    ("agent/base/a.cpp", '#include "agent/model/x.hpp"'),
    ("agent/model/a.cpp", '#include "weft/abi/flow.h"'),
    ("agent/model/a.cpp", "#  include <bpf/libbpf.h>"),
    ("agent/model/a.cpp", '#include "test/lib/x.hpp"'),
    ("agent/kernel/a.hpp", "#include <nlohmann/json.hpp>"),
    ("agent/kernel/a.cpp", "#include <CLI/CLI.hpp>"),
    ("agent/compile/a.cpp", '#include "bpf/lib/policy.h"'),
    ("agent/observe/a.cpp", '#include "bpf/lib/policy_decide.h"'),
    ("include/weft/abi/a.h", "#include <stdint.h>"),
    ("bpf/a.bpf.c", '#include "agent/base/x.hpp"'),
])
def test_a_wrong_arrow_is_found(tmp_path, name, text):
    faults = faults_of(tmp_path, name, f"// first\n{text}\n")
    assert len(faults) == 1
    assert faults[0].startswith(f"{name}:2: ")


@pytest.mark.parametrize("name, text", [
    ("agent/model/a.cpp", '#include "agent/base/x.hpp"'),
    ("agent/model/a.cpp", '#include "agent/model/x.hpp"'),
    ("agent/kernel/a.cpp", '#include "weft/abi/flow.h"\n#include <bpf/libbpf.h>'),
    ("agent/kernel/a.cpp", "#include <nlohmann/json.hpp>"),
    ("bpf/a.bpf.c", '#include "lib/x.h"\n#include <weft/abi/flow.h>'),
    ("agent/compile/a.cpp", '#include "bpf/lib/policy_decide.h"'),
    ("test/compile/a.cpp", '#include "bpf/lib/policy_decide.h"'),
])
def test_an_allowed_arrow_passes(tmp_path, name, text):
    assert faults_of(tmp_path, name, text) == []


def test_a_folder_without_a_layer_is_found(tmp_path):
    (tmp_path / "agent/secret").mkdir(parents=True)
    assert faults_of(tmp_path, "agent/base/a.cpp", "") == ["agent/secret: a folder without a weft_layer line"]


def test_the_tree_follows_its_arrows():
    assert check.find_faults(ROOT) == []
