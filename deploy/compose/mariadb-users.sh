#!/bin/sh
# Run once, when MariaDB's image has made its data directory: one daemon, one database, one user.
set -eu
MYSQL_PWD=$(cat /run/secrets/mysql-root-password)
export MYSQL_PWD
for daemon in stream streaming; do
  password=$(cat "/run/secrets/mysql-$daemon-password")
  cat <<SQL
CREATE DATABASE IF NOT EXISTS $daemon CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$daemon'@'%' IDENTIFIED BY '$password';
GRANT ALL ON $daemon.* TO '$daemon'@'%';
SQL
done | mariadb --user=root
