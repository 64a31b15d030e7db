import { createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { answers } from "../../../../provider/host/ssh/reach.ts";
import { quietTask } from "../../../../provider/task.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function port(greet: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    ends.push(() => socket.destroy());
    greet(socket);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  ends.push(() => server.close());
  return (server.address() as { port: number }).port;
}
const asked = (port: number, signal?: AbortSignal) => answers({ host: "127.0.0.1", port }, quietTask(signal), 1);

test.each([
  ["an SSH server", "SSH-2.0-OpenSSH_9.2p1\r\n", true],
  ["one that says something else before", "welcome\r\nto this host\r\nSSH-2.0-x\r\n", true],
  ["a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", false],
  ["one that closes at once, as sshd does when it has too many", "", false],
])("%s: %j", async (_, greeting, answer) => {
  expect(await asked(await port((socket) => socket.end(greeting)))).toBe(answer);
});

test("nobody there", async () => {
  const closed = await port(() => {});
  for (const end of ends.splice(0)) end();
  expect(await asked(closed)).toBe(false);
});

test("greets in pieces", async () => {
  const slow = await port((socket) => {
    socket.write("SS");
    setTimeout(() => socket.write("H-2.0-x\r\n"), 50);
  });
  expect(await asked(slow)).toBe(true);
});

test("Ctrl-C is not an answer", async () => {
  await expect(asked(await port(() => {}), AbortSignal.abort())).rejects.toThrow(/abort/);
  const gone = new AbortController();
  const mute = asked(await port(() => setTimeout(() => gone.abort(), 50)), gone.signal);
  await expect(mute).rejects.toThrow(/abort/);
});
