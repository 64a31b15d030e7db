"""Passes a connection on to an address, in both directions; for stage.py and outward.py."""
import asyncio

TRIES_S = 10  # a container that is off: the kernel says so after 3 s


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def forward(reader, writer, address, port):
    try:
        far = await asyncio.wait_for(asyncio.open_connection(address, port), TRIES_S)
    except (OSError, asyncio.TimeoutError):
        writer.transport.abort()
        return
    await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))
    writer.close()
    far[1].close()


async def serve(listener, address, port, ready):
    server = await asyncio.start_server(lambda r, w: forward(r, w, address, port), sock=listener)
    print(ready, flush=True)
    await server.serve_forever()
