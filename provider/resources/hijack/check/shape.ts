/** Inputs of HostHijack. */

import { kernelArgumentProblem } from "../../../boot/arguments.ts";
import { DEADMAN_SECONDS } from "../../../boot/options.ts";
import { DATA, DEFAULT } from "../../../filesystems/all.ts";
import { IGNORABLE } from "../../../host/plan/ignorable.ts";
import { METHODS } from "../../../host/plan/types.ts";
import { any, asset, flag, integer, list, map, object, text } from "../../../properties/check.ts";
import { hostnamePattern } from "../../../properties/patterns.ts";
import type { Shape } from "../../../properties/rule.ts";
import { connectionRule } from "../../connection-shape.ts";
import { lockRule } from "./lock.ts";
import { updatesRule } from "./updates.ts";

const publicKey = {
  pattern: /^(?!-----)\S.*\s*$/s,
  expected: 'a public key, "ssh-ed25519 AAAA…"',
};
/** What an overwrite takes. `image` may be missing in a preview, where another resource makes it. */
const overwriteRule = object({
  erase: flag({
    required: true,
    verify: (erase) =>
      erase ? undefined : "must be true: everything on the server's disk is erased; or leave overwrite out",
  }),
  image: text({ required: true, pattern: /^[0-9a-f]{64}$/, expected: "the sha256 of a DiskImage (64 hex digits)" }),
  disk: text(),
  dataPartitions: list(
    object({
      // XFS has room for 12
      label: text({
        required: true,
        pattern: /^[A-Za-z0-9_-]{1,12}$/,
        expected: "a label of at most 12 letters and digits",
      }),
      size: integer({ min: 16, max: 1 << 30, hint: "the size is in MiB" }),
      filesystem: text({ enum: DATA, default: DEFAULT }),
      mountPoint: text({
        required: true,
        pattern: /^\/(var|srv|home|opt|mnt|root)(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/,
        expected: "a folder below /var, /srv, /home, /opt, /mnt or /root",
      }),
    }),
  ),
});

export const shape = {
  connection: connectionRule,
  commit: text({
    required: true,
    pattern: /^[0-9a-f]{64}$/,
    expected: "the checksum of an OstreeCommit (64 hex digits)",
  }),
  method: text({
    default: "auto",
    enum: METHODS,
  }),
  overwrite: overwriteRule,
  hostname: text({
    pattern: hostnamePattern,
    expected: 'a hostname such as "web-1"',
  }),
  authorizedKeys: list(text(publicKey)),
  network: object({
    mode: text({ enum: ["keep", "dhcp", "static"], default: "keep" }),
    interfaceName: text(),
    mac: text({ pattern: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, expected: 'a MAC address "52:54:00:12:34:56"' }),
    addresses: list(
      text({ pattern: /^[0-9a-fA-F:.]+\/\d+$/, expected: 'an address with its prefix, "203.0.113.7/24"' }),
    ),
    gateways: list(text({ pattern: /^[0-9a-fA-F:.]+$/, expected: "an address" })),
    nameservers: list(text({ pattern: /^[0-9a-fA-F:.]+$/, expected: "an address" })),
    search: list(text()),
    mtu: integer({ min: 576, max: 65535 }),
    vlan: integer({ min: 1, max: 4094 }),
  }),
  files: map(
    object(
      {
        content: text({ empty: true }),
        source: asset(),
        mode: text({ pattern: /^[0-7]{3,4}$/, expected: 'an octal mode "0644"' }),
        owner: text({ pattern: /^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_][a-z0-9_-]*)?$/, expected: '"user:group"' }),
      },
      { exactlyOne: ["content", "source"] },
    ),
  ),
  healthChecks: list(
    object(
      {
        http: text({ pattern: /^https?:\/\/\S+$/, expected: 'a URL "http://127.0.0.1/"' }),
        status: integer({ min: 100, max: 599 }),
        contains: text(),
        tcp: text({ pattern: /^\S+:\d+$/, expected: '"host:port"' }),
        command: text(),
        service: text({ pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/, expected: "an OpenRC service" }),
        timeout: integer({ min: 1, max: 3600 }),
      },
      { exactlyOne: ["http", "tcp", "command", "service"] },
    ),
  ),
  kernelArguments: list(text({ verify: kernelArgumentProblem })),
  onDestroy: text({ enum: ["restore", "retain"], default: "restore" }),
  removeOldSystem: flag(),
  deleteData: flag(),
  whenUnreachable: text({ enum: ["fail", "forget"], default: "fail" }),
  trialTimeout: integer({ min: 60, max: 3600, default: DEADMAN_SECONDS }),
  rehearse: object({
    required: flag(),
    timeout: integer({ min: 30, max: 3600, hint: "the time is in seconds" }),
    memory: integer({ min: 96, max: 65536, hint: "the size is in MiB" }),
    leaveOut: list(text({ pattern: /^[A-Za-z0-9._-]{1,64}$/, expected: 'the name of a health check, such as "web"' })),
  }),
  ignoreChecks: list(text({ enum: IGNORABLE })),
  triggers: list(any()),
  updates: updatesRule,
  rebootLock: lockRule,
} satisfies Shape;
