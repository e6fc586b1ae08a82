"""Property values between the SDK's wire format and plain Python: secrets as paths, unknowns as a sentinel, masking."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc

from tools.recording.model import Path

MASK = "[secret]"
# protobuf makes these classes at run time
Struct: Any = struct_pb2.Struct  # ty: ignore[missing-attribute]
Empty: Any = empty_pb2.Empty  # ty: ignore[missing-attribute]


class _Unknown:
    """A value that only the real run will know."""

    def __repr__(self) -> str:
        return "[computed]"


UNKNOWN = _Unknown()


def decode(struct: Any) -> tuple[dict[str, Any], frozenset[Path]]:
    """Plain values and the paths of the secret ones. Null properties are left out; a resource becomes its id or URN."""
    secrets: set[Path] = set()
    return {k: v for k, v in _fields(struct, (), secrets).items() if v is not None}, frozenset(secrets)


def _fields(struct: Any, path: Path, secrets: set[Path]) -> dict[str, Any]:
    return {k: _value(v, (*path, k), secrets) for k, v in struct.fields.items()}


def _value(value: Any, path: Path, secrets: set[Path]) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_value(v, (*path, i), secrets) for i, v in enumerate(value.list_value.values)]
        case "struct_value":
            return _struct(value.struct_value, path, secrets)
    return None


def _struct(struct: Any, path: Path, secrets: set[Path]) -> Any:
    signature = struct.fields[rpc._special_sig_key].string_value if rpc._special_sig_key in struct.fields else None
    if signature is None:
        return {k: v for k, v in _fields(struct, path, secrets).items() if v is not None}
    if signature == rpc._special_secret_sig:
        secrets.add(path)
        return _value(struct.fields["value"], path, secrets)
    if signature == rpc._special_resource_sig:
        kind = "id" if "id" in struct.fields else "urn"
        return _value(struct.fields[kind], path, secrets)
    return {k: v for k, v in _fields(struct, path, secrets).items() if k != rpc._special_sig_key}  # asset, archive


def encode(outputs: Mapping[str, Any], secret: Iterable[str] = ()) -> Any:
    """The wire format of plain outputs; those named in `secret` are marked so."""
    names, struct = frozenset(secret), Struct()
    for key, value in outputs.items():
        plain = _plain(value)
        struct.update({key: {rpc._special_sig_key: rpc._special_secret_sig, "value": plain} if key in names else plain})
    return struct


def _plain(value: Any) -> Any:
    if value is UNKNOWN:
        return rpc.UNKNOWN
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether any part of the value is `UNKNOWN`."""
    if isinstance(value, Mapping):
        return any(has_unknown(v) for v in value.values())
    return any(has_unknown(v) for v in value) if isinstance(value, list) else value is UNKNOWN


def masked(value: Any, secrets: Iterable[Path], path: Path = ()) -> Any:
    """The value with `MASK` at each secret path."""
    paths = frozenset(secrets)
    if path in paths:
        return MASK
    if isinstance(value, Mapping):
        return {k: masked(v, paths, (*path, k)) for k, v in value.items()}
    return [masked(v, paths, (*path, i)) for i, v in enumerate(value)] if isinstance(value, list) else value
