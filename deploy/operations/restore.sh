#!/usr/bin/env bash
# Brings a copy that backup.sh made back, into a server on which these databases are not there or
# are empty. Stop all daemons first.
#
#   deploy/operations/restore.sh OPTIONS FOLDER
#
# OPTIONS is as for backup.sh; its user must be allowed to create the databases. What to do besides,
# before the daemons start: docs/operations.md.
set -Eeuo pipefail

fail() {
  printf 'restore: %s\n' "$*" >&2
  exit 1
}

(($# == 2)) || fail "usage: restore.sh OPTIONS FOLDER"
options=$1 folder=$2
[[ -r $options ]] || fail "cannot read the options in $options"
[[ -d $folder ]] || fail "there is no folder $folder"

ask() {
  mariadb --defaults-file="$options" --batch --skip-column-names --execute "$1" ||
    fail "the server does not answer"
}

(cd -- "$folder" && sha256sum --check --strict --quiet SHA256SUMS) ||
  fail "$folder is damaged"
[[ $(gzip -dc "$folder/databases.sql.gz" | tail -n 1) == "-- Dump completed"* ]] ||
  fail "the copy has no end"
mapfile -t databases <"$folder/databases"
((${#databases[@]})) || fail "$folder names no database"
for database in "${databases[@]}"; do
  [[ $database =~ ^[A-Za-z0-9_-]+$ ]] || fail "odd name of a database: $database"
  tables=$(ask "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$database'")
  ((tables == 0)) || fail "$database is not empty: nothing was changed"
done
# Of what fails the client would print the whole statement.
gzip -dc "$folder/databases.sql.gz" |
  mariadb --defaults-file="$options" 2> >(grep -a '^ERROR' >&2) ||
  fail "broke off half-way: drop ${databases[*]} and begin again"
for database in "${databases[@]}"; do
  version=$(ask "SELECT MAX(version) FROM \`$database\`.schema_history")
  [[ $version =~ ^[0-9]+$ ]] || fail "$database has no schema of a daemon"
  printf 'restore: %s, schema version %s\n' "$database" "$version"
done
