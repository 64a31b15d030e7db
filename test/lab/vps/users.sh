#!/bin/sh
# Gives a Debian tree its host keys, and the users root, debian (sudo without a password) and nosudo with the lab's key.
#   users.sh TREE SSH          SSH: folder of host keys and key.pub. Runs as root of the tree's owners.
set -eu
root=$1
rm -f "$root"/etc/ssh/ssh_host_*
cp "$2"/ssh_host_* "$root/etc/ssh/"
chmod 600 "$root"/etc/ssh/ssh_host_*_key
chmod 644 "$root"/etc/ssh/ssh_host_*_key.pub
for user in debian nosudo; do
  chroot "$root" useradd --create-home --shell /bin/bash "$user"
done
echo 'debian ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/90-debian"
chmod 440 "$root/etc/sudoers.d/90-debian"
for home in root home/debian home/nosudo; do
  mkdir -p "$root/$home/.ssh"
  chmod 700 "$root/$home/.ssh"
  cp "$2/key.pub" "$root/$home/.ssh/authorized_keys"
  chmod 600 "$root/$home/.ssh/authorized_keys"
done
for user in debian nosudo; do chroot "$root" chown -R "$user:$user" "/home/$user"; done
chown -R 0:0 "$root/etc/ssh" "$root/root"
