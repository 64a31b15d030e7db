export {
  type CutChoice,
  type DiskOptions,
  type DiskStat,
  type FaultyDisk,
  rawBase,
  startDisk,
  type Trigger,
} from "./disk.ts";
export { damage } from "./fsck.ts";
