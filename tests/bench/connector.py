#!/usr/bin/python3
"""A connector that accepts everything, after the seconds that its command line says: connector.py SECRETFILE SECONDS.
Prints its port. One process and no thread a connection, so that it does not compete with what is measured."""
import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from connector import protocol  # noqa: E402

BODY = b'{"verdict":"accepted","data":{"reference":"XYZ-1"}}'


def answer(secrets, headers, body):
    message_id = protocol.verify(secrets, "question", "bank", headers, body)
    signed = protocol.sign(secrets, "answer", "bank", message_id, BODY)
    lines = {"Content-Type": "application/json", "Content-Length": len(BODY), **signed}
    return ("HTTP/1.1 200 OK\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode() + BODY


async def serve(reader, writer, secrets, seconds):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.title(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await reader.readexactly(int(headers["Content-Length"]))
            if seconds:
                await asyncio.sleep(seconds)
            writer.write(answer(secrets, headers, body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(secret_file, seconds):
    secrets = protocol.read_secrets(secret_file)
    server = await asyncio.start_server(lambda r, w: serve(r, w, secrets, float(seconds)), "127.0.0.1", 0, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
