"""Holds what travels against botocore's model of EC2: names, nesting, types."""

import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree

from botocore.loaders import create_loader
from botocore.model import Shape, ServiceModel

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
EC2 = ServiceModel(create_loader().load_service_model("ec2", "service-2"))


def member_names(shape: Shape) -> dict[str, Shape]:
    """The members of a structure by the name that they have in an answer."""
    return {member.serialization.get("name", name): member for name, member in shape.members.items()}


def wrong_in_answer(call: str, body: bytes) -> list[str]:
    """What the model does not know in an answer, and values it does not allow."""
    root = ElementTree.fromstring(body)
    wrong = []
    if root.tag != f"{{{NAMESPACE}}}{call}Response":
        wrong.append(f"root element {root.tag}")
    shape = EC2.operation_model(call).output_shape
    for child in root:
        name = bare(child)
        if name == "requestId" or (name == "return" and not (shape and "return" in member_names(shape))):
            continue
        known = member_names(shape) if shape else {}
        wrong += wrong_in(child, known[name], name) if name in known else [f"{name}: unknown"]
    return wrong


def wrong_in(element: ElementTree.Element, shape: Shape, path: str) -> Iterator[str]:
    """The same of one element, depth first."""
    if shape.type_name == "structure":
        known = member_names(shape)
        for child in element:
            at = f"{path}/{bare(child)}"
            if bare(child) in known:
                yield from wrong_in(child, known[bare(child)], at)
            else:
                yield f"{at}: unknown"
        if (element.text or "").strip():
            yield f"{path}: text in a structure"
    elif shape.type_name == "list":
        for child in element:
            item = shape.member.serialization.get("name", "item")
            if bare(child) != item:
                yield f"{path}: {bare(child)} where {item} belongs"
            yield from wrong_in(child, shape.member, f"{path}/{item}")
    elif len(element):
        yield f"{path}: elements in a {shape.type_name}"
    elif not is_value(element.text or "", shape):
        yield f"{path}: {element.text!r} is no {shape.name}"


def is_value(text: str, shape: Shape) -> bool:
    """Whether a text is a value of a scalar shape."""
    if shape.type_name == "string":
        enum = getattr(shape, "enum", None)
        return not enum or text in enum
    if shape.type_name == "boolean":
        return text in ("true", "false")
    if shape.type_name in ("integer", "long"):
        return re.fullmatch(r"-?\d+", text) is not None
    if shape.type_name in ("double", "float"):
        return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
    if shape.type_name == "timestamp":
        try:
            return text.endswith("Z") and bool(datetime.fromisoformat(text[:-1]))
        except ValueError:
            return False
    return False


def bare(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def wrong_in_request(call: str, params: dict[str, str]) -> list[str]:
    """Parameters that the model does not know, or whose values it does not allow."""
    wrong = []
    for name, value in params.items():
        shape = leaf(EC2.operation_model(call).input_shape, name.split("."))
        if shape is None:
            wrong.append(f"{name}: unknown")
        elif not is_value(value, shape):
            wrong.append(f"{name}: {value!r} is no {shape.name}")
    return wrong


def leaf(shape: Shape | None, path: list[str]) -> Shape | None:
    """The scalar at `Filter.1.Value.2`; None if there is none."""
    if shape is None or not path:
        return shape if shape is not None and shape.type_name not in ("structure", "list") else None
    head, rest = path[0], path[1:]
    if shape.type_name == "list":
        return leaf(shape.member, rest) if head.isdigit() and head != "0" else None
    if shape.type_name != "structure":
        return None
    return leaf({query_name(name, member): member for name, member in shape.members.items()}.get(head), rest)


def query_name(name: str, member: Shape) -> str:
    """A member's name in a request: EC2's own rule, as botocore's EC2Serializer has it."""
    told = member.serialization
    if "queryName" in told:
        return told["queryName"]
    return told["name"][0].upper() + told["name"][1:] if "name" in told else name


def paths_in(element: ElementTree.Element, shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The member paths, in boto3's names, of all leaves of an answer."""
    if shape.type_name == "structure":
        names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        for child in element:
            if bare(child) in names:
                name, member = names[bare(child)]
                yield from paths_in(child, member, (*path, name))
    elif shape.type_name == "list":
        for child in element:
            yield from paths_in(child, shape.member, path)
    else:
        yield path
