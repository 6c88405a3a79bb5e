#!/bin/bash
# Fetches what the benchmark's rivals need into a directory: Node's packages, and mod_php's library alone, since
# installing its package would switch a system's Apache to another MPM. What cannot be had is said, and not measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=$(mkdir -p "$1" && cd "$1" && pwd)

node_packages() {
  [ -d "$to/node/node_modules/fastify" ] && return
  command -v npm >/dev/null || "$here/../install.sh" node
  mkdir -p "$to/node"
  cp "$here"/node/package*.json "$to/node"
  (cd "$to/node" && npm ci --cache ../../npm --omit=dev --no-audit --no-fund --loglevel=error >npm.log 2>&1) || return 1
}

# libapache2-mod-php only names the release's own.
download_php() {
  apt-get -qq download "$(apt-cache depends libapache2-mod-php | sed -n 's/^ *Depends: //p')"
}

php_library() {
  [ -e "$to/php/libphp.so" ] && return
  local scratch
  scratch=$(mktemp -d)
  trap "rm -rf '$scratch'" EXIT
  chmod 755 "$scratch" # apt downloads as a user of its own
  (cd "$scratch" && { download_php || { apt-get -qq update && download_php; }; }) >"$scratch/log" 2>&1 || return 1
  mkdir -p "$to/php"
  dpkg-deb -x "$scratch"/libapache2-mod-php*.deb "$scratch/x"
  cp "$scratch"/x/usr/lib/apache2/modules/libphp*.so "$to/php/libphp.so"
}

node_packages || echo "Node's packages could not be fetched."
php_library || echo "mod_php could not be fetched."
