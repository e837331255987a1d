# shellcheck shell=bash
# Tokens and calls. Sourced by ./dev.

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# Prints its arguments as a JSON list. They are words of [a-z0-9_], so nothing needs escaping.
json_words() {
  local word list=
  for word in "$@"; do
    [[ $word =~ ^[a-z0-9_]+$ ]] || fail "'$word' is not a role or state"
    list+=${list:+,}\"$word\"
  done
  echo "[$list]"
}

# token [--sub UUID] [--role ROLE]… [--state STATE]… [--ttl SECONDS]: role user, a new account and
# an hour by default.
token() {
  local sub ttl=3600 now claims signed role_list state_list
  local -a roles=() states=()
  sub=$(cat /proc/sys/kernel/random/uuid)
  while (($#)); do
    (($# >= 2)) || fail "token: $1 needs a value"
    case $1 in
      --sub) sub=$2 ;;
      --role) roles+=("$2") ;;
      --state) states+=("$2") ;;
      --ttl) ttl=$2 ;;
      *) fail "token: unknown option $1" ;;
    esac
    shift 2
  done
  [[ $sub =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]] || fail "--sub is not a UUID"
  # Negative is allowed: it makes an expired token.
  [[ $ttl =~ ^-?[0-9]+$ ]] || fail "--ttl is not a number of seconds"
  ((${#roles[@]})) || roles=(user)
  # Assigned one by one, so that a refusal inside ends the command.
  role_list=$(json_words "${roles[@]}")
  state_list=$(json_words "${states[@]}")
  load_stack
  now=$(date +%s)
  claims='{"iss":"bannou","aud":"bannou-streaming"'
  claims+=",\"sub\":\"$sub\",\"iat\":$now,\"exp\":$((now + ttl))"
  claims+=",\"roles\":$role_list,\"states\":$state_list}"
  signed=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(printf '%s' "$claims" | base64url)
  echo "$signed.$(printf '%s' "$signed" |
    openssl dgst -sha256 -hmac "$AUTH_KEY" -binary | base64url)"
}

# The address of the page on which admins see the live streams; what follows # stays in the browser.
observatory() {
  local bearer
  bearer=$(token --role admin "$@")
  load_stack
  echo "http://$STREAMING_ADMIN_ADDR/observatory#token=$bearer"
}

# call list | describe NAME | SERVICE/METHOD [JSON], each with options of `token` (a token is made
# for the call), --token, --header, --deadline, --tls-ca, --tls-cert or --tls-key. The package of
# the name decides which daemon is asked.
call() {
  local bearer='' name address
  local -a words=() claims=() options=()
  while (($#)); do
    case $1 in
      --token) bearer=$2 && shift 2 ;;
      --sub | --role | --state | --ttl) claims+=("$1" "$2") && shift 2 ;;
      --header | --deadline | --tls-ca | --tls-cert | --tls-key) options+=("$1" "$2") && shift 2 ;;
      *) words+=("$1") && shift ;;
    esac
  done
  ((${#words[@]})) || fail "call what? list, describe NAME, or SERVICE/METHOD [JSON]"
  load_stack
  [[ -x $BIN/call ]] || fail "$BIN/call is missing: ./dev build"
  [[ -n $bearer || ${#claims[@]} -eq 0 ]] || bearer=$(token "${claims[@]}")
  [[ -z $bearer ]] || options+=(--token "$bearer")
  if [[ ${words[0]} == list ]]; then
    for address in "$STREAM_GRPC_ADDR" "$STREAMING_GRPC_ADDR"; do
      "$BIN/call" "${options[@]}" "$address" list
    done | sort -u
    return
  fi
  name=${words[0]}
  [[ $name != describe ]] || name=${words[1]:?describe what?}
  case $name in
    bannou.stream.*) address=$STREAM_GRPC_ADDR ;;
    *) address=$STREAMING_GRPC_ADDR ;;
  esac
  "$BIN/call" "${options[@]}" "$address" "${words[@]}"
}
