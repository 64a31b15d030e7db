/** Rules for the inputs of a Rootfs: each answers what is wrong, or nothing. Pure. */
import { createPublicKey } from "node:crypto";
import { hasCredentials } from "../../local/credentials.ts";

export const namePattern = /^[a-z_][a-z0-9_-]{0,31}$/;
export const servicePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
export const modulePattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
export const kernelPattern = /^[a-z0-9][a-z0-9-]*$/;
export const timezonePattern = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;
export const mirrorPattern = /^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/;
export const repositoryPattern =
  /^(@[A-Za-z0-9._-]+ +)?(https?:\/\/[^\s?#]+|[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*)$/;
export const modePattern = /^0?[0-7]{3,4}$/;
export const ownerPattern = /^([a-z_][a-z0-9_-]{0,31}|\d{1,5}):([a-z_][a-z0-9_-]{0,31}|\d{1,5})$/;
/** Ids of a user namespace that an ordinary user has: 0 to 65535. Root and a user build the same. */
const MAX_ID = 65535;
/** An owner by numbers that only root could build. */
export const ownerProblem = (owner: string): string | undefined =>
  owner.split(":").some((id) => /^\d+$/.test(id) && Number(id) > MAX_ID)
    ? `expected numbers from 0 to ${MAX_ID}: an ordinary user cannot build others`
    : undefined;
export const sysctlPattern = /^[a-z0-9_]+([./][A-Za-z0-9_*-]+)+$/;
export const keyFilePattern = /^[A-Za-z0-9_@+][A-Za-z0-9_@.+-]*$/;
/** A line of authorized_keys, with options before the key or without. */
export const authorizedKeyPattern =
  /^([^\n#][^\n]* )?(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{30,}={0,3}( [^\n]*)?$/;

const data = "it is the server's own data, which no image touches: use HostHijack's files";
const running = "it is made new at every boot";
// biome-ignore format: what belongs together is in one line
const notOurs: Record<string, string> = {
  var: data, root: data, home: data, opt: data, srv: data, mnt: data,
  run: running, dev: running, proc: running, sys: running, tmp: running, media: running,
  boot: "OSTree and GRUB own it", ostree: "OSTree owns it", sysroot: "OSTree owns it",
};
const byProperty: Record<string, string> = {
  "/etc/passwd": "users",
  "/etc/group": "users",
  "/etc/shadow": "users",
  "/etc/apk/world": "packages",
  "/etc/apk/repositories": "repositories",
  "/etc/hostname": "hostname",
  "/etc/localtime": "timezone",
  "/etc/fstab": "mounts",
  "/etc/modules": "modules",
};

/** The property that a path is always made from, if there is one. */
export const madeFrom = (path: string): string | undefined =>
  byProperty[path] ?? (path.startsWith("/etc/runlevels/") ? "services" : undefined);

const keptByOstree: Record<string, string> = {
  "/usr/etc": "the image keeps its /etc there: put it below /etc",
  "/usr/share/factory/var": "/var is filled from it, and holds the server's own data: use HostHijack's files",
};

/** Limits of Linux: bytes of a name (NAME_MAX) and of a path (PATH_MAX, with its end). */
const NAME_MAX = 255;
const PATH_MAX = 4095;

/** A path in the image for a file. */
export function pathProblem(path: string): { code: string; reason: string } | undefined {
  const expected = "expected an absolute path in the image such as /etc/motd";
  const bad = (code: string, reason: string) => ({ code, reason });
  if (!path.startsWith("/") || path.endsWith("/")) return bad("path-relative", expected);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be in a path
  if (/[\u0000-\u001f\u007f]/.test(path)) return bad("path-control", `${expected}, without control characters`);
  const parts = path.slice(1).split("/");
  if (parts.some((p) => p === "" || p === "." || p === ".."))
    return bad("path-dots", `${expected}, without empty parts, . and ..`);
  if (parts.some((p) => Buffer.byteLength(p) > NAME_MAX) || Buffer.byteLength(path) > PATH_MAX)
    return bad(
      "path-long",
      `a name can have ${NAME_MAX} bytes and a path ${PATH_MAX}: ${path.slice(0, 60)}… is longer`,
    );
  const why = notOurs[parts[0]!];
  if (why) return bad("path-place", `no file can be put below /${parts[0]}: ${why}`);
  const kept = Object.keys(keptByOstree).find((p) => path === p || path.startsWith(`${p}/`));
  if (kept) return bad("path-place", `no file can be put below ${kept}: ${keptByOstree[kept]}`);
  if (parts.length === 1) return bad("path-root", `${path} would lie in the root folder: put it below /etc or /usr`);
  const property = madeFrom(path);
  return property ? bad("path-property", `${path} is made from \`${property}\``) : undefined;
}

/** Why an address cannot be a mirror or a repository here: what it holds is kept in the state and in the image. */
export function addressProblem(text: string): { code: string; reason: string } | undefined {
  const address = text.replace(/^@\S+ +/, "");
  if (hasCredentials(address))
    return {
      code: "credentials",
      reason:
        'expected an address without user and password, which the state and the image would keep: give them to the provider, `pulumi config set --secret pine:credentials \'{"https://HOST/…":"USER:PASSWORD"}\'`',
    };
  // for example where a password holds a slash
  const broken = address.includes("://") && !URL.canParse(address);
  return broken ? { code: "form", reason: "expected an address that begins with https://HOST/" } : undefined;
}

/** A public key that signs packages. */
export function pemProblem(pem: string): string | undefined {
  try {
    if (!/PRIVATE KEY/.test(pem) && createPublicKey(pem).asymmetricKeyType === "rsa") return undefined;
  } catch {
    // said below
  }
  return "expected an RSA public key in PEM, as in /etc/apk/keys (-----BEGIN PUBLIC KEY-----)";
}

/** 644 -> 0644. */
export const fourDigits = (mode: string) => mode.padStart(4, "0").slice(-4);
