#!/usr/bin/env python3
"""A browser looks at the observatory while the story of the demo happens, is refused with bad
tokens, and sees the daemon die and come back. look.mjs says what must be seen.

    tests/observatory/look_test.py --build DIR [--root DIR] [--pictures DIR]

The stack is one of its own in a temporary folder, as that of tests/observability/live_test.py.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "docs"), os.path.join(HERE, "..", "observability")]
import live_test  # noqa: E402  pylint: disable=wrong-import-position
import run_commands  # noqa: E402  pylint: disable=wrong-import-position


def token(stack, *options):
    done = subprocess.run(["./dev", "token", *options], cwd=stack.folder, env=stack.environment,
                          capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


def address(stack):
    """What a person who looks is told."""
    done = subprocess.run(["./dev", "observatory"], cwd=stack.folder, env=stack.environment,
                          capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


class Browser:
    """look.mjs: it says what it has come to, a line each, and waits for an answer."""

    def __init__(self, root, stack, pictures):
        self.process = subprocess.Popen(
            ["node", os.path.join(root, "tests/observatory/look.mjs"), address(stack),
             token(stack, "--role", "user"), token(stack, "--role", "admin", "--ttl", "-60"),
             pictures],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def await_line(self, expected):
        line = self.process.stdout.readline().strip()
        if line != expected:
            rest = self.rest()
            raise live_test.Failed(f"waited for '{expected}', and it said: {line}\n{rest}")
        print(line, flush=True)

    def rest(self):
        """What it says before it ends, if it does: a failure has many lines."""
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            return ""
        return self.process.stdout.read()

    def tell(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise live_test.Failed("the browser does not end") from None
        if status != 0:
            raise live_test.Failed(f"look.mjs ended with {status}")


def tell_story(stack, failures):
    try:
        stack.tell_story()
    except (live_test.Failed, subprocess.TimeoutExpired) as failure:
        failures.append(failure)


def look(root, build, folder, pictures):
    stack = live_test.Stack(root, build, folder)
    browser = Browser(root, stack, pictures)
    try:
        browser.await_line("looking")
        failures = []
        story = threading.Thread(target=tell_story, args=(stack, failures))
        story.start()
        browser.await_line("seen: streams, audience, mood, train")
        story.join()
        if failures:
            raise failures[0]
        browser.tell("the story is told")
        browser.await_line("seen: raid, and no stream any more")
        stack.kill("streaming")
        browser.await_line("seen: the daemon is gone")
        stack.run(["./dev", "up"], stack.environment, "again.log")
        browser.await_line("seen: the daemon is back")
        browser.end()
    finally:
        if browser.process.poll() is None:
            browser.process.terminate()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True, help="the build tree, build/<preset>")
    parser.add_argument("--root", default=".")
    parser.add_argument("--pictures", default="", help="a folder for pictures of the page")
    options = parser.parse_args()
    # So that what ends this ends the stack, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="observatory-")
    os.mkdir(os.path.join(folder, "tmp"))
    try:
        look(os.path.abspath(options.root), os.path.abspath(options.build), folder,
             options.pictures and os.path.abspath(options.pictures))
        failed = 0
    except (live_test.Failed, run_commands.Failed, subprocess.SubprocessError) as failure:
        print(failure)
        failed = 1
    finally:
        run_commands.clean_up(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
