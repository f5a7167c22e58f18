#!/usr/bin/env bash
# apt.sh [OPTION]... PACKAGE... installs Debian packages, as root, in CI (CI=true) or when APT_INSTALL=true asks for it. On
# anybody's own machine it installs nothing and says in one line what is missing.
set -euo pipefail
if [ "${CI:-}" != true ] && [ "${APT_INSTALL:-}" != true ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "make needs more of the system than is there: apt-get install $* (with APT_INSTALL=true, make does it as root)" >&2
  exit 1
fi
echo "installing $*"
(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@") >/dev/null
