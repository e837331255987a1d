#!/usr/bin/env python3
"""Holds the tree to its layout: which file may include what, which words belong where, and plain
text hygiene. Every finding names file and line and says what to do instead.

    tests/lint/lint.py [root]

A check is a function (path, lines) -> (line number, advice)*; CHECKS lists them all. They read
text and know no C++ grammar: they lean on clang-format's layout, which `./dev lint` checks first.
settings.py looks at more than one file at a time.
"""
import os
import re
import sys

import settings

# Fixtures are what others sent, byte for byte.
SKIPPED_FOLDERS = {".git", ".cache", "build", "fixtures", "node_modules", "__pycache__"}
CODE = (".h", ".cc")
SCRIPTS = (".py", ".sh", ".lua", ".cmake")
TEXT = CODE + SCRIPTS + (".proto", ".sql", ".md", ".json", ".yaml", ".yml", ".txt", ".env", ".conf")
SCRIPTS_WITHOUT_ENDING = {"dev", ".ci/run"}

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
STANDARD_HEADER = re.compile(r"^[a-z0-9_]+$")
FEATURE_FILE = re.compile(r"^services/(\w+)/(\w+)/(?:.*/)?(\w+)\.(?:h|cc|inc)$")
DAEMON_FILE = re.compile(r"^services/(\w+)/(\w+)\.(?:h|cc)$")
COMMENT = re.compile(r'//.*$')

# What only one daemon can know. "audience" is missing because tokens have one too, "stream"
# because RPCs and JetStream do.
DOMAIN_WORD = re.compile(
    r"twitch|youtube|sentiment|streamer|broadcaster|follower|hype(?!r)|(?<!re)viewer|pulse"
    r"|(?<![a-z])(?:emote|raid|chat)", re.IGNORECASE)
DOMAIN_PROTOS = ("bannou/stream/", "bannou/streaming/")
SQL = re.compile(
    r"\bSELECT\s+[A-Za-z_(*@`]|\bINSERT\s+(?:IGNORE\s+)?INTO\b|\bUPDATE\s+\w+\s+SET\b"
    r"|\b(?:DELETE\s+FROM|REPLACE\s+INTO|(?:CREATE|ALTER|DROP)\s+TABLE)\b")
SQL_FOLDERS = ("libs/common/mysql/", "libs/common/outbox/", "libs/common/testing/", "tests/")
# Every key carries a hash tag: a literal such as "pool:{". "port:{}" is a log format, not a key.
REDIS_KEY = re.compile(r'"[^"]*[a-z0-9_]:\{(?!\})')
METRIC = re.compile(r"metric|counter|gauge|histogram", re.IGNORECASE)
ID_LABEL = re.compile(r'"(?:\w*_)?id"|"(?:user|login|channel|display_name)"')
FINDS_PACKAGES = re.compile(r"^\s*(find_(?:package|library|path|program)|pkg_check_modules)\s*\(")
SLEEP = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w.])sleep\s*\(")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
CLASS = re.compile(r"(?:class|struct)\b.*\{$")
NO_FUNCTION = re.compile(r"(?:class|struct|enum|union|namespace|extern)\b")
MACHINE_PATH = re.compile(r"/(?:home|root|work|Users)/\w")


def daemon_of(path):
    """The daemon that a path under services/ belongs to, else None."""
    parts = path.split("/")
    return parts[1] if parts[0] == "services" and len(parts) > 2 else None


def kind_of(path):
    """rule, store, rpc, worker, client, test, simulation, bind, main, settings; None elsewhere."""
    match = DAEMON_FILE.match(path)
    if match:
        return "test" if match[2].endswith("_test") else match[2]
    match = FEATURE_FILE.match(path)
    if not match:
        return None
    stem = match[3]
    if stem == "main":
        return "main"
    for kind in ("test", "store", "rpc", "worker", "client"):
        if stem.endswith("_" + kind):
            return kind
    # Events and their words are made from the contract, which rules do not see.
    if stem.endswith("_keys") or match[2] == "events":
        return "store"
    return "simulation" if match[2] == "simulation" else "rule"


def is_test(path):
    return path.startswith("tests/") or path.endswith("_test.cc")


def includes(lines):
    """(line number, spelling, is quoted) of each include."""
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[2], match[1] == '"'


def check_rule_includes(path, lines):
    kind = kind_of(path)
    if kind not in ("rule", "simulation"):
        return
    for number, name, quoted in includes(lines):
        own = daemon_of(name) == daemon_of(path) and kind_of(name) in ("rule", "simulation")
        if not (own or name.startswith(("absl/", "libs/common/base/"))
                or (not quoted and STANDARD_HEADER.match(name))):
            yield number, (f"a rule includes {name}: rules see the standard library, absl, "
                           "libs/common/base and rules of their daemon; pass the value as an "
                           "argument or move the I/O to a _store, _rpc, _worker or _client file")


def check_arrows(path, lines):
    daemon, kind = daemon_of(path), kind_of(path)
    if daemon is None or kind is None:
        return
    for number, name, _ in includes(lines):
        target, target_kind = daemon_of(name), kind_of(name)
        if target is not None and target != daemon:
            yield number, (f"{daemon} includes {name} of {target}: daemons share proto/ and "
                           "libs/common only; move what both need there")
        elif kind == "store" and target_kind in ("rpc", "worker"):
            yield number, (f"a store includes {name}: arrows go rpc, worker -> store -> rules; "
                           "return the value to the caller instead")
        elif target_kind == "bind" and kind not in ("bind", "main", "test"):
            yield number, ("only main.cc includes bind.h: let bind hand this part what it needs "
                           "through its constructor")


def check_common(path, lines):
    if not path.startswith("libs/common/"):
        return
    # Tests may use the real contract as their example.
    domain = ("services/", "tests/") + (() if is_test(path) else DOMAIN_PROTOS)
    for number, name, _ in includes(lines):
        if name.startswith(domain):
            yield number, (f"libs/common includes {name}: it serves any daemon; take the value or "
                           "a callback as an argument")
        elif (path.startswith("libs/common/base/") and name.startswith("libs/common/")
              and not name.startswith("libs/common/base/") and not is_test(path)):
            yield number, (f"libs/common/base includes {name}: rules link base, so it depends on "
                           "nothing above it; move this file out of base")
    for number, line in enumerate(lines, 1):
        match = DOMAIN_WORD.search(line)
        if match and not INCLUDE.match(line) and not is_test(path):
            yield number, (f"libs/common says '{match[0]}': it knows no word of the domain; name "
                           "what it does, or move it to services/")


def check_outsiders(path, lines):
    if not path.startswith(("tests/platform_sim/", "tests/tools/", "tests/e2e/")):
        return
    for number, name, _ in includes(lines):
        if name.startswith("services/"):
            yield number, (f"{name} is the inside of a daemon: these programs stand outside and "
                           "use proto/, HTTP and libs/common")


def check_sql(path, lines):
    if (not path.endswith(CODE) or is_test(path) or path.startswith(SQL_FOLDERS)
            or kind_of(path) == "store"):
        return
    for number, line in enumerate(lines, 1):
        if SQL.search(COMMENT.sub("", line)):
            yield number, "SQL outside a store: put the statement into a <noun>_store.cc"


def check_redis_keys(path, lines):
    if (not path.endswith(CODE) or is_test(path) or kind_of(path) == "store"
            or path.startswith("libs/common/testing/")):
        return
    for number, line in enumerate(lines, 1):
        if REDIS_KEY.search(COMMENT.sub("", line)):
            yield number, ("a Redis key outside a store: give it one constructor function in "
                           "<feature>_keys.h with its type, TTL and owner")


def check_metric_labels(path, lines):
    if not path.endswith(CODE):
        return
    statement = ""
    for number, line in enumerate(lines, 1):
        code = COMMENT.sub("", line)
        statement += code
        if ID_LABEL.search(code) and METRIC.search(statement):
            yield number, ("an id or a person as a metric label: labels are few and anonymous; "
                           "count by type or platform instead")
        if code.rstrip().endswith((";", "{", "}")):
            statement = ""


def check_find_package(path, lines):
    if path == "cmake/Dependencies.cmake" or not path.endswith((".cmake", "CMakeLists.txt")):
        return
    for number, line in enumerate(lines, 1):
        match = FINDS_PACKAGES.match(line)
        if match:
            yield number, f"{match[1]} outside cmake/Dependencies.cmake: move it there"


def check_sleeps(path, lines):
    if not is_test(path) or not path.endswith(CODE):
        return
    for number, line in enumerate(lines, 1):
        if SLEEP.search(COMMENT.sub("", line)):
            yield number, ("a test sleeps: poll the condition with a deadline, as "
                           "libs/common/testing does")


def check_text(path, lines):
    # Prose is wrapped by whoever reads it; data and lock files by nobody.
    limited = path.endswith(CODE + SCRIPTS) or path in SCRIPTS_WITHOUT_ENDING
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield number, "a tab: indent with blanks, write \\t inside strings"
        if line != line.rstrip():
            yield number, "blanks at the end of the line: delete them"
        if limited and len(line) > COLUMNS_MAX and not INCLUDE.match(line):
            yield number, f"{len(line)} columns: wrap at {COLUMNS_MAX}"
        if UNFINISHED.search(line):
            yield number, "unfinished work in the text: do it, or open an issue and delete this"
        if MACHINE_PATH.search(line):
            yield number, "a path of somebody's machine: make it relative or a parameter"
    if lines and lines[-1] == "":
        yield len(lines), "blank lines at the end of the file: delete them"


def check_file_length(path, lines):
    if path.endswith(CODE + SCRIPTS) and len(lines) > FILE_LINES_MAX:
        yield FILE_LINES_MAX + 1, (f"{len(lines)} lines: split by noun, {FILE_LINES_MAX} is the "
                                   "most that one reads as one thing")


def check_function_length(path, lines):
    """A function ends with `}` alone at column 0, a method defined in its class at column 2."""
    if not path.endswith(CODE):
        return
    in_class = False
    signature = {0: False, 2: False}  # By column: inside a declaration that may open a body,
    opened = {0: None, 2: None}  # and the line of the `{` that did.
    for number, line in enumerate(lines, 1):
        if line.startswith("};"):
            in_class = False
        for column in (0, 2) if in_class else (0,):
            if re.match(r" {%d}[\w~:<\[]" % column, line):
                signature[column] = not NO_FUNCTION.match(line.lstrip())
                opened[column] = None
            if signature[column] and line.endswith(("{", ";")):
                signature[column] = False
                opened[column] = number if line.endswith("{") else None
            if line == " " * column + "}" and opened[column]:
                length = number - opened[column] - 1
                if length > FUNCTION_LINES_MAX:
                    yield opened[column], (f"a function of {length} lines: extract steps with "
                                           f"names, {FUNCTION_LINES_MAX} is the limit")
        if CLASS.match(line):
            in_class = True


CHECKS = [
    check_rule_includes, check_arrows, check_common, check_outsiders, check_sql, check_redis_keys,
    check_metric_labels, check_find_package, check_sleeps, check_text, check_file_length,
    check_function_length,
]


def lint_text(path, text):
    """Findings of one file as 'path:line: advice', in line order."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    found = [finding for check in CHECKS for finding in check(path, lines)]
    if text and not text.endswith("\n"):
        found.append((len(lines), "no newline at the end of the file: add one"))
    return [f"{path}:{number}: {advice}" for number, advice in sorted(found)]


def files(root):
    """Paths of the text files below root, relative to it."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders
                            if f not in SKIPPED_FOLDERS and not f.startswith(".dev"))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(TEXT) or path in SCRIPTS_WITHOUT_ENDING:
                yield path


def read(root, path):
    """The text of a file below root, None when there is none."""
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../..")
    findings, count = [], 0
    for path in files(root):
        count += 1
        try:
            findings += lint_text(path, read(root, path))
        except UnicodeDecodeError:
            findings.append(f"{path}:1: not UTF-8: convert it")
    findings += settings.check(lambda path: read(root, path))
    print("\n".join(findings + [f"lint: {count} files, {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
