/**
 * The program for `pulumi up`: everything comes from the stack's configuration. `npm run demo` runs the same through
 * demo.ts.
 */
import * as pulumi from "@pulumi/pulumi";
import { server } from "./program.js";

const config = new pulumi.Config();
export const outputs = server("server", {
  connection: {
    host: config.require("host"),
    port: config.getNumber("port") ?? 22,
    user: config.get("user") ?? "root",
    privateKey: config.requireSecret("privateKey"),
    hostKey: config.require("hostKey"),
  },
  hostname: config.get("hostname") ?? "pine",
  packages: config.getObject<string[]>("packages") ?? [],
  page: config.get("page") ?? "Hello from an atomic server",
});
