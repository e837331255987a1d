"""Containers without an engine: images as `docker save` writes them, namespaces by `ip netns`,
processes by runc. It needs root, and `runc` and `iproute2`."""
import json
import os
import shutil
import subprocess
import tarfile

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Image:
    """Of an archive: what it says of itself, and its files."""

    def __init__(self, archive, folder):
        self.root = folder
        os.makedirs(folder)
        with tarfile.open(archive) as tar:
            (manifest,) = json.load(tar.extractfile("manifest.json"))
            whole = json.load(tar.extractfile(manifest["Config"]))
            self.config = whole["config"]
            self.bytes = sum(self.unpack(tar, name) for name in manifest["Layers"])

    def unpack(self, tar, name):
        """A layer over those before it. An empty file .wh.X says that X is gone."""
        path = self.root + ".layer"
        with open(path, "wb") as file:
            shutil.copyfileobj(tar.extractfile(name), file)
        with tarfile.open(path) as layer:
            for member in layer.getnames():
                folder, base = os.path.split(member)
                if base.startswith(".wh."):
                    run("rm", "-rf", os.path.join(self.root, folder, base[4:]))
        run("tar", "--extract", "--file", path, "--directory", self.root, "--numeric-owner",
            "--exclude", ".wh.*")
        size = os.path.getsize(path)
        os.remove(path)
        return size

    def environment(self):
        return dict(row.split("=", 1) for row in self.config.get("Env") or [])


class Networks:
    """A bridge for each network, in a namespace of their own, and namespaces that hang on some of
    them. Nothing leads from one network to another, nor to the machine."""

    def __init__(self, prefix):
        self.prefix, self.names, self.hosts = prefix, [], {}
        self.switch = f"{prefix}switch"

    def make(self, names):
        self.names = list(names)
        run("ip", "netns", "add", self.switch)
        for index in range(len(self.names)):
            self.ip(self.switch, "link", "add", f"br{index}", "type", "bridge")
            self.ip(self.switch, "link", "set", f"br{index}", "up")

    def ip(self, namespace, *arguments):
        run("ip", "-n", namespace, *arguments)

    def attach(self, host, networks):
        """A namespace for `host`; its addresses by network."""
        namespace = f"{self.prefix}{host}"
        number = len(self.hosts) + 10
        self.hosts[host] = {}
        run("ip", "netns", "add", namespace)
        self.ip(namespace, "link", "set", "lo", "up")
        for name in networks:
            index = self.names.index(name)
            self.ip(namespace, "link", "add", f"eth{index}", "type", "veth", "peer", "name",
                    f"h{number}n{index}", "netns", self.switch)
            self.ip(self.switch, "link", "set", f"h{number}n{index}", "master", f"br{index}", "up")
            address = f"10.77.{index}.{number}"
            self.ip(namespace, "address", "add", f"{address}/24", "dev", f"eth{index}")
            self.ip(namespace, "link", "set", f"eth{index}", "up")
            self.hosts[host][name] = address
        return f"/run/netns/{namespace}"

    def seen_by(self, host):
        """Lines of /etc/hosts: whom it shares a network with."""
        lines = ["127.0.0.1 localhost"]
        for other, addresses in self.hosts.items():
            lines += [f"{address} {other}" for name, address in addresses.items()
                      if name in self.hosts[host]][:1]
        return "\n".join(lines) + "\n"

    def inside(self, host):
        """What stands before a command that runs there."""
        return ["ip", "netns", "exec", f"{self.prefix}{host}"]

    def remove(self):
        for name in [self.switch, *(f"{self.prefix}{host}" for host in self.hosts)]:
            run("ip", "netns", "delete", name, check=False)


def mount(source, target, kind="bind", options=("rbind", "ro")):
    return {"source": source, "destination": target, "type": kind, "options": list(options)}


class Container:
    """One process, as an engine would start it: no capabilities, a read-only root."""

    def __init__(self, folder, name, root, spec):
        """`spec`: arguments, environment, uid, gid, namespace, mounts, limits, memory."""
        self.name, self.folder = name, folder
        self.state = os.path.join(folder, "runc")
        self.merged = os.path.join(folder, name, "rootfs")
        self.log = os.path.join(folder, name, "log")
        layers = os.path.join(folder, name, "layers")
        for path in (self.merged, layers + "/upper", layers + "/work"):
            os.makedirs(path)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={root},upperdir={layers}/upper,workdir={layers}/work", self.merged)
        with open(os.path.join(folder, name, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.bundle(spec), file)
        self.process = None

    def bundle(self, spec):
        none = {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted",
                                      "ambient")}
        environment = {"PATH": PATH, **spec["environment"]}
        return {
            "ociVersion": "1.0.2",
            "hostname": self.name,
            "root": {"path": "rootfs", "readonly": True},
            "process": {
                "terminal": False, "cwd": "/", "args": spec["arguments"],
                "user": {"uid": spec["uid"], "gid": spec["gid"]},
                "env": [f"{name}={value}" for name, value in environment.items()],
                "capabilities": none, "noNewPrivileges": True,
                "rlimits": [{"type": f"RLIMIT_{name.upper()}", "hard": value, "soft": value}
                            for name, value in spec["limits"].items()]},
            "mounts": [
                mount("proc", "/proc", "proc", ()),
                mount("tmpfs", "/dev", "tmpfs", ("nosuid", "mode=755", "size=65536k")),
                mount("sysfs", "/sys", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
                *spec["mounts"]],
            "linux": {
                "cgroupsPath": f"/{os.path.basename(self.folder)}/{self.name}",
                "resources": {"memory": {"limit": spec["memory"]}},
                "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"},
                               {"type": "mount"},
                               {"type": "network", "path": spec["namespace"]}]}}

    def runc(self, *arguments, check=True):
        return run("runc", "--root", self.state, *arguments, check=check)

    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["runc", "--root", self.state, "run", "--bundle",
                 os.path.join(self.folder, self.name), self.name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def execute(self, *command):
        """As the container's own user, in it."""
        return self.runc("exec", self.name, *command, check=False)

    def pid(self):
        return json.loads(self.runc("state", self.name).stdout)["pid"]

    def status(self):
        """Fields of /proc/<pid>/status."""
        with open(f"/proc/{self.pid()}/status", encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file)

    def stop(self, seconds):
        """SIGTERM; the exit code, or None when it did not end in time."""
        self.runc("kill", self.name, "TERM", check=False)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def remove(self):
        if self.process and self.process.poll() is None:
            self.runc("kill", self.name, "KILL", check=False)
            self.process.wait(20)
        run("umount", self.merged, check=False)

    def tail(self, lines=30):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
