/**
 * What a script that was given up on is told as: the mount that may not answer (ansible/ansible#25046,
 * prometheus/node_exporter#868).
 */
import { expect, it } from "vitest";
import { readFacts } from "../../../../provider/host/facts/facts.ts";
import { compareFile, readText } from "../../../../provider/host/files/compare.ts";
import { RemoteError } from "../../../../provider/host/ssh/errors.ts";
import type { ExecOptions, Ssh } from "../../../../provider/host/ssh/types.ts";

/** A server whose script says this much, and hangs. */
const hangs = (stdout: string, timedOut = true) =>
  ({
    target: "root@192.0.2.7:22",
    user: "root",
    rootWay: "root",
    exec: (_script: string, _args: string[], o: ExecOptions) => {
      expect(o.timeout).toBeGreaterThan(0);
      const why = `took longer than ${(o.timeout ?? 0) / 1000} s`;
      return Promise.reject(
        new RemoteError(`${o.what} on root@192.0.2.7:22 ${why}: ${stdout.split("\n").pop()}`, {
          stdout,
          stderr: "",
          timedOut,
          exitCode: timedOut ? undefined : 1,
        }),
      );
    },
  }) as unknown as Ssh;
const errorOf = async (p: Promise<unknown>) => {
  const e = await p.then(
    () => expect.fail("no error"),
    (error: Error & { hint?: string }) => error,
  );
  return [e.message.replace(`; ${e.hint}`, ""), e.hint];
};

const ROOT = "mount=29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw";
const NFS = "mount=98 29 0:52 / /srv/share rw,relatime shared:55 - nfs4 192.0.2.9:/export rw,vers=4.2,hard";
const SSHFS = "mount=99 29 0:53 / /mnt/far\\040away rw master:2 - fuse.sshfs ann@example.org: rw,user_id=0";
const LXCFS = "mount=97 29 0:51 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw";

it.each<[string, string, string, RegExp]>([
  [
    "mounts of other machines",
    [ROOT, LXCFS, NFS, SSHFS, "statfs=4096 1 1 1 1 /"].join("\n"),
    'reading facts on root@192.0.2.7:22 took longer than 180 s; its last message was "statfs"',
    /^one of these mounts may not answer: \/srv\/share \(nfs4\), \/mnt\/far\\040away \(fuse\.sshfs\); `umount -l` it there/,
  ],
  [
    "none",
    ["format=1", ROOT].join("\n"),
    'reading facts on root@192.0.2.7:22 took longer than 180 s; its last message was "mount"',
    /processes that hang/,
  ],
  ["nothing at all", "", "reading facts on root@192.0.2.7:22 took longer than 180 s", /log in to root@192\.0\.2\.7/],
])("facts: %s", async (_, said, message, hint) => {
  expect(await errorOf(readFacts(hangs(said)))).toEqual([message, expect.stringMatching(hint)]);
});

it("a file that is looked at", async () => {
  const told = [
    "looking at /srv/x on root@192.0.2.7:22 took longer than 300 s: /srv/x may lie on a mount that does not answer",
    expect.stringMatching(/`timeout 5 stat \/srv\/x` ends; `umount -l`/),
  ];
  const file = { path: "/srv/x", content: "", mode: "0644", owner: "root" };
  expect(await errorOf(compareFile(hangs(""), file))).toEqual(told);
  expect(await errorOf(readText(hangs(""), "/srv/x"))).toEqual(told);
});

it("another failure stays what it is", async () => {
  expect((await errorOf(readFacts(hangs("x", false))))[1]).toBeUndefined();
});
