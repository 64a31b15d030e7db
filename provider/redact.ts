/** Removes secrets from texts. Not in run.ts, so that the plugin starts without the code that runs processes. */
import { AsyncLocalStorage } from "node:async_hooks";

/** A value for a message, without a possible password: cuts everything before the last @ if it holds a colon. */
export const withoutUserinfo = (text: string): string => text.replace(/^[\s\S]*:[\s\S]*@/, "…@");

const current = new AsyncLocalStorage<Iterable<string>>();

/** Runs `work`, in which every text is cleaned of `secrets` too (`work` may add to them). */
export const withSecrets = <T>(secrets: Iterable<string>, work: () => T): T => current.run(secrets, work);

/** Fewest letters of a secret that is removed within words. A shorter one is removed only where it stands alone. */
const SHORT = 4;

/** Fewest letters of a base64 form that is looked for: fewer are found in any text. */
const LEAST_BASE64 = 8;

/**
 * What base64 makes of a secret wherever it stands in what is encoded, as `USER:PASSWORD` for HTTP: letters that hold a
 * part of what is beside it are left out.
 */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    const whole = Math.floor((bytes.length * 8) / 6);
    const form = bytes.toString("base64").slice(Math.ceil((before * 8) / 6), whole);
    return form.length < LEAST_BASE64 ? [] : [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** The forms of a secret in texts: itself, its lines (of a key), as JSON, a URL or a shell writes it, and in base64. */
function formsOf(secret: string): string[] {
  const lines = secret.split(/\r\n|\r|\n/).map((line) => line.trim());
  const whole = secret.trim();
  const written = lines.flatMap((line) => {
    const quoted = JSON.stringify(line).slice(1, -1);
    return [line, quoted, encodeURIComponent(toWellFormed(line)), line.replaceAll("'", "'\\''")];
  });
  const forms = [secret, whole, ...written.filter((form) => form.length >= SHORT), ...base64Forms(whole)];
  return forms.filter((form) => form.trim() !== "");
}

/** Replaces half surrogate pairs, at which encodeURIComponent throws. */
const toWellFormed = (text: string) => text.replace(/[\ud800-\udfff]/gu, "\ufffd");

const WORD = /[\p{L}\p{N}_]/u;

/** Where `form` stands in `text`, as [begin, end). */
function* places(text: string, form: string): Generator<[number, number]> {
  const alone = form.length < SHORT;
  for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
    const end = at + form.length;
    if (alone && (WORD.test(text[at - 1] ?? "") || WORD.test(text[end] ?? ""))) continue;
    yield [at, end];
  }
}

/**
 * Replaces every secret in a text: those given, and those of the current call. Overlapping secrets are replaced as a
 * whole. Call it before a text is cut: {@link shorten}.
 */
export function redactText(text: string, secrets: Iterable<string> = []): string {
  const forms = new Set([...secrets, ...(current.getStore() ?? [])].flatMap(formsOf));
  const found = [...forms].flatMap((form) => [...places(text, form)]).sort(([a], [b]) => a - b);
  if (found.length === 0) return text;
  let out = "";
  let end = 0;
  for (const [from, to] of found) {
    if (from >= end) out += `${text.slice(end, from)}[secret]`;
    end = Math.max(end, to);
  }
  return out + text.slice(end);
}

/** The first `length` letters of a text. Cleans it first: half a secret would not be recognized. */
export const shorten = (text: string, length: number) => redactText(text).slice(0, length);

/** The last lines of a text, cleaned first. */
export const lastLines = (text: string, count: number) => redactText(text).split("\n").slice(-count).join("\n");
