"""The manifest for a cluster of machines says what the daemon understands."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from agentwatch.config import read_config

ROOT = Path(__file__).resolve().parent.parent.parent


def manifest() -> dict[str, Any]:
    found = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


def container() -> dict[str, Any]:
    return manifest()["StatefulSet/agentwatch"]["spec"]["template"]["spec"]["containers"][0]


def test_the_configuration_and_the_variables_are_understood(tmp_path: Path) -> None:
    text = manifest()["ConfigMap/agentwatch"]["data"]["agentwatch.toml"]
    msgspec.toml.decode(text)
    path = tmp_path / "agentwatch.toml"
    path.write_text(text)
    given = {one["name"]: one.get("value", "pod-1") for one in container()["env"] if one["name"] != "POD_NAME"}
    config = read_config(path, given)
    assert config.redis.partition == "auto"
    assert config.api.advertise == "http://$(POD_NAME).agentwatch-workers:8420"
    assert config.api.port == container()["ports"][0]["containerPort"]


def test_probes_ask_what_the_api_answers_and_a_stop_is_given_time_to_drain() -> None:
    wanted = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert {name: container()[name]["httpGet"]["path"] for name in wanted} == wanted
    pod = manifest()["StatefulSet/agentwatch"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > read_config(None, {}).worker.drain_s


def test_selectors_fit_the_pods_and_the_workers_names_are_their_services() -> None:
    found = manifest()
    workers = found["StatefulSet/agentwatch"]["spec"]
    labels = workers["template"]["metadata"]["labels"]
    for name in ("Service/agentwatch", "Service/agentwatch-workers"):
        assert found[name]["spec"]["selector"].items() <= labels.items()
    assert found["PodDisruptionBudget/agentwatch"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert workers["selector"]["matchLabels"].items() <= labels.items()
    assert workers["serviceName"] == "agentwatch-workers"
    assert found["Service/agentwatch-workers"]["spec"]["clusterIP"] == "None"
    pod = workers["template"]["spec"]
    mounted = {one["name"] for one in container()["volumeMounts"]}
    assert mounted == {one["name"] for one in pod["volumes"]}
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
