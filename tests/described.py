"""Checks what tests ask of cloud servers, and what these answer, against the descriptions that the clouds' own packages have.

Reads a JSON list of exchanges: `method`, `url`, `headers`, `body`, and the text of `answer`. Hosts of Amazon's services
are described by botocore, that of Compute Engine by google-api-python-client; any other host is passed over. Prints, as
JSON, how many exchanges were checked, and every field and parameter that the description does not have, or has
otherwise. A field that is null is one that is not there.
"""

import datetime
import json
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

problems = []
# What botocore calls a service that is called otherwise in its host's name.
AMAZON = re.compile(r"^([a-z0-9]+)\.[a-z0-9-]+\.amazonaws\.com$")


def wrong(where, what):
    problems.append(f"{where}: {what}")


def is_time(text):
    try:
        datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


# Amazon's.


def xml_scalar(text, shape, where):
    text = (text or "").strip()
    is_good = {
        "integer": lambda: re.fullmatch(r"-?\d+", text),
        "long": lambda: re.fullmatch(r"-?\d+", text),
        "float": lambda: re.fullmatch(r"-?\d+(\.\d+)?", text),
        "double": lambda: re.fullmatch(r"-?\d+(\.\d+)?", text),
        "boolean": lambda: text in ("true", "false"),
        "timestamp": lambda: is_time(text),
    }.get(shape.type_name, lambda: True)
    if not is_good():
        wrong(where, f"{text!r} is no {shape.type_name}")
    # EC2 is known to say `windows`, which is `Windows` in its description.
    if text and text.lower() not in [value.lower() for value in getattr(shape, "enum", None) or [text]]:
        wrong(where, f"{text!r} is none of {shape.enum}")


def bare(element):
    return element.tag.split("}")[-1]


def xml_structure(elements, shape, where, also=()):
    members = {}
    for name, member in shape.members.items():
        called = member.serialization.get("name", name)
        if member.type_name == "list" and member.serialization.get("flattened"):
            called = member.member.serialization.get("name", called)
        members[called] = member
    for element in elements:
        name = bare(element)
        if name in members:
            xml(element, members[name], f"{where}.{name}")
        elif name not in also:
            wrong(where, f"there is no <{name}> in {shape.name}")


def xml(element, shape, where):
    if shape.type_name == "structure":
        xml_structure(element, shape, where)
    elif shape.type_name == "list" and shape.serialization.get("flattened"):
        xml(element, shape.member, where)
    elif shape.type_name == "list":
        called = shape.member.serialization.get("name", "member")
        for item in element:
            if bare(item) != called:
                wrong(where, f"its items are <{called}>, not <{bare(item)}>")
            xml(item, shape.member, f"{where}[]")
    elif shape.type_name == "map":
        wrong(where, "maps are not known to this check")
    else:
        xml_scalar(element.text, shape, where)


JSON_TYPES = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
}


def amazon_json(value, shape, where):
    if value is None:
        return
    kind = shape.type_name
    if kind == "timestamp":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number or isinstance(value, str) and is_time(value)):
            wrong(where, f"{value!r} is no time")
        return
    is_switch = isinstance(value, bool)
    if not isinstance(value, JSON_TYPES[kind]) or is_switch and kind != "boolean":
        wrong(where, f"{value!r} is no {kind}")
    elif kind == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, item in value.items():
            if name in members:
                amazon_json(item, members[name], f"{where}.{name}")
            else:
                wrong(where, f"there is no {name!r} in {shape.name}")
    elif kind == "list":
        for item in value:
            amazon_json(item, shape.member, f"{where}[]")
    elif kind == "map":
        for name, item in value.items():
            amazon_json(item, shape.value, f"{where}.{name}")
    elif kind == "string" and shape.enum and value not in shape.enum:
        wrong(where, f"{value!r} is none of {shape.enum}")


def form_parameter(path, text, shape, where, is_ec2):
    """Follows the steps of a parameter's name, as `Filters.Filter.1.Name`, through its shape."""
    if shape.type_name == "structure" and path:
        members = {}
        for name, member in shape.members.items():
            called = member.serialization.get("queryName") if is_ec2 else None
            called = called or member.serialization.get("name", name)
            members[called[0].upper() + called[1:] if is_ec2 else called] = member
        if path[0] not in members:
            wrong(where, f"there is no parameter {path[0]!r} in {shape.name}")
            return
        form_parameter(path[1:], text, members[path[0]], where, is_ec2)
    elif shape.type_name == "list" and path:
        if not is_ec2 and not shape.serialization.get("flattened"):
            called = shape.member.serialization.get("name", "member")
            if path[0] != called:
                wrong(where, f"items are called {called!r}, not {path[0]!r}")
            path = path[1:]
        if not path or not path[0].isdigit():
            wrong(where, "an item has no number")
            return
        form_parameter(path[1:], text, shape.member, where, is_ec2)
    elif path or shape.type_name in ("structure", "list", "map"):
        wrong(where, f"this is a {shape.type_name}")
    else:
        xml_scalar(text, shape, where)


def required(given, shape, where):
    for name in shape.required_members if shape else []:
        called = shape.members[name].serialization.get("name", name)
        if called not in given:
            wrong(where, f"{called!r} has to be there")


def by_form(model, exchange):
    form = dict(urllib.parse.parse_qsl(exchange["body"], keep_blank_values=True))
    action = form.pop("Action", None)
    operation = model.operation_model(action) if action in model.operation_names else None
    if operation is None:
        return wrong(exchange["url"], f"there is no action {action!r}")
    if form.pop("Version", None) != model.api_version:
        wrong(action, f"the version is {model.api_version}")
    is_ec2 = model.metadata["protocol"] == "ec2"
    if operation.input_shape:
        required({name.split(".")[0] for name in form}, operation.input_shape, action)
        for name, text in form.items():
            form_parameter(name.split("."), text, operation.input_shape, f"{action} {name}", is_ec2)
    root = ElementTree.fromstring(exchange["answer"])
    if bare(root) != f"{action}Response":
        wrong(action, f"the answer is a <{bare(root)}>")
    shape, elements = operation.output_shape, list(root)
    wrapper = shape.serialization.get("resultWrapper")
    if wrapper:
        result = [element for element in elements if bare(element) == wrapper]
        if len(result) != 1:
            wrong(action, f"the answer has {len(result)} <{wrapper}>")
        elements = [item for element in result for item in element]
    xml_structure(elements, shape, action, ("requestId",) if is_ec2 else ())


def by_target(model, exchange):
    headers = {name.lower(): value for name, value in exchange["headers"]}
    prefix, _, action = headers.get("x-amz-target", "").rpartition(".")
    if prefix != model.metadata["targetPrefix"] or action not in model.operation_names:
        return wrong(exchange["url"], f"there is no target {headers.get('x-amz-target')!r}")
    expected = f"application/x-amz-json-{model.metadata['jsonVersion']}"
    if headers.get("content-type") != expected:
        wrong(action, f"the content type is {expected}")
    operation = model.operation_model(action)
    body = json.loads(exchange["body"])
    required(body, operation.input_shape, action)
    amazon_json(body, operation.input_shape, f"{action} asked")
    amazon_json(json.loads(exchange["answer"]), operation.output_shape, action)


def by_path(model, exchange):
    url = urllib.parse.urlsplit(exchange["url"])
    for name in model.operation_names:
        operation = model.operation_model(name)
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(operation.http["requestUri"].split("?")[0]))
        if operation.http["method"] == exchange["method"] and re.fullmatch(pattern, url.path):
            break
    else:
        return wrong(exchange["url"], "there is no such path")
    members = operation.input_shape.members.values()
    parameters = {m.serialization["name"]: m for m in members if m.serialization.get("location") == "querystring"}
    for key, text in urllib.parse.parse_qsl(url.query):
        if key in parameters:
            xml_scalar(text, parameters[key], f"{name} {key}")
        else:
            wrong(name, f"there is no parameter {key!r}")
    amazon_json(json.loads(exchange["answer"]), operation.output_shape, name)


def amazon(services, host, exchange):
    import botocore.session

    service = AMAZON.match(host)[1]
    if service not in services:
        services[service] = botocore.session.get_session().get_service_model(service)
    model = services[service]
    by = {"ec2": by_form, "query": by_form, "json": by_target, "rest-json": by_path}
    by[model.metadata["protocol"]](model, exchange)


# Google's.


def discovery(services):
    if "compute" not in services:
        import googleapiclient

        folder = pathlib.Path(googleapiclient.__file__).parent
        text = (folder / "discovery_cache/documents/compute.v1.json").read_text()
        services["compute"] = json.loads(text)
    return services["compute"]


def google_json(schemas, value, schema, where):
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kind, form = schema.get("type"), schema.get("format")
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    if kind == "any":
        return
    is_switch = isinstance(value, bool)
    if not isinstance(value, types[kind]) or is_switch and kind != "boolean":
        wrong(where, f"{value!r} is no {kind}")
    elif kind == "object":
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            if name in properties or others:
                google_json(schemas, item, properties.get(name, others), f"{where}.{name}")
            else:
                wrong(where, f"there is no {name!r}")
    elif kind == "array":
        for item in value:
            google_json(schemas, item, schema["items"], f"{where}[]")
    elif kind == "string":
        if form in ("int64", "uint64") and not re.fullmatch(r"-?\d+", value):
            wrong(where, f"{value!r} is no {form}")
        elif form == "byte" and not re.fullmatch(r"[A-Za-z0-9_+/-]*={0,2}", value):
            wrong(where, f"{value!r} is not in base 64")
        elif value and "enum" in schema and value not in schema["enum"]:
            wrong(where, f"{value!r} is none of {schema['enum']}")


def google(services, host, exchange):
    described = discovery(services)
    path = urllib.parse.urlsplit(exchange["url"]).path.removeprefix("/" + described["servicePath"])
    query = urllib.parse.parse_qsl(urllib.parse.urlsplit(exchange["url"]).query)
    for resource in described["resources"].values():
        for method in resource.get("methods", {}).values():
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(method["flatPath"]))
            if method["httpMethod"] == exchange["method"] and re.fullmatch(pattern, path):
                break
        else:
            continue
        break
    else:
        return wrong(exchange["url"], "there is no such path")
    steps = zip(re.findall(r"\{([^}]*)\}", method["flatPath"]), re.match(pattern.replace("[^/]+", "([^/]+)"), path).groups())
    given = [*query, *((name, urllib.parse.unquote(text)) for name, text in steps)]
    parameters = {**described["parameters"], **method["parameters"]}
    for name, text in given:
        known = parameters.get(name)
        if known is None:
            wrong(method["id"], f"there is no parameter {name!r}")
        elif "pattern" in known and not re.fullmatch(known["pattern"], text):
            wrong(method["id"], f"{name} can't be {text!r}")
        elif "enum" in known and text not in known["enum"]:
            wrong(method["id"], f"{name} can't be {text!r}")
    google_json(described["schemas"], json.loads(exchange["answer"]), method["response"], method["id"])


def main():
    services, checked = {}, 0
    for exchange in json.load(sys.stdin):
        host = urllib.parse.urlsplit(exchange["url"]).hostname or ""
        check = google if host == "compute.googleapis.com" else amazon if AMAZON.match(host) else None
        if check:
            check(services, host, exchange)
            checked += 1
    json.dump({"checked": checked, "problems": problems}, sys.stdout)


if __name__ == "__main__":
    main()
