"""compose.yaml as a compose engine sees it: variables put in, anchors resolved, paths absolute.
What it uses and this does not know is refused."""
import os
import re

import yaml

VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::-([^}]*))?\})")
# What a service writes on the machine itself.
WRITTEN = ("./backups:/backups",)
SERVICE = {"image", "command", "entrypoint", "user", "environment", "secrets", "volumes", "tmpfs",
           "networks", "ports", "ulimits", "mem_limit", "stop_grace_period", "healthcheck",
           "depends_on", "restart", "read_only", "cap_drop", "security_opt", "logging", "profiles"}


def interpolate(value, variables):
    if isinstance(value, dict):
        return {key: interpolate(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolate(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def replaced(match):
        if match[1] is None:
            return "$"
        if match[2] is None and match[1] not in variables:
            raise ValueError(f"{match[0]} has no value and no default")
        return variables.get(match[1]) or match[2] or ""
    return VARIABLE.sub(replaced, value)


def environment_file(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Compose:
    def __init__(self, path, variables=None):
        self.folder = os.path.dirname(os.path.abspath(path))
        with open(path, encoding="utf-8") as file:
            self.all = interpolate(yaml.safe_load(file), variables or {})
        self.services = self.all["services"]
        for name, service in self.services.items():
            if unknown := set(service) - SERVICE:
                raise ValueError(f"{name}: {', '.join(sorted(unknown))} is not known to this test")

    def secrets(self, service):
        """Name, as which it is mounted in /run/secrets -> file."""
        return {name: os.path.join(self.folder, self.all["secrets"][name]["file"])
                for name in self.services[service].get("secrets", [])}

    def binds(self, service):
        """(file or folder of ours, where it is mounted)."""
        for volume in self.services[service].get("volumes", []):
            source, target, *options = volume.split(":")
            if source.startswith(".") and volume not in WRITTEN:
                assert options == ["ro"], volume
                yield os.path.normpath(os.path.join(self.folder, source)), target

    def named_volumes(self, service):
        for volume in self.services[service].get("volumes", []):
            source, target = volume.split(":")[:2]
            if not source.startswith("."):
                assert source in self.all["volumes"], volume
                yield source, target

    def tmpfs(self, service):
        """(folder, mount options)."""
        for row in self.services[service].get("tmpfs", []):
            folder, _, options = row.partition(":")
            yield folder, options

    def in_order(self):
        """Names of the services without a profile, each after those that it waits for."""
        placed = []
        wanted = [name for name, service in self.services.items() if "profiles" not in service]
        while len(placed) < len(wanted):
            free = [name for name in wanted if name not in placed
                    and set(self.services[name].get("depends_on", ())) <= set(placed)]
            if not free:
                raise ValueError(f"{set(wanted) - set(placed)} wait for each other")
            placed += free
        return placed
