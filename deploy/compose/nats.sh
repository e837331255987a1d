#!/bin/sh
# Starts the NATS server of compose.yaml: nats.conf takes passwords from the environment, where
# nobody but this process shall see them.
set -eu
for user in stream streaming front-end platform; do
  name=NATS_$(echo "$user" | tr a-z- A-Z_)_PASSWORD
  # In two steps, so that a file that cannot be read ends this.
  password=$(cat "/run/secrets/nats-$user-password")
  export "$name=$password"
done
exec nats-server -c /etc/nats/server.conf -sd /data
