/**
 * What a server makes of a world that fails it, in a trial and outside of one: libexec/pine/judge and witnesses, in
 * both shells. Names with a number are public reports of what broke for others.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { turnScript } from "../../../provider/host/scripts.ts";
import { certificatesOf } from "../../../provider/host/updates/settings.ts";
import { type FarProxy, type Standing, startFarProxy, startTls } from "./a-far-web.ts";
import type { Puller } from "./a-puller.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";
import { certificates, FAR } from "./certificates.ts";

const pki = certificates();
const without = (program: string) => `mount --bind /dev/null ${program}`;

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  let web: Standing;
  let proxy: FarProxy;
  let n = 0;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    const port = () => Number(new URL(p.url).port);
    web = await startTls(pki.good, port);
    proxy = await startFarProxy({ http: port, https: () => web.port });
  });
  afterEach(() => {
    p.answer = () => false;
  });
  afterAll(async () => {
    proxy?.end();
    web?.end();
    await p?.end();
  });
  const far = () => ({
    url: `https://${FAR}`,
    proxy: `http://127.0.0.1:${proxy.port}`,
    ca: certificatesOf(pki.ca).join("\n"),
  });
  /** Fetched, rebooted into, and on trial in slot b. */
  async function onTrial(settings: Record<string, string> = {}): Promise<string> {
    p.settings({ reboot: "now", ...settings });
    const commit = await u.stage(`trial-${++n}`, `1.1.${n}`);
    expect(await u.reboot()).toBe("done");
    booted(p.s);
    return commit;
  }
  /** It runs what was good again; answers its line of what is not booted again. */
  async function back(commit: string): Promise<string> {
    expect(p.s.env).toMatchObject({ slot: "a", trial: "b" });
    await p.run("agent", ["ok"]);
    await u.judge("a", GREEN);
    return p
      .text("refused")
      .split("\n")
      .find((line) => line.startsWith(commit))!
      .slice(65);
  }

  test("ten boots of a confirmed system that is red, with the line down: it stays, and arms nothing (50: greenboot#68)", async () => {
    p.answer = (request) => Boolean(request.socket.destroy());
    p.program("notes", 'echo "$1" >>/var/lib/pine/asked; exec /run/scripts/lib/agent "$@"');
    const env = readFileSync(join(p.s.slots, "env"));
    for (let boot = 0; boot < 10; boot++) {
      await p.run("agent", ["ok"]);
      await u.judge("a", RED, { before: "export PINE_AGENT=/run/scripts/bin/notes" });
    }
    expect(new Set(p.text("asked").trim().split("\n"))).toEqual(new Set(["status", "returned"]));
    expect(readFileSync(join(p.s.slots, "env"))).toEqual(env);
    expect(p.has("trial.reason")).toBe(false);
  });

  test.each<[string, () => Record<string, string>, string, RegExp]>([
    ["signify", () => ({}), "/usr/bin/signify-openbsd", /^updates: the next manifest cannot be had: .*no signify/],
    [
      "curl, and asks by a proxy",
      far,
      "/usr/bin/curl",
      /^updates: the next manifest cannot be had: https by a proxy needs curl/,
    ],
  ])("a system on trial that lacks %s goes back, once (53: FCOS#1477)", async (_, settings, program, why) => {
    const commit = await onTrial(settings());
    await u.judge("b", GREEN, { trial: true, before: without(program) });
    expect(p.text("trial.reason")).toMatch(why);
    expect(await back(commit)).toMatch(/^elsewhere /);
  });

  describe("with a reboot lock", () => {
    const lock = (text: string) => {
      u.turn("");
      const asks = '[ "$1" = able ] || exit 0\nexec /run/scripts/lib/real-turn "$@"';
      writeFileSync(join(p.s.scripts, "lib/real-turn"), turnScript(), { mode: 0o755 });
      writeFileSync(join(p.s.scripts, "lib/turn"), `#!/bin/sh\n${asks}\n`, { mode: 0o755 });
      writeFileSync(p.memory("lock"), text);
    };
    const consul = "backend=consul\nurl=http://127.0.0.1:1\ngroup=g\nid=web-1\n";
    test("that it lacks a program for it goes back (53: FCOS#2067)", async () => {
      lock(consul);
      const commit = await onTrial();
      await u.judge("b", GREEN, { trial: true, before: without("/usr/bin/curl") });
      expect(p.text("trial.reason")).toMatch(/^lock: the reboot lock cannot be used: curl is missing here/);
      expect(await back(commit)).toMatch(/^elsewhere /);
    });
    test("that is away it stays: it may come (47)", async () => {
      lock(consul);
      await onTrial();
      await u.judge("b", GREEN, { trial: true });
      expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
      // back into slot a for what follows
      await p.run("agent", ["arm", "a"], { slot: "b" });
      booted(p.s);
      await p.run("agent", ["confirm"], { slot: "a", trial: true });
    });
  });

  test("a witness that dies in the trial: back, and not bad; it comes again, and without a new version (57: CLUO#91)", async () => {
    u.turn("");
    p.put("up", "up\n");
    const commit = await onTrial({ witness: `http ${p.url}/up` });
    p.answer = (_, response, path) => path === "up" && Boolean(response.writeHead(503).end());
    await u.judge("b", GREEN, { trial: true });
    expect(await back(commit)).toMatch(/^elsewhere \S+ witness: http .*status 503/);
    expect(u.turns().at(-1)).toBe("settle");
    const decision = async () => /^decision=(.*)$/m.exec((await p.run("upgrade", ["stage"])).stdout)![1];
    expect(await decision()).toBe("refused");
    // a day later
    const line = p.text("refused").replace(/ elsewhere \S+ /g, " elsewhere 2020-01-01T00:00:00Z ");
    writeFileSync(p.memory("refused"), line);
    p.answer = () => false;
    expect(await decision()).toBe("staged");
    expect(await u.reboot()).toBe("done");
    booted(p.s);
    await u.judge("b", GREEN, { trial: true });
    expect(p.s.env).toMatchObject({ slot: "b", trial: undefined });
    expect(p.text("refused")).not.toContain(commit);
  });
});
