#!/usr/bin/env python3
"""Runs every `sh` block of the documentation as a reader would, and names page and line of the
first command of a page that fails.

    tests/docs/run_commands.py --build DIR [--root DIR] [page…]      without ./dev: build all first

A page is one shell, from its first block to its last. It runs in a folder that looks like the
checkout, with a `.dev` and a `build` of its own: whatever a developer has running is not touched,
and nothing is left behind. Nothing is built: the binaries are those of --build. page.py says how
a page excepts a block, check_text.py which exceptions there may be.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import check_text
import page

PAGE_SECONDS = 420
ALL_SECONDS = 1500
STOP_SECONDS = 60
LOG_LINES = 40

# In the place of the title, so that the lines of the script are those of the page. curl fails when
# the answer is an error, and a command when any part of it fails. DEBUG comes before each command,
# the one of EXIT (line 1) included.
PRELUDE = ("set -euo pipefail; line=0; curl() { command curl --fail-with-body -m 30 \"$@\"; }; "
           "trap '((LINENO == 1)) || line=$LINENO' DEBUG; "
           "trap 'echo \"$? $line\" >\"$DOCS_RESULT\"' EXIT")


class Failed(Exception):
    pass


def script_of(text):
    """(script, blocks run, [(line, reason)] of those not run). Each command has its page's line."""
    lines = [""] * (text.count("\n") + 2)
    lines[0] = PRELUDE
    run, excepted = 0, []
    for block in page.blocks(text):
        if block.language != "sh":
            continue
        if block.noted("not run"):
            excepted += block.noted("not run")
            continue
        run += 1
        instead = block.noted("run")
        for number, command in instead or enumerate(block.lines, block.line + 1):
            lines[number - 1] = command
    return "\n".join(lines) + "\n", run, excepted


def pattern_of(printed):
    """What a printed line must look like: any numbers, anything or nothing for "…"."""
    pattern = re.escape(re.sub(" *… *", "…", " ".join(printed.split()))).replace("…", ".*")
    number = r"[+-]?\d+(?:\.\d+)?"
    return re.compile(re.sub(r"(?:\\[+-])?\d+(?:\\\.\d+)?", lambda _: number, pattern) + "$")


def check_printed(path, text, log):
    lines = [" ".join(line.split()) for line in log.split("\n")]
    for block in page.blocks(text):
        if not block.noted("printed"):
            continue
        for number, printed in enumerate(block.lines, block.line + 1):
            if printed.strip() and not any(map(pattern_of(printed).match, lines)):
                raise Failed(f"{path}:{number}: no command of this page printed this: {printed}")


def checkout(root, build, folder):
    """Makes `folder` look like `root`, without its state and with nothing built but `build`."""
    for name in os.listdir(root):
        if name not in ("build", ".dev", "node_modules", ".git"):
            os.symlink(os.path.join(root, name), os.path.join(folder, name))
    os.mkdir(os.path.join(folder, "build"))
    os.symlink(build, os.path.join(folder, "build", "dev"))
    # npx takes what `./dev setup` has installed.
    modules = os.path.join(root, ".cache", "buf", "node_modules")
    if not os.path.exists(modules):
        raise Failed("./dev setup must come first: .cache/buf is missing")
    os.symlink(modules, os.path.join(folder, "node_modules"))


def environment(folder):
    return dict(os.environ, DEV_BUILD="no", DEV_PRESET="dev", TMPDIR=os.path.join(folder, "tmp"),
                npm_config_cache=os.path.join(folder, "npm"), npm_config_offline="true",
                npm_config_update_notifier="false",
                DOCS_RESULT=os.path.join(folder, "result"))


def end_group(leader):
    """What the page left in the background, and the page itself when it takes too long."""
    for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        until = time.monotonic() + patience
        while time.monotonic() < until:
            leader.poll()
            try:
                os.killpg(leader.pid, number if number else 0)
            except ProcessLookupError:
                return
            number = 0
            time.sleep(0.05)


def run_page(path, text, folder, seconds, show=False):
    script, run, excepted = script_of(text)
    name = os.path.join(folder, "page.sh")
    with open(name, "w", encoding="utf-8") as file:
        file.write(script)
    result = os.path.join(folder, "result")
    if os.path.exists(result):
        os.remove(result)
    with open(os.path.join(folder, "log"), "w+", encoding="utf-8", errors="replace") as log:
        shell = subprocess.Popen(["bash", name], cwd=folder, env=environment(folder), stdout=log,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            shell.wait(seconds)
            late = False
        except subprocess.TimeoutExpired:
            late = True
        finally:
            end_group(shell)
        log.seek(0)
        printed = log.read()
    if show:
        print(printed)
    tail = "\n".join("    " + line for line in printed.split("\n")[-LOG_LINES:])
    status, line = "?", "?"
    if os.path.exists(result):
        with open(result, encoding="utf-8") as file:
            status, line = file.read().split()
    if late:
        raise Failed(f"{path}:{line}: not done after {seconds:.0f} s\n{tail}")
    if shell.returncode != 0:
        raise Failed(f"{path}:{line}: this command ended with {status}\n{tail}")
    check_printed(path, text, printed)
    return run, excepted


def processes_of(folder):
    """(pid, command line) of whatever still runs out of that folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if int(pid) != os.getpid() and (folder in command or where.startswith(folder)):
            found.append((int(pid), command))
    return found


def clean_up(folder):
    """Ends the stack. What is found running afterwards is ended too, and a failure."""
    if os.path.exists(os.path.join(folder, ".dev")):
        subprocess.run(["./dev", "down", "--wipe"], cwd=folder, env=environment(folder),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    left = processes_of(folder)
    for pid, _ in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    shutil.rmtree(folder, ignore_errors=True)
    if left:
        raise Failed("left running: " + "; ".join(command for _, command in left))


def run_pages(root, build, paths, show):
    """Prints a line a page; the findings."""
    failed, run, excepted = [], 0, []
    until = time.monotonic() + ALL_SECONDS
    folder = tempfile.mkdtemp(prefix="docs-")
    os.mkdir(os.path.join(folder, "tmp"))
    try:
        checkout(root, build, folder)
        for path in paths:
            text = check_text.read(os.path.join(root, path))
            if not any(block.language == "sh" for block in page.blocks(text)):
                continue
            started = time.monotonic()
            try:
                seconds = min(PAGE_SECONDS, max(1, until - started))
                ran, left_out = run_page(path, text, folder, seconds, show)
            except Failed as failure:
                failed.append(str(failure))
                continue
            run += ran
            excepted += [(path, line, reason) for line, reason in left_out]
            print(f"{path}: {ran} blocks in {time.monotonic() - started:.0f} s", flush=True)
    except Failed as failure:
        failed.append(str(failure))
    finally:
        try:
            clean_up(folder)
        except Failed as failure:
            failed.append(str(failure))
    print(f"{run} blocks were run, {len(excepted)} were not:")
    for path, line, reason in excepted:
        print(f"  {path}:{line}: {reason}")
    if not run and not failed:
        failed.append("no block was run")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", required=True, help="the build tree, build/<preset>")
    parser.add_argument("--root", default=".")
    parser.add_argument("--show", action="store_true", help="what the commands print")
    parser.add_argument("pages", nargs="*", help="README.md, docs/…; all by default")
    options = parser.parse_args()
    # So that what ends this ends the stack, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = os.path.abspath(options.root)
    failed = run_pages(root, os.path.abspath(options.build),
                       options.pages or check_text.pages(root, check_text.RUN), options.show)
    for failure in failed:
        print(failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
