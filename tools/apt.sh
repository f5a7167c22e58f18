#!/usr/bin/env bash
# apt.sh [OPTION]... PACKAGE... installs Debian packages, as root, only if CI=true or APT_INSTALL=true. Otherwise it installs
# nothing and says in one line what is missing.
set -euo pipefail
if [ "${CI:-}" != true ] && [ "${APT_INSTALL:-}" != true ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "make needs these system packages: apt-get install $* (with APT_INSTALL=true, make installs them as root)" >&2
  exit 1
fi
echo "installing $*"
(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@") >/dev/null
