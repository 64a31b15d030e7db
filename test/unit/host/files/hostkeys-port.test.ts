/**
 * Where the SSH server of a deployment listens: what hostkeys.sh writes is read by a shell as OpenRC's, and by the real
 * dropbear.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { HELD, hostKeysScript } from "../../../../provider/host/scripts.ts";
import { sshPiece } from "../../../../provider/image/recipe/ssh-server.ts";

const work = mkdtempSync(join(tmpdir(), "pine-ports-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const put = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const OURS = sshPiece("dropbear").files![0]!.content as string;
const CONF = "etc/conf.d/dropbear";
const DROP_IN = "etc/ssh/sshd_config.d/40-pine-port.conf";

let running: string;
let root: string;
/** A deployment whose commit has these files in /etc; no host keys, which another test is for. */
function deployment(server: "dropbear" | "sshd", files: Record<string, string>): string {
  const folder = mkdtempSync(join(work, "deployment-"));
  mkdirSync(join(folder, "etc/runlevels/default"), { recursive: true });
  symlinkSync(`/etc/init.d/${server}`, join(folder, "etc/runlevels/default", server));
  put(join(folder, "usr/sbin", server), "");
  for (const [path, text] of Object.entries(files)) for (const top of ["", "usr"]) put(join(folder, top, path), text);
  return folder;
}
beforeEach(() => {
  running = mkdtempSync(join(work, "running-"));
});

function keep(ports: string) {
  const env = { ...process.env, PINE_RUNNING: running };
  const shells = { dash: ["dash"], busybox: ["busybox", "sh"] };
  const r = Object.values(shells).map(([file, ...args]) =>
    spawnSync(file!, [...args, "-s", root, "none", ports], {
      input: hostKeysScript().replace(HELD, ""),
      encoding: "utf8",
      env,
    }),
  );
  // a second run, by the other shell, changes nothing
  expect(r[1]!.status).toBe(r[0]!.status);
  return { code: r[0]!.status, stderr: r[0]!.stderr.trim() };
}
/** dropbear's options as its service gets them. */
const options = (of = root) =>
  execFileSync("sh", ["-c", '. "$1"; echo $DROPBEAR_OPTS', "sh", join(of, CONF)], { encoding: "utf8" }).trim();

describe("dropbear", () => {
  it.each<[string, string, string, string]>([
    ["the usual port", OURS, "22", "-s -R"],
    ["another port", OURS, "2222", "-s -R -p 2222"],
    ["one that is not known", OURS, "22 2222", "-s -R -p 22 -p 2222"],
    ["the image's own port is the one", 'DROPBEAR_OPTS="-s -p 2222"\n', "2222", "-s -p 2222"],
    ["the image has another one of its own", 'DROPBEAR_OPTS="-s -p 2200"\n', "22", "-s -p 2200 -p 22"],
    ["the image's with an address", "DROPBEAR_OPTS='-p [::]:2222'\n", "2222", "-p [::]:2222"],
    ["a comment is no setting", '#DROPBEAR_OPTS="-p 2222"\nDROPBEAR_OPTS=-s\n', "2222", "-s -p 2222"],
  ])("%s", (_, conf, ports, expected) => {
    root = deployment("dropbear", { [CONF]: conf });
    expect(keep(ports)).toEqual({ code: 0, stderr: "" });
    expect(options()).toBe(expected);
  });
  it("a commit without the file gets one", () => {
    root = deployment("dropbear", {});
    keep("2222");
    expect(options()).toBe("-p 2222");
  });
  it("an update: the next commit's settings count, and the port stays", () => {
    root = deployment("dropbear", { [CONF]: OURS });
    keep("2222");
    running = root;
    root = deployment("dropbear", { [CONF]: 'DROPBEAR_OPTS="-s -R -K 30"\n' });
    // OSTree's merge keeps what was changed
    put(join(root, CONF), readFileSync(join(running, CONF), "utf8"));
    keep("2222");
    expect(options()).toBe("-s -R -K 30 -p 2222");
    running = root;
    root = deployment("dropbear", { [CONF]: 'DROPBEAR_OPTS="-s -p 2222"\n' });
    put(join(root, CONF), readFileSync(join(running, CONF), "utf8"));
    keep("2222");
    expect(readFileSync(join(root, CONF), "utf8")).toBe('DROPBEAR_OPTS="-s -p 2222"\n');
  });
  it("an update: what somebody else wrote into the file stays", () => {
    root = deployment("dropbear", { [CONF]: OURS });
    keep("2222");
    running = root;
    root = deployment("dropbear", { [CONF]: OURS });
    put(join(root, CONF), `${readFileSync(join(running, CONF), "utf8")}DROPBEAR_OPTS="$DROPBEAR_OPTS -j"\n`);
    keep("2222");
    expect(options()).toBe("-s -R -j -p 2222");
  });
});

describe("sshd", () => {
  const CONFIG = { "etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nSubsystem sftp internal-sftp\n" };
  const with50 = (text: string) => ({ ...CONFIG, "etc/ssh/sshd_config.d/50-pine.conf": text });
  const ours = sshPiece("openssh").files![0]!.content as string;
  it.each<[string, Record<string, string>, string, string[]]>([
    ["the usual port", with50(ours), "22", []],
    ["another port", with50(ours), "2222", ["Port 2222"]],
    ["one that is not known", with50(ours), "22 2222", ["Port 22", "Port 2222"]],
    ["the image's own port is the one", with50("port=2222\n"), "2222", []],
    ["the image has another one of its own", with50("Port 2200\n"), "22", ["Port 22"]],
    ["a comment is no setting", with50("#Port 2222\n"), "2222", ["Port 2222"]],
  ])("%s", (_, files, ports, expected) => {
    root = deployment("sshd", files);
    put(join(root, "etc/shadow"), "root:*::0:::::\n");
    expect(keep(ports)).toEqual({ code: 0, stderr: "" });
    const text = existsSync(join(root, DROP_IN)) ? readFileSync(join(root, DROP_IN), "utf8") : "";
    expect(text.split("\n").filter((l) => l && !l.startsWith("#"))).toEqual(expected);
  });
  it("settings that no file of ours reaches are refused", () => {
    root = deployment("sshd", { "etc/ssh/sshd_config": "PermitRootLogin yes\n" });
    expect(keep("2222")).toEqual({
      code: 1,
      stderr: expect.stringMatching(/would not listen on port 2222: set that in its Rootfs/),
    });
    expect(keep("22").code).toBe(0);
  });
});
