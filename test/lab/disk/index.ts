export {
  type CutChoice,
  type DiskOptions,
  type DiskStat,
  type FaultyDisk,
  type Lost,
  rawBase,
  startDisk,
  type Trigger,
} from "./disk.ts";
export { damage } from "./fsck.ts";
