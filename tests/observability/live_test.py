#!/usr/bin/env python3
"""A real Prometheus scrapes both daemons while the story of the demo happens to them. Then every
query of every panel and whatever an alert measures has data, no alert is even pending; and when
Redis is killed, the alert that says so is.

    tests/observability/live_test.py --build DIR [--root DIR]

The stack is one of its own in a temporary folder, as that of tests/docs/run_commands.py.
"""
import argparse
import http.server
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import queries
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs"))
import run_commands  # noqa: E402  pylint: disable=wrong-import-position

PATIENCE_SECONDS = 60
STORY_SECONDS = 120
LEGEND = re.compile(r"{{(\w+)}}")


class Failed(Exception):
    pass


class Neighbour(http.server.BaseHTTPRequestHandler):
    """Another service of the platform, that takes every command."""

    def do_POST(self):  # noqa: N802
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def serve_neighbour():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Neighbour)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def assignments(path):
    """NAME=value lines of a file, `export` left out."""
    with open(path, encoding="utf-8") as file:
        lines = [line.removeprefix("export ").strip() for line in file]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Stack:
    """`./dev up` in a folder of its own, with the demo's settings."""

    def __init__(self, root, build, folder):
        self.root, self.folder = root, folder
        run_commands.checkout(root, build, folder)
        self.environment = {
            **run_commands.environment(folder),
            **assignments(os.path.join(root, "deploy/local/demo.env")),
            "STREAMING_NEIGHBOURS_BASE_URL": serve_neighbour()}
        self.run(["./dev", "up"], self.environment, "up.log")
        self.env = assignments(os.path.join(folder, ".dev/env"))

    def run(self, command, environment, log):
        path = os.path.join(self.folder, log)
        with open(path, "w", encoding="utf-8") as file:
            done = subprocess.run(command, cwd=self.folder, env=environment, stdout=file,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  timeout=STORY_SECONDS, check=False)
        if done.returncode != 0:
            raise Failed(f"{command[0]} ended with {done.returncode}:\n{queries.read('', path)}")

    def tell_story(self):
        secrets = assignments(os.path.join(self.folder, ".dev/secrets"))
        self.run(["build/dev/bin/demo"],
                 {**self.environment, **self.env, "AUTH_HS256_KEY": secrets["AUTH_KEY"]},
                 "demo.log")

    def kill(self, part):
        pid = queries.read(self.folder, f".dev/pids/{part}").split()[0]
        os.kill(int(pid), signal.SIGKILL)


class Prometheus:
    """The example configuration, with the addresses of this stack and quicker."""

    def __init__(self, root, stack):
        config = yaml.safe_load(queries.read(root, "deploy/observability/prometheus.yaml"))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        rules = os.path.join(root, "deploy/observability")
        config["rule_files"] = [os.path.join(rules, name) for name in config["rule_files"]]
        for scrape in config["scrape_configs"]:
            del scrape["dns_sd_configs"]
            scrape["static_configs"] = [
                {"targets": [stack.env[f"{scrape['job_name'].upper()}_ADMIN_ADDR"]]}]
        folder = os.path.join(stack.folder, "prometheus")
        os.mkdir(folder)
        with open(os.path.join(folder, "prometheus.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        self.log = os.path.join(folder, "log")
        port = subprocess.run(["python3", "-c", "import socket; s = socket.socket(); "
                               "s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"],
                              capture_output=True, text=True, check=True).stdout.strip()
        self.url = f"http://127.0.0.1:{port}"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path=data",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], cwd=folder,
                stdout=log, stderr=subprocess.STDOUT)

    def ready(self):
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=10):
                return True
        except OSError:  # not listening yet, or 503
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ask(self, path, **parameters):
        if self.process.poll() is not None:
            raise Failed("Prometheus ended:\n" + queries.read("", self.log))
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Failed(f"{path} {parameters}: {error.read().decode()}") from error

    def query(self, expression):
        """[(labels, value)] that are numbers."""
        found = self.ask("query", query=expression)
        return [(series["metric"], value) for series in found["result"]
                if math.isfinite(value := float(series["value"][1]))]

    def alerts(self):
        """Those that are pending or fire: {(name, state): summary}."""
        return {(alert["labels"]["alertname"], alert["state"]): alert["annotations"]["summary"]
                for alert in self.ask("alerts")["alerts"]}


def wait_for(what, find_problem):
    """Until there is none any more."""
    until = time.monotonic() + PATIENCE_SECONDS
    while problem := find_problem():
        if time.monotonic() > until:
            raise Failed(f"{what}: {problem}")
        time.sleep(0.2)


def asked_of(root):
    """(where, PromQL, legend) of every query of a panel and of all that alerts measure, for each
    objective."""
    asked = list(queries.panel_queries(root))
    for slo in sorted(queries.recorded(root)["slo:budget"]):
        asked.append((f"objective {slo}", f'slo:burn:5m{{slo="{slo}"}}', ""))
    for alert in queries.alerts(root):
        asked += [(alert["alert"], part, "") for part in queries.measured(alert["expr"])]
    return asked


def check_data(prometheus, asked):
    """Every query has data, and every series the labels that its legend shows."""
    missing = list(asked)

    def problem():
        missing[:] = [(where, query, legend) for where, query, legend in missing
                      if not prometheus.query(query)]
        return "\n  ".join(f"{where}: {query}" for where, query, _ in missing)
    wait_for("no data", problem)
    for where, query, legend in asked:
        for labels, _ in prometheus.query(query):
            if unknown := set(LEGEND.findall(legend)) - set(labels):
                raise Failed(f"{where}: no {', '.join(unknown)} in {labels}")


def missing_word(prometheus, root):
    expressions = [rule["expr"] for rule in queries.rules(root)]
    expressions += [query for _, query, _ in queries.panel_queries(root)]
    for name, matchers in (each for text in expressions for each in queries.selectors(text)):
        for label, operator, value in matchers:
            if label in ("grpc_code", "slo"):
                continue
            known = {labels.get(label) for labels, _ in prometheus.query(name)}
            for word in queries.words_of(operator, value):
                if word not in known:
                    return f"{name} has no {label} {word}, only {sorted(map(str, known))}"
    return None


def check_words(prometheus, root):
    """What docs/metrics.md does not list (methods, workers, routes, bounds of buckets) is there.
    Some of it is counted only when a call has ended, and seen at the next scrape."""
    wait_for("a word is missing", lambda: missing_word(prometheus, root))


def check_health(prometheus):
    """The rules themselves, and that nothing was wrong from the first scrape to the last."""
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    ill = [rule for rule in rules if rule["health"] != "ok"]
    if ill or not rules:
        raise Failed(f"rules that do not work: {ill}")
    wait_for("a healthy stack alarms", prometheus.alerts)
    if fired := prometheus.query('count_over_time(ALERTS{alertstate="firing"}[1h])'):
        raise Failed(f"a healthy stack fired: {fired}")
    return len(rules)


def check_outage(prometheus, stack):
    """What the rules are for: a server dies, and the alert that says so begins."""
    stack.kill("redis")
    alert = ("DependencyDown", "pending")
    wait_for("nobody noticed that Redis is gone",
             lambda: None if alert in prometheus.alerts() else prometheus.alerts() or "no alert")
    summary = prometheus.alerts()[alert]
    if not summary.startswith("redis does not answer stream"):
        raise Failed(f"the alert says: {summary}")


def watch(root, build, folder):
    started = time.monotonic()

    def tell(what):
        print(f"{time.monotonic() - started:3.0f} s: {what}", flush=True)
    stack = Stack(root, build, folder)
    tell("the stack is up")
    prometheus = Prometheus(root, stack)
    try:
        wait_for("Prometheus is not ready", lambda: not prometheus.ready())
        wait_for("it sees not both daemons", lambda: len(prometheus.query("up == 1")) != 2)
        stack.tell_story()
        tell("the story is told")
        asked = asked_of(root)
        check_data(prometheus, asked)
        check_words(prometheus, root)
        tell(f"{len(asked)} queries have data")
        tell(f"{check_health(prometheus)} rules work, and no alert fires")
        check_outage(prometheus, stack)
        tell("the alert of a dead Redis begins")
    finally:
        prometheus.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True, help="the build tree, build/<preset>")
    parser.add_argument("--root", default=".")
    options = parser.parse_args()
    # So that what ends this ends the stack, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="observability-")
    os.mkdir(os.path.join(folder, "tmp"))
    try:
        watch(os.path.abspath(options.root), os.path.abspath(options.build), folder)
        failed = 0
    except (Failed, run_commands.Failed, subprocess.TimeoutExpired) as failure:
        print(failure)
        failed = 1
    finally:
        started = time.monotonic()
        run_commands.clean_up(folder)
        print(f"cleaned up in {time.monotonic() - started:.0f} s")
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
