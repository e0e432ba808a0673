#!/bin/sh
# Writes a random secret into each folder of /generated, in a file with the folder's name, where there is none yet.
# Whoever mounts such a volume may read it: each holds one secret, and its readers run as different users.
set -eu
for folder in "${1:-/generated}"/*/; do
  file="$folder$(basename "$folder")"
  [ -s "$file" ] && continue
  (umask 0333 && head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file.new")
  mv "$file.new" "$file"
done
