#!/bin/sh
# What the entry point of MariaDB's image does, as far as compose.yaml needs it: the first start
# makes the data, sets root's password and runs the scripts; only then does the server listen.
set -eu
if [ ! -d /var/lib/mysql/mysql ]; then
  mariadb-install-db --datadir=/var/lib/mysql --skip-test-db \
    --auth-root-authentication-method=normal >/dev/null
  mariadbd --skip-networking &
  server=$!
  until mariadb-admin --user=root ping >/dev/null 2>&1; do sleep 0.1; done
  MARIADB_ROOT_PASSWORD=$(cat "$MARIADB_ROOT_PASSWORD_FILE")
  export MARIADB_ROOT_PASSWORD
  unset MARIADB_ROOT_PASSWORD_FILE
  mariadb --user=root <<SQL
CREATE USER root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
SQL
  for script in /docker-entrypoint-initdb.d/*.sh; do "$script"; done
  kill "$server"
  wait "$server"
fi
exec "$@"
