/**
 * A container's life by the plain CLI: seen, taken, updated, broken, brought back, reinstalled, given back; in little
 * memory.
 */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LxcOptions } from "../lab/lxc/index.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { differences, listing, on, steps, until } from "./hijack-lab.ts";

const PAGE = "Hello from an atomic server";
/** When the first process of a container started: another time after each start. */
const STARTED = "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20";

export type Given = Required<Pick<LxcOptions, "release" | "privileged" | "memoryMiB" | "network">>;

/** A life while it is led. */
interface Led {
  lab: ContainerLab;
  /** The old system's files. */
  before: Map<string, string>;
  first: { checksum: string; sent: number };
  run(command: string): Promise<string>;
}

/** The tests of one life, a step each. */
export function containerLife(given: Given): void {
  const step = steps(test);
  const led = { run: (command) => on(led.lab.vps, command) } as Led;
  beforeAll(async () => {
    led.lab = await startContainerLab(`ct-${given.release}`, given);
  });
  afterAll(() => led.lab?.end());
  step("preview shows method, bytes and what is kept, and writes nothing there", () => seen(led));
  step("it is taken: Alpine at the same address, by the same key", () => taken(led));
  step("it stays what it is when it is started again, orderly or not", () => startedAgain(led));
  step("one package more comes by a delta", () => updated(led));
  step("a person rolls back on the server, which judges that by itself; up asks for a word first", () => byHand(led));
  step("an update that is not healthy goes back, and is not tried again", () => unhealthy(led));
  step("refresh sees what was changed by hand, and an update keeps it", () => changedByHand(led));
  step("an image's new default is told, and the program's file stays", () => newDefault(led));
  step("a service that starts again and again is not healthy", () => startsAgain(led));
  step("a reinstall gives it an /etc of its own", () => reinstalled(led));
  step("destroy gives Debian back as it was", () => givenBack(led));
}

async function seen(led: Led): Promise<void> {
  const { lab } = led;
  const quick = await listing(lab.vps, { quick: true });
  const { output } = await lab.project.ok(["preview"]);
  expect(output).toMatch(/in the container \(LXC(, unprivileged)?\) beside Debian/);
  expect(output).toMatch(/send \d+ to \d+ MB, no kernel, 1 restart/);
  expect(output).toMatch(`${lab.vps.address}/24`);
  expect(differences(quick, await listing(lab.vps, { quick: true }))).toEqual([]);
  led.before = await listing(lab.vps);
}

async function taken(led: Led): Promise<void> {
  const { lab, run } = led;
  await lab.project.ok(["up"]);
  const { booted, sent } = await lab.project.server();
  led.first = { checksum: booted.checksum, sent };
  const image = "(. /etc/os-release; echo $ID $IMAGE_ID $IMAGE_VERSION)";
  const seen = await run(`${image}; hostname; ostree admin status; wget -qO- http://127.0.0.1/`);
  expect(seen).toMatch(/^alpine pine 0\.1\.0\nweb-1\n/);
  expect(seen).toContain(`* pine ${led.first.checksum}`);
  expect(seen).toContain(PAGE);
  expect((await lab.vps.ssh("touch /usr/x")).stderr).toMatch(/Read-only file system/);
  expect(await run("/usr/libexec/pine/agent status")).toMatch(/^loader=init\nslot=a\ntrial=\n/m);
  await lab.project.ok(["up", "--expect-no-changes"]);
  lab.tell(`taken with ${sent} bytes; memory ${JSON.stringify(lab.vps.memory())}`);
}

async function startedAgain(led: Led): Promise<void> {
  const { lab, run } = led;
  await lab.vps.restart();
  await lab.vps.waitForSsh();
  expect(await run("ostree admin status")).toContain(`* pine ${led.first.checksum}`);
  await lab.vps.kill();
  // what is in the page cache already is on somebody else's account
  if (process.env.PINE_MIB) writeFileSync("/proc/sys/vm/drop_caches", "3");
  await lab.vps.start();
  await lab.vps.waitForSsh();
  expect(await run("ostree admin status; /usr/libexec/pine/agent status")).toMatch(/\* pine .*\nslot=a\n/s);
  lab.tell(`memory at rest ${JSON.stringify(lab.vps.memory())}`);
}

async function updated(led: Led): Promise<void> {
  const { lab, run } = led;
  const started = await run(STARTED);
  await lab.project.set({ packages: ["lighttpd", "tree"] });
  await lab.project.ok(["up"]);
  const now = await lab.project.server();
  expect(now.sent).toBeLessThanOrEqual(0.05 * led.first.sent);
  expect(await run(STARTED)).not.toBe(started);
  expect(await run("tree --version; ostree admin status")).toMatch(/^tree v.*\* pine /s);
  expect(await run("sed -n 's/^IMAGE_VERSION=//p' /etc/os-release")).toBe("0.1.1");
  lab.tell(`an update of ${now.sent} bytes; memory ${JSON.stringify(lab.vps.memory())}`);
}

async function byHand(led: Led): Promise<void> {
  const { lab, run } = led;
  const { booted, fallback } = await lab.project.server();
  await run("pine rollback the tree has no leaves");
  await until("it runs the commit before, confirmed", async () => {
    const { stdout } = await lab.vps.ssh("pine status");
    return stdout.includes(`confirmed: commit ${fallback.slice(0, 12)}`);
  });
  expect(JSON.parse(await run("pine status --json"))).toMatchObject({ version: "0.1.0", commit: fallback });
  expect(await run("pine logs")).toMatch(/^not booted by itself: commit [0-9a-f]{12}, person since .*no leaves$/);
  const { output } = await lab.project.ok(["refresh"]);
  expect(output).toMatch(/was rolled back by hand at .*: the tree has no leaves/);
  // what Pine and the system write there is nobody's change
  expect(output).not.toMatch(/changed by hand in/);
  const refused = await lab.project.run(["up", "--skip-preview"]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.output).toMatch(/was rolled back by hand on the server .*`pine unhold [0-9a-f]{12}`/s);
  await run(`pine unhold ${booted.checksum.slice(0, 12)}`);
  await lab.project.ok(["up", "--skip-preview"]);
  expect((await lab.project.server()).booted.checksum).toBe(booted.checksum);
  lab.tell("rolled back by hand, and updated again");
}

async function unhealthy(led: Led): Promise<void> {
  const { lab, run } = led;
  const { booted } = await lab.project.server();
  await lab.project.set({ webPort: "81" });
  const failed = await lab.project.run(["up", "--skip-preview"]);
  expect(failed.exitCode).not.toBe(0);
  expect(failed.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
  expect(await run("ostree admin status")).toContain(`* pine ${booted.checksum}`);
  expect(await run("pine logs")).toMatch(/^\d+ .* health: health check 1 of 1 \(http\) failed/);
  expect((await lab.project.run(["up", "--skip-preview"])).output).toMatch(/failed on this server before/);
  await lab.project.set({ webPort: "80" });
  await lab.project.ok(["up", "--skip-preview"]);
}

/** What the image has; given by the program, too, it would be taken for untouched when an image changes it. */
const SAME_AS_IMAGE = `        /etc/lighttpd/lighttpd.conf:
          content: |
            server.document-root = "/usr/share/www"
            server.port = 80
            server.pid-file = "/run/lighttpd.pid"
            index-file.names = ( "index.html" )
            mimetype.assign = ( ".html" => "text/html" )
`;

async function changedByHand(led: Led): Promise<void> {
  const { lab, run } = led;
  await run("echo else >/etc/hostname; hostname else; echo by hand >>/etc/motd; rm /etc/issue; echo mine >/etc/mine");
  await run("pine hold the backup runs");
  const { output } = await lab.project.ok(["refresh"]);
  expect(output).toMatch(/the hostname is else there, not web-1/);
  expect(output).toMatch(/held since \S+ by root: the backup runs/);
  expect(output).toMatch(/changed by hand in \/etc: \/etc\/motd, .*; updates keep it, a reinstall does not/);
  const { changedFiles } = await lab.project.server();
  expect(changedFiles.sort((a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: "/etc/issue", change: "removed" },
    { path: "/etc/mine", change: "added" },
    { path: "/etc/motd", change: "changed" },
  ]);
  // nothing that reboots while a person holds the server
  const started = await run(STARTED);
  const held = await lab.project.run(["up", "--skip-preview"]);
  expect(held.exitCode).not.toBe(0);
  expect(held.output).toMatch(/the server is held since \S+ by root: the backup runs; run `pine unhold`/);
  expect(await run(STARTED)).toBe(started);
  await run("pine unhold");
  const updated = await lab.project.ok(["up"]);
  expect(updated.output).toMatch(/changed by hand in \/etc, and kept over the update: \/etc\/motd/);
  expect(updated.output).not.toMatch(/kept over the update: .*pine-demo/);
  expect(await run("hostname; tail -n 1 /etc/motd; cat /etc/mine; ls /etc/issue 2>/dev/null || true")).toBe(
    "web-1\nby hand\nmine",
  );
  expect((await lab.project.server()).changedFiles).toHaveLength(3);
}

async function newDefault(led: Led): Promise<void> {
  const { lab, run } = led;
  lab.project.edit((text) =>
    text
      .replace(
        "        /usr/share/www",
        "        /etc/notice:\n          content: port ${webPort}\n        /usr/share/www",
      )
      .replace("        /etc/pine-demo/token:\n", (line) => SAME_AS_IMAGE + line),
  );
  await lab.project.ok(["up", "--skip-preview"]);
  expect((await lab.project.ok(["refresh"])).output).toMatch(
    /fixed by the program, and equal to the image's: \/etc\/lighttpd\/lighttpd.conf/,
  );
  await lab.project.set({ webPort: "81" });
  const { output } = await lab.project.ok(["up", "--skip-preview"]);
  expect(output).toMatch(/will change in \/etc with the new image: \/etc\/notice/);
  expect(output).toMatch(/changes these, too, and the program's files stay: \/etc\/lighttpd\/lighttpd.conf/);
  expect(
    await run(
      "cat /etc/notice; echo; grep port /etc/lighttpd/lighttpd.conf; grep port /usr/etc/lighttpd/lighttpd.conf",
    ),
  ).toBe("port 81\nserver.port = 80\nserver.port = 81");
}

/** A service that its supervisor starts every 3 s, and checks of a person's own. */
const FLAPPING = `cat >/etc/init.d/flapping <<'END'
#!/sbin/openrc-run
supervisor=supervise-daemon
command=/bin/sleep
command_args=3
respawn_delay=0
respawn_max=0
END
mkdir -p /etc/pine/health.d
for name in flapping lighttpd; do
  printf '#!/bin/sh\n# service=%s\nexec /usr/libexec/pine/probe service %s\n' $name $name >/etc/pine/health.d/$name
done
chmod 755 /etc/init.d/flapping /etc/pine/health.d/*
rc-service -q flapping start`;

async function startsAgain(led: Led): Promise<void> {
  const { run } = led;
  await run(FLAPPING);
  // coreos/zincati#239, rauc/rauc#398: at any one moment it runs
  expect(await run("/usr/libexec/pine/health")).toMatch(/^checked=.* ran=2 of=2 result=green\nflapping ok /);
  const settled = await led.lab.vps.ssh("/usr/libexec/pine/health settled 8");
  expect(settled.exitCode).toBe(1);
  expect(settled.stdout).toMatch(
    /^checked=.* result=red\nflapping red \S+ flapping started again within 8 s \(was \d+@\d+.*, now \d+@\d+.*\)\nlighttpd ok /,
  );
  await run("rc-service -q flapping stop; rm /etc/init.d/flapping; rm -r /etc/pine/health.d");
}

async function reinstalled(led: Led): Promise<void> {
  const { lab, run } = led;
  await run("echo by hand >/etc/by-hand; echo kept >/var/kept");
  const { urn } = (await lab.project.state()).find((r) => r.type === "pine:index:HostHijack")!;
  await lab.project.ok(["up", "--skip-preview", "--replace", urn]);
  expect(await run("ls /etc/by-hand 2>/dev/null; cat /var/kept")).toBe("kept");
}

async function givenBack(led: Led): Promise<void> {
  const { lab, run } = led;
  await lab.project.ok(["destroy"]);
  expect(
    await run(". /etc/os-release; echo $ID; ls -d /ostree /sbin/init.pine-old 2>/dev/null; readlink /sbin/init"),
  ).toMatch(/^debian\n(\.\.)?\/?lib\/systemd\/systemd$/);
  expect(differences(led.before, await listing(lab.vps))).toEqual([]);
  lab.tell("given back");
}
