#!/usr/bin/env python3
"""Writes the Grafana dashboards beside it, dashboards/*.json, from the lists below.

    deploy/observability/dashboards.py [--check]     --check: says what differs, writes nothing

A panel is (title, what it tells, unit, queries) and options; a query is (PromQL, legend). Units are
Grafana's: `short` is a plain number, `ops` a rate a second, `s` seconds, `percentunit` 0 to 1.
"""
import json
import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dashboards")
RATE = "[$__rate_interval]"
WIDTH, HEIGHT, ROW_WIDTH = 8, 8, 24


def rate(metric, by, matchers=""):
    """The rate of a counter, summed by labels ("" for all together)."""
    grouping = f"sum by ({by})" if by else "sum"
    selector = f"{metric}{{{matchers}}}" if matchers else metric
    return f"{grouping} (rate({selector}{RATE}))"


def quantile(share, histogram, by="", matchers=""):
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({share}, {rate(histogram + '_bucket', labels, matchers)})"


def panel(title, description, unit, queries, warn=None, alarm=None, good=None, top=None,
          kind="timeseries", stack=False):
    """`warn` and `alarm` are where yellow and red begin, or `good` where green does, for what
    should be high; `top` is the end of the scale."""
    steps = [{"color": "green" if good is None else "red", "value": None}]
    steps += [{"color": color, "value": value}
              for color, value in (("yellow", warn), ("red", alarm), ("green", good))
              if value is not None]
    defaults = {"unit": unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if top is not None:
        defaults["max"] = top
    if kind == "stat":
        defaults["color"] = {"mode": "thresholds"}
        options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                   "colorMode": "background", "graphMode": "none", "textMode": "value_and_name"}
    else:
        defaults["color"] = {"mode": "palette-classic"}
        defaults["custom"] = {
            "drawStyle": "line", "fillOpacity": 30 if stack else 0, "showPoints": "never",
            "stacking": {"mode": "normal" if stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if len(steps) > 1 else "off"}}
        options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                   "tooltip": {"mode": "multi", "sort": "desc"}}
    return {
        "type": kind, "title": title, "description": description,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options,
        "targets": [{"refId": chr(ord("A") + i), "expr": expr, "legendFormat": legend,
                     "datasource": {"type": "prometheus", "uid": "${datasource}"}}
                    for i, (expr, legend) in enumerate(queries)]}


def dashboard(uid, title, description, panels):
    for i, each in enumerate(panels):
        each["id"] = i + 1
        each["gridPos"] = {"h": HEIGHT, "w": WIDTH, "x": i * WIDTH % ROW_WIDTH,
                           "y": i * WIDTH // ROW_WIDTH * HEIGHT}
    return {
        "uid": uid, "title": title, "description": description, "tags": ["bannou-streaming"],
        "schemaVersion": 38, "version": 1, "editable": True, "graphTooltip": 1, "id": None,
        "refresh": "30s", "time": {"from": "now-3h", "to": "now"}, "timezone": "browser",
        "annotations": {"list": []}, "links": [],
        "templating": {"list": [{
            "name": "datasource", "label": "Data source", "type": "datasource",
            "query": "prometheus", "refresh": 1, "hide": 0, "multi": False, "includeAll": False,
            "current": {}, "options": [], "regex": ""}]},
        "panels": panels}


PROCESS = dashboard(
    "bannou-daemons", "Daemons", "Both daemons: calls, workers, and what they depend on.", [
        panel("Instances", "Answer their scrape.", "short",
              [('sum by (job) (up{job=~"stream|streaming"})', "{{job}}")], good=1, kind="stat"),
        panel("Dependencies", "1 while every instance gets its answers.", "short",
              [("min by (job, dependency) (dependency_up)", "{{job}} {{dependency}}")],
              good=1, top=1),
        panel("Budgets", "How fast the allowance of bad ones goes, over the last hour: at 1 a "
              "month's lasts a month, at 14.4 two days.", "short",
              [("slo:burn:1h", "{{job}} {{slo}}")], warn=1, alarm=14.4),
        panel("Calls", "By the code of their answer.", "ops",
              [(rate("grpc_server_handled_total", "job, grpc_code"), "{{job}} {{grpc_code}}")],
              stack=True),
        panel("Latency", "Of calls, watches left out.", "s",
              [(quantile(share, "grpc_server_handling_seconds", "job",
                         'grpc_method!="WatchStreamSession"'), "{{job}} p" + name)
               for share, name in ((0.5, "50"), (0.99, "99"))], alarm=0.25),
        panel("Slowest methods", "99th percentile.", "s",
              [("topk(5, " + quantile(0.99, "grpc_server_handling_seconds", "grpc_method",
                                      'grpc_method!="WatchStreamSession"') + " > 0)",
                "{{grpc_method}}")], alarm=0.25),
        panel("Threads busy", "Of those that run calls; above, calls wait.", "percentunit",
              [("executor_threads_busy / executor_threads", "{{job}} {{instance}}")],
              warn=0.8, top=1),
        panel("Connections lent", "Of those that may be open, by pool.", "percentunit",
              [("max by (job, pool) (pool_connections_in_use / pool_connections_limit)",
                "{{job}} {{pool}}")], warn=0.9, top=1),
        panel("Workers behind", "How long a step runs, or its next one is overdue: the five worst.",
              "s", [("topk(5, max by (job, worker) "
                     "(clamp_min(time() - worker_due_timestamp_seconds, 0)))",
                     "{{job}} {{worker}}")], alarm=60),
        panel("Workers that fail", "Steps a second that are repeated.", "ops",
              [(rate("worker_failures_total", "job, worker"), "{{job}} {{worker}}")], warn=0.1),
        panel("Events that wait", "Age of the oldest in the outbox.", "s",
              [("max by (job) (outbox_lag_seconds)", "{{job}}")], warn=10, alarm=60),
        panel("Consumers", "Messages that wait for them in their streams.", "short",
              [("max by (job, consumer) (nats_consumer_pending_messages)", "{{consumer}}")],
              warn=100, alarm=1000),
        panel("Dead letters", "Messages within the hour that nobody can handle.", "short",
              [("sum by (consumer) (increase(nats_consumer_buried_total[1h]))", "{{consumer}}")],
              alarm=1),
        panel("CPU", "Cores in use.", "short",
              [(rate("process_cpu_seconds_total", "job, instance", 'job=~"stream|streaming"'),
                "{{job}} {{instance}}")]),
        panel("Memory", "Resident.", "bytes",
              [('process_resident_memory_bytes{job=~"stream|streaming"}', "{{job}} {{instance}}")]),
    ])

STREAM = dashboard(
    "bannou-stream", "stream", "Real platforms: their messages, chats, pulses, links and tokens.", [
        panel("Platform sessions", "Live or ending, of all instances; and those whose viewers an "
              "instance remembers, which should not be more for long.", "short",
              [("max(stream_platform_sessions)", "sessions"),
               ("sum(stream_sessions_remembered)", "remembered")]),
        panel("Webhooks", "Platform messages by what became of them.", "ops",
              [(rate("stream_webhooks_total", "outcome"), "{{outcome}}")], stack=True),
        panel("Webhooks answered in", "99th percentile by route.", "s",
              [(quantile(0.99, "http_server_request_seconds", "route",
                         'job="stream", route=~"/stream/webhook/.*"') + " > 0", "{{route}}")],
              warn=1, alarm=5),
        panel("Chat that waits", "Of what may wait; more is shed.", "percentunit",
              [("stream_chat_queue_depth / stream_chat_queue_limit", "{{instance}}")],
              warn=0.5, alarm=0.9, top=1),
        panel("Chat dropped", "Sentiments that reached no buffer.", "ops",
              [(rate("stream_chat_dropped_total", "reason"), "{{reason}}")], alarm=1),
        panel("Sentiments dropped", "Those that no pulse carried.", "ops",
              [(rate("stream_sentiments_dropped_total", "reason"), "{{reason}}")], stack=True),
        panel("Pulses", "Published, and given up as NATS did not take them.", "ops",
              [(rate("stream_pulses_published_total", ""), "published"),
               (rate("stream_pulses_dropped_total", ""), "dropped")]),
        panel("Tokens renewed", "By the platform's answer, within the hour.", "short",
              [("sum by (platform, outcome) (increase(stream_token_refreshes_total[1h]))",
                "{{platform}} {{outcome}}")]),
        panel("Links that end", "Within the hour: grants that platforms ended, and farewells to "
              "platforms.", "short",
              [("sum(increase(stream_links_deactivated_total[1h]))", "grant ended"),
               ("sum by (outcome) (increase(stream_farewells_total[1h]))", "farewell {{outcome}}")],
              warn=10),
        panel("Sessions that nobody told of", "Found live, or over, within the hour.", "short",
              [("sum(increase(stream_sessions_found_total[1h]))", "found"),
               ("sum(increase(stream_sessions_orphaned_total[1h]))", "orphaned")]),
        panel("YouTube's quota", "What reading chats spent today, of what it may.", "percentunit",
              [("max(stream_youtube_quota_spent_units) / max(stream_youtube_quota_chat_units)",
                "spent")], warn=0.9, alarm=1),
        panel("Polls of YouTube's chats", "By the answer.", "ops",
              [(rate("stream_youtube_chat_polls_total", "outcome"), "{{outcome}}")], stack=True),
    ])

STREAMING = dashboard(
    "bannou-streaming", "streaming", "The audience of the games: rounds, reactions, hype.", [
        panel("Live", "Sessions, and hype trains that run.", "short",
              [("sum(streaming_live_sessions)", "sessions"),
               ("max(streaming_hype_trains)", "hype trains")]),
        panel("Audience", "Heads that watch somebody.", "short",
              [("sum(streaming_audience_heads)", "heads")]),
        panel("Pools in use", "Share of all heads that are in an audience.", "percentunit",
              [("1 - sum(streaming_pool_free_heads) / sum(streaming_pool_heads)", "in use")],
              warn=0.9, alarm=0.95, top=1),
        panel("Come and gone", "Heads a second, in rounds and raids.", "ops",
              [(rate("streaming_audience_joined_total", ""), "joined"),
               (rate("streaming_audience_left_total", "reason"), "left: {{reason}}"),
               (rate("streaming_raid_heads_total", ""), "raided")]),
        panel("Rounds begin late by", "What is due and has not begun.", "s",
              [(quantile(share, "streaming_round_lateness_seconds"), "p" + name)
               for share, name in ((0.5, "50"), (0.99, "99"))], alarm=5),
        panel("Rounds take", "By their leaders. Above half of the check-in interval rounds are "
              "stretched.", "s",
              [(quantile(share, "streaming_round_duration_seconds"), "p" + name)
               for share, name in ((0.5, "50"), (0.99, "99"))]),
        panel("Shards led", "By instance; evenly, when several run.", "short",
              [("streaming_round_shards_led", "{{instance}}")], stack=True),
        panel("Reactions", "By what happened in the game.", "ops",
              [(rate("streaming_reactions_total", "event"), "{{event}}")], stack=True),
        panel("Hype", "Transitions announced, and those lost.", "ops",
              [(rate("streaming_hype_transitions_relayed_total", ""), "announced"),
               (rate("streaming_hype_transitions_dropped_total", ""), "lost")]),
        panel("Pulses", "Of real crowds, by what became of them.", "ops",
              [(rate("streaming_pulses_total", "outcome"), "{{outcome}}")], stack=True),
        panel("Pulses take effect after", "From their arrival in the stream.", "s",
              [(quantile(share, "streaming_pulse_lag_seconds"), "p" + name)
               for share, name in ((0.5, "50"), (0.99, "99"))], alarm=1),
        panel("Watchers", "Open watches by instance.", "short",
              [("streaming_watchers", "{{instance}}")], stack=True),
        panel("Told to clients", "Client events by kind; and what slow watchers lost.", "ops",
              [(rate("streaming_client_events_total", "kind"), "{{kind}}"),
               (rate("streaming_watch_dropped_total", ""), "lost")]),
        panel("Ends that nobody asked for", "Sessions within the hour: expired, ended by another "
              "service, mended after a crash.", "short",
              [("sum(increase(streaming_session_expiries_total[1h]))", "expired"),
               ("sum by (event) (increase(streaming_session_outside_ends_total[1h]))", "{{event}}"),
               ("sum(increase(streaming_session_repairs_total[1h]))", "mended")]),
        panel("Neighbours wait", "Age of the command that a neighbour does not take.", "s",
              [("max by (neighbour) (streaming_neighbour_oldest_seconds)", "{{neighbour}}")],
              warn=60, alarm=300),
    ])

DASHBOARDS = {"daemons.json": PROCESS, "stream.json": STREAM, "streaming.json": STREAMING}


def main():
    stale = []
    for name, content in DASHBOARDS.items():
        path = os.path.join(FOLDER, name)
        text = json.dumps(content, indent=1) + "\n"
        if "--check" in sys.argv[1:]:
            with open(path, encoding="utf-8") as file:
                stale += [name] if file.read() != text else []
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    for name in stale:
        print(f"dashboards/{name} is not what dashboards.py writes: run it")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
