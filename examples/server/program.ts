/** One server: Alpine with a web server, built once, installed beside the old system, and checked for health. */
import * as pine from "@pine/pulumi-pine";
import type * as pulumi from "@pulumi/pulumi";

export interface ServerArgs {
  connection: pulumi.Input<pine.types.input.ConnectionArgs>;
  hostname: string;
  /** Alpine packages beside the base system. */
  packages: string[];
  /** Text of the page that the web server shows. */
  page: string;
  /** What the web server listens on, default "80". Goes into its configuration unchanged. */
  port?: string;
  /** Also makes a disk image of the same commit. */
  image?: boolean;
  /** Keys that may log in to the image; the server keeps those of the old system. */
  authorizedKeys?: string[];
  triggers?: unknown[];
}

const lighttpd = (port: string) => `server.document-root = "/usr/share/www"
server.port = ${port}
server.pid-file = "/run/lighttpd.pid"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html" )
`;

export function server(name: string, args: ServerArgs) {
  const rootfs = new pine.Rootfs(name, {
    packages: ["lighttpd", ...args.packages],
    services: { default: ["lighttpd"] },
    authorizedKeys: args.authorizedKeys,
    files: {
      "/usr/share/www/index.html": { content: `${args.page}\n` },
      "/etc/lighttpd/lighttpd.conf": { content: lighttpd(args.port ?? "80") },
    },
  });
  const commit = new pine.OstreeCommit(name, { rootfs: rootfs.digest });
  const image = args.image ? new pine.DiskImage(name, { commit: commit.checksum }) : undefined;
  const host = new pine.HostHijack(name, {
    connection: args.connection,
    commit: commit.checksum,
    hostname: args.hostname,
    healthChecks: [{ http: "http://127.0.0.1/", contains: args.page }],
    triggers: args.triggers,
  });
  return {
    connection: host.connection,
    booted: host.booted,
    fallback: host.fallback,
    plan: host.plan,
    sent: host.sent,
    version: commit.version,
    ...(image ? { image: image.path, imageSha256: image.sha256 } : {}),
  };
}
