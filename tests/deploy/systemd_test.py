"""That systemd takes the units of deploy/systemd, finds them closed, and that the daemons take the
settings with which they would be started."""
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
UNITS = os.path.join(ROOT, "deploy/systemd")
DAEMONS = ("stream", "streaming")
# Of 100; systemd calls what is below 20 "OK". The network and the root directory are needed.
EXPOSURE_MAX = 15


def rows(daemon):
    """(name, value) of each line of a unit."""
    with open(os.path.join(UNITS, f"{daemon}.service"), encoding="utf-8") as file:
        for line in file:
            if re.match(r"\w+=", line):
                yield tuple(line.rstrip("\n").split("=", 1))


class Units(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="systemd-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_systemd_takes_them(self):
        shutil.copytree("/lib/systemd/system", os.path.join(self.folder, "lib/systemd/system"),
                        symlinks=True)
        own = os.path.join(self.folder, "etc/systemd/system")
        programs = os.path.join(self.folder, "usr/bin")
        os.makedirs(own)
        os.makedirs(programs)
        for daemon in DAEMONS:
            shutil.copy(os.path.join(UNITS, f"{daemon}.service"), own)
            shutil.copy("/bin/true", os.path.join(programs, daemon))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", f"--root={self.folder}",
             *(f"{daemon}.service" for daemon in DAEMONS)],
            capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    def test_they_are_closed(self):
        for daemon in DAEMONS:
            done = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", "--no-pager",
                 f"--threshold={EXPOSURE_MAX}", os.path.join(UNITS, f"{daemon}.service")],
                capture_output=True, text=True, check=False)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_daemons_take_their_settings(self):
        secrets = os.path.join(self.folder, "secrets")
        subprocess.run([os.path.join(ROOT, "deploy/compose/secrets.sh"), secrets], check=True)
        for daemon in DAEMONS:
            environment = compose_file.environment_file(os.path.join(UNITS, f"{daemon}.env"))
            files = {}
            for name, value in rows(daemon):
                if name == "LoadCredential":
                    credential, path = value.split(":")
                    self.assertEqual(f"/etc/bannou/secrets/{credential}", path)
                    files[credential] = os.path.join(secrets, credential)
                elif name == "Environment":
                    setting, text = value.split("=")
                    environment[setting] = text
            program = settings_check.Daemon(BUILD, daemon)
            self.assertEqual("", program.problems(environment, {"%d": files}))
            used = {value[3:] for value in environment.values() if value.startswith("%d/")}
            self.assertEqual(used, set(files))
            self.assertEqual("true", environment[f"{daemon.upper()}_ENABLED"])

    def test_memory_of_stream_is_locked(self):
        unit = dict(rows("stream"))
        self.assertEqual(("infinity", "0"), (unit["LimitMEMLOCK"], unit["LimitCORE"]))
        for daemon in DAEMONS:
            unit = dict(rows(daemon))
            self.assertEqual("exec", unit["Type"])
            self.assertEqual(f"/usr/bin/{daemon} --strict", unit["ExecStart"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
