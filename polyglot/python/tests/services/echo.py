"""echo: a plain RFC 18 worker of a line each: words as PARTIALs, then `over`."""

import sys

from binglide.worker import serve_plain


def echo(body):
    if body[0] == b"fail":
        raise ValueError("as asked")
    for word in body[0].split():
        yield [word, *body[1:]]
    yield b"over"


if __name__ == "__main__":
    serve_plain(sys.argv[1], "echo", echo)
