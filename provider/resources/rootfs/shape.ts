/** What Rootfs accepts. */

import { targetNames } from "../../boot/target.ts";
import { constraintProblem } from "../../image/packages/constraint.ts";
import { profileNames } from "../../image/recipe/profiles.ts";
import * as rules from "../../image/recipe/rules.ts";
import { extraNames, runlevels } from "../../image/recipe/types.ts";
import { archive, asset, flag, integer, list, map, object, text } from "../../properties/check.ts";
import { hostnamePattern, releasePattern } from "../../properties/patterns.ts";
import type { Checked } from "../../properties/rule.ts";
import type { Config } from "../../resource.ts";
import { healthChecks } from "./health.ts";
import * as settings from "./settings.ts";

const authorizedKey = text({
  verify: (line) =>
    rules.authorizedKeyPattern.test(line.trim())
      ? undefined
      : { code: "key", reason: 'expected a public key as in authorized_keys, "ssh-ed25519 AAAA… name"' },
});
const twice = (names: string[]) => names.find((n, i) => names.indexOf(n) !== i);
const once = (what: string) => (names: string[]) => {
  const name = twice(names);
  return name === undefined ? undefined : { code: "twice", reason: `${what} ${name} is there twice` };
};

/** Where packages come from: Rootfs' and resolvePackages' part of the inputs. */
export const sourceShape = (config: Config) => ({
  release: text({
    default: config.release,
    pattern: releasePattern,
    expected: 'an Alpine release such as "v3.23"',
  }),
  arch: text({ enum: ["x86_64", "aarch64"], default: "x86_64" }),
  mirror: text({
    default: config.mirror,
    pattern: rules.mirrorPattern,
    expected: 'an http or https address such as "https://dl-cdn.alpinelinux.org/alpine"',
    verify: rules.addressProblem,
  }),
  repositories: list(
    text({
      pattern: rules.repositoryPattern,
      expected: 'a repository such as "community", "@edge edge/testing" or an address',
      verify: rules.addressProblem,
    }),
    { default: ["main", "community"], min: 1, verify: once("the repository") },
  ),
  repositoryKeys: map(text({ verify: rules.pemProblem }), {
    keys: { pattern: rules.keyFilePattern, expected: 'a file name as in the signature, "builder-5f3a.rsa.pub"' },
  }),
  packages: list(text({ verify: constraintProblem }), {
    required: true,
    hint: "[] for the base system alone",
  }),
});

const file = object(
  {
    content: text({ empty: true }),
    source: asset(),
    archive: archive(),
    mode: text({ pattern: rules.modePattern, expected: 'an octal mode "0644"' }),
    owner: text({
      pattern: rules.ownerPattern,
      expected: '"user:group", by name or number',
      verify: (owner) => {
        const reason = rules.ownerProblem(owner);
        return reason === undefined ? undefined : { code: "owner-range", reason };
      },
    }),
  },
  {
    exactlyOne: ["content", "source", "archive"],
    verify: (f) =>
      f.archive !== undefined && f.mode !== undefined
        ? { code: "mode", reason: "mode is for a single file: an archive's entries have their own" }
        : undefined,
  },
);

const user = object({
  name: text({
    required: true,
    pattern: rules.namePattern,
    expected: 'a login name such as "deploy"',
    verify: (name) =>
      name === "root" ? { code: "root", reason: "root is there already: its keys are `authorizedKeys`" } : undefined,
  }),
  uid: integer({ min: 1000, max: 59999 }),
  shell: text({ default: "/bin/sh", pattern: /^(\/[\w.+-]+)+$/, expected: 'the path of a shell, "/bin/sh"' }),
  groups: list(text({ pattern: rules.namePattern, expected: "the name of a group" }), { default: [] }),
  authorizedKeys: list(authorizedKey, { required: true, hint: "[] for an account that nobody logs in to" }),
  sudo: flag({ default: false }),
  passwordHash: settings.passwordHash,
});

/** The resource's inputs. Fills in defaults from the configuration, so that a change of them shows. */
export const rootfsShape = (config: Config) => ({
  profile: text({ enum: profileNames, default: "minimal" }),
  target: text({ enum: targetNames, default: "vm" }),
  ...sourceShape(config),
  packages: list(text({ verify: constraintProblem }), { default: [] }),
  kernel: text({ pattern: rules.kernelPattern, expected: 'a flavour such as "virt", "lts" or "none"' }),
  extraKernelModules: map(asset(), { keys: settings.extraModule }),
  timezone: text({ default: "UTC", pattern: rules.timezonePattern, expected: 'a zone such as "Europe/Berlin"' }),
  keymap: settings.keymap,
  locale: settings.locale,
  ntp: settings.ntp,
  nameservers: settings.nameservers,
  mounts: settings.mounts,
  swap: settings.swap,
  limits: settings.limits,
  tuning: settings.tuning,
  watchdog: settings.watchdog,
  motd: settings.motd,
  users: list(user, {
    verify: (users) => {
      const name = twice(users.map((u) => u.name));
      if (name) return { code: "twice", reason: `user ${name} is there twice` };
      const uid = twice(users.flatMap((u) => (u.uid === undefined ? [] : [String(u.uid)])));
      return uid ? { code: "uid-twice", reason: `uid ${uid} is there twice` } : undefined;
    },
  }),
  hostname: text({ default: "pine", pattern: hostnamePattern, expected: 'a hostname such as "web"' }),
  authorizedKeys: list(authorizedKey),
  sshServer: text({ enum: ["dropbear", "openssh"], default: "dropbear" }),
  services: map(list(text({ pattern: rules.servicePattern, expected: "the name of an OpenRC service" })), {
    keys: { pattern: new RegExp(`^(${runlevels.join("|")})$`), expected: `a runlevel: ${runlevels.join(", ")}` },
  }),
  sysctl: map(settings.sysctlValue, {
    keys: { pattern: rules.sysctlPattern, expected: 'a kernel parameter such as "net.ipv4.ip_forward"' },
  }),
  loadModules: list(text({ pattern: rules.modulePattern, expected: "the name of a kernel module" })),
  files: map(file, {
    verify: (files) => {
      for (const path of Object.keys(files)) {
        const problem = rules.pathProblem(path);
        if (problem) return { code: problem.code, reason: problem.reason };
      }
      const paths = Object.keys(files).sort();
      const below = paths.find((p) => paths.some((q) => p.startsWith(`${q}/`) && files[q]?.archive === undefined));
      return below ? { code: "below", reason: `${below} lies below another file` } : undefined;
    },
  }),
  extras: list(text({ enum: extraNames }), { verify: once("the extra") }),
  buildCommands: settings.buildCommands,
  healthChecks,
  upgradeTrigger: text({ empty: true }),
});

export type RootfsInputs = Checked<ReturnType<typeof rootfsShape>>;
