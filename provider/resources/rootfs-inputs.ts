/** What Rootfs accepts, and the recipe that it makes. */
import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { resolve as resolvePath } from "node:path";
import { die } from "../errors.ts";
import { type Recipe, type RecipeFile, runlevels, sha256 } from "../image/recipe.ts";
import * as rules from "../image/recipe-rules.ts";
import { constraintProblem } from "../image/resolve.ts";
import { machineArch } from "../image/toolbox.ts";
import type { CheckFailure, Config } from "../resource.ts";
import { Asset, hasSecret, hasUnknown, type Props, plain } from "../values.ts";
import { asset, type Checked, checkProps, flag, integer, list, map, object, text } from "./check.ts";

const authorizedKey = text({
  verify: (line) =>
    rules.authorizedKeyPattern.test(line.trim())
      ? undefined
      : 'expected a public key as in authorized_keys, "ssh-ed25519 AAAA… name"',
});
const twice = (names: string[]) => names.find((n, i) => names.indexOf(n) !== i);

/** Where packages come from: Rootfs' and resolvePackages' part of the inputs. */
export const sourceShape = (config: Config) => ({
  release: text({
    default: config.release,
    pattern: rules.releasePattern,
    expected: 'an Alpine release such as "v3.23"',
  }),
  arch: text({
    enum: ["x86_64", "aarch64"],
    default: "x86_64",
    verify: (arch) =>
      arch === machineArch()
        ? undefined
        : `expected ${machineArch()}, as this machine is: packages run scripts while they are installed`,
  }),
  mirror: text({
    default: config.mirror,
    pattern: rules.mirrorPattern,
    expected: 'an http or https address such as "https://dl-cdn.alpinelinux.org/alpine"',
  }),
  repositories: list(
    text({
      pattern: rules.repositoryPattern,
      expected: 'a repository such as "community", "@edge edge/testing" or an address',
    }),
    { default: ["main", "community"], min: 1 },
  ),
  keys: map(text({ verify: rules.pemProblem }), {
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
    mode: text({ pattern: rules.modePattern, expected: 'an octal mode "0644"' }),
    owner: text({ pattern: rules.ownerPattern, expected: '"user:group", by name or number' }),
  },
  { exactlyOne: ["content", "source"] },
);

const user = object({
  name: text({
    required: true,
    pattern: rules.namePattern,
    expected: 'a login name such as "deploy"',
    verify: (name) => (name === "root" ? "root is there already: its keys are `authorizedKeys`" : undefined),
  }),
  uid: integer({ min: 1000, max: 59999 }),
  shell: text({ default: "/bin/sh", pattern: /^(\/[\w.+-]+)+$/, expected: 'the path of a shell, "/bin/sh"' }),
  groups: list(text({ pattern: rules.namePattern, expected: "the name of a group" }), { default: [] }),
  authorizedKeys: list(authorizedKey, { required: true, hint: "[] for an account that nobody logs in to" }),
  sudo: flag({ default: false }),
});

/** Of the resource. Defaults that the configuration gives are filled in, so that a change of it shows. */
export const rootfsShape = (config: Config) => ({
  target: text({
    default: "vm",
    verify: (t) => (t === "vm" ? undefined : `expected vm; "${t}" is not there yet in this version`),
  }),
  ...sourceShape(config),
  kernel: text({ default: "virt", pattern: rules.kernelPattern, expected: 'a flavour such as "virt" or "lts"' }),
  timezone: text({ default: "UTC", pattern: rules.timezonePattern, expected: 'a zone such as "Europe/Berlin"' }),
  users: list(user, {
    verify: (users) => {
      const name = twice(users.map((u) => u.name));
      const uid = twice(users.flatMap((u) => (u.uid === undefined ? [] : [String(u.uid)])));
      return name || uid ? `${name ? `user ${name}` : `uid ${uid}`} is there twice` : undefined;
    },
  }),
  hostname: text({ default: "pine", pattern: rules.hostnamePattern, expected: 'a hostname such as "web"' }),
  authorizedKeys: list(authorizedKey),
  services: map(list(text({ pattern: rules.servicePattern, expected: "the name of an OpenRC service" })), {
    keys: { pattern: new RegExp(`^(${runlevels.join("|")})$`), expected: `a runlevel: ${runlevels.join(", ")}` },
  }),
  sysctl: map(text({ pattern: /^[^\n]*$/, expected: "a value on one line" }), {
    keys: { pattern: rules.sysctlPattern, expected: 'a kernel parameter such as "net.ipv4.ip_forward"' },
  }),
  modules: list(text({ pattern: rules.modulePattern, expected: "the name of a kernel module" })),
  files: map(file, {
    verify: (files) => {
      for (const path of Object.keys(files)) {
        const problem = rules.pathProblem(path);
        if (problem) return problem;
      }
      return undefined;
    },
  }),
  upgrade: text({ empty: true }),
});

export type RootfsInputs = Checked<ReturnType<typeof rootfsShape>>;

/** The check of the resource: shape, secrets, files of this machine. */
export async function checkRootfs(news: Props, config: Config): Promise<{ inputs: Props; failures: CheckFailure[] }> {
  const { inputs, failures } = checkProps(news, rootfsShape(config));
  for (const [name, value] of Object.entries(news)) {
    if (!hasSecret(value)) continue;
    const reason =
      name === "files"
        ? "holds something secret, and everybody who has the image could read it; put secret files into HostHijack's files"
        : "is secret, and everybody who has the image could read it; give a plain value (public keys are none: pulumi.unsecret)";
    failures.push({ property: "", reason: `${name}: ${reason}` });
  }
  for (const [path, f] of Object.entries((inputs.files ?? {}) as Props)) {
    if (!(f?.source instanceof Asset)) continue;
    const problem = await assetProblem(f.source);
    if (problem) failures.push({ property: `files["${path}"].source`, reason: problem });
  }
  return { inputs, failures };
}

async function assetProblem({ content }: Asset): Promise<string | undefined> {
  if (content.uri !== undefined) return "expected a FileAsset or StringAsset: nothing is fetched from addresses here";
  if (content.path === undefined) return undefined;
  const path = resolvePath(content.path);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return `there is no file ${path}`;
  const readable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  return readable ? undefined : `${path} cannot be read by this user`;
}

/** Recipe and file contents out of checked inputs that are wholly known. Undefined when something is not known yet. */
export async function recipeOf(
  props: Props,
  config: Config,
): Promise<{ recipe: Recipe; contents: Map<string, Uint8Array> } | undefined> {
  if (hasUnknown(props)) return undefined;
  const inputs = plain(props) as RootfsInputs;
  const contents = new Map<string, Uint8Array>();
  const files: RecipeFile[] = [];
  for (const [path, f] of Object.entries(inputs.files ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = await contentOf(path, f);
    contents.set(path, content);
    files.push({
      path,
      mode: rules.fourDigits(f.mode ?? "0644"),
      owner: f.owner ?? "root:root",
      sha256: sha256(content),
    });
  }
  return { recipe: { ...recipeBase(inputs, config), files }, contents };
}

/** The recipe but for its files, which nothing about packages depends on. */
export function recipeBase(inputs: RootfsInputs, config: Config): Recipe {
  const sorted = (values: string[] | undefined) => [...new Set(values)].sort();
  return {
    target: "vm",
    release: inputs.release,
    arch: inputs.arch,
    mirror: inputs.mirror.replace(/\/+$/, ""),
    repositories: inputs.repositories.map((r) => r.trim()),
    keys: inputs.keys && Object.keys(inputs.keys).length > 0 ? inputs.keys : config.keys,
    packages: sorted(inputs.packages),
    kernel: inputs.kernel,
    timezone: inputs.timezone,
    hostname: inputs.hostname,
    authorizedKeys: (inputs.authorizedKeys ?? []).map((k) => k.trim()),
    users: (inputs.users ?? []).map((u) => ({
      name: u.name,
      uid: u.uid,
      shell: u.shell,
      groups: u.groups,
      authorizedKeys: u.authorizedKeys.map((k) => k.trim()),
      sudo: u.sudo,
    })),
    services: Object.fromEntries(Object.entries(inputs.services ?? {}).map(([level, names]) => [level, sorted(names)])),
    sysctl: inputs.sysctl ?? {},
    modules: inputs.modules ?? [],
    files: [],
  };
}

async function contentOf(path: string, f: { content?: string; source?: Asset }): Promise<Uint8Array> {
  if (f.content !== undefined) return Buffer.from(f.content);
  const { text: given, path: from } = f.source?.content ?? {};
  if (given !== undefined) return Buffer.from(given);
  if (from === undefined) return die(`files["${path}"].source: expected a FileAsset or StringAsset`);
  return readFile(resolvePath(from)).catch((e) =>
    die(`files["${path}"].source: ${resolvePath(from)} cannot be read`, undefined, e),
  );
}
