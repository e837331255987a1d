#!/bin/sh
# sbom.sh NAME VERSION [HEADERS]: lists the packages of the image in which it runs, as CycloneDX 1.5
# in /usr/share/sbom/NAME.cdx.json, and those of whose headers something may be in the binaries: the
# file is what `sbom.sh --list PACKAGE…` said where they were compiled. Needs nothing that Debian's
# base has not.
set -eu

# One line a package, of those named or of all that are installed.
list() {
  # shellcheck disable=SC2016  # these are dpkg-query's
  set -- -f '${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t'\
'${source:Package} ${source:Version}\t${Maintainer}\n' "$@"
  dpkg-query -W "$@" | sed -n 's/^ii *\t//p' | LC_ALL=C sort
}
if [ "$1" = --list ]; then
  shift
  list "$@"
  exit
fi

name=$1
version=$2
headers=${3:-/dev/null}
distro=$(sed -n 's/^ID=//p' /etc/os-release)-$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' /etc/os-release)
mkdir -p /usr/share/sbom

# The licences that a package's machine-readable copyright file names, with commas between.
licences() {
  file=/usr/share/doc/$1/copyright
  [ -r "$file" ] || return 0
  head -n 1 "$file" | grep -q '^Format: *http.*copyright-format' || return 0
  sed -n 's/^License: *\([^ ].*\)$/\1/p' "$file" | sort -u | paste -s -d , -
}

{
  list
  cat "$headers"
} |
  while IFS= read -r line; do
    printf '%s\t%s\n' "$line" "$(licences "$(printf '%s' "$line" | cut -f 1)")"
  done |
  awk -F '\t' -v image="$name" -v version="$version" -v distro="$distro" \
    -v installed="$(list | wc -l)" '
    function text(value) {
      gsub(/\\/, "\\\\", value)
      gsub(/"/, "\\\"", value)
      return "\"" value "\""
    }
    # In a package URL "+" and ":" are escaped, "~" and "." are not.
    function escaped(value) {
      gsub(/%/, "%25", value)
      gsub(/\+/, "%2B", value)
      gsub(/:/, "%3A", value)
      return value
    }
    function purl(name, version, arch) {
      return "pkg:deb/debian/" escaped(name) "@" escaped(version) "?arch=" arch "&distro=" distro
    }
    BEGIN {
      printf "{\n \"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"version\": 1,\n"
      printf " \"metadata\": {\"component\": {\"type\": \"container\", \"bom-ref\": \"image\",\n"
      printf "  \"name\": %s, \"version\": %s,\n", text(image), text(version)
      printf "  \"licenses\": [{\"license\": {\"id\": \"MIT\"}}]}},\n \"components\": ["
    }
    {
      reference = text(purl($1, $2, $3))
      printf "%s\n  {\"type\": \"library\", \"bom-ref\": %s,\n", (NR > 1 ? "," : ""), reference
      printf "   \"name\": %s, \"version\": %s, \"purl\": %s,\n", text($1), text($2), reference
      printf "   \"supplier\": {\"name\": %s},\n", text($5)
      count = split($6, names, ",")
      if (count) {
        printf "   \"licenses\": ["
        for (i = 1; i <= count; i++) {
          printf "%s{\"license\": {\"name\": %s}}", (i > 1 ? ", " : ""), text(names[i])
        }
        printf "],\n"
      }
      printf "   \"properties\": [{\"name\": \"debian:source\", \"value\": %s}", text($4)
      if (NR > installed) printf ",\n    {\"name\": \"debian:compiled-in\", \"value\": \"headers\"}"
      printf "]}"
    }
    END { printf "\n ]\n}\n" }' >"/usr/share/sbom/$name.cdx.json"
