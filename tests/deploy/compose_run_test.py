#!/usr/bin/env python3
"""Starts every service of deploy/compose/compose.yaml as an engine would, from the images that
were built: its environment, secrets, users, networks and limits, read-only, each when those that it
waits for are healthy. Then calls go through the gateway, and every process ends by SIGTERM with 0.

    IMAGES=DIR tests/deploy/compose_run_test.py [--root DIR]

DIR is what `deploy/docker/build.sh --save` wrote. Without IMAGES nothing is done. It needs root,
`runc`, `iproute2`, `wget`, and what `./dev setup` installs: MariaDB, Redis and NATS are Debian's,
in a read-only view of this machine's files, since no registry is asked for theirs.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import compose_file
import containers

OURS = ("stream", "streaming", "gateway")
UNLIMITED = 2**64 - 1
UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
SKIPPED = 77
GAME = str(uuid.uuid4())


class Failed(Exception):
    pass


def expect(good, problem):
    if not good:
        raise Failed(problem)


def number(text):
    """512m, 30s."""
    return int(text[:-1]) * UNITS.get(text[-1], 1)


def may_lift_limits():
    """A root that is confined itself may not."""
    return containers.run("prlimit", "--memlock=unlimited", "true", check=False).returncode == 0


def token(key, role):
    def text(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"iss": "bannou", "aud": "bannou-streaming", "sub": str(uuid.uuid4()),
              "exp": int(time.time()) + 600, "roles": [role], "states": []}
    signed = text(b'{"alg":"HS256","typ":"JWT"}') + b"." + text(json.dumps(claims).encode())
    return (signed + b"." + text(hmac.new(key, signed, hashlib.sha256).digest())).decode()


class Installation:
    def __init__(self, root, images):
        self.root, self.images = root, images
        self.containers, self.image, self.networks = {}, {}, None
        self.folder = tempfile.mkdtemp(prefix="compose-run-")

    def prepare(self):
        # An overlay's upper folder must not lie on what is below it.
        containers.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.folder)
        os.mkdir(os.path.join(self.folder, "images"))
        shutil.copytree(os.path.join(self.root, "deploy"), os.path.join(self.folder, "deploy"))
        here = os.path.join(self.folder, "deploy/compose")
        shutil.rmtree(os.path.join(here, "secrets"), ignore_errors=True)
        containers.run(os.path.join(here, "secrets.sh"))
        self.compose = compose_file.Compose(os.path.join(here, "compose.yaml"))
        self.order = self.compose.in_order()
        self.may_lift_limits = may_lift_limits()
        self.networks = containers.Networks(f"c{os.getpid()}")
        self.networks.make(self.compose.all["networks"])
        self.namespaces = {name: self.networks.attach(name, self.compose.services[name]["networks"])
                           for name in self.order}
        # Who calls from outside, who scrapes, who reads news, and who makes copies.
        self.networks.attach("caller", ["public"])
        self.networks.attach("scraper", ["front"])
        self.networks.attach("reader", ["events"])
        self.namespaces["operations"] = self.networks.attach(
            "operations", self.compose.services["operations"]["networks"])
        self.started = time.monotonic()

    def tell(self, what):
        print(f"{time.monotonic() - self.started:5.1f} s: {what}", flush=True)

    def secret(self, name):
        with open(os.path.join(self.compose.folder, "secrets", name), "rb") as file:
            return file.read().strip()

    def volume(self, service, name, uid):
        """An empty one belongs to whom the image gives the folder."""
        path = os.path.join(self.folder, "volumes", f"{service}-{name}")
        os.makedirs(path)
        os.chown(path, uid, uid)
        return path

    def mounts(self, name, uid):
        hosts = os.path.join(self.folder, f"{name}.hosts")
        with open(hosts, "w", encoding="utf-8") as file:
            file.write(self.networks.seen_by(name))
        yield containers.mount(hosts, "/etc/hosts")
        # As an engine makes it; what the machine has there stays out of sight.
        yield containers.mount("tmpfs", "/run", "tmpfs", ("nosuid", "nodev", "mode=755", "ro"))
        for secret, path in self.compose.secrets(name).items():
            yield containers.mount(path, f"/run/secrets/{secret}")
        for path, target in self.compose.binds(name):
            yield containers.mount(path, target)
        for volume, target in self.compose.named_volumes(name):
            yield containers.mount(self.volume(name, volume, uid), target,
                                   options=("rbind", "rw", "nosuid", "nodev"))
        for target, options in self.compose.tmpfs(name):
            yield containers.mount("tmpfs", target, "tmpfs",
                                   ("nosuid", "nodev", "noexec", *options.split(",")))
        if name == "operations":
            backups = os.path.join(self.compose.folder, "backups")
            os.mkdir(backups)
            yield containers.mount(backups, "/backups", options=("rbind", "rw"))
        if name == "mariadb":
            yield from self.stand_in_for_mariadb()

    def stand_in_for_mariadb(self):
        """Its image has an entry point, and a configuration that is not Debian's."""
        settings = os.path.join(self.folder, "mysql")
        os.mkdir(settings)
        with open(os.path.join(settings, "my.cnf"), "w", encoding="utf-8") as file:
            file.write("[client-server]\nsocket=/run/mysqld/mysqld.sock\n"
                       "[mariadbd]\ndatadir=/var/lib/mysql\n")
        yield containers.mount(settings, "/etc/mysql")
        yield containers.mount(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                            "mariadb_entrypoint.sh"), "/entrypoint.sh")

    def specification(self, name):
        service = self.compose.services[name]
        command = service.get("command", [])
        if name in OURS:
            self.image[name] = image = containers.Image(
                os.path.join(self.images, f"{name}.tar"),
                os.path.join(self.folder, "images", name))
            root, user = image.root, image.config["User"]
            environment = image.environment()
            arguments = image.config["Entrypoint"] + command
        else:
            root, user, environment = "/", service["user"], {}
            entry = ["/entrypoint.sh"] if name == "mariadb" else service.get("entrypoint", [])
            arguments = entry + command
        uid, gid = (int(each) for each in user.split(":"))
        limits = {key: UNLIMITED if value == -1 else value
                  for key, value in service.get("ulimits", {}).items()
                  if self.may_lift_limits or value == 0}
        return root, {"arguments": arguments, "uid": uid, "gid": gid,
                      "environment": {**environment, **service.get("environment", {})},
                      "mounts": list(self.mounts(name, uid)), "limits": limits,
                      "namespace": self.namespaces[name], "memory": number(service["mem_limit"])}

    def run(self, name, *command):
        """As `docker compose run`: what it printed."""
        root, specification = self.specification(name)
        specification["arguments"] = [*self.compose.services[name]["entrypoint"], *command]
        container = containers.Container(self.folder, name, root, specification)
        self.containers[name] = container
        container.start()
        code = container.process.wait(60)
        expect(code == 0, f"{name} ended with {code}:\n{container.tail()}")
        return container.tail()

    def health_check(self, name):
        service = self.compose.services[name]
        test = service["healthcheck"]["test"] if "healthcheck" in service else \
            self.image[name].config["Healthcheck"]["Test"]
        expect(test[0] == "CMD", f"{name}: {test}")
        return test[1:]

    def start(self, name):
        root, specification = self.specification(name)
        container = containers.Container(self.folder, name, root, specification)
        self.containers[name] = container
        began = time.monotonic()
        container.start()
        check = self.health_check(name)
        until = began + 120
        while True:
            expect(container.process.poll() is None, f"{name} ended:\n{container.tail()}")
            if container.execute(*check).returncode == 0:
                break
            expect(time.monotonic() < until, f"{name} is not healthy:\n{container.tail()}")
            time.sleep(0.1)
        size = f", {self.image[name].bytes / 1e6:.0f} MB" if name in self.image else ""
        self.tell(f"{name} is healthy after {time.monotonic() - began:.1f} s{size}")

    def stop(self, name):
        grace = number(self.compose.services[name].get("stop_grace_period", "10s"))
        began = time.monotonic()
        code = self.containers[name].stop(grace)
        expect(code == 0, f"{name}: exit code {code} on SIGTERM:\n{self.containers[name].tail()}")
        self.tell(f"{name} ended with 0 after {time.monotonic() - began:.1f} s")

    def remove(self):
        for container in reversed(self.containers.values()):
            container.remove()
        if self.networks:
            self.networks.remove()
        containers.run("umount", self.folder, check=False)
        os.rmdir(self.folder)


# --- what is looked at ---------------------------------------------------------------------------

def check_confinement(installation):
    for name, container in installation.containers.items():
        status = container.status()
        expect(status["CapEff"] == status["CapBnd"] == "0" * 16, f"{name}: {status['CapEff']}")
        expect(status["NoNewPrivs"] == "1", f"{name} may get privileges")
        if name not in OURS:
            continue
        expect(status["Uid"].split() == ["65532"] * 4, f"{name} runs as {status['Uid']}")
        for path in ("/here", "/usr/bin/here", "/var/log/here"):
            done = container.execute("/usr/bin/touch", path)
            expect("Read-only file system" in done.stderr, f"{name} wrote {path}: {done.stderr}")
    if not installation.may_lift_limits:
        installation.tell("not tried: locked memory, whose limit nobody may lift on this machine")
        return
    locked = installation.containers["stream"].status()["VmLck"]
    expect(int(locked.split()[0]) > 1000, f"the memory of stream is not locked: {locked}")
    expect("memory.not_locked" not in installation.containers["stream"].tail(1000),
           "the memory of stream is not locked")


def check_images(installation):
    for name, image in installation.image.items():
        labels = {key.rpartition(".")[2]: value for key, value in image.config["Labels"].items()
                  if key.startswith("org.opencontainers.image.")}
        expect(labels["title"] == name and labels["licenses"] == "MIT", f"{name}: {labels}")
        with open(os.path.join(image.root, f"usr/share/sbom/{name}.cdx.json"),
                  encoding="utf-8") as file:
            components = json.load(file)["components"]
        compiled_in = {each["name"] for each in components if len(each["properties"]) > 1}
        listed = {each["name"] for each in components} - compiled_in
        installed = containers.run("dpkg-query", f"--admindir={image.root}/var/lib/dpkg", "-W",
                                   "-f", "${Package}\n").stdout.split()
        expect(listed == set(installed), f"{name}: {listed ^ set(installed)}")
        tools = {"gcc", "g++", "gcc-12", "g++-12", "cmake", "make", "binutils", "git", "curl"}
        expect(not tools & listed, f"{name} has {tools & listed}")
        if name != "gateway":
            version = installation.containers[name].execute(f"/usr/bin/{name}", "--version")
            expect(version.stdout.strip() == labels["version"],
                   f"{name} {labels['version']} says {version.stdout}")
            expect({"libcli11-dev", "nlohmann-json3-dev"} <= compiled_in, f"{name}: {compiled_in}")
        installation.tell(f"{name} {labels['version']}: {len(listed)} packages, and headers of "
                          f"{len(compiled_in)}")


def call(installation, method, request, role):
    """Through the gateway, as a client outside with the authority's certificate."""
    address = installation.networks.hosts["gateway"]["public"]
    hosts = f"/etc/netns/{installation.networks.prefix}caller/hosts"
    os.makedirs(os.path.dirname(hosts), exist_ok=True)
    with open(hosts, "w", encoding="utf-8") as file:
        file.write(f"{address} localhost\n")  # as the certificate has it
    done = subprocess.run(
        [*installation.networks.inside("caller"),
         os.path.join(installation.root, ".cache/buf/node_modules/.bin/buf"), "curl",
         "--schema", os.path.join(installation.folder, "schema.binpb"), "--protocol", "grpc",
         "--cacert", os.path.join(installation.compose.folder, "secrets/gateway-tls.crt"),
         "--header", f"Authorization: Bearer {token(installation.secret('auth-hs256-key'), role)}",
         "--data", json.dumps(request), f"https://localhost:8443/{method}"],
        capture_output=True, text=True, timeout=60, check=False)
    shutil.rmtree(os.path.dirname(hosts))
    expect(done.returncode == 0, f"{method}: {done.stdout}{done.stderr}"
           f"{installation.containers['gateway'].tail(5)}")
    return json.loads(done.stdout)


def check_calls(installation):
    containers.run("protoc", f"-I{installation.root}/proto", "-I/usr/include",
                   "--include_imports", "-o", f"{installation.folder}/schema.binpb",
                   "bannou/stream/v1/admin.proto", "bannou/streaming/v1/pool.proto")
    answer = call(installation, "bannou.streaming.v1.AudiencePoolService/SeedAudiencePool",
                  {"gameServiceId": GAME, "count": 1000}, "admin")
    expect(answer == {"created": 1000, "totalPoolSize": 1000}, f"a pool: {answer}")
    answer = call(installation, "bannou.stream.v1.StreamAdminService/TestSentimentProcessing",
                  {"sampleMessages": ["what a play!!! amazing"]}, "developer")
    expect(len(answer["entries"]) == 1, f"sentiment: {answer}")
    installation.tell("both daemons answer calls through the gateway")


def fetch(installation, who, *arguments):
    return subprocess.run([*installation.networks.inside(who), "curl", "-s", "-m", "5",
                           *arguments], capture_output=True, text=True, check=False)


def check_networks(installation):
    hosts = installation.networks.hosts
    for name, port in (("stream", 9101), ("streaming", 9102)):
        scraped = fetch(installation, "scraper", f"http://{hosts[name]['front']}:{port}/metrics")
        expect('dependency_up{dependency="mysql"} 1' in scraped.stdout, f"{name}: {scraped}")
        opened = re.search(r"^process_open_fds (\S+)$", scraped.stdout, re.M)[1]
        expect(float(opened) > 10, f"{name} says that it has {opened} open files")
    for name in hosts:
        for address in hosts[name].values():
            if name == "gateway" and address == hosts["gateway"]["public"]:
                continue
            for port in (50051, 50052, 8080, 9101, 9102, 3306, 6379, 4222, 8443):
                done = fetch(installation, "caller", "-o", "/dev/null",
                             f"http://{address}:{port}/")
                expect(done.returncode != 0, f"{name}:{port} is reached from outside")
    address = hosts["gateway"]["public"]
    for path, wanted in (("/gateway/healthz", "200"), ("/metrics", "404"), ("/readyz", "404")):
        done = fetch(installation, "caller", "--cacert",
                     os.path.join(installation.compose.folder, "secrets/gateway-tls.crt"),
                     "--resolve", f"localhost:8443:{address}", "-o", "/dev/null", "-w",
                     "%{http_code}", f"https://localhost:8443{path}")
        expect(done.stdout == wanted, f"{path}: {done.stdout}, not {wanted}")


def check_coming_in(installation):
    """As docs/deployment.md has it, but for what the engine itself would do."""
    hosts = installation.networks.hosts
    news = fetch(installation, "reader", "--http0.9", f"http://{hosts['nats']['events']}:4222/")
    expect(news.stdout.startswith("INFO {"), f"NATS does not greet front ends: {news}")
    for name in ("mariadb", "redis", "stream", "streaming"):
        expect("events" not in hosts[name], f"front ends reach {name}")
    printed = installation.run("operations", "/operations/backup.sh", "/run/secrets/mariadb.cnf",
                               "/backups/1", "stream", "streaming")
    expect("backup: /backups/1" in printed, printed)
    kept = os.listdir(os.path.join(installation.compose.folder, "backups/1"))
    expect("databases.sql.gz" in kept, f"kept: {kept}")
    sealed = installation.containers["stream"].execute("/usr/bin/stream", "reseal")
    expect(sealed.returncode == 0, f"reseal: {sealed.stdout}{sealed.stderr}")
    emptied = installation.containers["redis"].execute(
        "/bin/sh", "-c",
        "REDISCLI_AUTH=$(cat /run/secrets/redis-admin-password) redis-cli --user admin flushall")
    expect(emptied.stdout.strip() == "OK", f"flushall: {emptied.stdout}{emptied.stderr}")
    installation.tell("who may comes in: to NATS, to copy the databases, to empty Redis")


def play(installation):
    for name in installation.order:
        installation.start(name)
    check_confinement(installation)
    check_images(installation)
    check_networks(installation)
    check_calls(installation)
    check_coming_in(installation)
    for name in reversed(installation.order):
        if name in OURS:
            installation.stop(name)
        else:
            installation.containers[name].stop(60)
    said = [line for name in OURS for line in installation.containers[name].tail(2000).split("\n")
            if '"level":"error"' in line or '"level":"warning"' in line]
    print("\n".join(sorted(set(said))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--root", default=".")
    options = parser.parse_args()
    if not os.environ.get("IMAGES"):
        print("skipped: IMAGES names no folder of images")
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    installation = Installation(os.path.abspath(options.root),
                                os.path.abspath(os.environ["IMAGES"]))
    try:
        installation.prepare()
        play(installation)
        return 0
    except (Failed, RuntimeError, OSError, subprocess.TimeoutExpired) as failure:
        print(failure)
        return 1
    finally:
        installation.remove()


if __name__ == "__main__":
    sys.exit(main())
