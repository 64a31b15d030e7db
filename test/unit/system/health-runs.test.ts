/** libexec/pine/health where /run is full, where two run at once, where one is ended, and when a server is watched. */
import { describe, expect, it } from "vitest";
import { healthPiece } from "../../../provider/image/recipe/health.ts";
import type { RecipeCheck } from "../../../provider/image/recipe/types.ts";
import { type HealthServer, healthServer, type Looked, look, untimed } from "./a-health.ts";
import { SHELLS } from "./a-server.ts";

const HEALTH = "/usr/libexec/pine/health";
const result = ({ first }: Looked) => first.replace(/^.*(?=ran=)/, "");
const CHECKED = "/usr/lib/pine/health.d/";

/** A server with the checks of a Rootfs, as its image has them. */
function imageOf(checks: Partial<RecipeCheck>[], programs: Record<string, string> = {}): HealthServer {
  const files = healthPiece(checks.map((c) => ({ name: "x", timeout: 5, required: true, ...c }))).files!;
  const image = files.filter((f) => f.path.startsWith(CHECKED));
  return { image: Object.fromEntries(image.map((f) => [f.path.slice(CHECKED.length), { text: f.content }])), programs };
}

/** OpenRC of which a service is started as long as /run/NAME.pid is there. */
const OPENRC = {
  "sbin/rc-service": '#!/bin/sh\n: >/run/looked\n[ -e "/run/$1.pid" ] || { echo " * status: crashed"; exit 3; }\n',
};
/** A service's daemon: `start` begins it, `again` once more, a second after the first look. */
const DAEMON = `start() {
  sleep 60 </dev/null >/dev/null 2>&1 6>&- 7>&- &
  was=$(cat /run/web.pid 2>/dev/null)
  echo $! >/run/web.pid
  # as OpenRC 0.63 writes it: no newline
  [ ! -d /run/openrc/options/web ] || printf %s $! >/run/openrc/options/web/child_pid
  [ -z "$was" ] || kill "$was"
}
again() { (until [ -e /run/looked ]; do sleep 0.1; done; sleep 1; start) </dev/null >/dev/null 2>&1 & }
over() { code=$?; kill "$(cat /run/web.pid)"; (exit $code); }
`;
const KNOWN = "mkdir -p /run/openrc/daemons/web; echo pidfile=/run/web.pid >/run/openrc/daemons/web/001";
/** The supervisor's own process stays as it is. */
const SUPERVISED = `mkdir -p /run/openrc/daemons/web /run/openrc/options/web; echo $$ >/run/supervise-web.pid
echo pidfile=/run/supervise-web.pid >/run/openrc/daemons/web/001
printf %s "$(cat /run/web.pid)" >/run/openrc/options/web/child_pid`;

describe.each(SHELLS)("%s", (shell) => {
  it("the checks of a Rootfs, as its image has them", async () => {
    const o = imageOf(
      [
        { name: "cmd", command: "[ \"$(echo 'a  b')\" = 'a  b' ] && echo canary" },
        { name: "room", freeSpace: { path: "/run", mib: 999_999_999 }, required: false },
        { name: "slow", command: "sleep 300", timeout: 1 },
        { name: "svc", service: "web" },
      ],
      OPENRC,
    );
    const seen = await look(healthServer(shell, o));
    expect(untimed(seen.lines)).toEqual([
      "cmd ok",
      expect.stringMatching(/^room warn \d+ MiB are free, expected 999999999$/),
      "slow red did not end within 1 s",
      "svc red the service is crashed",
    ]);
    expect([seen.exit, result(seen)]).toEqual([1, "ran=4 of=4 result=red"]);
  });

  describe("a full /run", () => {
    const full = "dd if=/dev/zero of=/run/fill bs=1k count=300 2>/dev/null";
    const small = "mount -t tmpfs -o size=64k tmpfs /run";
    it("is a reason of its own, and no reason for a check to fail", async () => {
      const seen = await look(healthServer(shell, { own: { a: "echo fine" } }), `${small}; ${full}; ${HEALTH}`);
      expect([seen.exit, result(seen)]).toEqual([1, "ran=1 of=1 result=red"]);
      expect(untimed(seen.lines)).toEqual([
        expect.stringMatching(/^a ok/),
        "health red the result cannot be written to /run/pine.health",
      ]);
      expect([seen.left, seen.stderr]).toEqual([undefined, ""]);
    });
    it("keeps no result that is true no more", async () => {
      const script = `${small}; ${HEALTH} >/dev/null; cp /run/pine.health /root; ${full}; echo false >>/etc/pine/health.d/a; ${HEALTH}`;
      const seen = await look(healthServer(shell, { own: { a: "true" } }), script);
      expect([seen.exit, untimed(seen.lines)[0]]).toEqual([1, "a red exit code 1"]);
      // the new one in the old one's room
      expect(seen.left === undefined || seen.left === `${[seen.first, ...seen.lines].join("\n")}\n`).toBe(true);
    });
  });

  describe("two at once", () => {
    it("the second waits for the first, and looks by itself", async () => {
      const own = { a: "echo $$ >>/run/ran; [ -e /run/busy ] && exit 5; : >/run/busy; sleep 1; rm /run/busy" };
      const script = `${HEALTH} >/run/other & ${HEALTH}; wait; cat /run/ran /run/other >&2; (exit 0)`;
      const seen = await look(healthServer(shell, { own }), script);
      expect(seen.stderr.match(/^\d+$/gm)).toHaveLength(2);
      expect(seen.stderr).toMatch(/\na ok \d/);
      expect(untimed(seen.lines)).toEqual(["a ok"]);
    });
    it("and no longer than the first may take", async () => {
      const script = `(umask 077; : >/run/pine.health.lock); exec 5>>/run/pine.health.lock; flock 5; ${HEALTH} 5>&-`;
      const seen = await look(healthServer(shell, { own: { a: "# timeout=1\ntrue" } }), script);
      expect([seen.exit, result(seen)]).toEqual([1, "ran=0 of=1 result=red"]);
      expect(untimed(seen.lines)).toEqual(["health red another run does not end"]);
      expect(seen.left).toBeUndefined();
    });
    it("nothing that is left behind holds the lock", async () => {
      const own = { a: "setsid sleep 15 6>&- 7>&- &" };
      const seen = await look(healthServer(shell, { own }), `${HEALTH} >/dev/null; ${HEALTH}`);
      expect(untimed(seen.lines)).toEqual(["a ok"]);
    });
    it("nobody but root can hold it", async () => {
      const seen = await look(
        healthServer(shell, { own: { a: "true" } }),
        `${HEALTH} >/dev/null; stat -c %a /run/pine.health /run/pine.health.lock >&2; ls /run >&2`,
      );
      expect(seen.stderr.split("\n").slice(0, 2)).toEqual(["600", "600"]);
      expect(seen.stderr).not.toMatch(/work|new/);
    });
  });

  it("one that is ended ends its check, and leaves no result", async () => {
    const own = { a: "echo $$ >/run/check; sleep 50" };
    const script = `${HEALTH} & until [ -s /run/check ]; do sleep 0.1; done; kill $!; wait $!; echo "code $?" >&2
      check=$(cat /run/check) n=0
      while grep -q ') [^Z] ' "/proc/$check/stat" 2>/dev/null; do
        if [ $n = 200 ]; then echo "it works on" >&2; break; fi
        n=$((n + 1)); sleep 0.1
      done
      ls /run >&2; (exit 0)`;
    const seen = await look(healthServer(shell, { own }), script);
    expect(seen.stderr).toMatch(/^code 1\n/m);
    expect(seen.stderr).not.toMatch(/work/);
    expect(seen.left).toBeUndefined();
  });

  describe("settled", () => {
    const web = imageOf([{ name: "web", service: "web" }], OPENRC);
    const settled = (prepare: string, o: HealthServer = web) =>
      look(healthServer(shell, o), `${DAEMON}start; ${prepare}; ${HEALTH} settled 3; over`);
    it.each([KNOWN, SUPERVISED])("green twice, and what ran still runs: %s", async (known) => {
      const seen = await settled(known);
      expect([seen.exit, result(seen), untimed(seen.lines)]).toEqual([0, "ran=1 of=1 result=green", ["web ok"]]);
      expect(seen.took).toBeGreaterThan(2900);
    });
    it.each([KNOWN, SUPERVISED])("a service that starts again meanwhile is red: %s", async (known) => {
      const seen = await settled(`${known}; again`);
      expect([seen.exit, result(seen)]).toEqual([1, "ran=1 of=1 result=red"]);
      expect(untimed(seen.lines)[0]).toMatch(
        /^web red web started again within 3 s \(was (\d+@\d+ ?)+, now (\d+@\d+ ?)+\)$/,
      );
      expect(seen.left).toContain("result=red");
    });
    it("where OpenRC knows no process, the second look decides", async () => {
      expect((await settled("again")).exit).toBe(0);
      const gone = await look(
        healthServer(shell, web),
        `: >/run/web.pid; (sleep 1; rm /run/web.pid) >/dev/null 2>&1 & ${HEALTH} settled 2`,
      );
      expect([gone.exit, untimed(gone.lines)]).toEqual([1, ["web red the service is crashed"]]);
    });
    it("what is not required and starts again is a warning", async () => {
      const o = imageOf([{ name: "web", service: "web", required: false }], OPENRC);
      const seen = await settled(`${KNOWN}; again`, o);
      expect([seen.exit, untimed(seen.lines)[0]]).toEqual([0, expect.stringMatching(/^web warn web started again/)]);
    });
    it("red at once where the first look is", async () => {
      const seen = await look(healthServer(shell, { own: { a: "exit 3" } }), `${HEALTH} settled 60`);
      expect([seen.exit, untimed(seen.lines)]).toEqual([1, ["a red exit code 3"]]);
      expect(seen.took).toBeLessThan(20_000);
    });
  });

  it.each(["settled", "settled 0", "settled x", "once", "'' 1"])("usage: %j", async (args) => {
    const seen = await look(healthServer(shell, {}), `${HEALTH} ${args}`);
    expect([seen.exit, seen.left]).toEqual([2, undefined]);
    expect(seen.first).toMatch(/^Runs the health checks/);
  });
});
