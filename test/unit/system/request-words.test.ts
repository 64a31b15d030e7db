/** What a server says of a request that failed: libexec/pine/requests, by both shells. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";

const work = mkdtempSync(join(tmpdir(), "pine-request-words-"));
afterAll(() => rmSync(work, { recursive: true }));
const lib = asset("system/rootfs/usr/libexec/pine");
mkdirSync(join(work, "pull"));

function failed(shell: string[]): string {
  const sources = ["words", "trials", "pulling", "requests"].map((name) => `. ${lib}/${name}`).join("\n");
  const script = `set -eu\nwork=${work}\n${sources}\nmemory() { echo ${work}; }\nrequest_failed ${work}/said`;
  return execFileSync(shell[0]!, [...shell.slice(1), "-c", script], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
}

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  const SSL =
    "289BF661C47F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:ssl/statem/statem_clnt.c:2124: ssl_client: SSL_connect wget: error getting response: Connection reset by peer";
  // as Alpine's busybox, its ssl_client and curl say it
  test.each<[string, string, number, RegExp]>([
    ["away", "wget: can't connect to remote host (127.0.0.1): Connection refused", 0, /^connection refused$/],
    ["unknown", "wget: bad address 'updates.example.com'", 0, /^its name is not found$/],
    ["slow", "wget: download timed out", 0, /^no answer in time$/],
    ["without such a file", "wget: server returned error: HTTP/1.1 404 Not Found", 0, /^it has no such file \(404\)/],
    ["broken", "wget: server returned error: HTTP/1.1 503 Service Unavailable", 0, /^it answers .*503/],
    [
      "out of date",
      "ssl_client: x: TLS connect failed: certificate verification failed: certificate has expired",
      0,
      /^its certificate has expired$/,
    ],
    ["not believed", SSL, 0, /^its certificate is not accepted: it has expired, is of another name, or .*curl/],
    [
      "out of date, by curl",
      "curl: (60) SSL certificate OpenSSL verify result: certificate has expired (10)",
      0,
      /^its certificate has expired$/,
    ],
    [
      "of an unknown CA, by curl",
      "curl: (60) SSL certificate OpenSSL verify result: unable to get local issuer certificate (20)",
      0,
      /^its certificate is not accepted: nobody that is trusted here signed it$/,
    ],
    [
      "of another name, by curl",
      "curl: (60) SSL: no alternative certificate subject name matches target host name 'localhost'",
      0,
      /^its certificate is not accepted: it is of another name$/,
    ],
    ["seen with a clock of 1970", SSL, 4_000_000_000, /^this server's clock is wrong .*so no certificate is valid$/],
  ])("a web server is told: %s (30, 60: jetkvm#576, FCOS#1072)", (_, words, published, said) => {
    writeFileSync(join(work, "pull/offered"), `published=${published}\n`);
    writeFileSync(join(work, "said"), `${words}\n`);
    expect(failed(shell).trim()).toMatch(said);
  });
});
