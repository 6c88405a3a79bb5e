#!/bin/bash
# Installs the Debian packages that a task needs, and nothing that is there already.
#   tests/install.sh build run test ...   installs what is missing of these groups; says nothing where nothing is
#   tests/install.sh --check build ...    only says what is missing, and fails if anything is
#   tests/install.sh --list build ...     only says what these groups hold; all is all of them
# Names hold no version of the release, so that each release brings its own. The group test also gets npm's packages below,
# of one version each, into build/node; where that fails, their tests are skipped.
# No service of the system is started, stopped or configured: new daemons stay down, and PostgreSQL makes no cluster.
set -euo pipefail

declare -A GROUPS_OF=(
  [build]="gcc make libc6-dev apache2-dev libapr1-dev libaprutil1-dev libjansson-dev libpq-dev libssl-dev libpcre2-dev libcurl4-openssl-dev
    libidn2-dev libqrencode-dev python3-yaml go-md2man"
  [run]="apache2-bin libaprutil1-dbd-pgsql openssl"
  [demo]="postgresql python3 clamav-daemon"
  [test]="man-db libcmocka-dev libfaketime python3-pytest python3-pytest-xdist python3-psycopg2 python3-prometheus-client python3-jsonschema json-schema-test-suite
    curl procps python3-cryptography python3-google-auth python3-jwcrypto python3-jwt nodejs chromium-headless-shell chromium-driver fonts-dejavu-core python3-selenium pgbouncer libapache2-mod-security2 modsecurity-crs zsh"
  [bench]="curl nodejs php-cli php-pgsql php-apcu"
  [node]="nodejs npm"
  [fuzz]="clang libclang-rt-dev"
  [lint]="clang-format clang-tidy cppcheck"
  [fresh]="debootstrap git"
)
NPM_PACKAGES="axe-core@4.14.1 jose@5.9.6 @seriousme/openapi-schema-validator@2.2.5 typescript@5.9.3 openapi-typescript@7.13.0 openapi-fetch@0.17.0
  oazapfts@7.5.0 @hey-api/openapi-ts@0.73.0 @redocly/cli@1.34.20 @stoplight/spectral-cli@6.16.3 newman@6.2.2 esbuild@0.28.2 tus-js-client@4.3.1
  tus-js-client-5@npm:tus-js-client@5.0.0-pre2 @uppy/core@5.2.0 @uppy/tus@5.1.1"
NODE=$(dirname "$0")/../build/node
POLICY=/usr/sbin/policy-rc.d
CLUSTER=/etc/postgresql-common/createcluster.d
LOG=$(mktemp)
undo=()

restore() {
  for step in "${undo[@]}"; do eval "$step"; done
  rm -f "$LOG"
}
trap restore EXIT
trap 'exit 130' INT TERM HUP

missing_of() {
  local group wanted=
  for group in "$@"; do wanted+=" ${GROUPS_OF[$group]?"no group of packages named $group"}"; done
  [ -n "${wanted// /}" ] || return 0
  [[ " $* " == *" test "* ]] && ! command -v npm >/dev/null && wanted+=" npm" # some nodejs packages bring it along
  comm -23 <(printf '%s\n' $wanted | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# A policy of the machine's own stays in force, whatever it says.
keep_services_down() {
  [ -e $POLICY ] && return
  undo+=("rm -f $POLICY")
  printf '#!/bin/sh\nexit 101\n' >$POLICY
  chmod 755 $POLICY
}

make_no_cluster() {
  undo+=("rm -f $CLUSTER/mod_finq.conf")
  [ -e $CLUSTER ] || undo+=("rmdir -p --ignore-fail-on-non-empty $CLUSTER 2>/dev/null || :")
  mkdir -p $CLUSTER
  echo "create_main_cluster = false" >$CLUSTER/mod_finq.conf
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" >>"$LOG" 2>&1 </dev/null
}

# Lists that are absent or stale show as a failed installation; only then are they fetched.
install_packages() {
  apt install --no-install-recommends "$@" && return
  apt update || :
  apt install --no-install-recommends "$@" && return
  tail -n 30 "$LOG" >&2
  echo "install.sh: could not install: $*" >&2
  return 1
}

install_node() {
  [[ " $* " == *" test "* ]] || return 0
  [ "$(cat "$NODE/installed" 2>/dev/null)" = "$NPM_PACKAGES" ] && return
  mkdir -p "$NODE"
  # npm's cache would stay in the caller's home.
  (cd "$NODE" && npm install --cache ../npm --no-save --no-audit --no-fund --ignore-scripts $NPM_PACKAGES) >>"$LOG" 2>&1 </dev/null &&
    echo "$NPM_PACKAGES" >"$NODE/installed" && return
  echo "install.sh: npm could not install $NPM_PACKAGES; the tests that use them are skipped" >&2
}

if [ "${1-}" = --list ]; then
  shift
  [ "$*" != all ] || set -- "${!GROUPS_OF[@]}"
  for group in "$@"; do printf '%s\n' ${GROUPS_OF[$group]}; done
  exit 0
fi
check_only=
if [ "${1-}" = --check ]; then check_only=1; shift; fi
if ! command -v dpkg-query >/dev/null; then
  [ -n "$check_only" ] && exit 0 # not Debian: the compiler will say what it misses
  echo "install.sh: this is no Debian; install by hand: ${GROUPS_OF[*]}" >&2
  exit 1
fi
missing=$(missing_of "$@")
if [ -z "$missing" ]; then
  [ -n "$check_only" ] || install_node "$@"
  exit 0
fi
if [ -n "$check_only" ]; then
  echo "Missing Debian packages:" $missing >&2
  echo "As root, 'make deps' installs them." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "install.sh: run as root to install:" $missing >&2
  exit 1
fi
echo "Installing" $missing
keep_services_down
make_no_cluster
install_packages $missing
install_node "$@"
