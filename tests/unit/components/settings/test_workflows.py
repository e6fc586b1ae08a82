"""Settings of workflows: where they run, how long they stay, when the digest is made, and what is refused."""

from typing import Any

import pytest

from components import settings
from components.settings import SettingsError
from components.settings.node_groups import ANYWHERE, NodeGroupSettings, Placement
from tests.conftest import settings_of

LOCAL, PROD = settings_of("local"), settings_of("prod")
LOGIN = {
    "image": "localhost/journal/auth:v1.0.0",
    "resources": {"cpu": "10m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "192Mi"},
}


def parsed(raw: dict[str, Any]) -> settings.Settings:
    found = settings.parse(raw)
    assert isinstance(found, settings.Settings)
    return found


@pytest.mark.parametrize("stack", ["local", "dev"])
def test_they_are_off_where_a_stack_does_not_name_them(stack: str) -> None:
    found = parsed(settings_of(stack))
    assert found.workflows is None
    assert found.workflow_placement == ANYWHERE


def test_in_prod_they_run_on_the_group_for_them_and_tolerate_its_taint() -> None:
    placement = parsed(PROD).workflow_placement
    assert placement == Placement(node_group="workflows", tolerates=(("dedicated", "workflows"),))
    groups = [NodeGroupSettings.model_validate(group) for group in PROD["aws"]["nodeGroups"]]
    assert [group.name for group in groups if placement.fits(group)] == ["workflows"]


def test_without_a_group_they_run_anywhere() -> None:
    assert parsed({**LOCAL, "workflows": {}}).workflow_placement == ANYWHERE
    assert parsed({**PROD, "workflows": {}}).workflow_placement == ANYWHERE


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"digestSchedule": "every night"}, "workflows.digestSchedule = 'every night': is no schedule of a CronJob"),
        ({"digestSchedule": "0 25 * * *"}, "is no schedule of a CronJob; write minute, hour, day, month and weekday"),
        ({"digestSchedule": "cron(0 3 * * ? *)"}, "is no schedule of a CronJob"),
        ({"keepDays": 0}, "workflows.keepDays = 0"),
        ({"keepDays": 91}, "workflows.keepDays = 91"),
        ({"nodeGroup": "Workflows"}, "workflows.nodeGroup = 'Workflows'"),
        ({"crds": ""}, "workflows.crds = ''"),
        ({"keepdays": 7}, "did you mean 'keepDays'?"),
    ],
)
def test_a_bad_value_is_told_with_what_is_allowed(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse({**LOCAL, "workflows": raw})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {**LOCAL, "workflows": {"nodeGroup": "workflows"}},
            "workflows.nodeGroup workflows without aws: only there are node groups; take it out",
        ),
        (
            {**PROD, "workflows": {"nodeGroup": "batch"}},
            "workflows.nodeGroup batch is no group of aws.nodeGroups; name one of system, apps, ingress, workflows",
        ),
        (
            {**LOCAL, "workflows": {}, "login": {**LOGIN, "reads": "signedIn"}},
            "workflows with login.reads signedIn: the digest reads the API and has no token",
        ),
    ],
)
def test_what_contradicts_another_setting_is_refused(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(raw)
    assert said in str(caught.value)


def test_a_sign_in_with_open_reads_lets_the_digest_read() -> None:
    assert parsed({**LOCAL, "workflows": {}, "login": LOGIN}).workflows is not None
