#!/usr/bin/env python3
"""What can be told of the documentation by reading it: every command stands in a block that
run_commands.py runs, and whatever a page names (a path, a type, a setting, a command of ./dev, a
heading of another page) exists.

    tests/docs/check_text.py [root]
"""
import functools
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import page

# Where commands are run. The other pages are only read.
RUN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md")
READ = RUN + ("docs/adr/*.md", "services/*/README.md", "tests/*/README.md")

LANGUAGES = {"sh", "text", "json", "ini", "proto", "cpp", "promql", "http"}
# A line that begins like this is typed by somebody, so it belongs into a block that is run.
COMMAND = re.compile(
    r"^\s*(?:\$ |(?:[A-Z_]+=\S* +)?(?:sudo +)?(?:"
    r"\./dev|\.ci/run|build/\S*/bin/|deploy/local/\S+\.sh|tests/\S+\.(?:py|sh)"
    r"|(?:curl|npx|npm|node|buf|grpcurl|mysql|mariadb|redis-cli|nats|openssl|docker|kubectl|helm"
    r"|git|cmake|ctest|python3|apt|apt-get|export|source|systemctl|jq|stream|streaming)"
    r" +[^\s:|=→─])"
    r"|\. \.dev/env)")
# What may be left out, since it takes too long, never ends, would run this very test, would leave
# secrets in the checkout, or needs an engine, a cluster or a machine that is given to it.
NEVER_RUN = re.compile(
    r"(?:DEV_PRESET=\w+ )?(?:\./dev (?:test|bench|fuzz|lint|logs|train-sentiment)|\.ci/run)\b"
    r"|DEV_PRESET=release \./dev build\b|deploy/docker/build\.sh\b|docker compose\b"
    r"|deploy/compose/secrets\.sh(?: deploy/kubernetes/\S+ \S+)?$|kubectl apply\b"
    r"|sudo (?:install|systemctl|deploy/compose/secrets\.sh)\b")
NEEDS_STACK = re.compile(r"\./dev (?:call|token|status|logs)\b|\. \.dev/env")

CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^(?:\.?[\w-]+/)+[\w.*<>{},-]*$|^[\w-]+(?:/[\w.*<>{},-]+)+$")
# What a reader's own build, stack, training or installation makes.
MADE = ("build/", ".dev/", ".cache/", "deploy/compose/.env", "deploy/compose/secrets/",
        "deploy/compose/backups")
TYPE = re.compile(r"^(?:[a-z_]+::)*((?:[A-Z][a-z0-9]+){2,})(?:\(\))?$")
SETTING = re.compile(r"\b(?:STREAM|STREAMING)_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?!_|\*)")
DEV = re.compile(r"\./dev ([a-z-]+)(?: ([a-z]+)`)?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE_ENDINGS = (".cc", ".h", ".proto", ".py", ".sh", ".lua", ".sql", ".mjs", ".txt", ".in")
SKIPPED = {".git", ".cache", ".dev", "build", "node_modules", "__pycache__"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages(root, patterns):
    found = []
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(root, pattern))):
            found.append(os.path.relpath(path, root))
    return found


@functools.lru_cache(maxsize=None)
def words_of_code(root):
    """Every word of the code, fixtures and pages of documentation apart."""
    words = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED | {"fixtures", "corpus"}]
        for name in files:
            if name.endswith(CODE_ENDINGS):
                words.update(re.findall(r"\w+", read(os.path.join(folder, name))))
    return words


@functools.lru_cache(maxsize=None)
def settings_of(root):
    """The settings, what `./dev up` exports besides, and words of the contract that look alike."""
    rows = re.findall(r"^\| `(\w+)`", read(os.path.join(root, "docs/configuration.md")), re.M)
    others = [os.path.join(root, "deploy/local/stack.sh")]
    others += glob.glob(os.path.join(root, "proto/**/*.proto"), recursive=True)
    like = re.compile(r"\bSTREAM(?:ING)?_\w+")
    return {*rows, *(row + "_FILE" for row in rows),
            *(word for other in others for word in like.findall(read(other)))}


def check_blocks(root, path, text):
    for block in page.blocks(text):
        if block.language not in LANGUAGES:
            yield block.line, (f"a block of language '{block.language}': commands are `sh`, what "
                               f"they print is `text`, else {', '.join(sorted(LANGUAGES))}")
        if block.language == "sh" and os.path.dirname(path) not in map(os.path.dirname, RUN):
            yield block.line, "commands of this page are not run: move them to docs/"
        if block.language != "sh":
            for number, line in enumerate(block.lines, block.line + 1):
                if COMMAND.match(line):
                    yield number, "a command outside of an `sh` block, which no test runs"
        if block.language == "json":
            try:
                json.loads("\n".join(block.lines))
            except ValueError as error:
                yield block.line, f"no JSON: {error}"
        if block.noted("printed") and block.language != "text":
            yield block.line, "only a `text` block is printed"
        if (block.noted("run") or block.noted("not run")) and block.language != "sh":
            yield block.line, "only an `sh` block is run"


def masked(command):
    """Without its numbers and its comment."""
    return re.sub(r"\d+(?:\.\d+)?", "N", re.sub(r"\s+#.*", "", command))


def check_exceptions(root, path, text):
    """What is left out may be left out, and what is run instead is the same."""
    for block in page.blocks(text):
        commands = list(block.commands())
        for line, reason in block.noted("not run"):
            if not reason:
                yield line, "say why it is not run"
            for number, command in commands:
                if not NEVER_RUN.match(command):
                    yield number, ("this can be run: only tests, benchmarks, fuzzing, lint and "
                                   "what follows a log may be left out (NEVER_RUN)")
        instead = block.noted("run")
        if instead and len(instead) != len(commands):
            yield block.line, f"{len(commands)} commands, and {len(instead)} to run instead"
        for (line, other), (_, command) in zip(instead, commands):
            if not masked(other).startswith(masked(command)):
                yield line, "another command than the block's: change numbers, or add options"


def check_stack(root, path, text):
    """A page is read on its own: it brings the stack up before it uses it."""
    is_up = False
    for block in page.blocks(text):
        for number, command in block.commands() if block.language == "sh" else ():
            is_up = is_up or command.startswith("./dev up")
            if NEEDS_STACK.search(command) and not is_up and not block.noted("not run"):
                yield number, "needs a stack: `./dev up` must come before it on this page"


def check_indented(root, path, text):
    for number, line in page.outside_blocks(text):
        if re.match(r"^ {4,}", line) and COMMAND.match(line):
            yield number, "a command in an indented block: use an `sh` fence"


def bases(root, path):
    """Where a page's paths begin: at the top, at the page, at a daemon, at the common library."""
    return [root, os.path.join(root, os.path.dirname(path)), os.path.join(root, "services/stream"),
            os.path.join(root, "services/streaming")]


def check_paths(root, path, text):
    for number, line in page.outside_blocks(text):
        for code in CODE.findall(line):
            name = code.split(" ")[0]
            if not PATH.match(name) or name.startswith(MADE):
                continue
            begin = name.split("/")[0]
            near = [base for base in bases(root, path) if os.path.isdir(os.path.join(base, begin))]
            if near and not any(glob.glob(os.path.join(base, pattern + ending)) for base in near
                                for pattern in alternatives(name) for ending in ("", ".*")):
                yield number, f"`{name}` does not exist"


def alternatives(name):
    """`a.{h,cc}` as two patterns; <placeholders> stand for anything."""
    name = re.sub(r"<[^>]*>", "*", name)
    braces = re.search(r"\{([^}]*)\}", name)
    if not braces:
        return [name]
    return [name[:braces.start()] + part + name[braces.end():] for part in braces[1].split(",")]


def check_protos(root, path, text):
    """A snippet of the contract compiles in its place."""
    for block in page.blocks(text):
        if block.language == "proto":
            snippet = ('syntax = "proto3"; package bannou.snippet; '
                       'import "bannou/common/v1/options.proto"; '
                       'import "google/protobuf/timestamp.proto";\n' + "\n".join(block.lines))
            with tempfile.TemporaryDirectory() as folder:
                with open(os.path.join(folder, "snippet.proto"), "w", encoding="utf-8") as file:
                    file.write(snippet)
                done = subprocess.run(
                    ["protoc", "-I", os.path.join(root, "proto"), "-I", folder, "-I",
                     "/usr/include", "-o", os.devnull, "snippet.proto"],
                    capture_output=True, text=True, check=False)
            if done.returncode:
                yield block.line, done.stderr.strip()


def check_names(root, path, text):
    for number, line in page.outside_blocks(text):
        for code in CODE.findall(line):
            match = TYPE.match(code)
            if match and match[1] not in words_of_code(root):
                yield number, f"`{code}` is nowhere in the code"


def check_settings(root, path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for name in SETTING.findall(line):
            if name not in settings_of(root):
                yield number, f"{name} is no setting (docs/configuration.md)"


def check_dev(root, path, text):
    known = set(re.findall(r"^  ([a-z-]+)\) .*##", read(os.path.join(root, "dev")), re.M))
    rows = re.findall(r"^bench_(\w+)", read(os.path.join(root, "deploy/local/bench.sh")), re.M)
    for number, line in enumerate(text.split("\n"), 1):
        for name, row in DEV.findall(line):
            if name not in known or (name == "bench" and row and row not in rows):
                yield number, f"`./dev {name} {row}` does not exist"


def anchors(text):
    """What GitHub calls the headings of a page."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def check_links(root, path, text):
    for number, line in page.outside_blocks(text):
        for link in LINK.findall(CODE.sub("", line)):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            target = os.path.join(root, os.path.dirname(path), target) if target else \
                os.path.join(root, path)
            if not os.path.exists(target):
                yield number, f"{link} does not exist"
            elif anchor and anchor not in anchors(read(target)):
                yield number, f"{link}: no such heading"


CHECKS = (check_blocks, check_exceptions, check_stack, check_indented, check_protos, check_paths,
          check_names, check_settings, check_dev, check_links)


def findings(root, path, text):
    for check in CHECKS:
        for number, advice in check(root, path, text):
            yield f"{path}:{number}: {advice}"


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")
    read_pages = pages(root, READ)
    found = [finding for path in read_pages
             for finding in findings(root, path, read(os.path.join(root, path)))]
    for finding in found:
        print(finding)
    print(f"{len(read_pages)} pages, {len(found)} findings")
    return 1 if found or len(read_pages) < len(READ) else 0


if __name__ == "__main__":
    sys.exit(main())
