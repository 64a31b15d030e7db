/**
 * What the state holds of a create that ends in the midst, once the server was written to: the host keys that it saw
 * first.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { plain } from "../../../../../provider/properties/values.ts";
import { type Call, InitError } from "../../../../../provider/resource.ts";
import { hostHijack } from "../../../../../provider/resources/hijack/host-hijack.ts";
import { pinned } from "../../../../../provider/resources/hijack/model/logins.ts";
import type { HijackState } from "../../../../../provider/resources/hijack/model/state.ts";
import { facts } from "../../../host/ways/overwrite/tools.ts";

const [KEY, JUMP] = ["ssh-ed25519 AAAAfirst", "ssh-ed25519 AAAAjump"];
const seen = { facts: facts(), ssh: { hostKeySeen: KEY, proxyKeySeen: JUMP, close: async () => {} } };
vi.mock("../../../../../provider/resources/hijack/look/look.ts", async (original) => ({
  ...(await original<object>()),
  lookAgain: async () => seen,
}));
vi.mock("../../../../../provider/resources/hijack/plan/artifacts.ts", async (original) => ({
  ...(await original<object>()),
  findArtifacts: async () => ({}),
}));
vi.mock("../../../../../provider/resources/hijack/act/carry-out.ts", () => ({
  carryOut: async (_seen: unknown, job: { touched: boolean }) => {
    job.touched = true;
    throw new Error("the power went");
  },
}));

it("a server, and its jump host, are held to the keys of the first connection from then on", async () => {
  const proxy = { host: "198.51.100.1" };
  const connection = { host: "192.0.2.7", acceptNewHostKey: true, proxy };
  const call = {
    signal: new AbortController().signal,
    urn: "",
    name: "web",
    stack: "demo/dev",
    preview: false,
    step: () => {},
    info: () => {},
    warn: () => {},
    config: { store: join(tmpdir(), "none"), cache: tmpdir() },
  } as unknown as Call;
  const error = await hostHijack.create(call, { inputs: { connection, commit: "c".repeat(64) } }).catch((e) => e);
  expect(error).toBeInstanceOf(InitError);
  const state = plain(error.state) as HijackState;
  expect(state).toMatchObject({ hostKey: KEY, unfinished: true });
  expect(pinned(connection, state)).toMatchObject({ hostKey: KEY, proxy: { hostKey: JUMP } });
});
