/** File systems that share a UUID, where GRUB and the initramfs find them by UUID. Pure. */
import { NEW_UUID } from "../../filesystems/all.ts";
import type { Facts } from "../facts/types/facts.ts";
import { refusal } from "../refusal.ts";
import { planBoot, swapPartitions } from "./boot.ts";
import type { Check } from "./check.ts";

/** The UUIDs that the new system's boot and fstab use beside an old system. */
function ofPlan(facts: Facts): string[] {
  const planned = planBoot(facts);
  const { boot, slots } = "place" in planned ? planned.place : {};
  return [facts.root.uuid, boot?.uuid, slots?.uuid, ...swapPartitions(facts)].filter((u): u is string => Boolean(u));
}

/** The UUIDs on a running Pine's command line: root=, pine.boot=, pine.dir=. */
const ofArguments = ({ cmdline }: Facts) => cmdline.flatMap((word) => /\bUUID=([^: ]+)/.exec(word)?.[1] ?? []);

const HOW = [...NEW_UUID, "swap: mkswap"].join("; ");

const twins =
  (uuidsOf: (facts: Facts) => string[]): Check =>
  (facts) => {
    const uuid = uuidsOf(facts).find((u) => facts.twins?.[u] !== undefined);
    return (
      uuid !== undefined &&
      refusal(
        "uuid-twins",
        `${facts.twins![uuid]!.join(" and ")} have the same UUID (${uuid}), and GRUB or the kernel would use the one that it sees first`,
        `detach the clone, or give it a UUID of its own (${HOW})`,
      )
    );
  };

export const twinsBeside = twins(ofPlan);
export const twinsRunning = twins(ofArguments);
