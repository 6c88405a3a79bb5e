#!/bin/bash
# make fresh: `make demo` and `make test`, each twice in a row, on a Debian that was installed a moment ago, with nothing
# but git, make and ca-certificates on it. The machine is a folder below build/fresh and runs in namespaces of its own:
# its mounts and processes end with it, however this ends. Only the network is the caller's: his mirror, from apt's own
# configuration, his name servers and the certificate authorities that he trusts.
#   RELEASE  trixie, bookworm                     CLONE, UMASK  where and under which umask the commit is cloned
#   RUN      make's targets, one after another    T             goes to make
#   KEEP=1   keeps the machine for a look inside
set -euo pipefail
RELEASE=${RELEASE:-trixie} CLONE=${CLONE:-/root/a clone} UMASK=${UMASK:-077} RUN=${RUN:-demo demo test test}
T=${T-} KEEP=${KEEP-}
export RELEASE CLONE UMASK RUN T KEEP
here=$(cd "$(dirname "$0")" && pwd)
place=$(dirname "$here")/build/fresh/$RELEASE
base=$place/base machine=$place/machine debs=$place/debs

fail() {
  echo "fresh.sh: $*" >&2
  exit 1
}

# -- outside: the namespaces, and their end

keep_or_remove() {
  [ -z "$namespaces" ] || kill -KILL "$namespaces" 2>/dev/null || :
  wait
  if [ -n "$KEEP" ]; then echo "The machine stays in build/fresh/$RELEASE/machine."; else rm -rf "$machine"; fi
}

outside() {
  [ "$(id -u)" = 0 ] || fail "only root makes a machine"
  "$here/install.sh" fresh
  mkdir -p "$place"
  exec 9>"$place/lock"
  flock -n 9 || fail "another run has build/fresh/$RELEASE"
  namespaces=
  trap keep_or_remove EXIT
  trap 'exit 130' INT TERM HUP
  setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork --kill-child "$here/fresh.sh" --inside &
  namespaces=$!
  wait $namespaces
}

# -- inside: the machine

# The address that apt gets packages of Debian from which bear a label.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" | head -n 1
}

make_base() {
  [ -e "$base" ] && return
  echo "Installing $RELEASE with debootstrap, once ..."
  rm -rf "$base.new"
  debootstrap --variant=minbase --include=git,make,ca-certificates "$RELEASE" "$base.new" "$main" >"$place/debootstrap.log" 2>&1 ||
    { tail -n 5 "$place/debootstrap.log" >&2; fail "debootstrap failed"; }
  mv "$base.new" "$base"
}

write_files() {
  printf 'deb %s main\n' "$main $RELEASE" "$main $RELEASE-updates" ${security:+"$security $RELEASE-security"} \
    >"$machine/etc/apt/sources.list"
  cp /etc/resolv.conf "$machine/etc/resolv.conf"
  echo fresh >"$machine/etc/hostname"
  # As Debian's installer writes it.
  printf '%s\n' '127.0.0.1 localhost' '127.0.1.1 fresh' '::1 localhost ip6-localhost ip6-loopback' 'ff02::1 ip6-allnodes' \
    'ff02::2 ip6-allrouters' >"$machine/etc/hosts"
  echo force-unsafe-io >"$machine/etc/dpkg/dpkg.cfg.d/fresh" # the machine need not outlive a power cut
  cp -r /usr/local/share/ca-certificates/. "$machine/usr/local/share/ca-certificates" 2>/dev/null || :
}

mount_system() {
  hostname fresh
  mount -t proc proc "$machine/proc"
  mount -t sysfs sysfs "$machine/sys"
  mount --rbind /dev "$machine/dev"
  mount -t tmpfs -o mode=1777 tmpfs "$machine/dev/shm"
  mkdir -p "$debs/partial"
  mount --bind "$debs" "$machine/var/cache/apt/archives"
}

in_machine() {
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM-dumb}" \
    chroot "$machine" /bin/bash -c "umask $UMASK; $1" bash "${@:2}" </dev/null
}

make_machine() {
  main=$(mirror Debian)
  [ -n "$main" ] || { apt-get -qq update; main=$(mirror Debian); }
  [ -n "$main" ] || fail "apt knows no mirror of Debian"
  security=$(mirror Debian-Security)
  make_base
  echo "Making the machine ..."
  rm -rf "$machine"
  cp -a "$base" "$machine"
  write_files
  mount_system
  in_machine update-ca-certificates >"$place/certificates.log" 2>&1
  commit=$(git -C "$here" rev-parse --short HEAD)
  git -C "$here" bundle create -q "$machine/srv/mod_finq.bundle" HEAD
  in_machine 'git clone -q /srv/mod_finq.bundle "$1"' "$CLONE"
}

# What a command may not leave: files in its caller's home, servers' directories, processes.
leftovers() {
  in_machine 'find /root -type f -newer /srv/began ! -path "$1" ! -path "$1/*"; ls -d /var/tmp/finq-* /dev/shm/* 2>/dev/null' "$CLONE"
  local pid
  for pid in $(cd /proc && echo [0-9]*); do
    [ "$(readlink "/proc/$pid/root")" != "$machine" ] || tr '\0' ' ' <"/proc/$pid/cmdline"
  done
}

# One line of the summary; fails where the command fails or leaves something.
run_one() {
  local log="$place/$1-$2.log" status=0 left counts began=$SECONDS
  touch "$machine/srv/began"
  echo "== $RELEASE: make $2"
  in_machine 'cd "$1" && make "$2" T="$3"' "$CLONE" "$2" "$T" 2>&1 | tee "$log" || status=1
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) || :
  left=$(leftovers)
  [ -z "$left" ] || { status=1; echo "make $2 left behind:" "$left" | tee -a "$log"; }
  summary+=("$(printf '%-10s %-7s %4d s  %s' "$2" "$([ $status = 0 ] && echo passed || echo failed)" $((SECONDS - began)) "$counts")")
  return $status
}

inside() {
  mount -t proc proc /proc
  make_machine
  local number=0 failed=0 summary=() task
  for task in $RUN; do
    number=$((number + 1))
    run_one $number "$task" || failed=$((failed + 1))
  done
  echo "Debian $(cat "$machine/etc/debian_version"), $CLONE, umask $UMASK, commit $commit:"
  printf '%s\n' "${summary[@]}" "$((number - failed)) passed, $failed failed"
  [ $failed = 0 ]
}

if [ "${1-}" = --inside ]; then inside; else outside; fi
