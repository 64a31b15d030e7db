/** What bills of materials write in a form of their own: licences, package URLs, addresses, people, identifiers. */
import { createHash } from "node:crypto";
import parse from "spdx-expression-parse";

/** A licence field, read. */
export interface Licence {
  /** An SPDX expression, "" where the field is empty. */
  declared: string;
  /** Whether the field itself is an SPDX expression. */
  valid: boolean;
  /** The one SPDX identifier that the field is. */
  id?: string;
  /** What `declared` names that is not on SPDX' list: LicenseRef-… to the words of the field. */
  extracted: Map<string, string>;
}

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest("hex");

/** Letters, digits, "." and "-", and different for different texts: a part of SPDX identifiers. */
export function idOf(text: string): string {
  const plain = text
    .replace(/[^A-Za-z0-9.-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return plain === text ? plain : [plain, hash("sha256", text).slice(0, 8)].filter(Boolean).join("-");
}

/** The expression's tree; undefined: it is not an expression, or names another document's licences. */
function parsed(expression: string): parse.Info | undefined {
  if (expression.includes("DocumentRef-")) return undefined;
  try {
    return parse(expression);
  } catch {
    return undefined;
  }
}

function names(tree: parse.Info): string[] {
  return "conjunction" in tree ? [...names(tree.left), ...names(tree.right)] : [tree.license];
}

/** Reads a licence field: `GPL-2.0-only AND MIT`, `MIT AND Public-Domain`, `custom`. */
export function licenceOf(field: string): Licence {
  const text = field.trim();
  const extracted = new Map<string, string>();
  if (text === "") return { declared: "", valid: false, extracted };
  const tree = parsed(text);
  if (tree) {
    for (const name of names(tree)) if (name.startsWith("LicenseRef-")) extracted.set(name, name);
    const only = !("conjunction" in tree) && tree.license === text && extracted.size === 0;
    return { declared: text, valid: true, ...(only ? { id: text } : {}), extracted };
  }
  // each word that is not a licence of the list, for itself; an exception follows WITH
  const declared = text.replace(/[^\s()]+/g, (word, at: number) => {
    if (/^(AND|OR|WITH)$/.test(word) || /\bWITH\s+$/.test(text.slice(0, at)) || parsed(word)) return word;
    const ref = `LicenseRef-${idOf(word)}`;
    extracted.set(ref, word);
    return ref;
  });
  const better = parsed(declared);
  if (better) {
    for (const name of names(better))
      if (name.startsWith("LicenseRef-") && !extracted.has(name)) extracted.set(name, name);
    return { declared, valid: false, extracted };
  }
  const whole = `LicenseRef-${idOf(text)}`;
  return { declared: whole, valid: false, extracted: new Map([[whole, text]]) };
}

/** Percent-encoded as a package URL wants it: everything except letters, digits and `.-_~:`. */
const encoded = (text: string) =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");

/** A package URL of type apk. Qualifiers that are undefined are left out. */
export function purlOf(name: string, version: string, qualifiers: Record<string, string | undefined>): string {
  const query = Object.entries(qualifiers)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${encoded(value!)}`)
    .join("&");
  // the type's rule: names are lower case
  return `pkg:apk/alpine/${encoded(name.toLowerCase())}@${encoded(version)}?${query}`;
}

/**
 * A web address for others to read, without name and password. Undefined: it is not one, or its host is not a domain
 * name (an address of this machine or network says nothing elsewhere, and SPDX' own validator refuses it).
 */
export function publicAddress(text: string): string | undefined {
  if (!/^(https?|ftp):\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!/^[a-z0-9]+([-.][a-z0-9]+)*\.[a-z]{2,}$/i.test(url.hostname)) return undefined;
  url.username = "";
  url.password = "";
  return url.href;
}

/** `Name <address>` as SPDX writes people: `Person: Name (address)`. */
export function personOf(maintainer: string): string | undefined {
  const [, name = maintainer, mail] = /^(.*?)\s*<([^<>()\s]+@[^<>()\s]+)>\s*$/.exec(maintainer) ?? [];
  const plain = name.replace(/[()<>]/g, "").trim() || mail;
  if (!plain) return undefined;
  return mail ? `Person: ${plain} (${mail})` : `Person: ${plain}`;
}

/** RFC 3339, UTC, whole seconds. */
export const dateOf = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");

/** A UUID of version 5 (RFC 9562) for an address. */
export function uuidOf(address: string): string {
  const namespace = Buffer.from("6ba7b8119dad11d180b400c04fd430c8", "hex"); // RFC 9562, 6.6: URL
  const b = createHash("sha1").update(namespace).update(address).digest().subarray(0, 16);
  b[6] = (b[6]! & 0x0f) | 0x50;
  b[8] = (b[8]! & 0x3f) | 0x80;
  return b.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
