#!/usr/bin/env python3
"""Fails on an #include that no weft_layer line of CMakeLists.txt allows, and on heavy or foreign headers in the wrong place.

usage: test/layers/check.py [ROOT]; prints "FILE:LINE: what is wrong" and exits 1 when there is any.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
LAYER = re.compile(r"^weft_layer\(\s*(\w+)(.*)\)", re.MULTILINE)

# Header prefix → the only folders that may name it: the boundary of the thing behind it.
BOUNDARIES = {"bpf/": ("agent/kernel", "bpf"), "weft.skel.h": ("agent/kernel",), "sys/capability.h": ("agent/app", "agent/kernel"),
              "CLI/": ("agent/cli", "agent/app"), "yaml-cpp/": ("agent/base",), "prometheus/": ("agent/observe",),
              "boost/": ("agent/api", "agent/app", "agent/cli", "agent/kernel", "agent/discovery"), "catch2/": ("test",)}
# Headers of bpf/lib without map, helper or context → the only layer that may include them: both sides then decide alike.
SHARED = {"bpf/lib/policy_decide.h": ("compile",)}
# Too slow to compile for a header that others include: only .cpp files may name them, and headers for .cpp files of one folder.
HEAVY = ("nlohmann/json.hpp", "spdlog/", "boost/beast", "CLI/", "catch2/", "yaml-cpp/yaml.h")


def read_layers(text):
    """Layer → layers it may include, from the weft_layer lines: the same lines that build the tree."""
    layers = {}
    for name, rest in LAYER.findall(text):
        uses = re.search(r"\bUSES\s+((?:[a-z_]+\s*)+)", rest)
        layers[name] = {name, *(uses.group(1).split() if uses else [])}
    return layers


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def layer_of(header):
    if header.startswith(("weft/abi/", "include/weft/abi/")):
        return "abi"
    match = re.match(r"agent/(\w+)/", header)
    return match.group(1) if match else None


def find_agent_fault(folder, header, layers):
    target = layer_of(header)
    if target is not None and target not in layers.get(folder, {folder}):
        return f"agent/{folder} may not include {target} (weft_layer in CMakeLists.txt)"
    if header.startswith(("test/", "bpf/lib/")) and folder not in SHARED.get(header, ()):
        return f"agent/{folder} may not include {header}"
    return None


def find_kernel_fault(top, header):
    """bpf/ sees the contract, its own headers and the kernel's; the contract sees only linux/."""
    if top == "include" and not header.startswith(("linux/", "weft/abi/")):
        return f"the contract may include only linux/ and itself, not {header}"
    if top == "bpf" and not header.startswith(("linux/", "bpf/", "weft/abi/", "lib/")) and header not in ("maps.h", "stdbool.h", "stddef.h"):
        return f"bpf may include only the contract, lib/, maps.h and kernel headers, not {header}"
    return None


def find_placement_fault(path, header):
    place = path.as_posix()
    for prefix, folders in BOUNDARIES.items():
        if header.startswith(prefix) and not header.startswith("bpf/lib/") and not place.startswith(tuple(f"{folder}/" for folder in (*folders, "test"))):
            return f"<{header}> belongs to {', '.join(folders)}"
    return None


def find_heavy_headers(root):
    """Headers with a heavy include that a header, or another folder, includes in turn."""
    sources = [path for path in (root / "agent").rglob("*") if path.suffix in (".cpp", ".hpp")]
    included_by = {}
    for path in sources:
        for _, header in includes(path):
            included_by.setdefault(header, []).append(path)
    for path in sorted(sources):
        for number, header in includes(path) if path.suffix == ".hpp" else ():
            users = included_by.get(path.relative_to(root).as_posix(), [])
            if header.startswith(HEAVY) and any(user.suffix != ".cpp" or user.parent != path.parent for user in users or [path]):
                yield f"{path.relative_to(root)}:{number}: <{header}> is too heavy for a header that others see; name it in a .cpp"


def find_faults(root):
    layers = read_layers((root / "CMakeLists.txt").read_text())
    if not layers:
        return [f"{root}/CMakeLists.txt: no weft_layer lines"]
    faults = []
    for top in ("agent", "bpf", "include", "test"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".cpp", ".hpp", ".h", ".c"):
                continue
            local = path.relative_to(root)
            for number, header in includes(path):
                fault = find_placement_fault(local, header)
                if top == "agent":
                    fault = fault or find_agent_fault(local.parts[1], header, layers)
                elif top in ("bpf", "include"):
                    fault = fault or find_kernel_fault(top, header)
                if fault:
                    faults.append(f"{local}:{number}: {fault}")
    folders = [path.name for path in (root / "agent").iterdir() if path.is_dir()]
    faults += find_heavy_headers(root)
    return faults + [f"agent/{name}: a folder without a weft_layer line" for name in sorted(set(folders) - set(layers))]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    faults = find_faults(root)
    print("\n".join(faults) if faults else "layers: every include follows an allowed arrow")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
