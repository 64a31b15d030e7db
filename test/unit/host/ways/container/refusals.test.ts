/** What is planned for a container and why one is refused: the lab's Debian 12 on LXC, with one thing changed. */
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { Interface, NetworkFacts } from "../../../../../provider/host/facts/types/network.ts";
import { planContainerNetwork } from "../../../../../provider/host/network/container.ts";
import { planInstall } from "../../../../../provider/host/ways/plan.ts";
import { codes, facts, image, inputs } from "../../plan/tools.ts";

const card = (change: Partial<Interface> = {}): Interface => ({
  name: "eth0",
  index: 2,
  kind: "virtual",
  mac: "02:00:00:00:00:02",
  mtu: 1500,
  up: true,
  addresses: [{ family: 4, address: "10.99.0.2", prefix: 24, dynamic: false, scope: "global" }],
  ...change,
});
const network = (cards: Interface[], dev = "eth0", via: string | undefined = "10.99.0.1"): NetworkFacts => ({
  interfaces: cards,
  routes: [{ family: 4, to: "default", via, dev, onlink: false }],
  connectedTo: "10.99.0.2",
  rules: [],
  nameservers: ["10.99.0.1"],
  search: [],
});
const lxc = (change: (f: Facts) => void = () => {}) =>
  facts((f) => {
    f.container = "lxc";
    f.rights = { unprivileged: true, refused: [], pivot: true };
    f.network = network([card()]);
    // LXC tells nothing of disks, and Debian has no GRUB there
    Object.assign(f.root, { uuid: undefined, kind: "unknown", disk: undefined });
    f.grub = undefined;
    f.cmdline = [];
    f.ramKiB = 48 * 1024;
    change(f);
  });
const commit = { target: "container" } as const;
const plan = (f: Facts) => planInstall(f, inputs, { ...image, ...commit }).plan;

describe("a container", () => {
  it("is taken by its own method, without a word of kernels and GRUB", () => {
    const p = plan(lxc())!;
    expect(p.method).toBe("container");
    expect(p.summary).toMatch(
      /^in the container \(LXC, unprivileged\) beside Debian 12 \(.* free\): send 83 MB, no kernel, 1 restart;/,
    );
    expect(p.lines.join("\n")).toMatch(/1 restart of the container, on trial/);
    expect(p.boots).toBe(1);
  });
  it("says when the new root has to be a chroot", () => {
    const p = plan(lxc((f) => Object.assign(f.rights!, { pivot: false })))!;
    expect(p.summary).toContain("the new root a chroot (pivot_root is refused)");
  });
  it.each<[string, (f: Facts) => void]>([
    ["container-rights", (f) => f.rights!.refused.push("namespace")],
    ["container", (f) => Object.assign(f, { container: "systemd-nspawn" })],
    ["container", (f) => Object.assign(f, { container: "docker" })],
    ["kernel", (f) => Object.assign(f, { container: "openvz", kernelRelease: "2.6.32-042stab" })],
    ["root-readonly", (f) => f.root.options.push("ro")],
    ["disk-space", (f) => Object.assign(f.root, { freeKiB: 100_000 })],
    ["tools", (f) => void delete f.tools.unshare],
    ["target", (f) => Object.assign(f, { container: undefined, rights: undefined })],
  ])("%s is refused", (code, change) => {
    expect(codes(lxc(change), { method: "container" }, commit)).toContain(code);
  });
  it("names the right that its host refuses, and what to ask for", () => {
    const [r] = planInstall(
      lxc((f) => f.rights!.refused.push("readonly", "proc")),
      inputs,
      { ...image, ...commit },
    ).refusals;
    expect(r!.message).toMatch(
      /does not allow what a new root needs: a read-only bind mount of \/usr, a bind mount of \/proc/,
    );
    expect(r!.hint).toMatch(/nesting/);
  });
  it("refuses a machine's commit, and kernel arguments", () => {
    expect(codes(lxc(), {}, { target: "vm" })).toEqual(["target"]);
    expect(codes(lxc(), { kernelArguments: ["quiet"] }, commit)).toEqual(["kernel-arguments"]);
  });
  it("says nothing of a commit that is not known yet", () =>
    expect(codes(lxc(), {}, { target: undefined })).toEqual([]));
});

describe("its network", () => {
  const files = (n: NetworkFacts, input: Parameters<typeof planContainerNetwork>[1] = "keep") => {
    const p = planContainerNetwork(n, input, "web-1");
    return "files" in p ? p.files : p.refusals.map((r) => r.code);
  };
  it("is left as the manager sets it, and set where it does not", () => {
    expect(files(network([card()]))).toMatchObject({
      mactab: "",
      summary: "10.99.0.2/24 via 10.99.0.1",
      resolvConf: "nameserver 10.99.0.1\n",
      interfaces: expect.stringContaining(
        "iface eth0 inet manual\n    up ip -4 -o addr show dev eth0 scope global | grep -q . || { ip -4 addr add 10.99.0.2/24 dev eth0; ip -4 route replace default via 10.99.0.1 dev eth0; } || true\n",
      ),
    });
  });
  it("by DHCP stays so", () => {
    const dynamic = [{ family: 4, address: "10.99.0.2", prefix: 24, dynamic: true, scope: "global" }] as const;
    expect(files(network([card({ addresses: [...dynamic], dhcp: "dhclient" })]))).toMatchObject({
      interfaces: expect.stringContaining("iface eth0 inet dhcp\n"),
    });
  });
  it("of OpenVZ's venet, without a MAC address and with a route to nowhere", () => {
    const addresses: Interface["addresses"] = [
      { family: 4, address: "127.0.0.1", prefix: 32, dynamic: false, scope: "host" },
      { family: 4, address: "203.0.113.7", prefix: 32, dynamic: false, scope: "global" },
    ];
    const venet = {
      ...network([card({ name: "venet0", mac: undefined, addresses })], "venet0"),
      connectedTo: "203.0.113.7",
    };
    venet.routes[0]!.via = undefined;
    expect(files(venet)).toMatchObject({
      interfaces: expect.stringContaining(
        "{ ip -4 addr add 203.0.113.7/32 dev venet0; ip -4 route replace default dev venet0; }",
      ),
    });
  });
  it("as it is asked for, whatever the manager sets", () => {
    const wanted = { static: { addresses: ["10.99.0.9/24"], gateways: ["10.99.0.1"] } };
    expect(files(network([card()]), wanted)).toMatchObject({
      interfaces: expect.stringContaining(
        "up ip -4 addr flush dev eth0 scope global; { ip -4 addr add 10.99.0.9/24 dev eth0; ip -4 route replace default via 10.99.0.1 dev eth0; } || true",
      ),
    });
  });
  it("that cannot be read is refused", () => expect(files(network([]))).toEqual(["network-none"]));
  it("leaves a bridge of its own out", () => {
    const inner = card({
      name: "docker0",
      kind: "bridge",
      addresses: [{ ...card().addresses[0]!, address: "172.17.0.1" }],
    });
    const p = planContainerNetwork(network([card(), inner]), "keep", "web-1");
    expect("notes" in p && p.notes).toEqual(["docker0 (bridge) is not carried over"]);
  });
});
