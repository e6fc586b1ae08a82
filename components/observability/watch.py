"""The alarm rules and the scrape configuration of a stack, by its settings."""

from components.aws.observability.watch import Watch
from components.observability import rules, scrape
from components.settings import Settings, intervals


def watch_of(stack: Settings) -> Watch | None:
    """None where the settings want no alarms."""
    if stack.aws is None or stack.aws.alarms is None:
        return None
    targets = scrape.targets(login=stack.login is not None)
    watched = rules.Watched(
        servers=stack.redis.servers,
        backup_seconds=intervals.longest(stack.redis.backup.schedule),
        jobs=[*(target.job for target in targets), scrape.KUBELET],
        runbooks=stack.aws.alarms.runbooks,
    )
    return Watch(rules=rules.text(watched), scrape_configuration=scrape.text(targets))
