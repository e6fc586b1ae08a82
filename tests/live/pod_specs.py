"""Pods as the engine's tests declare them."""

from typing import Any

PAUSE, SHELL = "registry.k8s.io/pause:3.10", "docker.io/valkey/valkey:8.1.1"
Json = dict[str, Any]


def container(image: str = PAUSE, script: str = "", **more: Any) -> Json:
    command = {"command": ["sh", "-c", script]} if script else {}
    return {"name": "main", "image": image, "imagePullPolicy": "IfNotPresent", **command, **more}


def template(image: str = PAUSE, script: str = "", *, restart: str = "Always", **more: Any) -> Json:
    spec = {
        "containers": [container(image, script, **more)],
        "terminationGracePeriodSeconds": 0,
        "restartPolicy": restart,
    }
    return {"metadata": {"labels": {"app": "a"}}, "spec": spec}


def workload(replicas: int, pod: Json, **more: Any) -> Json:
    return {"replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": pod, **more}
