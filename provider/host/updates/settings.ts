/** The settings of updates as a server reads them (libexec/pine/pulling): lines `name=value`. Pure. */
import { createHash, X509Certificate } from "node:crypto";
import { worstSeconds } from "../trial/worst.ts";
import { posixTimeZone } from "./time-zone.ts";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export interface Window {
  /** Absent: every day. */
  days?: (typeof DAYS)[number][];
  /** `HH:MM`. */
  start: string;
  minutes: number;
}

export interface Witness {
  http?: string;
  status?: number;
  tcp?: string;
}

export interface Updates {
  url: string;
  /** Absent: the commit's own. */
  branch?: string;
  /** A server that runs Pine goes to another commit only by itself: `up` brings none. */
  pullOnly: boolean;
  everyHours: number;
  reboot: "manual" | "window" | "now";
  windows: Window[];
  timeZone: string;
  /** How long people who are logged in are waited for. */
  waitForSessionsMinutes: number;
  staleDays: number;
  proxy?: string;
  /** PEM, one or several: they count instead of the system's. */
  caCertificate?: string;
  witnesses: Witness[];
  witnessesNeeded: "all" | "any";
}

/** What a program leaves out. */
export const UPDATE_DEFAULTS = {
  pullOnly: false,
  everyHours: 24,
  reboot: "manual",
  windows: [],
  timeZone: "UTC",
  waitForSessionsMinutes: 60,
  staleDays: 45,
  witnesses: [],
  witnessesNeeded: "all",
} satisfies Partial<Updates>;

/** Minutes for the hooks of one reboot, two of them with their usual limit. */
const HOOK_MINUTES = 2;

/** Minutes that a reboot with its trial takes at most. A window is longer. */
export const worstMinutes = (deadman: number): number => HOOK_MINUTES + Math.ceil(worstSeconds({ deadman }) / 60);

const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Certificates of a text, as base64 of what X.509 has. Dies where one is none. */
export const certificatesOf = (pem: string): string[] =>
  (pem.match(PEM) ?? []).map((one) => new X509Certificate(one).raw.toString("base64"));

/** The text of /var/lib/pine/updates. `id`: of the installation, by which servers spread over time. */
export function settingsText(u: Updates, o: { id: string; ref: string; deadman: number }): string {
  const probe = ({ http, status, tcp }: Witness) =>
    http ? `http ${http} ${status ?? 200}` : `tcp ${tcp!.replace(/:(\d+)$/, " $1")}`;
  const lines: [string, string][] = [
    ["url", u.url.replace(/\/+$/, "")],
    ["ref", u.branch ?? o.ref],
    ["id", o.id],
    ["every", String(u.everyHours * 3600)],
    ["reboot", u.reboot],
    ...u.windows.map((w): [string, string] => ["window", `${w.days?.join(",") ?? "all"} ${w.start} ${w.minutes}`]),
    ["timezone", posixTimeZone(u.timeZone) ?? "UTC0"],
    ["worst", String(worstMinutes(o.deadman))],
    ["sessions", String(u.waitForSessionsMinutes * 60)],
    ["stale", String(u.staleDays)],
    ...(u.proxy ? ([["proxy", u.proxy]] as [string, string][]) : []),
    ...certificatesOf(u.caCertificate ?? "").map((der): [string, string] => ["ca", der]),
    ...u.witnesses.map((w): [string, string] => ["witness", probe(w)]),
    ["witnesses", u.witnessesNeeded],
  ];
  return lines.map(([name, value]) => `${name}=${value}\n`).join("");
}

/**
 * What the server lacks to ask by https (libexec/pine/requests); undefined: nothing. `has`: whether the image has a
 * program; undefined where that is not known.
 */
export function httpsNeeds(u: Updates, has: { curl?: boolean; ssl_client?: boolean }): string | undefined {
  if (!u.url.startsWith("https:") || has.curl !== false) return undefined;
  if (u.proxy) return "https by a proxy needs the program curl on the server: busybox' wget would tell the proxy all";
  return has.ssl_client === false ? "https needs the program curl or busybox' ssl_client on the server" : undefined;
}

/** How facts name a server's settings without showing them: they may hold a proxy's password. */
export const settingsDigest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a plan says of them. */
export function settingsLine(u: Updates): string {
  const when = {
    manual: "a person reboots into it (`pine upgrade --reboot`)",
    now: "it reboots into it at once",
    window: `it reboots into it ${u.windows.map((w) => `${w.days?.join(", ") ?? "daily"} from ${w.start} for ${w.minutes} min`).join("; ")} (${u.timeZone})`,
  }[u.reboot];
  return `from then on the server looks for updates by itself every ${u.everyHours} h; ${when}`;
}
