#!/usr/bin/env python3
"""Each check on a text that it must accept and one that it must refuse."""
import unittest

import settings
from lint import FILE_LINES_MAX, FUNCTION_LINES_MAX, lint_text

RULE = "services/streaming/hype/train.cc"
STORE = "services/streaming/hype/train_store.cc"
RPC = "services/streaming/hype/hype_rpc.cc"
WORKER = "services/streaming/hype/hype_worker.cc"
TEST = "services/streaming/hype/train_test.cc"
COMMON = "libs/common/redis/pool.cc"

# (path, one line, words of the advice; "" when the line is fine)
LINES = [
    (RULE, "#include <vector>", ""),
    (RULE, '#include "absl/status/statusor.h"', ""),
    (RULE, '#include "libs/common/base/time.h"', ""),
    (RULE, '#include "services/streaming/pool/archetype.h"', ""),
    (RULE, '#include "libs/common/redis/pool.h"', "pass the value as an argument"),
    (RULE, '#include "services/streaming/pool/pool_store.h"', "pass the value as an argument"),
    (RULE, '#include "services/streaming/hype/hype_keys.h"', "pass the value as an argument"),
    (RULE, '#include "services/streaming/settings.h"', "pass the value as an argument"),
    (RULE, "#include <grpcpp/grpcpp.h>", "pass the value as an argument"),
    ("services/streaming/simulation/run.cc", '#include "services/streaming/hype/train.h"', ""),
    ("services/streaming/simulation/run.cc", '#include "libs/common/mysql/pool.h"', "argument"),
    (STORE, '#include "services/streaming/hype/train.h"', ""),
    (STORE, '#include "services/streaming/hype/hype_rpc.h"', "rpc, worker -> store -> rules"),
    (STORE, '#include "services/streaming/hype/hype_worker.h"', "rpc, worker -> store -> rules"),
    (RPC, '#include "services/streaming/hype/train_store.h"', ""),
    (RPC, '#include "services/stream/linking/link.h"', "share proto/ and libs/common only"),
    (RPC, '#include "services/streaming/bind.h"', "only main.cc includes bind.h"),
    ("services/streaming/main.cc", '#include "services/streaming/bind.h"', ""),
    ("services/streaming/simulation/main.cc", "#include <CLI/CLI.hpp>", ""),
    ("services/streaming/simulation/world.cc", "#include <CLI/CLI.hpp>", "a rule includes"),
    ("services/streaming/bind.cc", '#include "services/streaming/hype/hype_rpc.h"', ""),
    (COMMON, '#include "libs/common/base/status.h"', ""),
    (COMMON, '#include "services/stream/settings.h"', "take the value or a callback"),
    (COMMON, '#include "bannou/streaming/v1/hype.pb.h"', "take the value or a callback"),
    ("libs/common/rpc/rpc_test.cc", '#include "bannou/streaming/v1/hype.pb.h"', ""),
    ("libs/common/rpc/rpc_test.cc", '#include "services/stream/settings.h"', "take the value"),
    ("libs/common/base/uuid.cc", '#include "libs/common/log/log.h"', "move this file out of base"),
    (COMMON, "// A remote peer is afraid of a hyperlink reviewer; server streaming.", ""),
    (COMMON, "struct HypeTrain {};", "no word of the domain"),
    (COMMON, "int viewers = 0;", "no word of the domain"),
    ("tests/platform_sim/sim.cc", '#include "services/stream/ingest/twitch.h"', "stand outside"),
    (STORE, 'db.Run("SELECT id FROM session");', ""),
    (WORKER, 'db.Run("SELECT id FROM session");', "put the statement into"),
    (WORKER, 'db.Run("UPDATE session SET a = 1");', "put the statement into"),
    (WORKER, "// SELECT nothing here", ""),
    (WORKER, 'db.Run("SELECT 1");', ""),
    (COMMON, 'Send({"SELECT", "1"});', ""),
    ("services/streaming/hype/hype_keys.h", 'return "hype:{" + game + "}";', ""),
    (WORKER, 'Get("hype:{" + game + "}");', "<feature>_keys.h"),
    (WORKER, 'Log("port:{}", port);', ""),
    (WORKER, 'counter.Add({{"platform", name}});', ""),
    (WORKER, 'counter.Add({{"session_id", id}});', "labels are few and anonymous"),
    (WORKER, 'json["session_id"] = id;', ""),
    ("tests/CMakeLists.txt", "find_package(GTest REQUIRED)", "move it there"),
    ("cmake/Dependencies.cmake", "find_package(GTest REQUIRED)", ""),
    (TEST, "std::this_thread::sleep_for(1s);", "poll the condition with a deadline"),
    ("libs/common/testing/eventually.cc", "std::this_thread::sleep_for(1ms);", ""),
    (RULE, "int a;\tint b;", "indent with blanks"),
    (RULE, "int a; ", "delete them"),
    (RULE, "// " + "x" * 97, ""),
    (RULE, "// " + "x" * 98, "wrap at"),
    ("README.md", "x" * 200, ""),
    (RULE, "// TO" + "DO: later", "open an issue"),
    (RULE, 'Open("/home' + '/me/file");', "make it relative"),
]


def function(lines, indent=""):
    body = "".join(f"{indent}  Step();\n" for _ in range(lines))
    return f"{indent}void Run(int a) {{\n{body}{indent}}}\n"


class LintTest(unittest.TestCase):
    def test_single_lines(self):
        for path, line, words in LINES:
            with self.subTest(path=path, line=line):
                found = lint_text(path, line + "\n")
                self.assertEqual(len(found), 1 if words else 0, found)
                if words:
                    self.assertTrue(found[0].startswith(f"{path}:1: "), found)
                    self.assertIn(words, found[0])

    def test_line_numbers(self):
        self.assertIn(f"{RULE}:2: ", lint_text(RULE, "int a;\nint b; \n")[0])

    def test_metric_labels_over_several_lines(self):
        text = 'metrics.Counter(\n    {{"link_id", id}});\n'
        self.assertIn(f"{WORKER}:2: ", lint_text(WORKER, text)[0])

    def test_function_length(self):
        self.assertEqual(lint_text(RULE, function(FUNCTION_LINES_MAX)), [])
        self.assertIn(f"{RULE}:1: ", lint_text(RULE, function(FUNCTION_LINES_MAX + 1))[0])

    def test_short_functions_are_not_added_up(self):
        self.assertEqual(lint_text(RULE, (function(40) + "\n") * 3 + "int a;\n"), [])

    def test_what_surrounds_a_function_is_not_its_body(self):
        text = "namespace {\n\n" + "int a = 0;\n" * 80 + function(1) + "}  // namespace\n"
        self.assertEqual(lint_text(RULE, text), [])
        text = "class A {\n" + "  int a = 0;\n" * 80 + "};\n\n" + function(1)
        self.assertEqual(lint_text(RULE, text), [])

    def test_long_parameter_list_is_not_body(self):
        text = "void Run(int a,\n         int b) {\n" + "  Step();\n" * FUNCTION_LINES_MAX + "}\n"
        self.assertEqual(lint_text(RULE, text), [])

    def test_method_length(self):
        for lines, count in ((FUNCTION_LINES_MAX, 0), (FUNCTION_LINES_MAX + 1, 1)):
            text = f"class A {{\n public:\n{function(lines, '  ')}}};\n"
            self.assertEqual(len(lint_text(RULE, text)), count)

    def test_file_length(self):
        self.assertEqual(lint_text(RULE, "int a;\n" * FILE_LINES_MAX), [])
        self.assertEqual(len(lint_text(RULE, "int a;\n" * (FILE_LINES_MAX + 1))), 1)

    def test_end_of_file(self):
        self.assertIn("add one", lint_text(RULE, "int a;")[0])
        self.assertIn("blank lines at the end", lint_text(RULE, "int a;\n\n")[0])


DOCUMENT = """| Variable | Default | Meaning |
|---|---|---|
| `STREAM_THREADS` | `8` | Threads. |
| `STREAM_RATE` | `0.5` | A rate. |
| `STREAM_IDLE` | | Something. No effect in this version yet. |
| `STREAMING_THREADS` | `8` | Threads. |
"""
TESTS = """TEST(Suite, Threads) {
  Start("THREADS=1");
}

TEST_F(Suite,
       Rate) {
  Start("OTHER_RATE=1", "RATES=1");
}

TEST_F(Suite, GoodRate) {
  Start("RATE=1");
}
"""
ROWS = ("*_THREADS a_test.cc Suite.Threads", "STREAM_RATE a_test.cc Suite.GoodRate",
        "STREAM_IDLE later: linking")

DOC, TABLE = settings.DOCUMENT, settings.TABLE

# (the rows that change, file and line of the finding, words of its advice)
CHANGES = [
    ({}, "", ""),
    ({0: "STREAM_THREADS a_test.cc Suite.Threads"}, f"{DOC}:6: ", "name there the test"),
    ({1: ""}, f"{DOC}:4: ", "name there the test"),
    ({1: "STREAM_RATE"}, f"{TABLE}:3: ", "no row: write"),
    ({1: f"{ROWS[1]}\n{ROWS[1]}"}, f"{TABLE}:4: ", "a row in line 3: keep one"),
    ({1: f"{ROWS[1]}\nSTREAM_RAT a_test.cc Suite.GoodRate"}, f"{TABLE}:4: ", "delete the row"),
    ({1: "STREAM_RATE b_test.cc Suite.GoodRate"}, f"{TABLE}:3: ", "no file b_test.cc"),
    ({1: "STREAM_RATE a_test.cc Suite.BadRate"}, f"{TABLE}:3: ", "no TEST(Suite, BadRate)"),
    ({1: "STREAM_RATE a_test.cc Suite.Rate"}, f"{TABLE}:3: ", "does not mention RATE"),
    ({1: "STREAM_RATE later: linking"}, f"{TABLE}:3: ", "has an effect"),
    ({2: "STREAM_IDLE a_test.cc Suite.Idle"}, f"{TABLE}:4: ", "take that out"),
    ({2: "STREAM_IDLE later: tomorrow"}, f"{TABLE}:4: ", "no feature tomorrow"),
]


class SettingsTest(unittest.TestCase):
    def test_rows(self):
        for changes, place, words in CHANGES:
            with self.subTest(changes=changes):
                lines = ["# A comment.", *(changes.get(i, row) for i, row in enumerate(ROWS))]
                files = {DOC: DOCUMENT, TABLE: "\n".join(lines), "a_test.cc": TESTS}
                found = settings.check(files.get)
                self.assertEqual(len(found), 1 if words else 0, found)
                if words:
                    self.assertTrue(found[0].startswith(place), found)
                    self.assertIn(words, found[0])


if __name__ == "__main__":
    unittest.main()
