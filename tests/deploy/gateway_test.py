"""What deploy/gateway does by itself, with nginx and no daemon: certificates are renewed, instances
come and go, it ends as it is told, and it writes nothing down that people sent."""
import collections
import concurrent.futures
import contextlib
import http.client
import http.server
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "deploy/gateway/gateway.sh")
WAIT_SECONDS = 60
GETENT = """#!/bin/sh
echo "$2" >>{folder}/asked
[ "$1" = ahostsv4 ] && exec sed -n "s/^$2 \\(.*\\)/\\1       STREAM $2/p" {folder}/names
exit 2
"""


def wait_for(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.003)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write(path, text):
    with open(path + ".next", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".next", path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance(http.server.ThreadingHTTPServer):
    """Stands for `stream`'s HTTP port: answers with its own address, to "/…hold…" when told to."""
    daemon_threads = True

    def __init__(self, host="127.0.0.1", port=0):
        self.held, self.release = threading.Semaphore(0), threading.Event()
        self.connections = []
        super().__init__((host, port), Handler)
        self.address = "{}:{}".format(*self.server_address)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        pass  # the gateway went

    def fall(self):
        self.release.set()
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *_):
        self.fall()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if "hold" in self.path:
            self.server.held.release()
            self.server.release.wait(WAIT_SECONDS)
        answer = self.server.address.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.do_GET()

    def log_message(self, *_):
        pass


class Certificate:
    """Signed by itself, with a key of its own unless one is given."""

    def __init__(self, folder, name, key=None):
        self.file = os.path.join(folder, name + ".crt")
        self.key = key or os.path.join(folder, name + ".key")
        new = ["-key", key] if key else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                         "-nodes", "-keyout", self.key]
        subprocess.run(["openssl", "req", "-x509", "-days", "2", "-subj", f"/CN={name}", *new,
                        "-out", self.file], check=True, capture_output=True)

    def same_as(self, pem):
        return read(self.file).split() == pem.split()


class Gateway:
    def __init__(self, folder, tls=None, path=None, **settings):
        self.folder = folder
        self.port = free_port()
        self.state, self.lists, self.log_file = (
            os.path.join(folder, name) for name in ("state", "instances", "log"))
        environment = {
            "PATH": (path + ":" if path else "") + os.environ["PATH"],
            "GATEWAY_ADDR": f"127.0.0.1:{self.port}", "GATEWAY_STATE": self.state,
            "GATEWAY_INSTANCES_FILE": self.lists, "GATEWAY_WORKERS": "1",
            "GATEWAY_RESOLVE_SECONDS": "60", "GATEWAY_DRAIN_SECONDS": "60"}
        if tls:
            environment["GATEWAY_TLS_CERT_FILE"], environment["GATEWAY_TLS_KEY_FILE"] = tls
        else:
            environment["GATEWAY_PLAINTEXT"] = "true"
        environment.update({f"GATEWAY_{name}": value for name, value in settings.items()})
        self.tls = tls
        with open(self.log_file, "ab") as log:
            # As behind a shell's &, SIGQUIT is ignored until nginx knows it.
            self.process = subprocess.Popen(
                ["env", "--ignore-signal=QUIT", SCRIPT], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sent in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(sent)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)

    def log(self):
        return read(self.log_file)

    def says(self, words, times=1):
        wait_for(lambda: self.log().count(words) >= times or self.ended(), f"“{words}”")
        if self.log().count(words) < times:
            raise AssertionError(f"it ended without “{words}”: {self.log()}")

    def ended(self):
        return self.process.poll() is not None

    def listening(self):
        self.says("listening on")
        return self

    def route(self, *instances):
        """From now on these, as soon as it has looked."""
        write(self.lists, f"GATEWAY_STREAM_HTTP={','.join(instances)}\n")
        self.process.send_signal(signal.SIGHUP)

    def connect(self):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS,
                                           context=anybody)

    def ask(self, path, method="GET", **request):
        """(status, body)"""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, **request)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def who(self, paths):
        """path: the instance that answers"""
        return {path: self.ask(path)[1] for path in paths}

    def refuses(self):
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS).close()
            return False
        return True


class Case(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = tempfile.mkdtemp(prefix="gateway-")
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)  # nginx's workers look into it as somebody else

    def gateway(self, *instances, name="gateway", **how):
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        write(os.path.join(folder, "instances"), f"GATEWAY_STREAM_HTTP={','.join(instances)}\n")
        return self.stack.enter_context(Gateway(folder, **how))

    def instances(self, count):
        return [self.stack.enter_context(Instance()) for _ in range(count)]

    def hold(self, gateway, instance, path="/stream/webhook/hold"):
        """A request that is open: a future of its answer."""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        self.stack.callback(pool.shutdown, wait=False)
        answer = pool.submit(gateway.ask, path)
        self.assertTrue(instance.held.acquire(timeout=WAIT_SECONDS))
        return answer


class Certificates(Case):
    def put(self, certificate, key=True):
        """As somebody does who copies: the key first."""
        if key:
            shutil.copy(certificate.key, self.tls[1])
        write(self.tls[0], read(certificate.file))

    def serves(self, gateway, certificate):
        wait_for(lambda: certificate.same_as(ssl.get_server_certificate(
            ("127.0.0.1", gateway.port))) or gateway.ended(), certificate.file)
        self.assertFalse(gateway.ended(), gateway.log())

    def test_a_renewed_one_is_served_and_nothing_is_lost(self):
        first, second, third, fourth = (Certificate(self.folder, str(i)) for i in range(4))
        self.tls = [os.path.join(self.folder, name) for name in ("tls.crt", "tls.key")]
        self.put(first)
        (instance,) = self.instances(1)
        gateway = self.gateway(instance.address, tls=self.tls, RESOLVE_SECONDS="1").listening()
        self.serves(gateway, first)
        held = self.hold(gateway, instance)
        self.put(second)
        self.serves(gateway, second)

        os.remove(self.tls[0])
        gateway.says("tls.crt cannot be read; going on with what there was")
        self.serves(gateway, second)
        self.put(third)
        self.serves(gateway, third)
        renewed = Certificate(self.folder, "renewed", third.key)
        os.remove(self.tls[0])  # and perhaps nobody looks before it is back
        self.put(renewed, key=False)
        self.serves(gateway, renewed)

        self.put(fourth, key=False)
        gateway.says("nginx refuses what would be new; going on with what there was")
        self.serves(gateway, renewed)
        self.put(fourth)
        self.serves(gateway, fourth)
        self.assertFalse(held.done())
        instance.release.set()
        self.assertEqual(held.result(WAIT_SECONDS), (200, instance.address))


class Instances(Case):
    PATHS = [f"/stream/webhook/twitch/{number}" for number in range(40)]

    def test_they_come_and_go_and_a_path_keeps_its_own(self):
        instances = self.instances(3)
        addresses = [instance.address for instance in instances]
        gateway = self.gateway(*addresses).listening()
        whole = gateway.who(self.PATHS)
        self.assertEqual(set(whole.values()), set(addresses))
        self.assertEqual(gateway.who([path + "?code=1" for path in self.PATHS]),
                         {path + "?code=1": who for path, who in whole.items()})

        gone = addresses[0]
        gateway.route(*addresses[1:])
        wait_for(lambda: gone not in gateway.who(self.PATHS).values(), "the instance to go")
        fewer = gateway.who(self.PATHS)
        self.assertEqual({path for path in self.PATHS if fewer[path] != whole[path]},
                         {path for path in self.PATHS if whole[path] == gone})
        gateway.route(*addresses)
        wait_for(lambda: gateway.who(self.PATHS) == whole, "the instance to come")

        # One that fell.
        instances[0].fall()
        left = gateway.who(self.PATHS)
        self.assertEqual(set(left.values()), set(addresses[1:]))
        self.assertEqual({path for path in self.PATHS if left[path] != whole[path]},
                         {path for path in self.PATHS if whole[path] == gone})

        gateway.route()
        wait_for(lambda: gateway.ask(self.PATHS[0])[0] == 502, "none to be there")

    def test_no_trouble_ends_it(self):
        first, second = self.instances(2)
        gateway = self.gateway(first.address).listening()
        os.remove(gateway.lists)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.says("instances cannot be read; instances stay as they are")
        self.assertEqual(gateway.ask(self.PATHS[0]), (200, first.address))

        # What it would write cannot be written.
        os.mkdir(os.path.join(gateway.state, "upstreams.new"))
        gateway.route(second.address)
        gateway.says("cannot be written to; going on with what there was")
        self.assertEqual(gateway.ask(self.PATHS[0]), (200, first.address))
        os.rmdir(os.path.join(gateway.state, "upstreams.new"))

        gateway.route(second.address, "junk", "host:port", "$(touch x):1")
        wait_for(lambda: gateway.ask(self.PATHS[0]) == (200, second.address), "the other instance")
        for word in ("junk", "host:port", "$(touch"):
            self.assertIn(f"'{word}", gateway.log())
        self.assertFalse(gateway.ended())

    def test_names_are_looked_up_again(self):
        tools = os.path.join(self.folder, "tools")
        os.mkdir(tools)
        names, asked = os.path.join(tools, "names"), os.path.join(tools, "asked")
        write(os.path.join(tools, "getent"), GETENT.format(folder=tools))
        os.chmod(os.path.join(tools, "getent"), 0o755)
        (first,) = self.instances(1)
        port = first.server_address[1]
        second = self.stack.enter_context(Instance("127.0.0.2", port))
        write(names, "stream 127.0.0.1\n")
        gateway = self.gateway(f"stream:{port}", path=tools).listening()
        self.assertEqual(set(gateway.who(self.PATHS).values()), {first.address})

        def look():
            """One that began after now."""
            before = read(asked).count("stream\n")
            gateway.process.send_signal(signal.SIGHUP)
            wait_for(lambda: read(asked).count("stream\n") > before, "a look")

        both = {first.address, second.address}
        write(names, "stream 127.0.0.1\nstream 127.0.0.2\n")
        look()
        wait_for(lambda: set(gateway.who(self.PATHS).values()) == both, "both addresses")
        reloads = gateway.log().count("reloading")
        os.remove(names)
        look()
        look()  # the one before is over
        self.assertEqual(set(gateway.who(self.PATHS).values()), both)
        self.assertEqual(gateway.log().count("reloading"), reloads)

        write(names, "".join(f"stream 127.0.1.{number}\n" for number in range(1, 71)))
        look()
        gateway.says("more than 64 instances, the others are left out")
        gateway.says("instances: 64; reloading")
        servers = read(os.path.join(gateway.state, "upstreams.conf")).count("  server 127.0.1.")
        self.assertEqual(servers, 64)


class Ends(Case):
    def begin(self, number, sent, pause, **how):
        """One that gets a signal so long after its first line has run."""
        gateway = self.gateway(name=f"{sent.name}{number}", **how)
        status = f"/proc/{gateway.process.pid}/status"

        def caught():
            fields = dict(line.split(":", 1) for line in read(status).splitlines())
            return int(fields["SigCgt"], 16) >> (sent - 1) & 1

        wait_for(caught, "the first line")
        time.sleep(pause)
        gateway.process.send_signal(sent)
        return gateway

    def test_at_once(self):
        for number, pause in enumerate((0, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3)):
            gateway = self.begin(number, signal.SIGTERM, pause)
            self.assertEqual(gateway.process.wait(WAIT_SECONDS), 0, gateway.log())
            self.assertTrue(gateway.refuses(), gateway.log())
        for number in range(4):
            gateway = self.gateway(name=f"listening{number}").listening()
            gateway.process.send_signal(signal.SIGTERM)
            self.assertEqual(gateway.process.wait(WAIT_SECONDS), 0, gateway.log())
            self.assertTrue(gateway.refuses(), gateway.log())

    def test_while_nginx_starts(self):
        """It takes its time here, and knows no signal in the meantime."""
        with open(os.path.join(self.folder, "setpriv"), "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nsleep 0.4\nexec {shutil.which("setpriv")} "$@"\n')
        os.chmod(file.name, 0o755)
        gateways = [self.begin(f"slow{pause}", signal.SIGTERM, pause, path=self.folder)
                    for pause in (0.5, 0.8, 1.0)]
        for gateway in gateways:
            self.assertEqual(gateway.process.wait(WAIT_SECONDS), 0, gateway.log())
            self.assertTrue(gateway.refuses(), gateway.log())

    def test_a_hangup_does_not_end_it(self):
        for number, pause in enumerate((0, 0.02, 0.07, 0.15)):
            gateway = self.begin(number, signal.SIGHUP, pause).listening()
            self.assertEqual(gateway.ask("/gateway/healthz"), (200, "ok\n"))

    def test_open_requests_may_end_unless_told_twice(self):
        (instance,) = self.instances(1)
        gateway = self.gateway(instance.address).listening()
        held = self.hold(gateway, instance)
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(gateway.refuses, "no more connections")
        self.assertFalse(held.done() or gateway.ended())
        instance.release.set()
        self.assertEqual(held.result(WAIT_SECONDS), (200, instance.address))
        self.assertEqual(gateway.process.wait(WAIT_SECONDS), 0)

        # Twice; and with little time.
        for name, times, drain in (("twice", 2, "3600"), ("short", 1, "1")):
            instance.release.clear()
            gateway = self.gateway(instance.address, name=name, DRAIN_SECONDS=drain).listening()
            held = self.hold(gateway, instance)
            for _ in range(times):
                gateway.process.send_signal(signal.SIGTERM)
                wait_for(gateway.refuses, "no more connections")
            with self.assertRaises((OSError, http.client.HTTPException)):
                held.result(WAIT_SECONDS)
            self.assertEqual(gateway.process.wait(WAIT_SECONDS), 0)

    def test_with_nginx_it_fails(self):
        gateway = self.gateway().listening()
        os.kill(int(read(os.path.join(gateway.state, "gateway.pid"))), signal.SIGTERM)
        self.assertEqual(gateway.process.wait(WAIT_SECONDS), 1)
        self.assertIn("nginx ended", gateway.log())


class Requests(Case):
    def test_nothing_that_people_send_is_written_down(self):
        (instance,) = self.instances(1)
        gateway = self.gateway(instance.address).listening()
        bodies = os.path.join(gateway.state, "tmp/body")
        before = os.stat(bodies).st_mtime_ns
        marks = {"headers": {"Authorization": "Bearer planted-header"}}
        path = "/stream/webhook/twitch/1?code=planted-query"
        self.assertEqual(gateway.ask(path, "POST", body="planted-body", **marks)[0], 200)
        # One byte a chunk, which nginx would write to a file if it waited for the whole.
        chunks = (letter.encode() for letter in "planted-body" * 300)
        self.assertEqual(
            gateway.ask(path, "POST", body=chunks, encode_chunked=True,
                        headers={**marks["headers"], "Transfer-Encoding": "chunked"})[0], 200)
        self.assertEqual(gateway.ask(path, "POST", body="planted-body" * 30000, **marks)[0], 413)
        self.assertEqual(gateway.ask("/planted-path~?planted-query", **marks)[0], 404)
        instance.fall()
        self.assertEqual(gateway.ask(path, "POST", body="planted-body", **marks)[0], 502)
        gateway.says("connect() failed")
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(WAIT_SECONDS), 0)

        wait_for(lambda: gateway.log().count('"event":"gateway.request"') == 5, "all its log")
        for folder, _, files in os.walk(gateway.folder):
            for file in files:
                self.assertNotIn("planted", read(os.path.join(folder, file)), file)
        self.assertEqual(os.stat(bodies).st_mtime_ns, before, "a body was in a file")

    def test_the_inside_is_not_reached(self):
        (instance,) = self.instances(1)
        gateway = self.gateway(instance.address).listening()
        for path in ("/", "/metrics", "/healthz", "/readyz", "/observatory", "/stream/",
                     "/stream/webhook/../../metrics", "/nginx_status"):
            self.assertEqual(gateway.ask(path)[0], 404, path)

    def test_http2(self):
        certificate = Certificate(self.folder, "own")
        silent = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        gateway = self.gateway(tls=(certificate.file, certificate.key),
                               STREAM_GRPC=f"127.0.0.1:{silent.getsockname()[1]}").listening()
        curl = ["curl", "-s", "--http2", "--cacert", certificate.file, "--resolve",
                f"own:{gateway.port}:127.0.0.1", "-m", str(WAIT_SECONDS), "-o", "/dev/null"]
        url = f"https://own:{gateway.port}"
        # A body of which nothing more comes: its call alone ends, without any status.
        slow = subprocess.Popen(
            [*curl, "-X", "POST", "-T", "-", "-H", "content-type: application/grpc",
             f"{url}/bannou.stream.v1.PlatformService/ListPlatforms"], stdin=subprocess.PIPE)
        # A connection ends after a thousand, and another is made.
        many = subprocess.run([*curl, "-w", "%{http_code} %{num_connects}\n",
                               f"{url}/gateway/healthz?[1-1002]"], capture_output=True, text=True,
                              check=True).stdout.splitlines()
        self.assertEqual(collections.Counter(many), {"200 1": 2, "200 0": 1000})
        gateway.says('"status":"408","grpc_status":""')
        slow.stdin.close()  # curl looks up from what it reads
        self.assertEqual(slow.wait(WAIT_SECONDS), 92)  # a stream that was reset


if __name__ == "__main__":
    unittest.main()
