/** The kernel of a commit, as a server and an image know it. */

export interface CommitKernel {
  /** Bytes of kernel and initramfs together. */
  bytes: number;
  /** Identifies their content: OSTree keeps equal ones of two commits only once. */
  id: string;
}
