/** Apart from run.ts, so that the plugin starts without what starts processes. */

/** Replaces every secret in a text. */
export function redactText(text: string, secrets: string[] = []): string {
  let out = text;
  for (const s of secrets) {
    for (const part of [s, ...s.split("\n")].filter((p) => p.trim().length >= 4))
      out = out.replaceAll(part, "[secret]");
  }
  return out;
}
