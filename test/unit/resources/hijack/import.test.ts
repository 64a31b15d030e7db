import { expect, it } from "vitest";
import { PineError } from "../../../../provider/errors.ts";
import { SshError, type SshErrorCode } from "../../../../provider/host/ssh/errors.ts";
import { importError, parseImportId } from "../../../../provider/resources/hijack/import.ts";

it.each([
  ["root@203.0.113.7:22", { user: "root", host: "203.0.113.7", port: 22 }],
  ["203.0.113.7", { host: "203.0.113.7" }],
  ["web-1.example.org:2222", { host: "web-1.example.org", port: 2222 }],
  ["debian@web-1", { user: "debian", host: "web-1" }],
  ["root@[2001:db8::7]:22", { user: "root", host: "2001:db8::7", port: 22 }],
  ["[2001:db8::7]", { host: "2001:db8::7" }],
  ["root@2001:db8::7", { user: "root", host: "2001:db8::7" }],
])("%s", (id, connection) => {
  expect(parseImportId(id)).toEqual(connection);
});

it.each(["", "root@", "web-1:ssh", "web-1:0", "web-1:65536", "a b", "ssh://web-1", "root@[web-1]:22", "web-1/x"])(
  "%j names no server",
  (id) => {
    expect(() => parseImportId(id)).toThrow(/names no server; the import id of a HostHijack is user@host:port/);
  },
);

it.each<[SshErrorCode, RegExp]>([
  ["unreachable", /the import id is user@host:port/],
  ["no-host-key", /known_hosts/],
  ["login", /ssh-add/],
  ["shell", /the connection's own hint/],
])("%s: what helps an import, instead of connection's properties", (code, hint) => {
  const error = importError("root@x", new SshError(code, "it failed", { hint: "the connection's own hint" }));
  expect(error).toBeInstanceOf(PineError);
  const { message } = error as PineError;
  expect(message).toMatch(/^root@x cannot be imported: it failed; /);
  expect(message).toMatch(hint);
  expect(message.match(/; /g)!.length).toBeGreaterThan(0);
  if (code !== "shell") expect(message).not.toMatch(/own hint/);
});
