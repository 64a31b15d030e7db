/** What the new system's login depends on: ports, host key files, key options, and what is told of the old sshd. */
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import { admits, keptKeys } from "../../../../provider/host/plan/keys.ts";
import { sshPorts } from "../../../../provider/host/plan/login.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { codes, facts, image, inputs, key } from "./tools.ts";

const bare = key.split(" ").slice(0, 2).join(" ");
const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYiSYlz3oe28c4sVNMRNCemi45hmkQ78fKmzOeWGjly";
const sk = `sk-ssh-ed25519@openssh.com ${Buffer.from(`\0\0\0\x1ask-ssh-ed25519@openssh.com${"x".repeat(40)}`, "latin1").toString("base64")}`;
const lines = (root: string[], server: "dropbear" | "openssh") => keptKeys(root, [], [], server).lines;

describe("ports", () => {
  // nix-community/nixos-anywhere#515, NixOS/nixops-hetzner#8: the server's own port, which a forwarded one is not
  it.each<[number | undefined, number | undefined, number[]]>([
    [22, undefined, [22]],
    [2222, 2222, [2222]],
    [22, 2222, [22]],
    [2222, undefined, [2222]],
    [undefined, undefined, [22]],
    [undefined, 2222, [22, 2222]],
  ])("the server's side %s, dialled %s: %j", (connectedPort, dialled, expected) => {
    const network = { ...facts().network, connectedPort };
    expect(sshPorts({ network, sshd: [] }, { port: dialled })).toEqual(expected);
    const { plan } = planInstall({ ...facts(), network }, { ...inputs, port: dialled }, image);
    expect(plan!.sshPorts).toEqual(expected);
    expect(plan!.lines.join("\n").includes("listens on port")).toBe(expected.join() !== "22");
  });
  // the server's side is not known: what sshd listens on, else both
  it.each<[number[], number | undefined, number[]]>([
    [[2222], 443, [2222]],
    [[22, 2222], 2222, [2222]],
    [[22, 2222], 443, [22, 2222]],
    [[], 443, [22, 443]],
  ])("sshd listens on %j, dialled %s: %j", (listens, dialled, expected) => {
    const sshd = listens.map((p): [string, string] => ["port", `${p}`]);
    const network = { ...facts().network, connectedPort: undefined };
    expect(sshPorts({ network, sshd }, { port: dialled })).toEqual(expected);
  });
  // yrutschle/sslh: what takes the connection on the server itself is not on the new system; a rule of its firewall
  // keeps the address
  it.each<[string, string, number[]]>([
    ["127.0.0.1", "203.0.113.7", [22, 443]],
    ["::1", "vps.example.org", [22, 443]],
    ["203.0.113.7", "203.0.113.7", [22, 443]],
    ["203.0.113.7", "198.51.100.1", [22]],
    ["10.0.0.5", "203.0.113.7", [22]],
  ])("port 22 of %s, dialled 443 of %s: %j", (connectedTo, host, expected) => {
    const network = { ...facts().network, connectedTo, connectedPort: 22 };
    expect(sshPorts({ network, sshd: [] }, { port: 443, host })).toEqual(expected);
  });
  it.each([
    ["203.0.113.7 2222", "203.0.113.7", 2222],
    ["::ffff:203.0.113.7 22", "203.0.113.7", 22],
    ["fe80::1%eth0 22", "fe80::1", 22],
    ["203.0.113.7", "203.0.113.7", undefined],
  ])("ssh=%s", (line, address, port) => {
    const { network } = parseFacts(`format=1\nkernel=6.1\narch=x86_64\nssh=${line}\n`);
    expect([network.connectedTo, network.connectedPort]).toEqual([address, port]);
  });
});

describe("host key files", () => {
  const of = (text: string) => parseFacts(`format=1\nkernel=6.1\narch=x86_64\n${text}`);
  it("are those with a path; a key without one is only shown", () => {
    const f = of(`hostkey=/etc/ssh/keys/web1 ${bare} root@web\nhostkey=${other} agent\n`);
    expect(f.hostKeyFiles).toEqual([{ path: "/etc/ssh/keys/web1", key: bare }]);
    expect(f.hostKeys).toEqual([`${bare} root@web`, `${other} agent`]);
  });
  const files = (seen: string) => {
    const f = facts((x) => {
      x.hostKeyFiles = [
        { path: "/a", key: bare },
        { path: "/b", key: other },
      ];
      x.hostKeys = [bare, other];
    });
    return planInstall(f, { ...inputs, hostKeySeen: seen }, image).plan!.hostKeyFiles.map((h) => h.path);
  };
  it("of two of a type the one that the connection saw", () =>
    expect([files(bare), files(other)]).toEqual([["/a"], ["/b"]]));
  // canonical/cloud-init#2422
  it("a key that only an agent opens is refused beforehand", () => {
    const change = (f: ReturnType<typeof facts>) => {
      f.hostKeyFiles = [{ path: "/b", key: other }];
      f.hostKeys = [bare, other];
    };
    expect(codes(facts(change), { hostKeySeen: bare })).toEqual(["host-key"]);
    expect(codes(facts(change), { hostKeySeen: other })).toEqual([]);
  });
});

describe("lines for dropbear", () => {
  // mkj/dropbear#212, go-gitea/gitea#21383, home-assistant/operating-system#4444
  it.each<[string, string, string[]]>([
    ["two spaces", `ssh-ed25519  ${bare.split(" ")[1]}   my  laptop`, [`${bare} my laptop`]],
    ["a tab", bare.replace(" ", "\t"), [bare]],
    ["CRLF", `${bare}\r`, [bare]],
    ["options and two spaces", `no-pty  ${bare}`, [`no-pty ${bare}`]],
    [
      "gitea's options",
      `no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty,no-user-rc,restrict ${bare}`,
      [`no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-pty ${bare}`],
    ],
    [
      "restrict with a right given back",
      `restrict,pty ${bare}`,
      [`no-port-forwarding,no-agent-forwarding,no-X11-forwarding ${bare}`],
    ],
    ["a right that nothing took", `pty,user-rc,tunnel="0" ${bare}`, [bare]],
    ["a command with blanks and commas", `command="a, b c",NO-PTY ${bare} x`, [`no-pty,command="a, b c" ${bare} x`]],
    ["permitopen", `permitopen="db:5432" ${bare}`, [`permitopen="db:5432" ${bare}`]],
    ["a security key's", `verify-required ${sk}`, [`verify-required ${sk}`]],
    ...[
      'from="198.51.100.0/24"',
      'environment="A=B"',
      'expiry-time="20300101"',
      'permitlisten="80"',
      'permitopen="*:80"',
      'principals="a"',
      'command="echo \\"a\\""',
      "command=ls",
      'command="a",command="b"',
      "agent-forwardings",
    ].map((o): [string, string, string[]] => [o, `${o} ${bare}`, []]),
    ["a quote that is not closed", `command="a ${bare}`, []],
    ["a certificate authority", `cert-authority ${bare}`, []],
  ])("%s", (_, line, expected) => expect(lines([line], "dropbear")).toEqual(expected));

  it("sshd gets every option as it stands", () => {
    const line = `from="198.51.100.0/24, 203.0.113.7",no-user-rc,command="echo \\"a\\"  b" ${bare} x`;
    expect(lines([line.replace(` ${bare}`, `\t ${bare}`)], "openssh")).toEqual([line]);
  });
  it("a key loses no restriction: what is kept of it is what another line gave freely", () => {
    const kept = keptKeys(
      [`from="198.51.100.7" ${bare}`, `command="x",expiry-time="20200101" ${other}`],
      [],
      [],
      "dropbear",
    );
    expect(kept.lines).toEqual([]);
    expect(kept.notes).toEqual([expect.stringMatching(/^2 key\(s\) .* are left out, .*\(expiry-time, from\)/)]);
    const freely = keptKeys([`from="198.51.100.7" ${bare}`], [bare], [], "dropbear");
    expect([freely.lines, freely.notes]).toEqual([[bare], []]);
  });
});

describe("the connection's own key", () => {
  const f = facts((x) => {
    x.authorizedKeys.root = [`from="198.51.100.0/24" ${key}`];
  });
  it("with options that dropbear does not know is refused, with what to do", () => {
    const [refusal] = planInstall(f, inputs, { ...image, ssh: "dropbear" }).refusals;
    expect(refusal).toMatchObject({
      code: "login-key-options",
      message: expect.stringMatching(/dropbear.*options.*: from$/),
    });
    expect(refusal!.hint).toMatch(/ssh: "openssh".*add it to authorizedKeys/);
  });
  it("is taken where the image has sshd, and while it is not known what it has", () => {
    for (const ssh of ["openssh", undefined] as const)
      expect(planInstall(f, inputs, { ...image, ssh }).plan!.authorizedKeys).toEqual(f.authorizedKeys.root);
  });
  it("is taken when it is asked for without options", () => {
    const { plan } = planInstall(f, { ...inputs, authorizedKeys: [bare] }, { ...image, ssh: "dropbear" });
    expect(plan!.authorizedKeys).toEqual([bare]);
  });
  it("two spaces are no reason", () => {
    const spaces = facts((x) => {
      x.authorizedKeys.root = [key.replace(" ", "  ")];
    });
    expect(planInstall(spaces, inputs, { ...image, ssh: "dropbear" }).plan!.authorizedKeys).toEqual([key]);
  });
  it("a forced command is no way in, whatever the case of its name", () =>
    expect(admits([`Command="x" ${bare}`], [bare])).toBe(false));
});

describe("what sshd asked for beside", () => {
  const notes = (sshd: [string, string][]) => {
    const f = facts((x) => {
      x.sshd = sshd;
      x.network.connectedPort = 22;
    });
    return planInstall(f, inputs, image).plan!.lines.filter((l) => /sshd /.test(l));
  };
  it("of a usual one nothing is said", () =>
    expect(
      notes([
        ["port", "22"],
        ["listenaddress", "0.0.0.0:22"],
        ["listenaddress", "[::]:22"],
        ["authenticationmethods", "any"],
      ]),
    ).toEqual([]));
  // dev-sec/ssh-baseline#164
  it.each<[[string, string], RegExp]>([
    [["port", "2200"], /listens on port 2200 too; the new system's sshd does not/],
    [
      ["listenaddress", "10.0.0.5:22"],
      /listens only on 10\.0\.0\.5:22 \(ListenAddress\); the new system's sshd listens on every address/,
    ],
    [["allowusers", "admin"], /limits who may log in \(allowusers\)/],
    [["authenticationmethods", "publickey,keyboard-interactive"], /asks for more than a key/],
  ])("%j is told", (setting, expected) =>
    expect(notes([["port", "22"], setting])).toEqual([expect.stringMatching(expected)]),
  );
});
