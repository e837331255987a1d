#!/usr/bin/env bash
# Copies the daemons' databases, as they are at one instant, while the daemons work.
#
#   deploy/operations/backup.sh OPTIONS FOLDER DATABASE…
#
# OPTIONS is an option file of MariaDB's clients with host, user, password and, where the server has
# TLS, ssl-ca ([client] section); so no secret stands on a command line. FOLDER must not exist yet:
# it appears when the copy is complete and was looked at, or not at all. What a backup must hold
# besides, and what it need not: docs/operations.md.
set -Eeuo pipefail
umask 077

fail() {
  printf 'backup: %s\n' "$*" >&2
  exit 1
}

(($# >= 3)) || fail "usage: backup.sh OPTIONS FOLDER DATABASE…"
options=$1 folder=$2 partial=$2.partial
shift 2
[[ -r $options ]] || fail "cannot read the options in $options"
[[ ! -e $folder ]] || fail "$folder exists already"
rm -rf -- "$partial"
mkdir -- "$partial"
trap 'rm -rf -- "$partial"' EXIT

# One transaction reads all tables of all databases, so that they fit together; nobody waits for it.
mariadb-dump --defaults-file="$options" --single-transaction --quick --hex-blob \
  --no-tablespaces --default-character-set=utf8mb4 --databases "$@" |
  gzip >"$partial/databases.sql.gz" || fail "the databases could not be read"
[[ $(gzip -dc "$partial/databases.sql.gz" | tail -n 1) == "-- Dump completed"* ]] ||
  fail "the copy has no end"
printf '%s\n' "$@" >"$partial/databases"
(cd -- "$partial" && sha256sum databases databases.sql.gz >SHA256SUMS)
sync -- "$partial"/*
mv -- "$partial" "$folder"
trap - EXIT
printf 'backup: %s, %s bytes\n' "$folder" "$(stat -c %s "$folder/databases.sql.gz")"
