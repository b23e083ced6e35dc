#!/bin/sh
# Lay a root out as a container runtime does, and run a command in it: contain.sh ROOT ro|rw "SOURCE:TARGET ..." COMMAND...
# COMMAND is given to chroot(8), options and root included. Runs in new mount and process namespaces.
set -eu
root=$1 mode=$2 binds=$3
shift 3

mount --bind "$root" "$root"
[ "$mode" = rw ] || mount -o remount,bind,ro "$root"
for bind in $binds; do
    mount --bind "${bind%%:*}" "$root${bind#*:}"
done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 shm "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
exec chroot "$@"
