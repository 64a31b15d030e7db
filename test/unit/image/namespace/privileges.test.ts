import { expect, it } from "vitest";
import { type NamespaceFacts, namespaceProblem } from "../../../../provider/image/namespace/privileges.ts";

// an ordinary user of Debian 12
const good: NamespaceFacts = {
  platform: "linux",
  uid: 1000,
  user: "ann",
  unshare: "/usr/bin/unshare",
  setpriv: "/usr/bin/setpriv",
  nsenter: "/usr/bin/nsenter",
  setsid: "/usr/bin/setsid",
  version: "unshare from util-linux 2.38.1",
  newuidmap: true,
  subuid: "ann:100000:65536",
  subgid: "ann:100000:65536",
  sysctl: { apparmor: "", clone: "1", max: "63000" },
};

it.each([
  ["an ordinary user of Debian 12", {}],
  ["a range given by number", { subuid: "1000:100000:65536" }],
  ["root, who needs no range", { uid: 0, user: "root", subuid: "", subgid: "", newuidmap: false }],
  ["root where users may not", { uid: 0, sysctl: { apparmor: "", clone: "0", max: "" } }],
  ["root with an old util-linux", { uid: 0, version: "unshare from util-linux 2.36.1" }],
  ["root under Ubuntu's restriction", { uid: 0, sysctl: { apparmor: "1", clone: "", max: "" } }],
  ["a newer major version", { version: "unshare from util-linux 3.0" }],
] as [string, Partial<NamespaceFacts>][])("%s can build", (_, change) =>
  expect(namespaceProblem({ ...good, ...change })).toBeUndefined(),
);

it.each([
  ["macOS", { platform: "darwin" }, /images are built on Linux, this is darwin; run pulumi on Linux/],
  ["no util-linux", { unshare: undefined }, /unshare was not found.*install util-linux/],
  ["a part of util-linux", { nsenter: undefined }, /nsenter was not found.*install util-linux/],
  ["busybox", { version: "BusyBox v1.37.0" }, /not util-linux's/],
  ["Debian 11", { version: "unshare from util-linux 2.36.1" }, /2\.36, 2\.38 or newer.*as root/],
  ["no uidmap", { newuidmap: false }, /newuidmap.*install uidmap/],
  ["no range", { subuid: "bob:100000:65536" }, /\/etc\/subuid gives user ann no range.*usermod --add-subuids/],
  ["a small range", { subgid: "ann:100000:1000" }, /\/etc\/subgid/],
  [
    "no user namespaces",
    { sysctl: { apparmor: "", clone: "0", max: "" } },
    /switched off.*unprivileged_userns_clone=1/,
  ],
  ["none allowed", { sysctl: { apparmor: "", clone: "", max: "0" } }, /max_user_namespaces/],
  [
    "none allowed, not to root either",
    { uid: 0, sysctl: { apparmor: "", clone: "", max: "0" } },
    /max_user_namespaces/,
  ],
  ["Ubuntu 24.04", { sysctl: { apparmor: "1", clone: "1", max: "63000" } }, /apparmor_restrict_unprivileged_userns=0/],
] as [string, Partial<NamespaceFacts>, RegExp][])("%s is refused, with what to do", (_, change, message) => {
  const problem = namespaceProblem({ ...good, ...change });
  expect(problem?.message).toMatch(message);
  expect(problem?.hint).toBeTruthy();
});
