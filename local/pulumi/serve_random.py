"""The program `pulumi-resource-random`."""

from tools import startup

startup.quick()

from local.pulumi.random_provider import main  # noqa: E402

main()
