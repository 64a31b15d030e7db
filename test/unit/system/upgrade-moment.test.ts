/**
 * What changes between fetching and the reboot, and when a server looks: libexec/pine/upgrade, in both shells. Names
 * with a number are public reports of what broke for others.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signManifest } from "../../../provider/trust/manifest.ts";
import { type Puller, REF } from "./a-puller.ts";
import { Updater } from "./an-updater.ts";

const MANIFEST = `pine/${REF}.manifest`;
const HOUR = 3_600_000;
/** A window that begins so many hours from now, by UTC. */
const window = (hours: number, minutes: number) =>
  `all ${new Date(Date.now() + hours * HOUR).toISOString().slice(11, 16)} ${minutes}`;
const OPEN = { reboot: "window", window: window(-12, 1440), worst: "20" };
const upFor = (seconds: number) => `echo '${seconds}.00 1.00' >/run/up; mount --bind /run/up /proc/uptime`;

describe.each([["dash"], ["busybox", "sh"]])("a server with a staged version, by %s", (...shell) => {
  let u: Updater;
  let p: Puller;
  beforeAll(async () => {
    u = await Updater.make(shell);
    p = u.p;
    await u.stage("2", "1.1.0");
  });
  afterAll(() => p?.end());
  const taken = () => u.turns().flatMap((turn) => turn.split(" ")[0] || []);
  const disarmed = async () => {
    await p.run("agent", ["disarm"]);
    await p.run("upgrade", ["after"]);
  };

  test("a window that ended while it asked and hooks ran: no reboot, and the turn is free (8: kured#792)", async () => {
    u.turn("");
    p.settings(OPEN);
    const before = u.hook("slow", `sed -i 's/^window=.*/window=${window(2, 60)}/' /var/lib/pine/updates`);
    expect(await u.reboot({ before })).toMatch(/version 1\.1\.0 waits for its window: all at/);
    expect(taken()).toEqual(["take", "release"]);
    u.expectUntouched();
  });

  test("a clock that is known to be wrong tells no window, for a day (30: jetkvm#576)", async () => {
    p.settings(OPEN);
    u.turn("exit 75");
    const kept = p.text("trust/manifest");
    p.trust(signManifest(p.manifest(p.s.first, "1.0.0", { created: 4_000_000_000 }), p.signers));
    expect(await u.reboot({ before: upFor(80_000) })).toMatch(/this server's clock is wrong \(20.*Z\), so version/);
    expect(taken()).toEqual([]);
    await u.reboot({ before: upFor(90_000) });
    expect(taken()).toEqual(["take"]);
    p.trust({ text: kept });
    u.expectUntouched();
  });

  test("a withdrawal that a run which was killed only wrote down counts, whoever asks (37: tauri#2596)", async () => {
    u.turn("");
    const [staged, commit] = [p.text("pull/staged.commit"), p.text("pull/staged")];
    writeFileSync(p.memory("pull/offered"), commit.replace(/^number=/m, `withdrawn=${u.commits["2"]}\nnumber=`));
    p.answer = (_, response) => Boolean(response.writeHead(500).end());
    expect(await u.reboot({}, "now")).toMatch(/version 1\.1\.0 was withdrawn/);
    expect([p.has("pull/staged.commit"), taken()]).toEqual([false, []]);
    u.expectUntouched();
    p.answer = () => false;
    writeFileSync(p.memory("pull/offered"), commit);
    await p.run("upgrade", ["stage"]);
    expect(p.text("pull/staged.commit").split("\n")[0]).toBe(staged.split("\n")[0]);
  });

  test("/etc is merged when it reboots, not when it was fetched (34: rpm-ostree#40, ostree#545)", async () => {
    const etc = (commit: string, name: string) =>
      join(p.s.root, "ostree/deploy/pine/deploy", `${commit}.0`, "etc", name);
    const text = (name: string) => {
      const file = etc(u.commits["2"]!, name);
      return existsSync(file) ? readFileSync(file, "utf8") : undefined;
    };
    writeFileSync(etc(p.s.first, "users"), "anna\n");
    writeFileSync(etc(p.s.first, "os-release"), "ID=mine\n");
    u.turn("");
    const before = u.hook("late", "echo 'drop all' >/etc/firewall");
    expect(await u.reboot({ before }, "now")).toBe("done");
    expect(["users", "firewall", "os-release", "release"].map(text)).toEqual([
      "anna\n",
      "drop all\n",
      "ID=mine\n",
      "2\n",
    ]);
    await disarmed();
  });

  test("what a run that was killed has armed, its next look takes back (33: zincati#1186, FCOS#1691)", async () => {
    const kill = 'read -r _ _ _ _ group _ </proc/$$/stat; kill -9 -"$group"';
    p.program("dies", `[ "$1" != reboot ] || { ${kill}; }\nexec /run/scripts/lib/agent "$@"`);
    const killed =
      "PINE_AGENT=/run/scripts/bin/dies setsid /run/scripts/lib/upgrade reboot now >/dev/null 2>&1 & wait $!";
    const armed = "grep -o 'pine_trial=b' /boot/grub/pine/env >/var/lib/pine/armed";
    p.settings({});
    const late = "touch -t 202001010000 /run/pine.rebooting";
    await p.run("upgrade", ["tick"], { health: "exit 0", before: `${killed}; ${armed}; ${late}` });
    expect([p.text("armed"), p.state("result")]).toEqual([
      "pine_trial=b\n",
      "the reboot into version 1.1.0 was begun and did not come: it was killed",
    ]);
    u.expectUntouched();
  });

  describe("its service", () => {
    const looks = () => p.asked.filter((path) => path === MANIFEST).length;
    const tick = async (o: Parameters<Puller["run"]>[2] = {}) => {
      const before = looks();
      const { stdout } = await p.run("upgrade", ["tick"], o);
      return [looks() - before, Number(stdout)] as const;
    };
    const next = (days: number) =>
      writeFileSync(p.memory("pull/state"), `next=${Math.floor(Date.now() / 1000) - days * 86_400}\n`);
    beforeAll(() => p.settings({ reboot: "manual" }));

    test.each([
      ["was off for three days", 3],
      ["had a clock years ahead", -900],
    ])("looks once where it %s (28: nixpkgs#15689, #75861)", async (_, days) => {
      next(days);
      expect((await tick())[0]).toBe(1);
      const wait = Number(p.state("next")) - Date.now() / 1000;
      expect(wait > 0 && wait <= 86_400).toBe(true);
      expect((await tick())[0]).toBe(0);
    });

    test.each<[string, Parameters<Puller["run"]>[2], number]>([
      ["another operation holds the server", { before: "exec 5>>/run/pine.lock; flock 5" }, 0],
      ["the disk is full, and nothing can be written down", { freeKib: 0, freeInodes: 0 }, 1],
    ])("does not ask in a loop where %s (14: coreos/bugs#836)", async (_, how, times) => {
      next(3);
      rmSync(p.memory("reserve"), { recursive: true, force: true });
      const [asked, wait] = await tick(how);
      expect(asked).toBe(times);
      expect(wait).toBeGreaterThanOrEqual(300);
    });
  });
});
