#!/bin/bash
# Boots a real systemd as PID 1 on a throw-away copy of this machine's root, in namespaces and control groups of its own.
# usage: boot.sh NAME SHARED    as root. NAME names the control groups; SHARED is a folder that is seen inside as /shared.
#
# The root is an overlay on memory: nothing that is written inside is written here. There is no network but loopback, no
# device but the harmless ones, and /proc/sys is read-only, so that the machine outside is not touched. It ends with its
# PID 1, or with this script.
set -euo pipefail
name=$1 shared=$2
# where the unified hierarchy is; empty where the older ones are in use
unified=${UNIFIED:-$([ ! -e /sys/fs/cgroup/cgroup.controllers ] || echo /sys/fs/cgroup)}

inner() {
    # Everything from here on happens in the new namespaces, once the parent has left the control groups to us.
    local root=/run/booted
    read -r <"$shared/go"
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p $root /run/layer
    mount -t tmpfs -o mode=755,size=3g tmpfs /run/layer
    mkdir /run/layer/upper /run/layer/work
    mount -t overlay -o lowerdir=/,upperdir=/run/layer/upper,workdir=/run/layer/work overlay $root
    clear_root $root
    mkdir -p $root/shared
    mount --bind "$shared" $root/shared
    cd $root
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    devices
    groups
    ip link set lo up
    mkdir .old
    pivot_root . .old
    umount -l /.old
    rmdir /.old
    mount --make-rshared /
    exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no
}

clear_root() {
    # What this machine runs is none of the new one's business: no service of its own, no user, no key, no package's veto.
    local root=$1 unit
    rm -rf $root/etc/systemd/system $root/etc/rc?.d $root/etc/init.d $root/etc/fstab $root/etc/crypttab
    rm -rf $root/opt $root/etc/agentwatch $root/var/lib/agentwatch $root/usr/sbin/policy-rc.d $root/var/log/journal
    mkdir -p $root/etc/systemd/system $root/etc/init.d $root/opt $root/root
    sed -i '/^agentwatch:/d' $root/etc/passwd $root/etc/group
    sed -i '/^agentwatch:/d' $root/etc/shadow $root/etc/gshadow 2>/dev/null || true
    : >$root/etc/fstab
    tr -d - </proc/sys/kernel/random/uuid >$root/etc/machine-id # an empty one would enable whatever is installed
    echo booted >$root/etc/hostname
    for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
        systemd-logind.service systemd-sysctl.service systemd-binfmt.service systemd-modules-load.service \
        systemd-random-seed.service systemd-timesyncd.service systemd-networkd.service systemd-resolved.service \
        systemd-remount-fs.service systemd-hwdb-update.service systemd-pstore.service systemd-update-utmp.service \
        getty.target dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
        sys-kernel-config.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount kmod-static-nodes.service \
        systemd-journal-flush.service systemd-boot-system-token.service systemd-machine-id-commit.service; do
        ln -s /dev/null $root/etc/systemd/system/$unit
    done
}

devices() {
    local device
    mount -t tmpfs -o mode=755 tmpfs dev
    for device in null zero full random urandom tty; do
        : >dev/$device
        mount --bind /dev/$device dev/$device
    done
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    mount -t tmpfs -o mode=1777 tmpfs dev/shm
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    ln -s fd/0 dev/stdin
    ln -s fd/1 dev/stdout
    ln -s fd/2 dev/stderr
}

groups() {
    # Control groups as the kernel has them: one hierarchy, or the older many with systemd's own beside them.
    local kind
    if [ -n "$unified" ]; then
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    for kind in memory pids cpu cpuacct devices blkio freezer; do
        [ -d /sys/fs/cgroup/$kind ] || continue
        mkdir sys/fs/cgroup/$kind
        mount -t cgroup -o $kind cgroup sys/fs/cgroup/$kind
    done
    mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
}

if [ "${INNER:-}" = 1 ]; then
    inner
fi

hierarchies=()
if [ -n "$unified" ]; then
    hierarchies=("$unified")
    echo "+memory +pids +cpu" 2>/dev/null >"$unified/cgroup.subtree_control" || true
else
    for at in /sys/fs/cgroup/*/; do
        [ -e "$at/cgroup.procs" ] && [ ! -L "${at%/}" ] && hierarchies+=("${at%/}")
    done
fi

leave() {
    # Take away the control groups, from the leaves up. Whoever was in them has been killed, and may still be dying.
    local at left=1
    for at in "${hierarchies[@]}"; do
        echo $$ >"$at/cgroup.procs" 2>/dev/null || true
    done
    for ((turn = 0; turn < 100 && left; turn++)); do
        left=
        for at in "${hierarchies[@]}"; do
            [ -d "$at/$name" ] || continue
            find "$at/$name" -depth -type d -exec rmdir {} \; 2>/dev/null || true
            [ -d "$at/$name" ] && left=1
        done
        [ -z "$left" ] || sleep 0.1
    done
}
trap leave EXIT

for at in "${hierarchies[@]}"; do
    mkdir "$at/$name"
    if [ -e "$at/$name/cpuset.cpus" ] && [ ! -e "$at/cgroup.controllers" ]; then
        cat "$at/cpuset.cpus" >"$at/$name/cpuset.cpus"
        cat "$at/cpuset.mems" >"$at/$name/cpuset.mems"
    fi
    echo $$ >"$at/$name/cgroup.procs"
done

rm -f "$shared/go"
mkfifo "$shared/go"
exec 3<>"$shared/go"
INNER=1 UNIFIED=$unified unshare --pid --fork --kill-child=SIGKILL --mount --uts --ipc --net --cgroup --propagation private \
    "$0" "$name" "$shared" &
child=$!
trap 'kill -KILL $child 2>/dev/null || true' TERM INT
# Only what is booted may be in these groups: in the unified hierarchy a group has processes or controllers, never both.
until [ -n "$(cat "/proc/$child/task/$child/children" 2>/dev/null)" ] || ! kill -0 $child 2>/dev/null; do
    sleep 0.02
done
for at in "${hierarchies[@]}"; do
    echo $$ >"$at/cgroup.procs"
    echo $child >"$at/cgroup.procs" 2>/dev/null || true
done
echo >&3
wait $child || true
wait $child 2>/dev/null || true
