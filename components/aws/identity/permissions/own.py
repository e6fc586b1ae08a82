"""How a deployment tells what is its environment's own: by names where AWS lets us choose them, by a tag elsewhere.

The tag `Environment` is given to what is made, or to what has it; to nothing that is another environment's.
"""

from components.aws.scope import Scope

TAG = "Environment"
UNNAMED = "What is made has no ARN yet; it must be made with the environment's tag"


def own(scope: Scope) -> dict[str, dict[str, str]]:
    """Holds for what carries the environment's tag."""
    return {"StringEquals": {f"aws:ResourceTag/{TAG}": scope.environment}}


def made(scope: Scope) -> dict[str, dict[str, str]]:
    """Holds for what is made with the environment's tag."""
    return {"StringEquals": {f"aws:RequestTag/{TAG}": scope.environment}}
