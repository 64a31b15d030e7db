/** Answers of a storage, and how much of them is read: the storage may be anybody's. */
import { die, PineError } from "../../errors.ts";
import type { Answer } from "../../local/http.ts";
import { shorten } from "../../redact.ts";
import { humanBytes } from "../../words.ts";

/**
 * Most bytes of answers. An error has some hundred. A page of a list has up to 1000 keys of 1024 bytes (S3's limits),
 * each byte up to six as XML. config, a branch and the like have a few hundred. `keys` counts all keys: a repository of
 * a hundred systems has some 100,000 objects.
 */
export const S3_LIMITS = { error: 64 << 10, page: 16 << 20, file: 1 << 20, keys: 1_000_000 };

/** The part of an S3 error that is for people: code and message, never what was signed. */
function said(xml: string): { code: string; message: string } {
  const tag = (name: string) => shorten(new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "", 200);
  return { code: tag("Code"), message: tag("Message") };
}

/** What a refusal means and what to do, by S3's code. Pure. */
export function s3Problem(status: number, xml: string, o: Pick<S3Options, "endpoint" | "bucket">): PineError {
  const { code, message } = said(xml);
  const known: Record<string, [string, string]> = {
    SignatureDoesNotMatch: ["the storage refused secretAccessKey", "give the one that belongs to accessKeyId"],
    InvalidAccessKeyId: ["the storage does not know accessKeyId", "give one of this storage"],
    AccessDenied: [
      `the key may not do this in the bucket ${o.bucket}`,
      "let it list the bucket, and get, put and delete objects",
    ],
    NoSuchBucket: [`there is no bucket ${o.bucket} at ${o.endpoint}`, "make it, and let everybody read its objects"],
    AuthorizationHeaderMalformed: [`the storage refused region: ${message}`, "give the region of the bucket"],
    PermanentRedirect: ["the bucket is in another region", "give that region's endpoint, and region"],
    RequestTimeTooSkewed: ["this machine's clock is wrong", "set it"],
  };
  const [what, hint] = known[code] ?? [`the storage answered ${status} ${code} ${message}`.trim(), undefined];
  return new PineError(`publish.s3: ${what}`, { hint });
}

/** Fails on an answer that redirects us: our credentials are for the given address only. */
export function refuseRedirect(answer: Answer, endpoint: string): void {
  const location = answer.header("location");
  if (answer.status < 300 || answer.status > 399 || !location) return;
  const to = URL.canParse(location, endpoint) ? new URL(location, endpoint).origin : shorten(location, 100);
  die(
    `publish.s3: ${endpoint} redirects to ${to}, and the credentials are only for ${endpoint}`,
    "give that address as `endpoint` if it belongs to the storage",
  );
}

/**
 * The pieces of a body. Fails if there are more bytes than `limit`, or not `exactly` so many. `what`: names the body,
 * with its address.
 */
export async function* measured(
  answer: Answer,
  what: string,
  o: { limit: number } | { exactly: number },
): AsyncGenerator<Uint8Array> {
  const most = "limit" in o ? o.limit : o.exactly;
  let sum = 0;
  for await (const piece of answer.body) {
    sum += piece.length;
    if (sum > most)
      die(
        `publish.s3: ${what} is longer than ${"limit" in o ? humanBytes(most) : `the ${most} bytes that were listed`}`,
        "find out who else writes there; if nobody does, empty it, and run `pulumi up` again",
      );
    yield piece;
  }
  if ("exactly" in o && sum < most)
    die(`publish.s3: ${what} ended after ${sum} of the ${most} bytes that were listed`, "run `pulumi up` again");
}

/** A body as text. */
export async function textOf(answer: Answer, what: string, limit: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of measured(answer, what, { limit })) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

/**
 * Parses a page of a bucket's list: keys with their bytes, and where the next page begins. Its time depends only on the
 * page's length. Pure.
 */
export function parseKeys(xml: string): { keys: [string, number][]; next?: string } {
  const text = (s: string) =>
    s.replace(
      /&(amp|lt|gt|quot|apos|#39|#34);/g,
      (_, e) => ({ amp: "&", lt: "<", gt: ">", apos: "'", "#39": "'" })[e as string] ?? '"',
    );
  const keys = xml
    .split("<Contents>")
    .slice(1)
    .map((one): [string, number] => [
      text(/<Key>([^<]*)<\/Key>/.exec(one)?.[1] ?? ""),
      Number(/<Size>(\d+)<\/Size>/.exec(one)?.[1] ?? 0),
    ]);
  const next = /<NextContinuationToken>([^<]*)</.exec(xml)?.[1];
  return { keys, next: next && text(next) };
}

export interface S3Options {
  /** Address of the storage's API, `https://s3.example.com`. */
  endpoint: string;
  bucket: string;
  /** Folder in the bucket, "" or without a slash at either end. */
  prefix?: string;
  /** Default "us-east-1", which storages without regions accept. */
  region?: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Of a temporary key. */
  sessionToken?: string;
}
