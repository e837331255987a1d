#!/usr/bin/env python3
"""That the alerts and dashboards of deploy/observability are sound, as far as that can be told
without a daemon: promtool takes them and the alerts' own tests, every name in them is in
docs/metrics.md, every alert has its page, every dashboard is one that Grafana reads."""
import os
import re
import subprocess
import sys
import unittest

import queries
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = "tests/observability"
DEPLOYED = "deploy/observability"
UNITS = {"short", "ops", "s", "bytes", "percentunit"}
COLORS = ["green", "yellow", "red"]


def headings(page, level):
    return re.findall(rf"^{'#' * level} (.*)$", queries.read(ROOT, page), re.M)


class Rules(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], cwd=ROOT, capture_output=True, text=True,
                              check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_prometheus_takes_them(self):
        self.promtool("check", "rules", f"{DEPLOYED}/alerts.yaml")
        self.promtool("check", "config", f"{DEPLOYED}/prometheus.yaml")

    def test_alerts_fire_and_are_silent(self):
        self.promtool("test", "rules", f"{HERE}/alerts_test.yaml")

    def test_every_alert_is_in_both_worlds(self):
        text = queries.read(ROOT, f"{HERE}/alerts_test.yaml")
        worlds = {world["name"]: world for world in yaml.safe_load(text)["tests"]}
        fired = set(re.findall(r'alertname="(\w+)", alertstate="firing"', text))
        self.assertEqual({alert["alert"] for alert in queries.alerts(ROOT)}, fired)

        def names(world):
            return {name for series in worlds[world]["input_series"]
                    for name, _ in queries.selectors(series["series"])}
        self.assertEqual(set(), names("everything is bad") -
                         names("everything is just good enough"))

    def test_every_name_exists(self):
        series = queries.series_of(queries.documented(ROOT), queries.recorded(ROOT))
        self.assertGreater(len(series), 100)
        asked = [(rule.get("alert", rule.get("record")), rule["expr"])
                 for rule in queries.rules(ROOT)]
        asked += [(where, expr) for where, expr, _ in queries.panel_queries(ROOT)]
        text = yaml.safe_load(queries.read(ROOT, f"{HERE}/alerts_test.yaml"))
        asked += [(world["name"], given["series"].replace('job="another"', 'job="stream"'))
                  for world in text["tests"] for given in world["input_series"]]
        self.assertEqual([], [f"{where}: {problem}" for where, expr in asked
                              for problem in queries.problems(expr, series)])

    def test_every_alert_has_its_page(self):
        pages = headings("docs/incidents.md", 2) + headings("docs/incidents.md", 3)
        anchors = {heading.lower().replace(" ", "-") for heading in pages}
        objectives = queries.recorded(ROOT)["slo:budget"]
        self.assertEqual(5, len(objectives))
        linked = set()
        for alert in queries.alerts(ROOT):
            notes = alert["annotations"]
            self.assertIn(alert["labels"]["severity"], ("page", "ticket"), alert["alert"])
            self.assertTrue(notes["summary"], alert["alert"])
            self.assertIn(alert["alert"], pages)
            each = objectives if "$labels.slo" in notes["runbook"] else {""}
            for objective in each:
                page, _, anchor = notes["runbook"].partition("#")
                anchor = anchor.replace("{{ $labels.slo }}", objective)
                self.assertEqual("docs/incidents.md", page)
                self.assertIn(anchor, anchors)
                linked.add(anchor)
            labels = {word for word in re.findall(r"\$labels\.(\w+)", notes["summary"])}
            self.assertEqual(set(), labels - self.labels_of(alert), alert["alert"])
        # And no page is left over from an alert that is gone.
        named = {alert["alert"].lower() for alert in queries.alerts(ROOT)}
        self.assertEqual(set(), anchors - linked - named - {"where-to-look"})

    def labels_of(self, alert):
        """Those that its test shows on it."""
        text = queries.read(ROOT, f"{HERE}/alerts_test.yaml")
        shown = re.findall(rf'ALERTS{{alertname="{alert["alert"]}", ([^}}]*)}}', text)
        return {label for labels in shown for label in re.findall(r'(\w+)="', labels)}


class Dashboards(unittest.TestCase):
    def test_they_are_what_the_script_writes(self):
        done = subprocess.run([sys.executable, f"{DEPLOYED}/dashboards.py", "--check"], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    def test_grafana_can_read_them(self):
        boards = queries.dashboards(ROOT)
        self.assertEqual({"daemons.json", "stream.json", "streaming.json"}, set(boards))
        self.assertEqual(3, len({board["uid"] for board in boards.values()}))
        for name, board in boards.items():
            self.assertGreaterEqual(board["schemaVersion"], 36, name)
            self.assertRegex(board["uid"], r"^[a-z-]{1,40}$")
            variables = {each["name"]: each for each in board["templating"]["list"]}
            self.assertEqual(("datasource", "prometheus"),
                             (variables["datasource"]["type"], variables["datasource"]["query"]))
            self.assertEqual(list(range(1, len(board["panels"]) + 1)),
                             [panel["id"] for panel in board["panels"]])
            self.assertEqual(len(board["panels"]), len({p["title"] for p in board["panels"]}))
            taken = set()
            for panel in board["panels"]:
                with self.subTest(board=name, panel=panel["title"]):
                    self.check_panel(panel)
                    place = panel["gridPos"]
                    cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"])
                             for y in range(place["h"])}
                    self.assertTrue(place["x"] + place["w"] <= 24 and not cells & taken)
                    taken |= cells

    def check_panel(self, panel):
        self.assertIn(panel["type"], ("timeseries", "stat"))
        self.assertTrue(panel["description"])
        defaults = panel["fieldConfig"]["defaults"]
        self.assertIn(defaults["unit"], UNITS)
        steps = defaults["thresholds"]["steps"]
        self.assertIsNone(steps[0]["value"])
        values = [step["value"] for step in steps[1:]]
        self.assertEqual(sorted(values), values)
        self.assertTrue(all(step["color"] in COLORS for step in steps))
        self.assertEqual(len(panel["targets"]), len({t["refId"] for t in panel["targets"]}))
        for part in [panel, *panel["targets"]]:
            self.assertEqual({"type": "prometheus", "uid": "${datasource}"}, part["datasource"])
        for target in panel["targets"]:
            self.assertTrue(target["expr"] and target["legendFormat"])


class Queries(unittest.TestCase):
    def test_what_is_left_without_thresholds(self):
        for expression, left in (
                ("up == 0", ["up"]),
                ('up{job=~"a|b"} == 0 or absent(up{job="c"})', ['up{job=~"a|b"}', 'up{job="c"}']),
                ("(a > 14.4 and b > 14.4 or c:d > 6)\nand e > 5", ["a", "b", "c:d", "e"]),
                ("sum by (x) (rate(a[5m])) / sum(b) > 0.5", ["sum by (x) (rate(a[5m])) / sum(b)"]),
                ("a / (b and c) >= 2", ["a / (b and c)"]),
                ("(a) / (b) > 1", ["(a) / (b)"]),
                ("a > on (x) b", ["a", "b"]),
                ("time() - a > 60", ["time() - a"])):
            self.assertEqual(left, queries.measured(expression))

    def test_what_does_not_exist_is_named(self):
        series = queries.series_of(queries.documented(ROOT), queries.recorded(ROOT))
        for expression, found in (
                ('sum by (job) (rate(stream_webhooks_total{outcome=~"shed|stale"}[5m])) > 0', []),
                ("stream_webhook_total > 0", ["no metric stream_webhook_total"]),
                ("streaming_pulse_lag_seconds", ["no metric streaming_pulse_lag_seconds"]),
                ("outbox_lag_seconds_bucket", ["no metric outbox_lag_seconds_bucket"]),
                ('stream_webhooks_total{result="shed"}',
                 ["stream_webhooks_total has no label result"]),
                ('stream_webhooks_total{outcome=~"shed|lost"}',
                 ["stream_webhooks_total has no outcome lost"]),
                ('grpc_server_handled_total{grpc_code="OKAY"}',
                 ["grpc_server_handled_total has no grpc_code OKAY"]),
                ('up{job="streamer"}', ["up has no job streamer"]),
                ("sum by (jobs) (up)", ["no metric has a label jobs"]),
                ('slo:burn:1h{slo="call"}', []),
                ('slo:budget{slo="call"}', ["slo:budget has no slo call"])):
            self.assertEqual(found, list(queries.problems(expression, series)), expression)


if __name__ == "__main__":
    unittest.main()
