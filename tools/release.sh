#!/usr/bin/env bash
# release.sh VERSION ARCHITECTURE... makes dist/atriptoken-VERSION-ARCHITECTURE.zip, which SAM CLI deploys without Go, the scripts of
# <atrip-link> with dist/integrity.txt, their hashes for a page's integrity attribute, and dist/SHA256SUMS. Two runs on the same commit give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
shift
[[ $version =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] || { echo "VERSION '$version' is not letters, digits, dots and hyphens" >&2; exit 1; }
command -v zip >/dev/null || ./tools/apt.sh zip
umask 022
mkdir -p dist

# licences FOLDER copies the licences of Go and of the modules that are linked in.
licences() {
  mkdir -p "$1/go" && cp "$(go env GOROOT)/LICENSE" "$1/go/"
  go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/lambda ./cmd/policy ./cmd/probe | sort -u |
    while read -r module folder; do
      mkdir -p "$1/$module"
      find "$folder" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'notice*' -o -iname 'copying*' \) -exec cp {} "$1/$module/" \;
      [ -n "$(ls -A "$1/$module")" ] || { echo "release.sh: $module has no licence file" >&2; exit 1; }
    done
}

for architecture; do
  dir=dist/$architecture
  for function in Function ProbeFunction; do
    mkdir -p "$dir/$function"
    make -s -f "tools/$architecture/Makefile" "build-$function" ARTIFACTS_DIR="$PWD/$dir/$function"
  done
  CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -ldflags "-s -w" -o "$dir/policy" ./cmd/policy
  # A link: what is changed in samconfig.toml after unpacking changes the code too, so that SAM publishes a version.
  ln -sf ../samconfig.toml "$dir/Function/samconfig.toml"
  # The template takes what was built in place of what builds it, and one architecture.
  sed -e '/^  ProbeFunction:$/,$s|CodeUri: !Sub tools/.*|CodeUri: ProbeFunction|' -e 's|CodeUri: !Sub tools/.*|CodeUri: Function|' \
    -e '/^      BuildMethod: makefile$/d' -e '/^      WorkingDirectory: \.$/d' \
    -e "s/^    Default: arm64$/    Default: $architecture/" -e "s/^    AllowedValues: \[arm64, x86_64\]$/    AllowedValues: [$architecture]/" \
    template.yaml >"$dir/template.yaml"
  cp samconfig.toml LICENSE docs/operate.md docs/policy.md "$dir/"
  licences "$dir/licences"
  chmod -R u=rwX,go=rX "$dir"
  find "$dir" -exec touch -h -d 1980-01-01T00:00:00Z {} +
  (cd "$dir" && find . -mindepth 1 ! -type d | LC_ALL=C sort | TZ=UTC zip -X -y -q -@ "../atriptoken-$version-$architecture.zip")
done
cp web/atrip-link.js web/atrip-link.zh.js dist/
cd dist
for script in *.js; do
  echo "$script sha384-$(sha384sum "$script" | cut -c1-96 | tr a-f A-F | basenc --base16 -d | base64 -w0)"
done >integrity.txt
sha256sum ./*.zip ./*.js integrity.txt | sed 's|\./||' | tee SHA256SUMS
