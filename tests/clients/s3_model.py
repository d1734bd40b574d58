"""Prints what S3's operations may be asked, from botocore's description of the service, for `s3-gateway/tests/gateway/model.txt`:

    python tests/clients/s3_model.py > s3-gateway/tests/gateway/model.txt

A line is an operation: its name, method and target, then the names in its query and headers, those that must be there with an
exclamation mark, those that begin a family of names with a star; and the elements of the XML bodies that the gateway reads.
"""

import gzip
import json
from pathlib import Path

import botocore

BODIES = ("CompleteMultipartUpload", "CreateBucket", "DeleteObjects")


def elements(shapes, name, path=()):
    """The elements of a structure, each as the path that leads to it."""
    shape = shapes[name]
    if shape["type"] == "list":
        yield from elements(shapes, shape["member"]["shape"], path)
    elif shape["type"] == "structure":
        for member, details in shape["members"].items():
            is_flat = shapes[details["shape"]].get("flattened", False)
            here = details.get("locationName", member)
            inner = shapes[details["shape"]].get("member", {}).get("locationName")
            yield from elements(shapes, details["shape"], (*path, here) if is_flat or not inner else (*path, here, inner))
    else:
        yield "/".join(path)


def line(shapes, name, operation):
    http = operation["http"]
    members = shapes[operation["input"]["shape"]] if "input" in operation else {"members": {}}
    words = {"query": [], "header": [], "body": []}
    for member, details in members["members"].items():
        mark = "!" if member in members.get("required", []) else ""
        match details.get("location"):
            case "querystring":
                words["query"].append(details["locationName"] + mark)
            case "header":
                words["header"].append(details["locationName"].lower() + mark)
            case "headers":
                words["header"].append(details["locationName"].lower() + "*")
            case None if name in BODIES:
                words["body"].extend(elements(shapes, details["shape"]))
    parts = [f"{kind}:{','.join(found)}" for kind, found in words.items() if found]
    return " ".join([name, http["method"], http["requestUri"], *parts])


def main():
    path = Path(botocore.__file__).parent / "data/s3/2006-03-01/service-2.json.gz"
    model = json.loads(gzip.decompress(path.read_bytes()))
    print(f"# Made by tests/clients/s3_model.py of botocore {botocore.__version__} (data/s3/2006-03-01, Apache License 2.0).")
    for name, operation in sorted(model["operations"].items()):
        print(line(model["shapes"], name, operation))


main()
