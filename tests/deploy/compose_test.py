"""That deploy/compose hangs together: settings, secrets, networks, hardening."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import compose_file
import settings_check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build/dev"))
FOLDER = os.path.join(ROOT, "deploy/compose")
DAEMONS = ("stream", "streaming")
SERVERS = ("mariadb", "redis", "nats")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def seconds(text):
    assert text.endswith("s"), text
    return int(text[:-1])


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="compose-")
        shutil.copytree(os.path.join(ROOT, "deploy"), os.path.join(cls.folder, "deploy"),
                        ignore=shutil.ignore_patterns("secrets"))
        here = os.path.join(cls.folder, "deploy/compose")
        subprocess.run([os.path.join(here, "secrets.sh")], check=True)
        cls.compose = compose_file.Compose(os.path.join(here, "compose.yaml"))
        cls.secrets = os.path.join(here, "secrets")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_daemons_take_their_settings(self):
        for name in DAEMONS:
            service = self.compose.services[name]
            daemon = settings_check.Daemon(BUILD, name)
            files = {"/run/secrets": self.compose.secrets(name)}
            self.assertEqual("", daemon.problems(service["environment"], files))
            used = {os.path.basename(value) for key, value in service["environment"].items()
                    if key.endswith("_FILE")}
            self.assertEqual(used, set(files["/run/secrets"]))
            self.assertEqual("true", service["environment"][f"{name.upper()}_ENABLED"])
            self.assertEqual(["--strict"], service["command"])
        environment = self.compose.services["stream"]["environment"]
        self.assertEqual("3", environment["STREAM_VIEWER_TYPE_MIN_GROUP"])
        self.assertEqual(-1, self.compose.services["stream"]["ulimits"]["memlock"])

    def test_every_value_that_may_differ_is_in_the_example(self):
        example = compose_file.environment_file(os.path.join(FOLDER, "example.env"))
        rows = re.findall(r"\$\{(\w+):-([^}]*)\}", read("deploy/compose/compose.yaml") +
                          read("deploy/compose/streaming-outside.yaml"))
        self.assertEqual(dict(rows), example)
        version = re.search(r"^project\(.* VERSION ([0-9.]+)", read("CMakeLists.txt"), re.M)[1]
        self.assertEqual(version, example["IMAGE_TAG"])

    def test_secrets_are_drawn_once_and_hidden(self):
        self.assertEqual(0o700, os.stat(self.secrets).st_mode & 0o777)
        drawn = {name: read(os.path.join(self.secrets, name)) for name in os.listdir(self.secrets)}
        declared = {row["file"] for row in self.compose.all["secrets"].values()}
        self.assertEqual({f"secrets/{name}" for name in drawn}, declared)
        used = {name for service in self.compose.services.values()
                for name in service.get("secrets", [])}
        self.assertEqual(set(self.compose.all["secrets"]), used)
        for name in drawn:
            self.assertEqual(0o444, os.stat(os.path.join(self.secrets, name)).st_mode & 0o777)
        self.assertEqual(len(drawn) - 1, len(set(drawn.values())), "two are empty, others differ")
        subprocess.run([os.path.join(os.path.dirname(self.secrets), "secrets.sh")], check=True)
        again = {name: read(os.path.join(self.secrets, name)) for name in drawn}
        self.assertEqual(drawn, again)
        ignored = read(".gitignore").split("\n")
        self.assertIn("/deploy/compose/secrets/", ignored)
        self.assertIn("/deploy/compose/.env", ignored)

    def test_everything_is_hardened(self):
        for name, service in self.compose.services.items():
            self.assertIs(True, service["read_only"], name)
            self.assertEqual(["ALL"], service["cap_drop"], name)
            self.assertEqual(["no-new-privileges:true"], service["security_opt"], name)
            self.assertEqual("unless-stopped", service["restart"], name)
            self.assertIn("mem_limit", service, name)
            self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+(-\w+)?$")

    def test_only_the_gateway_is_reached_from_outside(self):
        networks = self.compose.all["networks"]
        for name, service in self.compose.services.items():
            for port in service.get("ports", []):
                self.assertTrue(name == "gateway" or port.startswith("127.0.0.1:"), port)
            if name in SERVERS:
                self.assertEqual(["data", *(["events"] if name == "nats" else [])],
                                 service["networks"])
        for name in ("data", "events", "front"):
            self.assertTrue(networks[name]["internal"], name)
        beside = [name for name, service in self.compose.services.items()
                  if "data" in service["networks"]]
        self.assertEqual({*DAEMONS, *SERVERS, "operations"}, set(beside))

    def test_a_stop_has_time(self):
        for name in DAEMONS:
            service = self.compose.services[name]
            environment, prefix = service["environment"], name.upper()
            drain = sum(int(environment[f"{prefix}_DRAIN_{part}_MS"]) for part in
                        ("DELAY", "GRACE")) / 1000
            self.assertGreaterEqual(seconds(service["stop_grace_period"]), drain + 15)
        gateway = self.compose.services["gateway"]
        self.assertGreaterEqual(seconds(gateway["stop_grace_period"]),
                                int(gateway["environment"]["GATEWAY_DRAIN_SECONDS"]) + 10)

    def test_starts_wait_for_health(self):
        for name, servers in (("stream", SERVERS), ("streaming", SERVERS), ("gateway", DAEMONS)):
            waits = self.compose.services[name]["depends_on"]
            self.assertEqual({server: {"condition": "service_healthy"} for server in servers},
                             waits)
        for name in SERVERS:
            self.assertIn("test", self.compose.services[name]["healthcheck"])
        # The others say it in their images.
        targets = re.split(r"^FROM ", read("deploy/docker/Dockerfile"), flags=re.M)
        for app in (*DAEMONS, "gateway"):
            (stage,) = [each for each in targets if each.startswith(("daemon", "base"))
                        and each.split("\n")[0].endswith(f" AS {app}")]
            self.assertIn("\nHEALTHCHECK ", stage)
            self.assertIn("\nUSER 65532:65532\n", stage)
            self.assertIn("\nSTOPSIGNAL SIGTERM\n", stage)
            self.assertIn(f'image.title="{app}"', stage)

    def test_what_is_mounted_is_there(self):
        for name in self.compose.services:
            for source, _ in self.compose.binds(name):
                self.assertTrue(os.path.exists(source), source)


if __name__ == "__main__":
    unittest.main(verbosity=2)
