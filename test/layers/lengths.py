#!/usr/bin/env python3
"""Fails on a file above 500 lines, a function above 60 (a BPF program's entry above 80). usage: lengths.py FILE…"""

import ast
import re
import sys

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_ENTRY_LINES = 80
OPENING = re.compile(r"^[A-Za-z_].*[)a-z>]\s*(?:const|noexcept|override)?\s*\{\s*$|^\{\s*$")
NOT_A_FUNCTION = re.compile(r"^(?:namespace|struct|class|enum|union|extern)\b")


def c_functions(lines):
    """(first line, length, is entry) of every function that starts at the margin, as the formatter leaves it."""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and OPENING.match(line) and not NOT_A_FUNCTION.match(line):
            start = number
        elif line.startswith("}") and start is not None:
            entry = any(previous.startswith("SEC(") for previous in lines[max(0, start - 4):start])
            yield start, number - start + 1, entry
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1, False


def find_faults(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield f"{path}: {len(lines)} lines, more than {MAX_FILE_LINES}"
    functions = ()
    if path.endswith((".cpp", ".hpp", ".h", ".c")):
        functions = c_functions(lines)
    elif path.endswith(".py") or (lines and re.match(r"#!.*python", lines[0])):
        functions = python_functions(text)
    for start, length, entry in functions:
        limit = MAX_ENTRY_LINES if entry else MAX_FUNCTION_LINES
        if length > limit:
            yield f"{path}:{start}: a function of {length} lines, more than {limit}"


def main():
    faults = [fault for path in sys.argv[1:] for fault in find_faults(path)]
    print("\n".join(faults) if faults else f"lengths: {len(sys.argv) - 1} files within limits")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
