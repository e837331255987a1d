"""What `kubectl kustomize` makes of a folder, as far as deploy/kubernetes uses it: resources, a
namespace, images, ConfigMaps and Secrets. Anything else is refused. Generated names get no hash."""
import base64
import copy
import os

import yaml

KNOWN = {"apiVersion", "kind", "resources", "namespace", "images", "configMapGenerator",
         "secretGenerator"}
# Of these there is one for all namespaces.
GLOBAL = {"Namespace"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def refuse(names, known, where):
    if unknown := set(names) - known:
        raise ValueError(f"{where}: {', '.join(sorted(unknown))} is not known to this test")


def find(objects, kind, name):
    """The only one of that kind and name, or nothing."""
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found[0] if len(found) == 1 else None


def config_map(row, objects, where):
    refuse(row, {"name", "literals", "behavior"}, where)
    data = {}
    for literal in row["literals"]:
        name, equals, value = literal.partition("=")
        if not equals or name in data:
            raise ValueError(f"{where}: {literal}")
        data[name] = value
    before = find(objects, "ConfigMap", row["name"])
    if (row.get("behavior") == "merge") != (before is not None):
        raise ValueError(f"{where}: {row['name']} is merged, and there is none, or the reverse")
    if before:
        before["data"].update(data)
    else:
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": row["name"]},
                        "data": data})


def secret(row, folder):
    refuse(row, {"name", "files", "type"}, folder)
    data = {}
    for entry in row["files"]:
        key, _, path = entry.rpartition("=")
        with open(os.path.join(folder, path), "rb") as file:
            data[key or os.path.basename(path)] = base64.b64encode(file.read()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "type": row.get("type", "Opaque"),
            "metadata": {"name": row["name"]}, "data": data}


def containers(objects):
    for each in objects:
        if each["kind"] == "Deployment":
            yield from each["spec"]["template"]["spec"]["containers"]


def set_images(rows, objects):
    for row in rows:
        used = [each for each in containers(objects)
                if each["image"].rpartition(":")[0] == row["name"]]
        if not used:
            raise ValueError(f"no container has the image {row['name']}")
        for each in used:
            each["image"] = f"{row['newName']}:{row['newTag']}"


def render(folder):
    """The objects of a folder, a list."""
    path = os.path.join(folder, "kustomization.yaml")
    wanted = yaml.safe_load(read(path))
    refuse(wanted, KNOWN, path)
    objects = []
    for name in wanted.get("resources", []):
        resource = os.path.join(folder, name)
        objects += render(resource) if os.path.isdir(resource) else \
            list(yaml.safe_load_all(read(resource)))
    for row in wanted.get("configMapGenerator", []):
        config_map(row, objects, path)
    objects += [secret(row, folder) for row in wanted.get("secretGenerator", [])]
    set_images(wanted.get("images", []), objects)
    if "namespace" in wanted:
        for each in objects:
            if each["kind"] not in GLOBAL:
                each["metadata"]["namespace"] = wanted["namespace"]
    return copy.deepcopy(objects)
