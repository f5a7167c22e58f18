#!/usr/bin/env bash
# Sees to it that a Docker engine answers and that it has an image for the function's runtime, provided.al2023.
# The real image is pulled when the registry can be reached. Otherwise a small one is made in its place from busybox and
# the CA certificates of this machine: enough for a static Go binary. SAM CLI builds its own image, with the real
# Runtime Interface Emulator, on top of either.
set -euo pipefail
case $(uname -m) in
  x86_64) arch=x86_64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) echo "no Lambda runs on $(uname -m)" >&2; exit 1 ;;
esac
image=public.ecr.aws/lambda/provided:al2023-$arch
log=${TMPDIR:-/tmp}/dockerd.log
apt=$(dirname "$0")/apt.sh

fail() { echo "make verify cannot run: $1" >&2; exit 1; }

# The docker client of Debian's docker.io, when another stands before it in PATH without an engine.
docker=docker
[ -x /usr/bin/docker ] && docker=/usr/bin/docker

engine_answers() { "$docker" info >/dev/null 2>&1; }

start_engine() {
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and only root can start one"
  command -v dockerd >/dev/null || "$apt" docker.io ca-certificates
  [ -x /usr/bin/docker ] && docker=/usr/bin/docker
  engine_answers && return
  # A pid file that a stopped machine left behind keeps dockerd from starting.
  local pid_file
  for pid_file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    if [ -f "$pid_file" ] && ! grep -qE 'dockerd|containerd' "/proc/$(cat "$pid_file")/comm" 2>/dev/null; then rm -f "$pid_file"; fi
  done
  (setsid dockerd >"$log" 2>&1 </dev/null &)
  for _ in $(seq 120); do engine_answers && return; sleep 0.5; done
  tail -n 5 "$log" >&2
  fail "dockerd does not answer; its log is $log"
}

make_image() {
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
    - "$image" >/dev/null
  echo "made a stand-in for $image, which cannot be pulled here"
}

engine_answers || start_engine
"$docker" image inspect "$image" >/dev/null 2>&1 ||
  timeout 120 "$docker" pull -q "$image" >/dev/null 2>&1 ||
  make_image
