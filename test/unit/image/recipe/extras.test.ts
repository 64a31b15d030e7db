import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { extraPieces } from "../../../../provider/image/recipe/extras.ts";
import { filesOf } from "../../../../provider/image/recipe/system-files.ts";
import { type Extra, extraNames, type Piece } from "../../../../provider/image/recipe/types.ts";
import { run } from "../../../../provider/local/run.ts";
import { any, environment, extra, folders, program } from "./a-shell.ts";

const ours = extraNames.flatMap((name) => extraPieces([name])).flatMap((p) => p.files ?? []);
const paths = (p: Piece) => (p.files ?? []).map((f) => `${f.mode} ${f.path}`);

describe("what an extra brings", () => {
  const table: Record<Extra, Piece & { paths: string[] }> = {
    backup: {
      packages: ["restic"],
      services: { default: ["crond"] },
      paths: ["0644 /etc/conf.d/pine-backup", "0755 /etc/periodic/daily/pine-backup", "0755 /usr/sbin/pine-backup"],
    },
    bubblewrap: { packages: ["bubblewrap"], paths: ["0755 /usr/bin/pine-bwrap"] },
    glibc: { packages: ["gcompat"], paths: [] },
    iomon: {
      services: { default: ["pine-iomon"] },
      paths: ["0644 /etc/conf.d/pine-iomon", "0755 /etc/init.d/pine-iomon", "0755 /usr/sbin/pine-iomon"],
    },
    podman: {
      packages: ["podman"],
      services: { boot: ["cgroups"] },
      modules: ["overlay", "tun"],
      paths: ["0644 /etc/containers/storage.conf"],
    },
    resolver: {
      services: { default: ["pine-resolver"] },
      paths: [
        "0644 /etc/conf.d/pine-resolver",
        "0755 /etc/init.d/pine-resolver",
        "0755 /usr/lib/pine/update.d/pine-resolver",
        "0755 /usr/libexec/pine/resolver",
      ],
    },
    ssheval: { paths: ["0755 /usr/bin/ssheval"] },
    tcpmon: { packages: ["tcpdump"], paths: ["0755 /usr/bin/tcpmon"] },
    toolbox: {
      paths: [
        "0644 /etc/profile.d/pine-toolbox.sh",
        "0755 /usr/libexec/pine/toolbox-run",
        "0755 /usr/sbin/pine-toolbox",
      ],
    },
    unlock: {
      links: [{ path: "/usr/sbin/pine-lock", target: "pine-unlock" }],
      paths: ["0755 /usr/sbin/pine-unlock"],
    },
  };
  it.each(extraNames)("%s", (name) => {
    const [piece, ...more] = extraPieces([name]);
    const { paths: files, ...rest } = table[name];
    expect(more).toEqual([]);
    expect(paths(piece!)).toEqual(files);
    expect({ ...piece, files: undefined }).toEqual({ ...rest, files: undefined });
  });
  it("does not depend on their order", () =>
    expect(extraPieces(["unlock", "iomon"])).toEqual(extraPieces(["iomon", "unlock"])));
  it("is nothing without extras", () => expect(extraPieces([])).toEqual([]));
});

describe("files of ours", () => {
  const all = [...ours, ...["zram", "swapfile", "zswap", "knobs"].flatMap((name) => filesOf(`settings/${name}`))];
  it("can be run when they are programs, and only then", () => {
    for (const f of all) expect(f.mode, f.path).toBe(f.content.startsWith("#!") ? "0755" : "0644");
  });
  it.each(all.filter((f) => f.content.startsWith("#!") || f.path.endsWith(".sh")).map((f) => f.path))(
    "%s is a script that the shell reads",
    async (path) => {
      await run("sh", ["-n"], { input: all.find((f) => f.path === path)!.content });
    },
  );
});

const dir = folders();

describe("ssheval", () => {
  const ssheval = (command: string | undefined, more: Record<string, string> = {}) =>
    run("sh", [extra("ssheval/usr/bin/ssheval")], {
      env: environment(dir.at, { ...more, ...(command === undefined ? {} : { SSH_ORIGINAL_COMMAND: command }) }),
      cwd: dir.at,
      ok: any,
    });

  it.each([
    ["of one program", "A=1 printenv A", "1"],
    ["with quotes", `A='x  y' B="p q"r=s C= sh -c 'echo "$A,$B,$C"'`, "x  y,p qr=s,"],
    ["of several commands", 'A=1 B=2 cd /; echo "$A $PWD"; printenv B', "1 /\n2"],
    ["of what is joined", "A=1 true && printenv A | tr 1 2", "2"],
    ["of a builtin", "A=7 eval 'echo $A'", "7"],
    ["that are taken literally", "A='$(touch made)' B='`touch made`' printenv A B", "$(touch made)\n`touch made`"],
    ["that the shell has to make", 'A=1 B=$(echo "$A"x) printenv B', "1x"],
    ["of names that it uses itself", "command=a rest=b name=c value=d part=e line=f printenv command rest", "a\nb"],
    ["that change how a shell splits", "IFS=1 A=112 printenv A", "112"],
    ["after blanks", " \t A=1 \t printenv \tA ", "1"],
  ])("sets variables %s", async (_, command, stdout) => {
    expect(await ssheval(command)).toMatchObject({ stdout, exitCode: 0 });
    await expect(readFile(join(dir.at, "made"))).rejects.toThrow(/ENOENT/);
  });

  it("lets a program take its place, so that signals and results are its own", async () => {
    expect((await ssheval("A=1 sh -c 'echo $PPID'")).stdout).toBe(String(process.pid));
    expect((await ssheval("A=1 sh -c 'exit 7'")).exitCode).toBe(7);
    expect((await ssheval("A=1 no-such-program")).exitCode).toBe(127);
  });

  it.each([undefined, "", "  ", "A=1"])("gives a login shell for %j", async (command) => {
    const SHELL = await program(dir.at, "shell", 'echo "login $* $A"');
    expect((await ssheval(command, { SHELL })).stdout.trim()).toBe(command === "A=1" ? "login -l 1" : "login -l");
  });

  it.each([
    "echo a  'b  c' \"d $HOME\"",
    "ls /no/such/folder",
    "A=1; printenv A",
    "A=1\nprintenv A; echo x",
    "A='unterminated printenv A",
    "1A=x printenv 1A",
    "A=x\\ y printenv A",
    'A="$HOME" printenv A',
    "A=~ printenv A",
    "A=a;echo b",
    "A=1>out printenv A; cat out",
    "( A=1; echo $A )",
    "! true",
    "-v",
    "if true; then echo yes; fi",
    "printf '%s\\n' a=b",
  ])("does what sh -c does: %j", async (command) => {
    const all = { HOME: dir.at };
    const plain = await run("sh", ["-c", command], { env: environment(dir.at, all), cwd: dir.at, ok: any });
    const got = await ssheval(command, all);
    expect([got.stdout, got.exitCode]).toEqual([plain.stdout, plain.exitCode]);
  });
});
