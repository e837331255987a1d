"""Reads PromQL as far as our rules and dashboards use it: which series an expression names, and
what is left of an alert without its thresholds. Also what they and docs/metrics.md hold."""
import json
import os
import re

import yaml

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(){}\[\]]|\b(?:and|or|unless)\b|[<>]=?|[=!]=|\s+|.', re.S)
NUMBER = re.compile(r"^[\d.]+$")
GROUPING = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
MATCHING = re.compile(r"^\s*(?:bool\b|(?:on|ignoring)\s*\([^)]*\))\s*")
WRAPPED = re.compile(r"^absent\s*\((.*)\)$", re.S)
SELECTOR = re.compile(
    r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(?![\w:]|\s*\())')
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
WORDS = {"and", "or", "unless", "by", "on", "bool"}
# Prometheus's own labels and metrics.
TARGET_LABELS = {"job": {"stream", "streaming"}, "instance": set()}
OWN = {"up": {}}
GRPC_CODES = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
              "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
              "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
              "UNAUTHENTICATED"}


def split(expression, separators):
    """What stands between the separators that stand in no parentheses."""
    parts, depth = [""], 0
    for token in TOKEN.findall(expression):
        depth += token in ("(", "{", "[")
        depth -= token in (")", "}", "]")
        if depth == 0 and token in separators:
            parts.append("")
        else:
            parts[-1] += token
    return [MATCHING.sub("", part).strip() for part in parts]


def measured(expression):
    """What an alert compares: its expression without thresholds, as the parts that must each have
    data when the alert is to be of any use."""
    parts = split(expression, ("and", "or", "unless"))
    if len(parts) == 1:
        parts = split(expression, ("<", ">", "<=", ">=", "==", "!="))
    if len(parts) > 1:
        return [each for part in parts if not NUMBER.match(part) for each in measured(part)]
    part = parts[0]
    if part.startswith("(") and len(split(part[1:-1] + " ", (")",))) == 1 and balanced(part[1:-1]):
        return measured(part[1:-1])
    wrapped = WRAPPED.match(part)
    return measured(wrapped[1]) if wrapped else [part]


def balanced(text):
    depth = 0
    for token in TOKEN.findall(text):
        depth += (token == "(") - (token == ")")
        if depth < 0:
            return False
    return depth == 0


def selectors(expression):
    """(metric, [(label, operator, value)]) of every selector."""
    for match in SELECTOR.finditer(GROUPING.sub(" ", expression)):
        name = match[1]
        if name and name not in WORDS:
            yield name, MATCHER.findall(match[2] or "")


def grouped_labels(expression):
    return {label for group in GROUPING.findall(expression) for label in re.findall(r"\w+", group)}


def words_of(operator, value):
    """The plain words that a matcher asks for; a true regular expression asks for none."""
    if operator in ("=", "!="):
        return [value]
    return [word for word in value.split("|") if not re.search(r"[.*+?()\[\]\\^$]", word)]


def documented(root):
    """Metrics of docs/metrics.md: name → (type, {label: values, as far as the page has them})."""
    row = re.compile(r"^\| `(\w+)` \| (\w+) \| \w* ?\| (.*?) ?\| .+ \|$", re.M)
    label = re.compile(r"`(\w+)`(?: \(([^)]*)\))?")
    metrics = {}
    for name, kind, labels in row.findall(read(root, "docs/metrics.md")):
        metrics[name] = (kind, {key: set(values.split()) for key, values in label.findall(labels)})
    return metrics


def series_of(metrics, recorded):
    """Every name of a series → its labels with the values that are known; {} values: any."""
    series = {name: dict(TARGET_LABELS, **labels) for name, labels in OWN.items()}
    for name, (kind, labels) in metrics.items():
        endings = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
        for ending in endings:
            series[name + ending] = dict(TARGET_LABELS, **labels)
            if ending == "_bucket":
                series[name + ending]["le"] = set()
    for name, slos in recorded.items():
        series[name] = {"job": set(TARGET_LABELS["job"]), "slo": slos}
    return series


def problems(expression, series):
    """What an expression asks for that does not exist, in words."""
    for name, matchers in selectors(expression):
        if name not in series:
            yield f"no metric {name}"
            continue
        for label, operator, value in matchers:
            if label not in series[name]:
                yield f"{name} has no label {label}"
                continue
            known = series[name][label] or (GRPC_CODES if label == "grpc_code" else set())
            for word in words_of(operator, value) if known else ():
                if word not in known:
                    yield f"{name} has no {label} {word}"
    known = {label for labels in series.values() for label in labels}
    for label in grouped_labels(expression) - known:
        yield f"no metric has a label {label}"


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def rules(root):
    groups = yaml.safe_load(read(root, "deploy/observability/alerts.yaml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts(root):
    return [rule for rule in rules(root) if "alert" in rule]


def recorded(root):
    """Name of a recorded series → the objectives that it is recorded for; none said: all."""
    names = {}
    for rule in rules(root):
        if "record" in rule:
            names.setdefault(rule["record"], set()).update(rule.get("labels", {}).values())
    return names


def dashboards(root):
    folder = "deploy/observability/dashboards"
    return {name: json.loads(read(root, os.path.join(folder, name)))
            for name in sorted(os.listdir(os.path.join(root, folder)))}


def panel_queries(root):
    """(dashboard and panel, PromQL, legend) of every query, with Grafana's variables filled in."""
    for name, board in dashboards(root).items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield (f"{name}: {panel['title']}",
                       target["expr"].replace("$__rate_interval", "1m"), target["legendFormat"])
