/** A CA of a test, and certificates that it signed: for 127.0.0.1 and the name that only a proxy knows. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Nobody resolves it (RFC 6761): whoever asks for it asks a proxy. */
export const FAR = "updates.pine.invalid";

const CONFIG = `[ca]
default_ca=d
[d]
database=index.txt
new_certs_dir=.
certificate=ca.pem
private_key=ca.key
rand_serial=yes
default_md=sha256
policy=p
[p]
commonName=supplied
`;
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export interface Certificate {
  key: string;
  cert: string;
}

/** `expired`: of 2020 alone; `other`: of another name. */
export function certificates(): { ca: string; good: Certificate; expired: Certificate; other: Certificate } {
  const cwd = mkdtempSync(join(tmpdir(), "pine-certificates-"));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd, stdio: "pipe" });
  const text = (name: string) => readFileSync(join(cwd, name), "utf8");
  writeFileSync(join(cwd, "ca.cnf"), CONFIG);
  writeFileSync(join(cwd, "index.txt"), "");
  openssl("req", "-x509", ...KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "36500", "-subj", "/CN=A test's CA");
  const leaf = (name: string, subject: string, from: string, to: string): Certificate => {
    writeFileSync(join(cwd, "ext"), `subjectAltName=${subject}\n`);
    openssl("req", ...KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const dates = ["-startdate", from, "-enddate", to];
    openssl(
      ...["ca", "-batch", "-notext", "-config", "ca.cnf", "-in", `${name}.csr`, "-out", `${name}.pem`],
      ...["-extfile", "ext", ...dates],
    );
    return { key: text(`${name}.key`), cert: text(`${name}.pem`) };
  };
  const here = `IP:127.0.0.1,DNS:${FAR}`;
  try {
    return {
      ca: text("ca.pem"),
      good: leaf("good", here, "20200101000000Z", "21200101000000Z"),
      expired: leaf("expired", here, "20200101000000Z", "20210101000000Z"),
      other: leaf("other", "DNS:elsewhere.invalid", "20200101000000Z", "21200101000000Z"),
    };
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
