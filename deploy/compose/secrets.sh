#!/usr/bin/env bash
# Draws the secrets of an installation, each into a file of its own. What is there already is left
# as it is, so that it may be run again, and real ones may be put in place of drawn ones.
#
#   secrets.sh [DIR] [HOST]   DIR: secrets beside this script; HOST: in the gateway's certificate
#
# Containers read the files under uids of their own, so anybody may read a file; nobody but the
# folder's owner gets into the folder.
set -Eeuo pipefail
umask 077
dir=${1:-$(dirname "${BASH_SOURCE[0]}")/secrets}
host=${2:-localhost}
mkdir -p "$dir"
chmod 0700 "$dir"
cd "$dir"

# put <file>: what comes in, unless the file is there. A renamed file is there completely.
put() {
  if [[ -e $1 ]]; then
    cat >/dev/null
    return
  fi
  cat >".$1.new"
  chmod 0444 ".$1.new"
  mv ".$1.new" "$1"
}

# It begins with a letter: a NATS server takes "12e4…" for a number.
password() { printf 's%s\n' "$(openssl rand -hex 24)"; }

for name in mysql-root mysql-stream mysql-streaming redis-admin redis-stream redis-streaming \
  nats-stream nats-streaming nats-front-end nats-platform grafana-admin; do
  password | put "$name-password"
done

# Who signs the tokens of callers has this key, too. Or give the daemons a JWK Set instead.
openssl rand -hex 32 | put auth-hs256-key
# Of what `stream` seals. Whoever loses them loses all links; keep a copy where backups are.
openssl rand -base64 32 | put token-encryption-key
openssl rand -hex 32 | put identity-key
# Of platforms: what they sign with is drawn here, what they gave you is to be put here.
openssl rand -hex 32 | put twitch-webhook-secret
openssl rand -hex 32 | put youtube-webhook-token
put twitch-client-secret </dev/null
put youtube-client-secret </dev/null

# What each daemon may do on Redis (docs/operations.md), and `admin`, who is somebody with hands.
# Anybody may ask whether it is alive.
acl() {
  local user hash rights
  echo 'user default on nopass resetkeys resetchannels -@all +ping'
  for user in admin stream streaming; do
    hash=$(tr -d '\n' <"redis-$user-password" | sha256sum | cut -d ' ' -f 1)
    rights="~$user:* resetchannels -@all +@read +@write +@scripting +@connection +time -@dangerous"
    [[ $user != admin ]] || rights="~* &* +@all"
    echo "user $user on #$hash $rights"
  done
}
# They follow from the passwords.
rm -f redis.acl mariadb.cnf
acl | put redis.acl
# For deploy/operations in the network of compose.yaml.
printf '[client]\nhost=mariadb\nuser=root\npassword=%s\n' "$(<mysql-root-password)" |
  put mariadb.cnf

# For a trial: nobody's browser knows this authority. Put a real chain and key in their place.
if [[ ! -e gateway-tls.crt ]]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -keyout .key.new -out .crt.new -subj "/CN=$host" -addext "subjectAltName=DNS:$host" 2>/dev/null
  rm -f gateway-tls.key
  put gateway-tls.key <.key.new
  put gateway-tls.crt <.crt.new
  rm .key.new .crt.new
fi
