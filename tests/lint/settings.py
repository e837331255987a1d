"""Holds tests/settings.txt to docs/configuration.md, which comes from the code: every setting has
one row, which names the test that sets another value and sees the effect, or the feature that will
give it one."""
import re

DOCUMENT = "docs/configuration.md"
TABLE = "tests/settings.txt"
PREFIXES = ("STREAM_", "STREAMING_")
FEATURES = ("linking", "ingest", "sentiment", "audience", "sessions", "careers", "blending",
            "deployment")
NO_EFFECT = "No effect in this version yet"
DOCUMENTED = re.compile(r"\| `(\w+)` \|")


def documented(text):
    """Setting -> (line number, whether it does nothing yet)."""
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = DOCUMENTED.match(line)
        if match:
            found[match[1]] = (number, NO_EFFECT in line)
    return found


def rows(text):
    """(line number, words) of each row."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.split()


def names_of(setting):
    """`*_THREADS` stands for the setting of both daemons."""
    return [prefix + setting[2:] for prefix in PREFIXES] if setting.startswith("*_") else [setting]


def body_of(text, suite, test):
    """What stands in a test, else None. The layout ends it with a brace at column 0."""
    pattern = r"^TEST(?:_F|_P)?\(\s*%s,\s*%s\) \{(.*?)^\}" % (re.escape(suite), re.escape(test))
    match = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    return match and match[1]


def check_test(setting, path, test, read):
    """What is wrong with the test that a row names, else None."""
    suite, _, name = test.partition(".")
    text = read(path)
    if text is None:
        return f"no file {path}: name the file of the test"
    body = body_of(text, suite, name)
    if body is None:
        return f"no TEST({suite}, {name}) in {path}: write it, or name the one that there is"
    short = re.sub(r"^(?:\*|STREAM|STREAMING)_", "", setting)
    if not re.search(r"(?<![A-Z0-9_])%s(?![A-Z0-9_])" % short, body):
        return f"{test} in {path} does not mention {short}: set another value and see the effect"
    return None


def check_row(words, known, read):
    """What is wrong with one row, else None."""
    if len(words) != 3:
        return "no row: write `SETTING tests/file.cc Suite.Test` or `SETTING later: feature`"
    setting, second, third = words
    for name in names_of(setting):
        if name not in known:
            return f"{name} is not in {DOCUMENT}: delete the row, or run ./dev docs"
        idle = known[name][1]
        if second == "later:" and not idle:
            return f"{name} has an effect: name the test that sees it instead of `later:`"
        if second != "later:" and idle:
            return (f"{name} says `{NO_EFFECT}`: take that out of settings.cc and run ./dev docs, "
                    "or write `later: feature` here")
    if second == "later:":
        return None if third in FEATURES else f"no feature {third}: one of {', '.join(FEATURES)}"
    return check_test(setting, second, third, read)


def check(read):
    """Findings as 'path:line: advice'. `read(path)` gives a file's text, None without one."""
    known = documented(read(DOCUMENT) or "")
    findings, seen = [], {}
    for number, words in rows(read(TABLE) or ""):
        advice = check_row(words, known, read)
        if advice:
            findings.append(f"{TABLE}:{number}: {advice}")
        for name in names_of(words[0]):
            if name in seen:
                findings.append(
                    f"{TABLE}:{number}: {name} has a row in line {seen[name]}: keep one")
            seen.setdefault(name, number)
    findings += [f"{DOCUMENT}:{number}: {name} has no row in {TABLE}: name there the test that "
                 "sets another value and sees the effect"
                 for name, (number, _) in known.items() if name not in seen]
    return findings
