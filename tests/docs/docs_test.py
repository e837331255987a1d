#!/usr/bin/env python3
"""That the two programs beside this one find what they are for. Pages here are made up."""
import os
import shutil
import tempfile
import textwrap
import unittest

import check_text
import page
import run_commands

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def text(page_text):
    return textwrap.dedent(page_text)


class CheckText(unittest.TestCase):
    def advice(self, page_text, path="docs/made_up.md"):
        return [finding.split(": ", 1)[0].rsplit(":", 1)[1] + ": " + finding.split(": ", 1)[1]
                for finding in check_text.findings(ROOT, path, text(page_text))]

    def assertFinds(self, page_text, line, words, path="docs/made_up.md"):
        found = self.advice(page_text, path)
        self.assertTrue(any(advice.startswith(f"{line}: ") and words in advice for advice in found),
                        found)

    def test_a_clean_page_is_clean(self):
        self.assertEqual([], self.advice("""\
            # Title
            `dev`, `services/stream/bind.cc`, `services/<daemon>/bind.{h,cc}` and `BufferStore`,
            [the settings](configuration.md#streaming), `STREAM_HTTP_ADDR`, `./dev demo`.

            ```sh
            ./dev up
            ./dev call list   # of both
            ```
            <!-- printed -->
            ```text
            bannou.streaming.v1.HypeService
            ```
            <!-- not run: it runs this test -->
            ```sh
            ./dev test -L unit
            ```
            """))

    def test_blocks_have_a_language(self):
        self.assertFinds("# Title\n```\nx\n```\n", 2, "language ''")
        self.assertFinds("# Title\n```bash\nx\n```\n", 2, "language 'bash'")

    def test_commands_do_not_hide(self):
        for command in ("./dev up", "  curl -s http://x/", "$ ls", "npx @bufbuild/buf curl",
                        "git log", "STREAM_X=1 ./dev up", "sudo apt-get install jq",
                        "redis-cli -p 1 ping", "build/dev/bin/call x", "mysql -u root",
                        ". .dev/env"):
            self.assertFinds(f"# Title\n```text\nx\n{command}\n```\n", 4, "outside of an `sh`")
        self.assertFinds("# Title\n\n    ./dev up\n", 3, "indented")
        self.assertFinds("# Title\n```sh\n./dev up\n```\n", 2, "not run",
                         "services/stream/README.md")

    def test_exceptions_are_few(self):
        self.assertFinds("# T\n<!-- not run: why not -->\n```sh\ncurl x\n```\n", 4, "can be run")
        self.assertFinds("# T\n<!-- not run -->\n```sh\n./dev test\n```\n", 2, "say why")
        self.assertFinds("# T\n<!-- run: ./dev status -->\n```sh\n./dev up\n```\n", 2,
                         "another command")
        self.assertFinds("# T\n<!-- run: true -->\n```sh\n./dev up\n./dev down\n```\n", 3,
                         "2 commands, and 1")
        self.assertEqual([], self.advice("""\
            # T
            <!-- run: ./dev simulate --hours 2 --members 100 -->
            ```sh
            ./dev simulate --hours 24   # a day
            ```
            """))

    def test_a_page_brings_its_stack_up(self):
        self.assertFinds("# T\n```sh\n./dev call list\n./dev up\n```\n", 3, "./dev up")

    def test_what_is_named_exists(self):
        self.assertFinds("# T\nSee `services/stream/no_such.cc`.\n", 2, "does not exist")
        self.assertFinds("# T\nSee `services/<daemon>/no_such.{h,cc}`.\n", 2, "does not exist")
        self.assertFinds("# T\nSee `NoSuch" + "Worker`.\n", 2, "nowhere in the code")
        self.assertFinds("# T\nSet `STREAM_NO_SUCH`.\n", 2, "no setting")
        self.assertFinds("# T\nType `./dev nosuch`.\n", 2, "does not exist")
        self.assertFinds("# T\nType `./dev bench nosuch`.\n", 2, "does not exist")
        self.assertFinds("# T\n[x](no_such.md)\n", 2, "does not exist")
        self.assertFinds("# T\n[x](configuration.md#no-such)\n", 2, "no such heading")
        self.assertFinds("# T\n```json\n{'a': 1}\n```\n", 2, "no JSON")
        self.assertFinds("# T\n```proto\nmessage X { Y y = 1; }\n```\n", 2, "not defined")


class RunCommands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_page(self, page_text, seconds=30):
        return run_commands.run_page("page.md", text(page_text), self.folder, seconds)

    def assertFails(self, page_text, words, seconds=30):
        with self.assertRaises(run_commands.Failed) as failure:
            self.run_page(page_text, seconds)
        self.assertIn(words, str(failure.exception))

    def test_blocks_share_a_shell(self):
        self.assertEqual((2, [(8, "it is made up")]), self.run_page("""\
            # T
            ```sh
            x=1; double() { echo $((2 * $1)); }
            ```
            ```text
            false
            ```
            <!-- not run: it is made up -->
            ```sh
            false
            ```
            <!-- run: test $x = 1 -->
            ```sh
            false
            ```
            """))

    def test_it_names_the_line(self):
        self.assertFails("# T\n\n```sh\ntrue\nfalse  # here\ntrue\n```\n", "page.md:5:")
        self.assertFails("# T\n```sh\nf() { false; }\ntrue\nf\n```\n", "page.md:5:")
        self.assertFails("# T\n```sh\ntrue\nx=$(false | cat)\n```\n", "page.md:4:")
        self.assertFails("# T\n```sh\ntrue\necho $nowhere\n```\n", "page.md:4:")
        self.assertFails("# T\n```sh\ntrue\n```\nmore\n```sh\nexit 3\n```\n", "page.md:7: this "
                         "command ended with 3")
        self.assertFails("# T\n```sh\ncurl -s http://127.0.0.1:1/\n```\n", "page.md:3:")

    def test_it_waits_for_nobody(self):
        self.assertFails("# T\n```sh\ntrue\nsleep 600\n```\n", "page.md:4: not done", seconds=3)
        self.run_page("# T\n```sh\nsleep 86399 &\n```\n")
        self.assertEqual([], run_commands.processes_of(self.folder))

    def test_its_checkout_has_a_state_of_its_own(self):
        os.makedirs(os.path.join(self.folder, "root/.cache/buf/node_modules"))
        for name in ("dev", ".dev", "build"):
            os.makedirs(os.path.join(self.folder, "root", name))
        folder = os.path.join(self.folder, "checkout")
        os.mkdir(folder)
        run_commands.checkout(os.path.join(self.folder, "root"), "/nowhere", folder)
        self.assertEqual([".cache", "build", "dev", "node_modules"], sorted(os.listdir(folder)))
        self.assertEqual(["dev"], os.listdir(os.path.join(folder, "build")))
        self.assertFalse(os.path.islink(os.path.join(folder, "build")))

    def test_what_is_printed_is_compared(self):
        printed = ("# T\n```sh\necho '  12 viewers   came, +0.5'\n```\n"
                   "<!-- printed -->\n```text\n%s\n```\n")
        for line in ("7 viewers came, -1.25", "… came, …"):
            self.run_page(printed % line)
        self.assertFails(printed % "12 viewers left", "page.md:7: no command")

    def test_each_command_of_a_page_is_told_from_its_output(self):
        commands = [command for block in page.blocks("```sh\n# no\na \\\n  b\nc\n```")
                    for command in block.commands()]
        self.assertEqual([(3, "a   b"), (5, "c")], commands)


if __name__ == "__main__":
    unittest.main()
