#!/usr/bin/env bash
# docker.sh COMMAND... runs a command with a Docker engine, its client in DOCKER and, in LAMBDA_IMAGE, the name of an image for the
# function's runtime, provided.al2023. If no engine answers, root starts one, which ends with the command.
# Where the real image cannot be pulled, a stand-in under its own name is made from busybox and this machine's CA
# certificates: enough for a static Go binary. SAM CLI adds the Runtime Interface Emulator to either.
set -euo pipefail
case $(uname -m) in
  x86_64) arch=x86_64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) echo "Lambda has no architecture $(uname -m)" >&2; exit 1 ;;
esac
image=public.ecr.aws/lambda/provided:al2023-$arch
stand_in=atriptoken-lambda-stand-in:al2023-$arch
log=${TMPDIR:-/tmp}/dockerd.log
apt=$(dirname "$0")/apt.sh
# Debian's client, if another one comes before it in PATH.
client() { [ -x /usr/bin/docker ] && echo /usr/bin/docker || echo docker; }
docker=${DOCKER:-$(client)}

fail() { echo "tools/docker.sh: $1" >&2; exit 1; }

engine_answers() { "$docker" info >/dev/null 2>&1; }

start_engine() {
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and only root can start one"
  command -v dockerd >/dev/null || "$apt" docker.io ca-certificates
  docker=${DOCKER:-$(client)}
  # A pid file that is left over from a stopped machine prevents the start of dockerd.
  local pid_file
  for pid_file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    if [ -f "$pid_file" ] && ! grep -qE 'dockerd|containerd' "/proc/$(cat "$pid_file")/comm" 2>/dev/null; then rm -f "$pid_file"; fi
  done
  setsid dockerd >"$log" 2>&1 </dev/null &
  engine=$!
  trap 'kill "$engine" 2>/dev/null && wait "$engine" || true' EXIT
  for _ in $(seq 120); do engine_answers && return; sleep 0.5; done
  tail -n 5 "$log" >&2
  fail "dockerd does not answer; its log is $log"
}

make_stand_in() (
  # A busybox that ldd can read is linked against a libc that the image does not have.
  command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1 && [ -f /etc/ssl/certs/ca-certificates.crt ] ||
    "$apt" busybox-static ca-certificates
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  mkdir -p "$root"/bin "$root"/etc/ssl/certs "$root"/var/task "$root"/var/runtime "$root"/opt "$root"/tmp "$root"/root
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in sh ls cat mkdir chmod mv; do ln -s busybox "$root/bin/$applet"; done
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
  tar -C "$root" -c . | "$docker" import \
    -c 'WORKDIR /var/task' \
    -c 'ENV PATH=/bin:/usr/bin LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime' \
    - "$stand_in" >/dev/null
  echo "made $stand_in in place of $image, which cannot be pulled here"
)

if ! engine_answers; then start_engine; fi
if ! "$docker" image inspect "$image" >/dev/null 2>&1 && ! timeout 120 "$docker" pull -q "$image" >/dev/null 2>&1; then
  "$docker" image inspect "$stand_in" >/dev/null 2>&1 || make_stand_in
  image=$stand_in
fi
DOCKER=$docker LAMBDA_IMAGE=$image "$@"
