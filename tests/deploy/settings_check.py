"""Asks a daemon what it says of an environment."""
import os
import subprocess


class Daemon:
    def __init__(self, build, name):
        self.name, self.program = name, os.path.join(build, "bin", name)

    def problems(self, environment, files):
        """What `--check-config --strict` says of exactly this environment, "" when all is well.
        `files`: folders of containers -> {name of a file in it: the file that stands for it}."""
        seen = {}
        for name, value in environment.items():
            folder, base = os.path.split(value)
            if name.endswith("_FILE"):
                if base not in files.get(folder, {}):
                    return f"{name}: {value} is not mounted"
                value = files[folder][base]
            seen[name] = value
        done = subprocess.run([self.program, "--check-config", "--strict"], env=seen,
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0 and done.stdout == "the settings are good\n":
            return ""
        return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
