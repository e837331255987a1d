"""That what deploy/kubernetes makes hangs together: names, ports, selectors, settings."""
import base64
import os
import shutil
import subprocess
import tempfile
import unittest

import kustomize
import settings_check
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build/dev"))
DAEMONS = ("stream", "streaming")
APPS = DAEMONS + ("gateway",)
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def fits(selector, labels):
    """Whether a LabelSelector selects what has these labels."""
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


def without_hash(objects):
    """What `kubectl kustomize` prints, the generated names as they were."""
    text = yaml.safe_dump(objects, sort_keys=True)
    for each in objects:
        if each["kind"] in ("ConfigMap", "Secret"):
            name = each["metadata"]["name"]
            text = text.replace(name, name.rpartition("-")[0])
    return yaml.safe_load(text)


def by_name(objects):
    """Long secrets are printed in several lines."""
    for each in objects:
        if each["kind"] == "Secret":
            each["data"] = {key: "".join(text.split()) for key, text in each["data"].items()}
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="kubernetes-")
        shutil.copytree(os.path.join(ROOT, "deploy/kubernetes"), os.path.join(cls.folder, "k"))
        cls.overlay = os.path.join(cls.folder, "k/overlays/example")
        subprocess.run([os.path.join(ROOT, "deploy/compose/secrets.sh"),
                        os.path.join(cls.overlay, "secrets"), "streams.example.net"], check=True)
        cls.objects = kustomize.render(cls.overlay)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def get(self, kind, name):
        found = kustomize.find(self.objects, kind, name)
        self.assertIsNotNone(found, f"no {kind} {name}")
        return found

    def template(self, app):
        return self.get("Deployment", app)["spec"]["template"]

    def container(self, app):
        (container,) = self.template(app)["spec"]["containers"]
        return container

    def ports(self, app):
        return {port["name"]: port["containerPort"] for port in self.container(app)["ports"]}

    def environment(self, app):
        (source,) = self.container(app)["envFrom"]
        return self.get("ConfigMap", source["configMapRef"]["name"])["data"]

    def files(self, app):
        """Mounted folder -> {file: its content in a file of ours}, of Secrets."""
        volumes = {each["name"]: each for each in self.template(app)["spec"]["volumes"]}
        mounted = {}
        for mount in self.container(app)["volumeMounts"]:
            volume = volumes.pop(mount["name"])
            if "secret" not in volume:
                continue
            folder = tempfile.mkdtemp(dir=self.folder)
            mounted[mount["mountPath"]] = {}
            data = self.get("Secret", volume["secret"]["secretName"])["data"]
            for name, content in data.items():
                path = os.path.join(folder, name)
                mounted[mount["mountPath"]][name] = path
                with open(path, "wb") as file:
                    file.write(base64.b64decode(content))
        self.assertEqual({}, volumes, "mounted nowhere")
        return mounted

    def test_kubectl_makes_the_same(self):
        if not shutil.which("kubectl"):
            self.skipTest("no kubectl")
        done = subprocess.run(["kubectl", "kustomize", self.overlay], capture_output=True,
                              text=True, check=False)
        if "must be a file" in done.stderr:
            self.skipTest("a kubectl from before 1.21")
        self.assertEqual(0, done.returncode, done.stderr)
        theirs = by_name(without_hash(list(yaml.safe_load_all(done.stdout))))
        ours = by_name(self.objects)
        self.assertEqual(set(ours), set(theirs))
        for name, each in ours.items():
            self.assertEqual(each, theirs[name])

    def test_daemons_take_their_settings(self):
        for name in DAEMONS:
            daemon = settings_check.Daemon(BUILD, name)
            environment, files = self.environment(name), self.files(name)
            self.assertEqual("", daemon.problems(environment, files))
            self.assertEqual("true", environment[f"{name.upper()}_ENABLED"])
            wrong = {**environment, f"{name.upper()}_PORT": "tcp://10.0.0.1:50051"}
            self.assertIn("no such setting", daemon.problems(wrong, files))
            # Each daemon has the secrets that it uses, and no other.
            used = {os.path.basename(value) for key, value in environment.items()
                    if key.endswith("_FILE")}
            self.assertEqual(used, set(files["/run/secrets"]))
            self.assertIn("--strict", self.container(name)["args"])
        self.assertEqual("3", self.environment("stream")["STREAM_VIEWER_TYPE_MIN_GROUP"])

    def test_gateway_is_led_to_the_daemons(self):
        environment = self.environment("gateway")
        for name, value in environment.items():
            if name.endswith(("_GRPC", "_HTTP")):
                app, port = value.split(":")
                self.assertEqual(f"GATEWAY_{app}_".upper(), name[:-4])
                self.assertEqual(self.ports(app)[name[-4:].lower()], int(port))
        files = self.files("gateway")
        for name in ("GATEWAY_TLS_CERT_FILE", "GATEWAY_TLS_KEY_FILE"):
            folder, base = os.path.split(environment[name])
            self.assertIn(base, files[folder])

    def test_pods_have_no_privileges(self):
        for app in APPS:
            pod, container = self.template(app)["spec"], self.container(app)
            self.assertIs(False, pod["enableServiceLinks"])
            self.assertIs(False, pod["automountServiceAccountToken"])
            self.assertEqual({"type": "RuntimeDefault"}, pod["securityContext"]["seccompProfile"])
            self.assertIs(True, pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(65532, pod["securityContext"]["runAsUser"])
            self.assertEqual({"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                              "capabilities": {"drop": ["ALL"]}}, container["securityContext"])
            self.assertIn("memory", container["resources"]["limits"])
            self.assertEqual({"cpu", "memory"}, set(container["resources"]["requests"]))

    def test_probes_ask_what_they_should(self):
        for app in APPS:
            container = self.container(app)
            for probe in PROBES:
                self.assertIn(container[probe]["httpGet"]["port"], self.ports(app))
        for app in DAEMONS:
            paths = [self.container(app)[probe]["httpGet"]["path"] for probe in PROBES]
            self.assertEqual(["/healthz", "/healthz", "/readyz"], paths)

    def test_a_stop_has_time(self):
        for app in DAEMONS:
            environment, prefix = self.environment(app), app.upper()
            drain = sum(int(environment[f"{prefix}_DRAIN_{part}_MS"]) for part in
                        ("DELAY", "GRACE")) / 1000
            grace = self.template(app)["spec"]["terminationGracePeriodSeconds"]
            self.assertGreaterEqual(grace, drain + 15)
            # Out of DNS (5 s), seen by the gateway.
            seen = 5 + 2 * int(self.environment("gateway")["GATEWAY_RESOLVE_SECONDS"])
            self.assertGreater(int(environment[f"{prefix}_DRAIN_DELAY_MS"]) / 1000, seen)
        gateway = self.template("gateway")["spec"]["terminationGracePeriodSeconds"]
        self.assertGreaterEqual(
            gateway, int(self.environment("gateway")["GATEWAY_DRAIN_SECONDS"]) + 10)

    def test_memory_is_enough_for_watches(self):
        """By what docs/operations.md says that one takes, when all connections are used."""
        def limit(app):
            text = self.container(app)["resources"]["limits"]["memory"]
            return int(text[:-2]) * {"Mi": 2**20, "Gi": 2**30}[text[-2:]]
        watchers = int(self.environment("streaming")["STREAMING_MAX_WATCHERS"])
        self.assertLess(watchers * 21 * 2**10, 0.6 * limit("streaming"))
        workers = int(self.environment("gateway")["GATEWAY_WORKERS"])
        self.assertLess(workers * 8192 / 2 * 74 * 2**10, 0.6 * limit("gateway"))

    def test_everything_selects_its_pods(self):
        for app in APPS:
            labels = self.template(app)["metadata"]["labels"]
            spec = self.get("Deployment", app)["spec"]
            self.assertNotIn("replicas", spec, "the autoscaler's")
            (spread,) = self.template(app)["spec"]["topologySpreadConstraints"]
            for selector in (spec["selector"], spread["labelSelector"],
                             self.get("PodDisruptionBudget", app)["spec"]["selector"]):
                self.assertTrue(fits(selector, labels))
            service = self.get("Service", app)["spec"]
            self.assertTrue(service["selector"].items() <= labels.items())
            for port in service["ports"]:
                self.assertIn(port["targetPort"], self.ports(app))
            target = self.get("HorizontalPodAutoscaler", app)["spec"]["scaleTargetRef"]
            self.assertEqual({"apiVersion": "apps/v1", "kind": "Deployment", "name": app}, target)

    def test_only_what_is_meant_is_reached(self):
        labels = {app: self.template(app)["metadata"]["labels"] for app in APPS}
        reached = set()
        for policy in self.objects:
            if policy["kind"] != "NetworkPolicy":
                continue
            spec = policy["spec"]
            subjects = [app for app in APPS if fits(spec["podSelector"], labels[app])]
            self.assertTrue(subjects, policy["metadata"]["name"])
            for rule in spec.get("ingress", []):
                peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                         for peer in rule.get("from", [])] or ["anybody"]
                (subject,) = subjects
                for port in rule["ports"]:
                    self.assertIn(port["port"], self.ports(subject))
                    reached |= {(peer, subject, port["port"]) for peer in peers}
            if policy["metadata"]["name"] == "gateway":
                for rule in spec["egress"]:
                    app = rule["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                    offered = {number: name for name, number in self.ports(app).items()}
                    allowed = {("gateway", app, offered[port["port"]]) for port in rule["ports"]}
                    self.assertNotIn(("gateway", app, "admin"), allowed)
        self.assertEqual(
            {("anybody", "gateway", "https"), ("gateway", "stream", "grpc"),
             ("gateway", "stream", "http"), ("gateway", "streaming", "grpc"),
             ("prometheus", "stream", "admin"), ("prometheus", "streaming", "admin")}, reached)
        deny = self.get("NetworkPolicy", "default-deny")["spec"]
        self.assertEqual({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, deny)


if __name__ == "__main__":
    unittest.main(verbosity=2)
