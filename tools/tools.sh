#!/usr/bin/env bash
# Installs what make needs besides Go, if it is missing, and names what it cannot install.
#
#   tools.sh sam     SAM CLI, cfn-lint and moto, into .tools/venv
#   tools.sh cedar   Cedar's command line, into .tools/bin (built in 3 minutes), and the solver cvc5, for `make prove`
#   tools.sh npm     the browser tests' npm packages, into .tools/npm
#   tools.sh         all that `make verify` needs: these, checkov, schemathesis, generators of API clients and Keycloak, into .tools;
#                    and into the system Chromium, Firefox, a JDK, Maven, npm, zip and unzip. tools/docker.sh starts a Docker engine
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "make cannot install what it needs: $1" >&2; exit 1; }

# python_environment FOLDER LOCK makes a Python environment with the packages that tools/locked/LOCK.txt lists, by their hashes. Its
# first lines say how to make it from LOCK.in.
python_environment() {
  local venv=.tools/$1 requirements=tools/locked/$2.txt
  cmp -s "$requirements" "$venv/installed" && return
  python3 -c 'import ensurepip' 2>/dev/null || ./tools/apt.sh python3 python3-venv
  python3 -c 'import tomllib' 2>/dev/null || fail "python3 is $(python3 -V 2>&1), not Python 3.11 or later"
  rm -rf "$venv"
  python3 -m venv "$venv" || fail "python3 -m venv does not work"
  echo "installing $(grep -v '^#' "tools/locked/$2.in" | xargs) into $venv"
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes -r "$requirements" || fail "pip could not install $requirements"
  cp "$requirements" "$venv/installed"
}

# system_packages installs Chromium, Firefox, a JDK, npm, zip and unzip.
system_packages() {
  local missing=
  command -v chromium chromium-browser google-chrome >/dev/null || missing+=" chromium"
  command -v firefox-esr firefox >/dev/null || missing+=" firefox-esr"
  command -v javac >/dev/null || missing+=" default-jdk-headless"
  command -v zip >/dev/null && command -v unzip >/dev/null || missing+=" zip unzip"
  # shellcheck disable=SC2086 # one word a package
  [ -z "$missing" ] || ./tools/apt.sh --no-install-recommends $missing
}

# node_modules installs the browser tests' npm packages: frameworks with their bundlers, axe-core, TypeScript and an OpenAPI linter.
node_modules() {
  command -v npm >/dev/null || ./tools/apt.sh --no-install-recommends nodejs npm
  cmp -s e2e/browser/package-lock.json .tools/npm/installed && return
  rm -rf .tools/npm && mkdir -p .tools/npm
  cp e2e/browser/package.json e2e/browser/package-lock.json .tools/npm/
  echo "installing e2e/browser/package.json into .tools/npm"
  (cd .tools/npm && npm ci --no-audit --no-fund --silent) || fail "npm could not install e2e/browser/package.json"
  cp e2e/browser/package-lock.json .tools/npm/installed
}

# cedar_analysis builds Cedar's command line with its analysis, which is in no release as a binary.
cedar_analysis() {
  local version=4.14.1
  command -v cvc5 >/dev/null || ./tools/apt.sh cvc5
  [ "$(.tools/bin/cedar --version 2>/dev/null)" = "cedar-policy-cli $version" ] && return
  PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || fail "cargo is missing: install Rust 1.89 or later"
  echo "building cedar-policy-cli $version into .tools/bin"
  # A low optimisation level, to compile sooner.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install -q cedar-policy-cli --version "$version" --locked --features analyze --root .tools ||
    fail "cargo could not build cedar-policy-cli"
}

# keycloak installs Keycloak from Maven's central repository or a mirror of Maven's settings, and prepares it for short starts.
keycloak() {
  local version=26.7.3 sha256=27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f
  [ "$(cat .tools/keycloak/installed 2>/dev/null)" = "$version" ] && return
  command -v mvn >/dev/null || ./tools/apt.sh --no-install-recommends maven
  echo "installing Keycloak $version into .tools/keycloak"
  rm -rf .tools/keycloak .tools/maven
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dmaven.repo.local=.tools/maven/repository \
    -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" -DoutputDirectory="$PWD/.tools/maven" || fail "mvn could not get Keycloak"
  echo "$sha256  .tools/maven/keycloak-quarkus-dist-$version.zip" | sha256sum -c --quiet || fail "Keycloak's zip is another one"
  unzip -q ".tools/maven/keycloak-quarkus-dist-$version.zip" -d .tools/maven
  ".tools/maven/keycloak-$version/bin/kc.sh" build --db=dev-mem --cache=local >/dev/null || fail "Keycloak does not run: is Java 17 or later installed?"
  mv ".tools/maven/keycloak-$version" .tools/keycloak
  rm -rf .tools/maven
  echo "$version" >.tools/keycloak/installed
}

mkdir -p .tools
case ${1:-} in
  sam) python_environment venv sam ;;
  zizmor) python_environment zizmor zizmor ;;
  npm) node_modules ;;
  cedar) cedar_analysis ;;
  keycloak) keycloak ;;
  *)
    system_packages
    python_environment venv sam
    python_environment checkov checkov
    python_environment schemathesis schemathesis
    python_environment generators generators
    node_modules
    cedar_analysis
    keycloak
    ;;
esac
