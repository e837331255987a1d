"""The fenced blocks of a Markdown page, and what the page says about running them.

A block of language `sh` holds commands that a reader types. Comments straight above it may say

    <!-- not run: REASON -->      the test leaves the block out, and prints why
    <!-- run: COMMAND -->         instead of the block, one comment a command: the same with other
                                  numbers or more options

and above a block of language `text`

    <!-- printed -->              the commands of the page print these lines: numbers may differ,
                                  "…" stands for anything
"""
import re

FENCE = re.compile(r"^(\s*)```(.*)$")
COMMENT = re.compile(r"^<!-- (not run|run|printed)(?:: (.+))? -->$")


class Block:
    def __init__(self, line, language, lines, notes):
        self.line = line  # of the fence; its content begins at the next one
        self.language = language
        self.lines = lines
        self.notes = notes  # (line, kind, text) of the comments above it

    def noted(self, kind):
        return [(line, text) for line, noted, text in self.notes if noted == kind]

    def commands(self):
        """(line, command): lines that end in a backslash are joined, comments left out."""
        joined, start = "", None
        for number, line in enumerate(self.lines, self.line + 1):
            start = start or number
            if line.endswith("\\"):
                joined += line[:-1]
                continue
            command = (joined + line).strip()
            if command and not command.startswith("#"):
                yield start, command
            joined, start = "", None


def blocks(text):
    """Fenced blocks of a page, in order. One that is never closed ends with the page."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if not fence:
            number += 1
            continue
        notes = []
        above = number - 1
        while above >= 0 and (comment := COMMENT.match(lines[above])):
            notes.insert(0, (above + 1, comment[1], comment[2] or ""))
            above -= 1
        end = number + 1
        while end < len(lines) and lines[end].strip() != "```":
            end += 1
        yield Block(number + 1, fence[2].strip(), lines[number + 1:end], notes)
        number = end + 1


def outside_blocks(text):
    """(line number, line) of what is in no block."""
    inside = set()
    for block in blocks(text):
        inside.update(range(block.line, block.line + len(block.lines) + 2))
    for number, line in enumerate(text.split("\n"), 1):
        if number not in inside:
            yield number, line
