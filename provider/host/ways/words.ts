/** A plan in words, from its steps. Pure. */
import { REHEARSED } from "../plan/rehearsal.ts";
import type { Step, StepOf } from "../plan/steps.ts";
import type { Told } from "../plan/told.ts";
import type { Plan } from "../plan/types.ts";
import { sends } from "../plan/words.ts";
import { WAYS } from "./all.ts";
import { bootDiskLines, sendsImage } from "./overwrite/words.ts";

const silent = () => [];

const WATCHDOG = {
  trial: [
    "a hardware watchdog ends a system on trial that hangs",
    "no hardware watchdog: a system on trial that hangs hard needs a reset at the provider",
  ],
} as const;

/** For an installation; an update is told in one line. */
export const lockLines = ({ group }: StepOf<"reboot-lock">) => [
  `reboot lock: joins group ${group} once it is confirmed`,
];

/** What a plan says of each step. */
const LINES: { [D in Step["do"]]: (step: StepOf<D>, told: Told) => string[] } = {
  rehearse: ({ required }) => [
    `rehearsal: before the server is touched, the commit boots in QEMU on this machine, with the server's names, keys and network, and runs its health checks; a failure${required ? ", or no clear result," : ""} ends this run there`,
  ],
  "check-signature": silent,
  install: (step) => [
    ...(step.replaces ? ["replaces an unfinished or rolled-back installation of this stack"] : []),
    `${sends(step)}${step.compression === "zstd" ? "" : ", packed with gzip since the server has no zstd"}`,
  ],
  trial: ({ place, deadman, watchdog }) =>
    place === "container"
      ? [`1 restart of the container, on trial: without confirmation within ${deadman} s it rolls back by itself`]
      : [
          `1 reboot, on trial: without confirmation within ${deadman} s it rolls back by itself`,
          WATCHDOG.trial[watchdog ? 0 : 1],
        ],
  "enter-ram": (step) => [`${sendsImage(step)}, a part of it the RAM system`],
  "write-disk": silent,
  "boot-disk": bootDiskLines,
  // an update is told in one line (ways/update/steps.ts)
  disarm: silent,
  "take-over": silent,
  "write-files": silent,
  "reboot-lock": lockLines,
  update: silent,
  "keep-running": silent,
  // it has a line of its own
  "set-updates": silent,
  // what is erased has a line of its own
  "remove-old": silent,
};

const told = <D extends Step["do"]>(step: StepOf<D>, context: Told): string[] =>
  (LINES[step.do as D] as (step: StepOf<D>, told: Told) => string[])(step, context);

/**
 * The line of a preview, and the whole plan. An overwrite that goes on in a RAM system has its own words
 * (overwrite/begun.ts).
 */
export function inWords(context: Told, notes: string[]): Pick<Plan, "summary" | "lines"> {
  const { plan } = context;
  const words = WAYS[plan.way === "begun" ? "overwrite" : plan.way].words(context);
  const rehearsed = plan.steps.some((step) => step.do === "rehearse") ? [REHEARSED] : [];
  return {
    summary: `${words.head}: ${words.effort}; ${[...rehearsed, ...words.parts].join("; ")}`,
    lines: [
      ...words.before,
      ...plan.steps.flatMap((step) => told(step, context)),
      ...(words.after ?? []),
      `keeps: ${plan.keeps.join(", ")}`,
      `erases: ${words.erases}`,
      ...(words.data ?? []),
      words.destroy,
      ...[...(words.notes ?? []), ...notes].map((note) => `note: ${note}`),
    ],
  };
}
