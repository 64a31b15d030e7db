/** Refuses secrets in kernel arguments: everybody can read those, in the boot slot's file and in /proc/cmdline. */
import type { CheckFailure } from "../properties/failure.ts";
import { hasSecret, type Props } from "../properties/values.ts";

/** One failure if an argument is a secret; it never shows the value. */
export function secretArguments(news: Props): CheckFailure[] {
  return hasSecret(news.kernelArguments)
    ? [
        {
          property: "kernelArguments",
          reason:
            "expected no secret values: everybody on the server can read them in /proc/cmdline; give a secret in a file of root's (files)",
          code: "kernelArguments.secret",
        },
      ]
    : [];
}
