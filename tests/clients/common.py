"""What the client scripts share: where the server is, keys that clients get wrong, and bytes that tell when they moved."""

import hashlib
import os
import sys

ENDPOINT = os.environ["LAKEBED_TEST_ENDPOINT"]
HOST = ENDPOINT.split("://", 1)[1]
SECURE = ENDPOINT.startswith("https")
KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
REGION = os.environ["AWS_REGION"]
CA = os.environ.get("AWS_CA_BUNDLE")
REPOSITORY = os.environ["LAKEBED_TEST_REPOSITORY"]
BRANCH = "main"

# More than one part for every client.
BIG = 72 * 1024 * 1024 + 12345

ODD_KEYS = [
    "odd/with space.txt",
    "odd/a+b.txt",
    "odd/100%.txt",
    "odd/percent%20encoded.txt",
    "odd/Grüße/日本語/🦀.txt",
    "odd//double//slash.txt",
    "/leading.txt",
    "odd/star*quote'paren(1)!~.txt",
    "odd/and&equals=question?hash#.txt",
    "odd/semi;colon:at@comma,.txt",
    "odd/back\\slash|pipe<angle>\"quoted\".txt",
]


def data(size: int, seed: int = 0) -> bytes:
    """Bytes that don't compress and don't repeat: SHAKE-128 of the seed."""
    return hashlib.shake_128(b"lakebed %d" % seed).digest(size)


def check(condition: object, *what: object) -> None:
    """An assertion that says what it saw."""
    if not condition:
        raise AssertionError(" ".join(map(str, what)))


def raises(kind: type, call, *arguments, **named) -> Exception:
    """The exception of this kind that a call must end with."""
    try:
        call(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def equal(seen: object, wanted: object, what: str = "") -> None:
    if seen != wanted:
        show = lambda value: repr(value) if len(repr(value)) < 400 else repr(value)[:400] + "…"
        raise AssertionError(f"{what}: saw {show(seen)}, wanted {show(wanted)}")


def done() -> None:
    """Ends the script here and now: at the interpreter's own end, native threads of the clients abort now and then."""
    print("ok")
    sys.stdout.flush()
    os._exit(0)
