/** Random health checks of a Rootfs. */
import fc from "fast-check";
import { rarely, word } from "./words.ts";

/** Exactly one of command, tcp, http, service and freeSpace. */
export interface HealthCheck {
  name: string;
  command?: string;
  tcp?: string;
  http?: string;
  status?: number;
  contains?: string;
  service?: string;
  freeSpace?: { path: string; mib: number };
  timeout?: number;
  required?: boolean;
}

const probe: fc.Arbitrary<Partial<HealthCheck>> = rarely(
  24,
  fc.constantFrom(
    { command: "true" },
    { command: "echo 'it'\\''s'; test -e \"$HOME\" # %s\n:" },
    { tcp: "127.0.0.1:22" },
    { tcp: "[::1]:8080" },
    { http: "http://127.0.0.1/", contains: 'it\'s "$x"' },
    { http: "https://a.example.org/x?y=z", status: 404 },
    { service: "crond" },
    { service: "dropbear" },
    { freeSpace: { path: "/var/a b", mib: 10 } },
  ),
  fc.constantFrom<Partial<HealthCheck>>(
    {},
    { tcp: "nowhere" },
    { http: "ftp://x" },
    { http: "http://x", command: "y" },
  ),
);
export const healthChecks = fc.array(
  fc
    .tuple(
      probe,
      fc.record(
        {
          name: rarely(24, word, fc.constantFrom("Web", "a b", "")),
          timeout: rarely(24, fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, 121)),
          required: fc.boolean(),
        },
        { requiredKeys: ["name"] },
      ),
    )
    .map(([what, how]) => ({ ...what, ...how })),
  { maxLength: 3 },
);
