#!/usr/bin/env bash
# Installs what `make verify` needs: a Python environment with SAM CLI, cfn-lint and moto into .tools/venv, a Docker engine
# with an image to run the function in, checkov, schemathesis, Chromium and what the browser tests need from npm; `tools.sh python` the first alone. Does nothing that is
# already done. What cannot be had is named.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "what make needs cannot be had: $1" >&2; exit 1; }

# apt NAME... installs Debian packages when this is root on a Debian-like machine.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "installing $*"
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@") >/dev/null
}

# python_environment FOLDER REQUIREMENTS makes a Python environment with what the file lists.
python_environment() {
  local venv=.tools/$1 requirements=e2e/$2
  cmp -s "$requirements" "$venv/installed" && return
  command -v python3 >/dev/null || apt_install python3 || fail "python3 is not installed"
  rm -rf "$venv"
  python3 -m venv "$venv" 2>/dev/null || { apt_install python3-venv && python3 -m venv "$venv"; } ||
    fail "python3 -m venv does not work (Debian: python3-venv)"
  echo "installing $(grep -v '^#' "$requirements" | xargs) into $venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements" || fail "pip could not install $requirements"
  cp "$requirements" "$venv/installed"
}

browser() {
  command -v chromium || command -v chromium-browser || command -v google-chrome || apt_install chromium ||
    fail "no Chromium: install the package chromium"
}

# node_modules installs what the browser tests take from npm: axe-core, esbuild, TypeScript and an OpenAPI linter.
node_modules() {
  cmp -s e2e/browser/package-lock.json .tools/npm/installed && return
  command -v npm >/dev/null || apt_install nodejs npm || fail "npm is not installed"
  rm -rf .tools/npm && mkdir -p .tools/npm
  cp e2e/browser/package.json e2e/browser/package-lock.json .tools/npm/
  echo "installing e2e/browser/package.json into .tools/npm"
  (cd .tools/npm && npm ci --no-audit --no-fund --silent) || fail "npm could not install e2e/browser/package.json"
  cp e2e/browser/package-lock.json .tools/npm/installed
}

mkdir -p .tools
python_environment venv requirements.txt
[ "${1:-}" != python ] || exit 0
python_environment checkov requirements-checkov.txt
./e2e/docker.sh
browser >/dev/null
python_environment schemathesis requirements-schemathesis.txt
node_modules
