/** Drivers of all that a root disk may hang on: kernel modules as data, for the initramfs and the RAM system alike. */

/**
 * Modules by target. `moduleClosure` leaves out those that a kernel has built in, or not at all. linux-virt has
 * virtio_pci, ahci, ata_piix, vmw_pvscsi, xen_blkfront and hv_vmbus built in, and nothing for real servers; linux-lts
 * has nearly all as modules, buses too (test/unit/fixtures/linux-lts.json).
 */
const byTarget: Record<string, string[]> = {
  // QEMU and most clouds: both ways in which a virtio device is found, both kinds of disk
  virtio: ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi"],
  // the disk itself on everything that speaks SCSI, which to the kernel is ATA too
  scsi: ["sd_mod"],
  // SATA; IDE of QEMU's machine pc, of VirtualBox and of Xen before its own drivers take over
  ata: ["ahci", "ata_piix"],
  // newer clouds and servers; vmd: what Intel's servers may hide them behind
  nvme: ["nvme", "vmd"],
  xen: ["xen_blkfront", "xen_scsifront"],
  // pci_hyperv: the NVMe disks of Azure's newer machines
  hyperV: ["hv_vmbus", "hv_storvsc", "pci_hyperv"],
  // each kind of controller that VMware and VirtualBox offer beside SATA, IDE and NVMe: paravirtual, LSI Logic, LSI
  // Logic SAS, BusLogic
  vmware: ["vmw_pvscsi", "mptspi", "mptsas", "BusLogic"],
  // LSI 53C895A and 53C810: what Proxmox gives a SCSI disk whose `scsihw` is not set
  qemu: ["sym53c8xx"],
  // RAID controllers and HBAs of servers without a hypervisor: Dell and Lenovo, Broadcom (LSI), HPE old and new,
  // Adaptec
  servers: ["megaraid_sas", "mpt3sas", "mpi3mr", "hpsa", "smartpqi", "aacraid"],
};

/** Names as `modprobe` takes them. */
export const diskDrivers: readonly string[] = Object.values(byTarget).flat();
